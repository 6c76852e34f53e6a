//! Texts made safe for URLs, as Go's `net/url` writes them, and for HTML.

/// A name or value of a query as RFC 3986 says, spaces included.
pub(crate) fn component(text: &str) -> String {
    let mut out = String::new();
    push_escaped(&mut out, text, "-_.~");
    out
}

/// A path, its slashes as they are.
pub(crate) fn path(text: &str) -> String {
    let mut out = String::new();
    push_escaped(&mut out, text, "-_.~$&+,/:;=@");
    out
}

/// A URL with more to its path; a query of it stays at the end.
pub(crate) fn below(url: &str, path: &str) -> String {
    match url.split_once('?') {
        Some((before, query)) => format!("{before}{path}?{query}"),
        None => format!("{url}{path}"),
    }
}

/// A text between the tags of a page.
pub(crate) fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let text = text.replace('>', "&gt;").replace('"', "&#34;");
    text.replace('\'', "&#39;")
}

fn push_escaped(out: &mut String, text: &str, kept: &str) {
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || kept.contains(c) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_url_is_escaped() {
        assert_eq!(
            path("bot1:abc/a b?c#d%/é[@]"),
            "bot1:abc/a%20b%3Fc%23d%25/%C3%A9%5B@%5D"
        );
    }
}
