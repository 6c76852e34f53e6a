//! The message as bytes: its head, and the same said as text and as a page (RFC 2046, multipart/alternative).

use crate::provider::escape;

/// A message in parts.
pub(super) struct Message {
    /// Headers, each with its line end; those of the body come on top.
    pub(super) head: String,
    pub(super) boundary: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
}

impl Message {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let boundary = &self.boundary;
        let mut out = self.head.clone();
        // Two spaces, as recorded. Not quoted: the boundary has no character that asks for it.
        out.push_str(&format!(
            "Content-Type: multipart/alternative;  boundary={boundary}\r\nMIME-Version: 1.0\r\n"
        ));
        // What reads best comes last.
        let parts = [("plain", &self.text), ("html", &self.html)];
        for (kind, body) in parts {
            let Some(body) = body else { continue };
            out.push_str(&format!(
                "\r\n--{boundary}\r\nContent-Transfer-Encoding: quoted-printable\r\n\
                 Content-Type: text/{kind}; charset=UTF-8\r\n\r\n{}",
                quoted_printable(body)
            ));
        }
        out.push_str(&format!("\r\n--{boundary}--\r\n"));
        out.into_bytes()
    }
}

fn quoted_printable(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace(['\n', '\r'], "\r\n");
    quoted_printable::encode_to_str(lines)
}

/// The page with what failed at its end.
pub(super) fn flagged(mut html: String, remarks: &[String]) -> String {
    let lines = remarks.iter();
    let lines: String = lines
        .map(|remark| format!("<p>{}</p>\n", escape::html(remark)))
        .collect();
    let end = html.rfind("</body>").unwrap_or(html.len());
    html.insert_str(end, &lines);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(quoted_printable(text), expected, "{text:?}");
    }

    #[test]
    fn lines_are_short_and_ascii() {
        check("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd");
        check("é = 🔥", "=C3=A9 =3D =F0=9F=94=A5");
        check("a \nb\t\n\nc ", "a=20\r\nb=09\r\n\r\nc=20");
        check(".\n..\nFrom x", ".\r\n..\r\nFrom x");
        check("\u{0}\u{1b}", "=00=1B");
        for text in [
            "x".repeat(1000),
            "é".repeat(500),
            " ".repeat(200),
            "=".repeat(76),
        ] {
            let coded = quoted_printable(&text);
            assert!(coded.split("\r\n").all(|line| line.len() <= 76), "{coded}");
            assert!(coded.is_ascii());
        }
    }

    #[test]
    fn the_note_of_a_page_is_text() {
        let page = || "<body>x</body></html>".to_owned();
        assert_eq!(flagged(page(), &[]), page());
        assert_eq!(
            flagged(page(), &["[template error] <b> & \"'".to_owned()]),
            "<body>x<p>[template error] &lt;b&gt; &amp; &#34;&#39;</p>\n</body></html>"
        );
        assert_eq!(
            flagged("x".to_owned(), &["[template error] y".to_owned()]),
            "x<p>[template error] y</p>\n"
        );
    }

    #[test]
    fn a_message_without_bodies_ends_all_the_same() {
        let message = Message {
            head: "A: b\r\n".to_owned(),
            boundary: "x".to_owned(),
            text: None,
            html: None,
        };
        let expected = "A: b\r\nContent-Type: multipart/alternative;  boundary=x\r\nMIME-Version: 1.0\r\n\r\n--x--\r\n";
        assert_eq!(message.bytes(), expected.as_bytes());
    }
}
