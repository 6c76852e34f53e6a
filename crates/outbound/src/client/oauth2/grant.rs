//! What a token server answers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use reqwest::Url;
use serde_json::Value;

use crate::{Response, Secret, redact};

/// Most characters of an answer that an error quotes.
const QUOTED_CHARS_MAX: usize = 256;

/// The longest life of a token that is believed, in seconds; some 68 years, as in Go.
const LIFE_S_MAX: i64 = 2_147_483_647;

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::client) struct Token {
    scheme: String,
    value: Secret,
}

impl Token {
    /// The `Authorization` it makes.
    pub(in crate::client) fn header(&self) -> String {
        format!("{} {}", self.scheme, self.value.expose())
    }

    /// A body without it, should the receiver echo it.
    pub(in crate::client) fn hidden_in(&self, body: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&body);
        let shown = redact(&text, [self.value.expose()]);
        // What holds none stays as it came, to the byte.
        if shown == text { body } else { shown.into() }
    }
}

/// A token, and how long it is good if the server says so.
pub(super) struct Grant {
    pub(super) token: Token,
    pub(super) life: Option<Duration>,
}

/// Why there is no token, as the server says it.
pub(super) struct Refusal {
    said: String,
    /// Tokens in the answer all the same.
    tokens: Vec<String>,
}

impl Grant {
    /// Reads an answer.
    ///
    /// # Errors
    /// There is no token in it.
    pub(super) fn of(response: &Response) -> Result<Self, Refusal> {
        let fields = fields(&response.body);
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let status = response.status;
        let refused = |said: String| Refusal {
            said: format!("answered {status}{said}"),
            tokens: tokens(&fields),
        };
        let (error, token) = (field("error"), field("access_token"));
        if !error.is_empty() {
            let description = field("error_description");
            let separator = if description.is_empty() { "" } else { ": " };
            return Err(refused(format!(": {error}{separator}{description}")));
        }
        if !(200..300).contains(&status) {
            let body = String::from_utf8_lossy(&response.body);
            let separator = if body.trim().is_empty() { "" } else { ": " };
            return Err(refused(format!("{separator}{}", body.trim())));
        }
        if token.is_empty() {
            return Err(refused(" without an access_token".to_owned()));
        }
        let token = Token {
            scheme: scheme(field("token_type")),
            value: token.into(),
        };
        if HeaderValue::from_str(&token.header()).is_err() {
            return Err(refused(" with a token that no header can hold".to_owned()));
        }
        let life = life(field("expires_in"));
        Ok(Self { token, life })
    }
}

impl Refusal {
    /// What the server says, in one line without secrets.
    pub(super) fn shown(&self, secrets: &[String]) -> String {
        let said = redact(&self.said, secrets.iter().chain(&self.tokens));
        let one_line = |c: char| if c.is_control() { ' ' } else { c };
        said.chars().take(QUOTED_CHARS_MAX).map(one_line).collect()
    }
}

/// The texts and numbers of an answer in JSON, or, as old servers answer, of one that is a form.
fn fields(body: &[u8]) -> BTreeMap<String, String> {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return pairs(&String::from_utf8_lossy(body));
    };
    let plain = |(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Number(number) => Some((name, number.to_string())),
        _ => None,
    };
    object.into_iter().filter_map(plain).collect()
}

fn pairs(form: &str) -> BTreeMap<String, String> {
    let Ok(mut url) = Url::parse("http://localhost/") else {
        return BTreeMap::new();
    };
    url.set_query(Some(form));
    url.query_pairs().into_owned().collect()
}

fn tokens(fields: &BTreeMap<String, String>) -> Vec<String> {
    let tokens = fields.iter().filter(|(name, _)| name.ends_with("token"));
    tokens.map(|(_, value)| value.clone()).collect()
}

/// The scheme of a type of tokens, as Go writes it.
fn scheme(kind: &str) -> String {
    let mut known = ["Bearer", "MAC", "Basic"].into_iter();
    let known = known.find(|known| kind.eq_ignore_ascii_case(known));
    match (known, kind) {
        (Some(known), _) => known.to_owned(),
        (None, "") => "Bearer".to_owned(),
        (None, other) => other.to_owned(),
    }
}

/// A life of no seconds is none that is known.
fn life(seconds: &str) -> Option<Duration> {
    let whole = seconds.split('.').next().unwrap_or_default();
    let seconds: i64 = whole.parse().ok().filter(|seconds| *seconds != 0)?;
    let seconds = u64::try_from(seconds.clamp(0, LIFE_S_MAX)).ok()?;
    Some(Duration::from_secs(seconds))
}
