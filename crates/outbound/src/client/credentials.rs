//! What a request's headers become: its own, the options', and the proof of who sends it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{
    AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION, REFERER, USER_AGENT,
};

use super::HttpClient;
use super::oauth2::Token;
use super::redirect::Hop;
use crate::source::{read, read_file};
use crate::{Authentication, SendError};

impl HttpClient {
    /// Makes the headers of one hop.
    ///
    /// An `Authorization` of the request itself wins over a user in the URL, and that over the
    /// options, as in Alertmanager. A hop that a redirect led to a stranger gets no secrets.
    /// A token of `oauth2` wins over all.
    pub(super) async fn headers(
        &self,
        hop: &Hop,
        token: Option<&Token>,
    ) -> Result<HeaderMap, SendError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &hop.headers {
            let (header, value) = header_name(name)
                .zip(HeaderValue::from_str(value).ok())
                .ok_or_else(|| invalid_header(name))?;
            headers.append(header, value);
        }
        headers
            .entry(USER_AGENT)
            .or_insert_with(|| self.user_agent.clone());
        if !hop.is_trusted {
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                headers.remove(secret);
            }
            return Ok(headers);
        }
        if let Some(referer) = &hop.referer
            && let Ok(mut referer) = HeaderValue::from_str(referer)
        {
            referer.set_sensitive(true);
            headers.insert(REFERER, referer);
        }
        let value = match token {
            Some(token) => Some(token.header()),
            None if headers.contains_key(AUTHORIZATION) => None,
            None => self.authorization(hop).await?,
        };
        if let Some(value) = value {
            let mut value =
                HeaderValue::from_str(&value).map_err(|_| invalid_header("Authorization"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        self.append_configured(&mut headers).await?;
        Ok(headers)
    }

    async fn authorization(&self, hop: &Hop) -> Result<Option<String>, SendError> {
        if let Some((user, password)) = &hop.user {
            return Ok(Some(basic(user, password)));
        }
        Ok(match &self.options.authentication {
            None | Some(Authentication::OAuth2(_)) => None,
            Some(Authentication::Basic(auth)) => {
                let user = read(auth.username.as_ref(), "username_file").await?;
                let password = read(auth.password.as_ref(), "password_file").await?;
                Some(basic(&user, &password))
            }
            Some(Authentication::Authorization(auth)) => {
                let credentials = read(auth.credentials.as_ref(), "credentials_file").await?;
                Some(format!("{} {credentials}", auth.scheme))
            }
        })
    }

    async fn append_configured(&self, headers: &mut HeaderMap) -> Result<(), SendError> {
        for (name, values) in &self.options.headers {
            let header = header_name(name).ok_or_else(|| invalid_header(name))?;
            let secrets = values
                .secrets
                .iter()
                .map(|secret| secret.expose().to_owned());
            let mut all: Vec<String> = values.values.iter().cloned().chain(secrets).collect();
            for file in &values.files {
                all.push(read_file(file, "http_headers file").await?);
            }
            for value in all {
                let mut value = HeaderValue::from_str(&value).map_err(|_| invalid_header(name))?;
                value.set_sensitive(true);
                headers.append(header.clone(), value);
            }
        }
        Ok(())
    }
}

/// Parses the name of a header.
pub(super) fn header_name(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok()
}

fn invalid_header(name: &str) -> SendError {
    SendError::Invalid {
        cause: format!("header `{name}` is not valid or has an invalid value"),
    }
}

/// The header of a user and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
