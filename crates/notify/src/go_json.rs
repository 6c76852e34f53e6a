//! JSON as Go's `encoding/json` writes it, byte for byte: receivers compare and sign bodies.

/// Writes a text as Go does: `<`, `>`, `&` and the two line separators of JavaScript are escaped.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    // What needs no escape is copied in one piece: texts of many megabytes are written here.
    let mut rest = text;
    while let Some(at) = rest.bytes().position(may_be_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        if let Some(c) = chars.next() {
            push_escaped(out, c);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether a character that is written otherwise may begin with this byte; U+2028 and U+2029 begin with 0xE2.
fn may_be_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0..=0x1f | 0xe2)
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '<' => out.push_str("\\u003c"),
        '>' => out.push_str("\\u003e"),
        '&' => out.push_str("\\u0026"),
        '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        _ => out.push(c),
    }
}

/// Writes an object of texts; the pairs come in the order of their names.
pub(crate) fn push_pairs<'a>(out: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push('{');
    for (index, (name, value)) in pairs.enumerate() {
        if 0 < index {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        push_text(out, value);
    }
    out.push('}');
}

/// Writes a number as Go does, or `None` where Go refuses (not a number, infinite).
pub(crate) fn push_float(out: &mut String, number: f64) -> Option<()> {
    if !number.is_finite() {
        return None;
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e')?;
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        out.push_str(&format!("{digits}e{sign}{exponent}"));
    } else {
        out.push_str(&number.to_string());
    }
    Some(())
}

/// An object being written, its fields in the order in which they are added, as Go writes a struct.
#[derive(Debug, Default)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A field whose value is JSON already.
    #[must_use]
    pub(crate) fn json(mut self, name: &str, json: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_text(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// A text.
    #[must_use]
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.json(name, &quoted(text))
    }

    /// A text that is left out when it is empty.
    #[must_use]
    pub(crate) fn some_text(self, name: &str, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        self.text(name, text)
    }

    /// Several texts, each left out when it is empty.
    #[must_use]
    pub(crate) fn some_texts<const N: usize>(self, texts: [(&str, &str); N]) -> Self {
        let add = |object: Self, (name, text): (&str, &str)| object.some_text(name, text);
        texts.into_iter().fold(self, add)
    }

    /// A number.
    #[must_use]
    pub(crate) fn number(self, name: &str, number: impl Into<i64>) -> Self {
        self.json(name, &number.into().to_string())
    }

    /// A yes or no.
    #[must_use]
    pub(crate) fn flag(self, name: &str, is_set: bool) -> Self {
        self.json(name, if is_set { "true" } else { "false" })
    }

    /// A list of values that are JSON already.
    #[must_use]
    pub(crate) fn list<T: AsRef<str>>(
        self,
        name: &str,
        items: impl IntoIterator<Item = T>,
    ) -> Self {
        self.json(name, &list(items))
    }

    /// A list that is left out when it is empty.
    #[must_use]
    pub(crate) fn some_list(self, name: &str, items: &[String]) -> Self {
        if items.is_empty() {
            return self;
        }
        self.list(name, items)
    }

    /// The object.
    #[must_use]
    pub(crate) fn done(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }

    /// The object with the line's end that Go's encoder writes behind a document.
    #[must_use]
    pub(crate) fn line(self) -> String {
        let mut line = self.done();
        line.push('\n');
        line
    }
}

/// A list of values that are JSON already.
pub(crate) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::from("[");
    for (index, item) in items.into_iter().enumerate() {
        if 0 < index {
            out.push(',');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_text(&mut out, text);
    out
}

/// A document without the white space between its values, its texts escaped as Go's encoder does it to JSON that it is given.
pub(crate) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for c in json.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if !is_text => continue,
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
        is_text ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
    }
    out
}

#[cfg(test)]
mod tests;
