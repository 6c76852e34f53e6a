//! What must not appear in an error although a receiver may echo it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::{
    Authentication, BasicAuth, HeaderValues, HttpOptions, ProxyOptions, Source, redact,
};
use tokio::io::AsyncReadExt as _;

/// Most bytes read from a file that holds a secret or a URL; real ones have some hundred.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A number has more digits than this; what has fewer is a name such as `@all`.
const NUMBER_DIGITS_MIN: usize = 5;

/// Where the environment names proxies, which may have a user and a password.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

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
            Some(Authentication::OAuth2(oauth2)) => {
                secrets.add(oauth2.client_secret.as_ref());
                secrets.add_proxy(&oauth2.proxy);
            }
            None => {}
        }
        secrets.add_proxy(&options.proxy);
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

    fn add_proxy(&mut self, proxy: &ProxyOptions) {
        let headers = proxy.connect_headers.values().flatten();
        let own = proxy.url.iter().chain(headers);
        self.texts
            .extend(own.map(|secret| secret.expose().to_owned()));
        if proxy.from_environment {
            let variables = PROXY_VARIABLES.iter();
            self.texts
                .extend(variables.filter_map(|name| std::env::var(name).ok()));
        }
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
        let mut hidden: Vec<String> = self.texts.clone();
        hidden.push(url.to_owned());
        for file in &self.files {
            hidden.extend(read_trimmed(file).await);
        }
        for basic in &self.basics {
            let (user, password) = (value(&basic.username).await, value(&basic.password).await);
            // What is too short to be looked for in base64 by itself is found beside its user.
            hidden.push(STANDARD.encode(format!("{user}:{password}")));
        }
        redact(&String::from_utf8_lossy(text), hidden)
    }
}

/// Phone numbers as secrets, also without what stands before their digits: not everybody writes the plus sign.
pub(crate) fn numbers(numbers: &[String]) -> impl Iterator<Item = Source> {
    let digits = |number: &str| number.bytes().filter(u8::is_ascii_digit).count();
    let numbers = numbers.iter().map(String::as_str);
    let numbers = numbers.filter(move |number| NUMBER_DIGITS_MIN <= digits(number));
    numbers.flat_map(|number| {
        [number, number.rsplit('+').next().unwrap_or(number)].map(Source::inline)
    })
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
