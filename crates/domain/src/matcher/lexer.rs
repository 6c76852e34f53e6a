//! Tokens of the UTF-8 notation, with their columns for error texts.

use std::fmt;

use super::MatchOp;
use super::bytes::{next_char, to_text};

/// Whether a character ends an unquoted text; a name with one is printed quoted.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '{' | '}' | '!' | '=' | '~' | ',' | '\\' | '"' | '\'' | '`'
        )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    OpenBrace,
    CloseBrace,
    Comma,
    Operator(MatchOp),
    Quoted,
    Unquoted,
}

/// A piece of the input; displayed as it stands there.
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a [u8],
    columns: (usize, usize),
}

impl Token<'_> {
    /// `start:end` in characters.
    pub(super) fn columns(&self) -> String {
        format!("{}:{}", self.columns.0, self.columns.1)
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_text(self.text))
    }
}

/// Why no token could be read.
pub(super) struct LexError(pub(super) String);

/// The reading position; copying it is how one looks ahead.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    input: &'a [u8],
    start: usize,
    start_column: usize,
    at: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            start: 0,
            start_column: 0,
            at: 0,
            column: 0,
        }
    }

    /// How many characters were read.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// The next token without reading it.
    pub(super) fn peek(&self) -> Result<Option<Token<'a>>, LexError> {
        let mut ahead = *self;
        ahead.scan()
    }

    /// Reads the next token; `None` at the end of the input.
    pub(super) fn scan(&mut self) -> Result<Option<Token<'a>>, LexError> {
        while self.peek_char().is_some_and(char::is_whitespace) {
            self.advance();
            self.start = self.at;
            self.start_column = self.column;
        }
        let Some(first) = self.advance() else {
            return Ok(None);
        };
        let kind = match first {
            '{' => TokenKind::OpenBrace,
            '}' => TokenKind::CloseBrace,
            ',' => TokenKind::Comma,
            '=' | '!' => TokenKind::Operator(self.operator(first)?),
            '"' => self.quoted()?,
            c if is_reserved(c) => {
                return Err(LexError(format!("{}: {c}: invalid input", self.columns())));
            }
            _ => {
                while self.peek_char().is_some_and(|c| !is_reserved(c)) {
                    self.advance();
                }
                TokenKind::Unquoted
            }
        };
        let columns = (self.start_column, self.column);
        let token = Token {
            kind,
            text: self.text(),
            columns,
        };
        self.start = self.at;
        self.start_column = self.column;
        Ok(Some(token))
    }

    fn operator(&mut self, first: char) -> Result<MatchOp, LexError> {
        let next = self.peek_char();
        let op = match (first, next) {
            ('=', Some('~')) => MatchOp::Regex,
            ('=', _) => return Ok(MatchOp::Equal),
            (_, Some('=')) => MatchOp::NotEqual,
            (_, Some('~')) => MatchOp::NotRegex,
            (_, None) => {
                let columns = self.columns();
                let text = format!("{columns}: unexpected end of input, expected one of '=~'");
                return Err(LexError(text));
            }
            (_, Some(_)) => {
                let text = format!("{}: !: expected one of '=~'", self.columns());
                return Err(LexError(text));
            }
        };
        self.advance();
        Ok(op)
    }

    fn quoted(&mut self) -> Result<TokenKind, LexError> {
        let mut escaped = false;
        while let Some(c) = self.advance() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Ok(TokenKind::Quoted),
                _ => {}
            }
        }
        let text = to_text(self.text());
        Err(LexError(format!(
            "{}: {text}: missing end \"",
            self.columns()
        )))
    }

    fn text(&self) -> &'a [u8] {
        self.input.get(self.start..self.at).unwrap_or_default()
    }

    fn columns(&self) -> String {
        format!("{}:{}", self.start_column, self.column)
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn peek_char(&self) -> Option<char> {
        next_char(self.rest()).map(|(c, _)| c)
    }

    fn advance(&mut self) -> Option<char> {
        let (c, width) = next_char(self.rest())?;
        self.at += width;
        self.column += 1;
        Some(c)
    }
}
