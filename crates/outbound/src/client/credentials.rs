//! What a request's headers become: its own, the options', and the proof of who sends it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION, USER_AGENT};

use super::HttpClient;
use super::redirect::Hop;
use crate::{Authentication, SendError, Source};

/// Most bytes a file with a secret may have; a token is some kilobytes at most.
const SECRET_FILE_BYTES_MAX: u64 = 1024 * 1024;

impl HttpClient {
    /// Makes the headers of one hop.
    ///
    /// An `Authorization` of the request itself wins over a user in the URL, and that over the
    /// options, as in Alertmanager. A hop that a redirect led to a stranger gets no secrets.
    pub(super) async fn headers(&self, hop: &Hop) -> Result<HeaderMap, SendError> {
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
        if !headers.contains_key(AUTHORIZATION)
            && let Some(value) = self.authorization(hop).await?
        {
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
                let user = text(auth.username.as_ref(), "username_file").await?;
                let password = text(auth.password.as_ref(), "password_file").await?;
                Some(basic(&user, &password))
            }
            Some(Authentication::Authorization(auth)) => {
                let credentials = text(auth.credentials.as_ref(), "credentials_file").await?;
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

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn text(source: Option<&Source>, field: &str) -> Result<String, SendError> {
    match source {
        None => Ok(String::new()),
        Some(Source::Inline(secret)) => Ok(secret.expose().to_owned()),
        Some(Source::File(path)) => read_file(path, field).await,
    }
}

/// Reads a file that holds a secret; white space around it is not part of it.
async fn read_file(path: &Path, field: &str) -> Result<String, SendError> {
    // The file may be right again at the next try, so this counts as "not sent", not as "invalid".
    let not_sent = |cause: String| SendError::NotSent {
        cause: format!("cannot read {field} `{}`: {cause}", path.display()),
    };
    let size = tokio::fs::metadata(path)
        .await
        .map_err(|error| not_sent(error.to_string()))?
        .len();
    if size > SECRET_FILE_BYTES_MAX {
        return Err(not_sent(format!(
            "it has {size} bytes, at most {SECRET_FILE_BYTES_MAX}"
        )));
    }
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| not_sent(error.to_string()))?;
    Ok(text.trim().to_owned())
}
