//! Names and values as queries of URLs and bodies of forms hold them, escaped as Go does.

use crate::{Method, Request};

/// Writes pairs in the order given.
#[must_use]
pub fn encode<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        push_escaped(&mut out, name.as_ref());
        out.push('=');
        push_escaped(&mut out, value.as_ref());
    }
    out
}

/// Makes a POST of a form that is written already.
#[must_use]
pub fn posted(url: &str, body: String) -> Request {
    Request {
        method: Method::POST,
        url: url.to_owned(),
        headers: vec![(
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: body.into(),
    }
}

/// Writes one name or value.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    push_escaped(&mut out, text);
    out
}

fn push_escaped(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_but_the_unreserved_is_escaped() {
        let pairs = [("a b", "é*~-_."), ("c", "&=+/?%\n"), ("", "")];
        assert_eq!(
            super::encode(pairs),
            "a+b=%C3%A9%2A~-_.&c=%26%3D%2B%2F%3F%25%0A&="
        );
    }
}
