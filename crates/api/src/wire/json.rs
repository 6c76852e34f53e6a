//! Reading JSON in one pass into borrowed text, with the leniency and the error texts of Go's `encoding/json`.
//!
//! A general parser will not do here: clients see Go's texts for syntax errors, lone surrogates and invalid UTF-8 must be
//! read as U+FFFD instead of refused, and whatever follows the first value is ignored.

use std::borrow::Cow;

mod text;

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The word Go's messages use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// The text is not JSON, or nested too deeply; the message is Go's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// Result of reading.
pub type Read<T> = Result<T, JsonError>;

/// Turns a body into text; each invalid byte becomes U+FFFD, as in Go.
pub fn decode(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(body.len() + 16);
    for chunk in body.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk
            .invalid()
            .iter()
            .for_each(|_| out.push(char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// A position in a JSON text.
///
/// The caller asks for the [`Reader::kind`] of the next value and then reads or skips it.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    max_depth: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a text; values nested deeper than `max_depth` are an error.
    pub fn new(text: &'a str, max_depth: usize) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            max_depth,
        }
    }

    /// Whether nothing but white space is left.
    pub fn is_blank(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    /// The kind of the value that comes next, which is not consumed.
    ///
    /// # Errors
    /// No value begins here.
    pub fn kind(&mut self) -> Read<Kind> {
        self.space();
        match self.peek() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    /// Steps into an object or array; then call [`Reader::key`] or [`Reader::item`] until they say it has ended.
    ///
    /// # Errors
    /// Nested too deeply.
    pub fn enter(&mut self) -> Read<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > self.max_depth {
            return Err(JsonError("exceeded max depth".to_owned()));
        }
        Ok(())
    }

    /// The next member's name, its colon consumed; `None` when the object has ended. `first` starts as true.
    ///
    /// # Errors
    /// The text is not an object.
    pub fn key(&mut self, first: &mut bool) -> Read<Option<Cow<'a, str>>> {
        if self.ends(b'}', first, "after object key:value pair")? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("looking for beginning of object key string"));
        }
        let key = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("after object key"));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether another item follows in the array. `first` starts as true.
    ///
    /// # Errors
    /// The text is not an array.
    pub fn item(&mut self, first: &mut bool) -> Read<bool> {
        Ok(!self.ends(b']', first, "after array element")?)
    }

    /// Consumes the comma between members or the end of the container.
    fn ends(&mut self, close: u8, first: &mut bool, place: &str) -> Read<bool> {
        self.space();
        let is_first = std::mem::replace(first, false);
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(true)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                self.space();
                Ok(false)
            }
            Some(_) if is_first => Ok(false),
            _ => Err(self.unexpected(place)),
        }
    }

    /// Reads over `null`.
    ///
    /// # Errors
    /// The literal is misspelled.
    pub fn null(&mut self) -> Read<()> {
        self.literal("null")
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// The literal is misspelled.
    pub fn bool(&mut self) -> Read<bool> {
        let value = self.peek() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    fn literal(&mut self, word: &'static str) -> Read<()> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                let place = format!("in literal {word} (expecting {:?})", char::from(expected));
                return Err(self.unexpected(&place));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Reads over a number.
    ///
    /// # Errors
    /// The number is malformed.
    pub fn number(&mut self) -> Read<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Read<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.unexpected("in numeric literal"));
        }
        self.at += count;
        Ok(())
    }

    /// Reads over a value of any kind.
    ///
    /// # Errors
    /// The value is malformed or too deep.
    pub fn skip(&mut self) -> Read<()> {
        // One entry per open container: whether it is an object. Bounded by `max_depth`.
        let mut open: Vec<bool> = Vec::new();
        let mut first = true;
        loop {
            let opened = self.skip_one(&mut open)?;
            if opened {
                first = true;
            }
            loop {
                let Some(&is_object) = open.last() else {
                    return Ok(());
                };
                let is_over = if is_object {
                    self.key(&mut first)?.is_none()
                } else {
                    !self.item(&mut first)?
                };
                if !is_over {
                    break;
                }
                open.pop();
                first = false;
            }
        }
    }

    /// Reads over a scalar, or steps into a container and says so.
    fn skip_one(&mut self, open: &mut Vec<bool>) -> Read<bool> {
        match self.kind()? {
            Kind::Null => self.null()?,
            Kind::Bool => {
                self.bool()?;
            }
            Kind::Number => self.number()?,
            Kind::String => {
                self.string()?;
            }
            kind @ (Kind::Array | Kind::Object) => {
                self.enter()?;
                open.push(kind == Kind::Object);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The error for the character at the current position, or for the text ending here.
    #[cold]
    fn unexpected(&self, place: &str) -> JsonError {
        match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            None => JsonError("unexpected EOF".to_owned()),
            Some(found) => JsonError(format!(
                "invalid character {} {place}",
                text::quote_char(found)
            )),
        }
    }
}

#[cfg(test)]
mod tests;
