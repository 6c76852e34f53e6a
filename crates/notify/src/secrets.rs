//! What must not appear in an error although a receiver may echo it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outbound::{Authentication, BasicAuth, HeaderValues, HttpOptions, Source};
use tokio::io::AsyncReadExt as _;

/// What is shown in place of a secret.
const HIDDEN: &str = "<secret>";

/// Most bytes read from a file that holds a secret or a URL; real ones have some hundred.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A password shorter than this protects nothing, and hiding it would riddle every text with holes.
const PASSWORD_BYTES_MIN: usize = 3;

/// Pieces of URLs shorter than this are words like `hook`, not tokens.
const URL_PIECE_BYTES_MIN: usize = 8;

/// The secrets of one integration's `http_config`, kept to be hidden.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    texts: Vec<String>,
    files: Vec<PathBuf>,
    /// Users with passwords, of which the header holds both at once.
    basics: Vec<BasicAuth>,
}

impl Secrets {
    /// Collects what a client is told in confidence.
    pub(crate) fn of(options: &HttpOptions) -> Self {
        let mut secrets = Self::default();
        match &options.authentication {
            Some(Authentication::Basic(basic)) => secrets.add_basic(basic),
            Some(Authentication::Authorization(authorization)) => {
                secrets.add(authorization.credentials.as_ref());
            }
            Some(Authentication::OAuth2(oauth2)) => secrets.add(oauth2.client_secret.as_ref()),
            None => {}
        }
        for HeaderValues {
            secrets: hidden,
            files,
            ..
        } in options.headers.values()
        {
            secrets
                .texts
                .extend(hidden.iter().map(|secret| secret.expose().to_owned()));
            secrets.files.extend(files.iter().cloned());
        }
        secrets
    }

    fn add_basic(&mut self, basic: &BasicAuth) {
        self.add(basic.password.as_ref());
        self.basics.push(basic.clone());
    }

    pub(crate) fn add(&mut self, source: Option<&Source>) {
        match source {
            Some(Source::Inline(secret)) => self.texts.push(secret.expose().to_owned()),
            Some(Source::File(path)) => self.files.push(path.clone()),
            None => {}
        }
    }

    /// The same with secrets of one message.
    pub(crate) fn with(&self, texts: &[String]) -> Self {
        let mut secrets = self.clone();
        secrets.texts.extend_from_slice(texts);
        secrets
    }

    /// Writes `<secret>` over every secret in a text, the telling pieces of a URL included.
    pub(crate) async fn hide(&self, text: &[u8], url: &str) -> String {
        let mut text = String::from_utf8_lossy(text).into_owned();
        let mut hidden: Vec<String> = self.texts.clone();
        for file in &self.files {
            hidden.extend(read_trimmed(file).await);
        }
        for basic in &self.basics {
            let (user, password) = (value(&basic.username).await, value(&basic.password).await);
            hidden.push(STANDARD.encode(format!("{user}:{password}")));
        }
        hidden.retain(|secret| PASSWORD_BYTES_MIN <= secret.len());
        hidden.extend(url_pieces(url).map(str::to_owned));
        // The longest first, or a piece would be replaced inside the whole and the rest stay.
        hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in &hidden {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        text
    }
}

/// A secret URL of the configuration, or the file that holds it.
pub(crate) fn either(url: Option<&config::SecretUrl>, file: &str) -> Source {
    match url {
        Some(url) => Source::inline(url.expose()),
        None => Source::File(PathBuf::from(file)),
    }
}

/// A key of the configuration, or the file that holds it.
pub(crate) fn key_or_file(key: &config::Secret, file: &str) -> Source {
    if key.is_empty() {
        Source::File(PathBuf::from(file))
    } else {
        Source::inline(key.expose())
    }
}

/// The value of a setting now; empty where there is none.
async fn value(source: &Option<Source>) -> String {
    match source {
        None => String::new(),
        Some(Source::Inline(secret)) => secret.expose().to_owned(),
        Some(Source::File(path)) => read_trimmed(path).await.unwrap_or_default(),
    }
}

/// The parts of a URL after its host that are long enough to be tokens, and the URL itself.
fn url_pieces(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(host_end).unwrap_or((rest, ""));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let user = user
        .split(':')
        .filter(|piece| PASSWORD_BYTES_MIN <= piece.len());
    let pieces = path.split(['/', '?', '&', '=', '#', ';']);
    [url, path]
        .into_iter()
        .chain(pieces)
        .filter(|piece| URL_PIECE_BYTES_MIN <= piece.len())
        .chain(user)
}

/// Reads a small file without the white space around its content, on a thread that may wait.
pub(crate) fn read_trimmed_now(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// Reads a small file without the white space around its content.
pub(crate) async fn read_trimmed(path: &Path) -> std::io::Result<String> {
    let file = tokio::fs::File::open(path).await?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests;
