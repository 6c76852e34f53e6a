//! The two notations of a log line.

use std::fmt::Write as _;

/// One event, ready to be written.
pub(crate) struct Entry {
    pub(crate) time: String,
    pub(crate) level: &'static str,
    pub(crate) source: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

/// A field's value.
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// A number or a truth value: never quoted.
    Plain(String),
}

impl Value {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Plain(text) => text,
        }
    }
}

impl Entry {
    /// `time=… level=INFO source=… msg="…" key=value`, as Go's `slog.TextHandler` quotes.
    pub(crate) fn text(&self) -> String {
        let mut line = format!("time={} level={} source=", self.time, self.level);
        push_quoted_if_needed(&mut line, &self.source);
        line.push_str(" msg=");
        push_quoted_if_needed(&mut line, &self.message);
        for (name, value) in &self.fields {
            line.push(' ');
            push_quoted_if_needed(&mut line, name);
            line.push('=');
            match value {
                Value::Text(text) => push_quoted_if_needed(&mut line, text),
                Value::Plain(plain) => line.push_str(plain),
            }
        }
        line.push('\n');
        line
    }

    /// One JSON object, as Go's `slog.JSONHandler` orders its members.
    pub(crate) fn json(&self) -> String {
        let mut line = String::from("{");
        let head = [("time", &self.time), ("level", &self.level.to_owned())];
        for (name, value) in head
            .into_iter()
            .chain([("source", &self.source), ("msg", &self.message)])
        {
            push_member(&mut line, name, value);
        }
        for (name, value) in &self.fields {
            match value {
                Value::Text(text) => push_member(&mut line, name, text),
                Value::Plain(plain) => {
                    let _ = write!(line, ",{}:{plain}", json(name));
                }
            }
        }
        line.push_str("}\n");
        line
    }
}

fn push_member(line: &mut String, name: &str, value: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    let _ = write!(line, "{}:{}", json(name), json(value));
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push_quoted_if_needed(line: &mut String, text: &str) {
    if needs_quotes(text) {
        line.push_str(&domain::quote::quote(text));
    } else {
        line.push_str(text);
    }
}

/// Whether a text must be quoted to be read back as one value, and to be harmless on a terminal.
fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.chars().any(|c| match c {
            ' ' | '=' | '"' => true,
            _ if c.is_ascii() => c.is_ascii_control(),
            _ => c.is_whitespace() || c == '\u{fffd}' || !is_printable(c),
        })
}

/// Whether Go prints the character as it is.
fn is_printable(c: char) -> bool {
    !domain::quote::quote(c.encode_utf8(&mut [0; 4])).contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str, fields: Vec<(&'static str, Value)>) -> Entry {
        Entry {
            time: "2026-01-02T15:04:05.000Z".to_owned(),
            level: "INFO",
            source: "server.rs:7".to_owned(),
            message: message.to_owned(),
            fields,
        }
    }

    #[test]
    fn the_line_scripts_look_for_has_its_form() {
        let address = Value::Text("127.0.0.1:9093".to_owned());
        assert_eq!(
            entry("Listening on", vec![("address", address)]).text(),
            "time=2026-01-02T15:04:05.000Z level=INFO source=server.rs:7 msg=\"Listening on\" address=127.0.0.1:9093\n"
        );
    }

    #[test]
    fn values_are_quoted_as_slog_quotes_them() {
        let cases = [
            ("plain", "plain"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a=b", "\"a=b\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("back\\slash", "back\\slash"),
            ("two\r\nlines", "\"two\\r\\nlines\""),
            ("\u{1b}[31m", "\"\\x1b[31m\""),
            ("größe", "größe"),
            ("飞书", "飞书"),
            ("no\u{a0}break", "\"no\\u00a0break\""),
            ("\u{2028}", "\"\\u2028\""),
            ("[::]:9093", "[::]:9093"),
            ("a,b;{c}", "a,b;{c}"),
        ];
        for (text, expected) in cases {
            let mut line = String::new();
            push_quoted_if_needed(&mut line, text);
            assert_eq!(line, expected, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_numbers_bare_and_escapes_line_ends() {
        let fields = vec![
            ("count", Value::Plain("3".to_owned())),
            ("err", Value::Text("a\nb \"c\"".to_owned())),
        ];
        assert_eq!(
            entry("Done", fields).json(),
            "{\"time\":\"2026-01-02T15:04:05.000Z\",\"level\":\"INFO\",\"source\":\"server.rs:7\",\"msg\":\"Done\",\
             \"count\":3,\"err\":\"a\\nb \\\"c\\\"\"}\n"
        );
    }
}
