//! Tokens of an OAuth 2 server for client credentials: fetched once for all who wait, and kept while they are good.
//!
//! A message whose token cannot be fetched was not sent, whatever the token server did.

mod grant;

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::HttpClient;
use super::credentials::basic;
use super::redirect::Hop;
use crate::source::read;
use crate::{BuildError, Http, HttpOptions, OAuth2, Request, Secret, SendError, form};
pub(super) use grant::Token;
use grant::{Grant, Refusal};

/// A token is not used in its last seconds: it must still be good when it arrives.
const MARGIN: Duration = Duration::from_secs(10);

/// The tokens of one `oauth2`.
pub(super) struct Tokens {
    options: OAuth2,
    /// To the token server there is a way of its own.
    client: Box<HttpClient>,
    kept: Mutex<Option<Kept>>,
    /// Where the server wants the client's name and secret, once that is known; locked while a token is fetched.
    place: tokio::sync::Mutex<Option<Place>>,
}

struct Kept {
    token: Token,
    /// For ever if the server does not say.
    until: Option<Instant>,
    /// What it was given for.
    secret: Secret,
}

/// Where a request for a token has the client's name and secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Form,
}

impl Tokens {
    /// Tokens that nobody fetched yet.
    ///
    /// # Errors
    /// No request for a token can be made.
    pub(super) fn new(options: &OAuth2, user_agent: &str) -> Result<Self, BuildError> {
        let refused = |cause: String| BuildError::OAuth2 { cause };
        Hop::first(Request::post_json(&*options.token_url, ""))
            .map_err(|error| refused(format!("token_url: {error}")))?;
        if !options.scopes.is_empty() && options.endpoint_params.contains_key("scope") {
            let cause = "the scope is given twice: use scopes or endpoint_params";
            return Err(refused(cause.to_owned()));
        }
        let http = HttpOptions {
            // As Alertmanager asks.
            enable_http2: false,
            proxy: options.proxy.clone(),
            tls: options.tls.clone(),
            ..HttpOptions::default()
        };
        let client = HttpClient::new(&http, user_agent);
        let client = client.map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            options: options.clone(),
            client: Box::new(client),
            kept: Mutex::default(),
            place: tokio::sync::Mutex::default(),
        })
    }

    /// The token that is kept, or a new one. While one request fetches it, others wait.
    ///
    /// # Errors
    /// There is none in time.
    pub(super) async fn get(&self, until: Instant) -> Result<Token, SendError> {
        let secret = read(self.options.client_secret.as_ref(), "client_secret_file").await;
        if let Some(token) = self.good(secret.as_deref().ok()) {
            return Ok(token);
        }
        let secret = secret?;
        let place = timeout_at(until, self.place.lock()).await;
        let mut place = place.map_err(|_| failed("another request for it takes too long"))?;
        if let Some(token) = self.good(Some(&secret)) {
            return Ok(token);
        }
        let grant = self.fetch(&secret, &mut place, until).await?;
        let now = Instant::now();
        *self.kept() = Some(Kept {
            token: grant.token.clone(),
            until: grant.life.map(|life| now + life.saturating_sub(MARGIN)),
            secret: secret.into(),
        });
        Ok(grant.token)
    }

    /// The token, if it is good and was given for this secret. A secret that cannot be read now has not changed.
    fn good(&self, secret: Option<&str>) -> Option<Token> {
        let kept = self.kept();
        let kept = kept.as_ref()?;
        let is_same = secret.is_none_or(|secret| secret == kept.secret.expose());
        let is_good = kept.until.is_none_or(|until| Instant::now() < until);
        (is_same && is_good).then(|| kept.token.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops a token that is no good, unless there is another one already.
    pub(super) fn forget(&self, token: &Token) {
        self.kept().take_if(|kept| kept.token == *token);
    }

    async fn fetch(
        &self,
        secret: &str,
        known: &mut Option<Place>,
        until: Instant,
    ) -> Result<Grant, SendError> {
        let places = match *known {
            Some(place) => vec![place],
            // A server that does not read the one refuses the client, and which one it reads nobody says.
            None => vec![Place::Header, Place::Form],
        };
        let mut refusal = String::new();
        for place in places {
            match self.ask(secret, place, until).await? {
                Ok(grant) => {
                    *known = Some(place);
                    return Ok(grant);
                }
                Err(refused) => refusal = refused.shown(&self.secrets(secret)),
            }
        }
        *known = None;
        let host = self.request("", Place::Header).shown_host();
        Err(failed(&format!("{host} {refusal}")))
    }

    async fn ask(
        &self,
        secret: &str,
        place: Place,
        until: Instant,
    ) -> Result<Result<Grant, Refusal>, SendError> {
        let left = until.saturating_duration_since(Instant::now());
        let answered = self.client.send(self.request(secret, place), left).await;
        let response = answered.map_err(|error| failed(&error.to_string()))?;
        Ok(Grant::of(&response))
    }

    fn request(&self, secret: &str, place: Place) -> Request {
        let OAuth2 {
            client_id, scopes, ..
        } = &self.options;
        let scope = scopes.join(" ");
        let mut pairs = BTreeMap::from([("grant_type", "client_credentials")]);
        if !scope.is_empty() {
            pairs.insert("scope", &scope);
        }
        // Servers of their own kind have a grant_type of their own.
        let params = self.options.endpoint_params.iter();
        pairs.extend(params.map(|(name, value)| (name.as_str(), value.as_str())));
        if place == Place::Form {
            pairs.insert("client_id", client_id);
            if !secret.is_empty() {
                pairs.insert("client_secret", secret);
            }
        }
        let request = form::posted(&self.options.token_url, form::encode(pairs));
        match place {
            Place::Header => request.with_header("Authorization", self.header(secret)),
            Place::Form => request,
        }
    }

    /// Name and secret are escaped as in a form, as RFC 6749 wants it.
    fn header(&self, secret: &str) -> String {
        basic(
            &form::escape(&self.options.client_id),
            &form::escape(secret),
        )
    }

    /// What the server may echo of a request.
    fn secrets(&self, secret: &str) -> Vec<String> {
        let header = self.header(secret);
        let header = header.strip_prefix("Basic ").unwrap_or(&header);
        let proxy = self.options.proxy.url.as_ref();
        let proxy = proxy.map(|url| url.expose().to_owned());
        let own = [header, secret, &self.options.token_url];
        own.map(str::to_owned).into_iter().chain(proxy).collect()
    }
}

/// Without a token nothing was sent; another attempt may get one.
fn failed(cause: &str) -> SendError {
    SendError::NotSent {
        cause: format!("cannot fetch an oauth2 token: {cause}"),
    }
}

impl Debug for Tokens {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
