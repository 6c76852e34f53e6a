//! The real client.

mod attempt;
mod credentials;
mod no_proxy;
mod oauth2;
mod proxy;
mod redirect;

use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use tokio::time::Instant;

use crate::renewed::Renewed;
use crate::tls::{Material, client_config};
use crate::{Authentication, BuildError, Http, HttpOptions, Request, Response, SendError};
use attempt::Attempt;
use credentials::header_name;
use oauth2::{Token, Tokens};
use redirect::Hop;
pub(crate) use redirect::user_of;

/// Most requests one send may become by redirects; Go's limit.
const HOPS_MAX: usize = 10;

/// Without an end in sight we still stop waiting after a day.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends requests as one `http_config` says, over its own pool of connections.
#[derive(Debug)]
pub struct HttpClient {
    options: HttpOptions,
    user_agent: HeaderValue,
    client: Renewed<reqwest::Client>,
    /// What `oauth2` is carried out by.
    tokens: Option<Tokens>,
}

impl HttpClient {
    /// Builds a client; reads the certificate files.
    ///
    /// # Errors
    /// The options cannot be carried out; the text says which and why.
    pub fn new(options: &HttpOptions, user_agent: &str) -> Result<Self, BuildError> {
        let tokens = match &options.authentication {
            Some(Authentication::OAuth2(oauth2)) => Some(Tokens::new(oauth2, user_agent)?),
            _ => None,
        };
        let invalid = |name: &str| BuildError::Header {
            name: name.to_owned(),
        };
        for (name, values) in &options.headers {
            let secrets = values.secrets.iter().map(crate::Secret::expose);
            let mut all = values.values.iter().map(String::as_str).chain(secrets);
            if header_name(name).is_none() || all.any(|value| HeaderValue::from_str(value).is_err())
            {
                return Err(invalid(name));
            }
        }
        let user_agent = HeaderValue::from_str(user_agent).map_err(|_| invalid("User-Agent"))?;
        let client = Renewed::new(&options.tls, |material| build(options, material))?;
        Ok(Self {
            options: options.clone(),
            user_agent,
            client,
            tokens,
        })
    }

    async fn follow(&self, request: Request, until: Instant) -> Result<Response, SendError> {
        let mut hop = Hop::first(request)?;
        // Before anything is sent, so that its failure is never in doubt.
        let token = self.token(until).await?;
        let renewed = self.client.get(|material| build(&self.options, material));
        let client = renewed.await;
        for _ in 0..HOPS_MAX {
            let headers = self.headers(&hop, token.as_ref()).await?;
            let attempt = Attempt::new(&client, &hop, headers, until);
            let response = attempt.answer().await?;
            match hop.next(
                response.status(),
                response.headers(),
                self.options.follow_redirects,
            ) {
                Some(next) => hop = next,
                None => {
                    let response = attempt::read(response, until).await;
                    return Ok(match &token {
                        Some(token) if hop.is_trusted => self.without(token, response),
                        _ => response,
                    });
                }
            }
        }
        let cause = format!("{}: stopped after {HOPS_MAX} redirects", hop.shown_host());
        Err(SendError::Ambiguous { cause })
    }

    async fn token(&self, until: Instant) -> Result<Option<Token>, SendError> {
        match &self.tokens {
            None => Ok(None),
            Some(tokens) => tokens.get(until).await.map(Some),
        }
    }

    /// An answer that shows no token, and the end of a token that it refuses: the next attempt fetches another one.
    fn without(&self, token: &Token, response: Response) -> Response {
        if response.status == http::StatusCode::UNAUTHORIZED.as_u16()
            && let Some(tokens) = &self.tokens
        {
            tokens.forget(token);
        }
        Response {
            body: token.hidden_in(response.body),
            ..response
        }
    }
}

#[async_trait]
impl Http for HttpClient {
    async fn send(&self, request: Request, deadline: Duration) -> Result<Response, SendError> {
        let until = Instant::now() + deadline.min(DEADLINE_MAX);
        self.follow(request, until).await
    }
}

fn build(options: &HttpOptions, material: &Material) -> Result<reqwest::Client, BuildError> {
    let tls = client_config(&options.tls, material, options.enable_http2)?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // Redirects are followed by `redirect`, which knows what may go to whom.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // The environment is read by `proxy`, as Go reads it.
        .no_proxy()
        .http1_title_case_headers();
    if !options.enable_http2 {
        builder = builder.http1_only();
    }
    for proxy in proxy::proxies(&options.proxy)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| BuildError::Client {
        cause: error.without_url().to_string(),
    })
}
