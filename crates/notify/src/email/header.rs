//! One header on the wire: a single line whatever its value, in ASCII, folded where it is long.

/// Most bytes of a line (RFC 5322); the line's end comes on top.
const LINE_BYTES_MAX: usize = 998;

/// Most bytes of an encoded word (RFC 2047).
const WORD_BYTES_MAX: usize = 75;

const OPEN: &str = "=?utf-8?q?";
const CLOSE: &str = "?=";

/// Headers that hold addresses. A value of theirs may be written in encoded words already; elsewhere those would be shown as something
/// else than what the template said.
const OF_ADDRESSES: [&str; 6] = ["From", "To", "Cc", "Bcc", "Reply-To", "Sender"];

/// Whether a header can be called that.
pub(super) fn is_name(name: &str) -> bool {
    let is_fit = |b: u8| b.is_ascii_graphic() && b != b':';
    // A line of nothing but the name must leave room for words.
    !name.is_empty() && name.len() <= WORD_BYTES_MAX && name.bytes().all(is_fit)
}

/// Adds a header. Line breaks and other control characters of the value become spaces, so no value adds a header of its own.
pub(super) fn push(head: &mut String, name: &str, value: &str) {
    let value = value.replace(|c: char| c.is_control(), " ");
    let value = value.trim();
    let looks_encoded = value.contains("=?") && !OF_ADDRESSES.contains(&name);
    let plain = if value.is_ascii() && !looks_encoded {
        folded(name.len() + 2, value)
    } else {
        None
    };
    head.push_str(name);
    head.push_str(": ");
    head.push_str(&plain.unwrap_or_else(|| encoded(value)));
    head.push_str("\r\n");
}

/// The value with line breaks before spaces, as few as possible; none if a word of it is longer than a line.
fn folded(mut column: usize, value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    for (index, word) in value.split(' ').enumerate() {
        if LINE_BYTES_MAX <= word.len() {
            return None;
        }
        if 0 < index {
            let is_over = LINE_BYTES_MAX < column + 1 + word.len();
            out.push_str(if is_over { "\r\n " } else { " " });
            column = if is_over { 1 } else { column + 1 };
        } else if LINE_BYTES_MAX < column + word.len() {
            return None;
        }
        out.push_str(word);
        column += word.len();
    }
    Some(out)
}

/// The value as encoded words, one on a line; no character is cut in two.
fn encoded(value: &str) -> String {
    let room = WORD_BYTES_MAX - OPEN.len() - CLOSE.len();
    let mut out = OPEN.to_owned();
    let mut used = 0;
    for c in value.chars() {
        let coded = coded(c);
        if room < used + coded.len() {
            out.push_str(CLOSE);
            out.push_str("\r\n ");
            out.push_str(OPEN);
            used = 0;
        }
        out.push_str(&coded);
        used += coded.len();
    }
    out.push_str(CLOSE);
    out
}

fn coded(c: char) -> String {
    match c {
        ' ' => "_".to_owned(),
        '=' | '?' | '_' => format!("={:02X}", u32::from(c)),
        '!'..='~' => c.to_string(),
        _ => {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            bytes.map(|byte| format!("={byte:02X}")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, expected: &str) {
        let mut head = String::new();
        push(&mut head, name, value);
        assert_eq!(head, format!("{expected}\r\n"), "{value:?}");
        for line in head.split("\r\n") {
            assert!(line.len() <= LINE_BYTES_MAX, "{line}");
        }
    }

    #[test]
    fn plain_values_stay_and_others_are_encoded() {
        check("Subject", "[FIRING:1] x (y)", "Subject: [FIRING:1] x (y)");
        check("Subject", "", "Subject: ");
        check(
            "Subject",
            "Sübject a_b = ?",
            "Subject: =?utf-8?q?S=C3=BCbject_a=5Fb_=3D_=3F?=",
        );
        check(
            "From",
            "Alerts Ä <am@src.test>",
            "From: =?utf-8?q?Alerts_=C3=84_<am@src.test>?=",
        );
        check("X", "🔥", "X: =?utf-8?q?=F0=9F=94=A5?=");
    }

    #[test]
    fn no_value_makes_a_header_of_its_own() {
        check("Subject", "a\r\nBcc: b@c.test", "Subject: a  Bcc: b@c.test");
        check("Subject", "a\n\n<html>", "Subject: a  <html>");
        check(
            "Subject",
            "\u{85}é\u{0}\u{7f}x\n",
            "Subject: =?utf-8?q?=C3=A9__x?=",
        );
        check("To", " a@b.test,\n c@d.test\n", "To: a@b.test,  c@d.test");
    }

    #[test]
    fn what_looks_encoded_is_said_as_it_is() {
        let word = "=?utf-8?q?a?=";
        check(
            "Subject",
            word,
            "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=",
        );
        check(
            "To",
            "=?utf-8?q?J=C3=B6?= <j@b.test>",
            "To: =?utf-8?q?J=C3=B6?= <j@b.test>",
        );
    }

    #[test]
    fn long_values_are_folded() {
        let word = "é".repeat(25);
        let first = "=C3=A9".repeat(10);
        let rest = "=C3=A9".repeat(5);
        let expected =
            format!("X: =?utf-8?q?{first}?=\r\n =?utf-8?q?{first}?=\r\n =?utf-8?q?{rest}?=");
        check("X", &word, &expected);

        let address = format!("{}@b.test,", "a".repeat(91));
        let list = [address.as_str(); 12].join(" ");
        let lines = [
            [address.as_str(); 9].join(" "),
            [address.as_str(); 3].join(" "),
        ];
        check("To", &list, &format!("To: {}", lines.join("\r\n ")));

        let mut head = String::new();
        push(&mut head, "X", &"x".repeat(2000));
        assert!(head.split("\r\n").all(|line| line.len() < 80), "{head}");
        let joined = head.replace("?=\r\n =?utf-8?q?", "");
        assert_eq!(joined, format!("X: =?utf-8?q?{}?=\r\n", "x".repeat(2000)));
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_one_header(value in ".*|[ -~]{900,2000}|(=\\?|é|\r\n|[ -~]){0,200}") {
            for name in ["Subject", "To"] {
                let mut head = String::new();
                push(&mut head, name, &value);
                let lines = head.strip_suffix("\r\n").unwrap();
                assert!(lines.is_ascii() && !lines.replace("\r\n ", "").contains(['\r', '\n']));
                assert!(lines.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX));
            }
        }
    }

    #[test]
    fn names_are_names() {
        for (name, expected) in [
            ("X-Prio", true),
            ("Reply-To", true),
            ("", false),
            ("A: b", false),
            ("A b", false),
            ("A\r\nB", false),
            ("Ä", false),
        ] {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
    }
}
