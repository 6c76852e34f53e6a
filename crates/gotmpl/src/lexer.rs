//! Template text to tokens.
//!
//! The lexer is asked for one token at a time, so a mistake in the text is reported only when the
//! parser gets there: an earlier mistake of grammar wins, as in Go. It has no recursion and looks
//! at every byte a bounded number of times.

mod characters;
mod token;

use crate::quote::quote;
use characters::{code_point, is_alphanumeric, is_space};
pub(crate) use token::{Keyword, Kind, Token};

const LEFT_DELIMITER: &str = "{{";
const RIGHT_DELIMITER: &str = "}}";
const COMMENT_START: &str = "/*";
const COMMENT_END: &str = "*/";
/// A minus and the white space that makes it a trim marker.
const TRIM_MARKER_LENGTH: usize = 2;

/// Where in the text the lexer stands.
#[derive(Debug, Clone, Copy)]
enum State {
    Text,
    LeftDelimiter,
    Action,
    RightDelimiter,
}

/// Cuts one source into tokens.
#[derive(Debug)]
pub(crate) struct Lexer<'s> {
    source: &'s str,
    /// Where the current token starts.
    start: usize,
    /// The next byte to read; always a character boundary.
    position: usize,
    state: State,
    /// Open parentheses in the current action.
    paren_depth: usize,
    error: Option<String>,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self {
            source,
            start: 0,
            position: 0,
            state: State::Text,
            paren_depth: 0,
            error: None,
        }
    }

    /// What is wrong, once a token of kind [`Kind::Error`] was given.
    pub(crate) fn error(&self) -> &str {
        self.error.as_deref().unwrap_or("unexpected end")
    }

    /// Gives the next token; after an error or the end, the same one again.
    pub(crate) fn next_token(&mut self) -> Token {
        if self.error.is_some() {
            return self.token(Kind::Error);
        }
        loop {
            let step = match self.state {
                State::Text => self.text(),
                State::LeftDelimiter => self.left_delimiter(),
                State::Action => Some(self.inside_action()),
                State::RightDelimiter => Some(self.right_delimiter()),
            };
            if let Some(token) = step {
                return token;
            }
        }
    }

    fn rest(&self) -> &'s str {
        &self.source[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.position += char.len_utf8();
        Some(char)
    }

    fn accept(&mut self, set: &str) -> bool {
        let accepted = self.peek().is_some_and(|char| set.contains(char));
        if accepted {
            self.advance();
        }
        accepted
    }

    fn accept_run(&mut self, set: &str) {
        while self.accept(set) {}
    }

    fn token(&self, kind: Kind) -> Token {
        Token {
            kind,
            start: self.start,
            end: self.position,
        }
    }

    /// Ends the current token here.
    fn emit(&mut self, kind: Kind) -> Token {
        let token = self.token(kind);
        self.start = self.position;
        token
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.error = Some(message.into());
        self.token(Kind::Error)
    }

    /// Text up to the next action, without the white space a `{{- ` trims.
    fn text(&mut self) -> Option<Token> {
        let rest = self.rest();
        let Some(length) = rest.find(LEFT_DELIMITER) else {
            self.position = self.source.len();
            let is_end = self.start == self.position;
            return Some(self.emit(if is_end { Kind::Eof } else { Kind::Text }));
        };
        self.state = State::LeftDelimiter;
        let text = &rest[..length];
        let after = &rest[length + LEFT_DELIMITER.len()..];
        let kept = if starts_with_trim_marker(after) {
            trim_end(text)
        } else {
            text
        };
        self.position += kept.len();
        let token = (!kept.is_empty()).then(|| self.emit(Kind::Text));
        self.position += text.len() - kept.len();
        self.start = self.position;
        token
    }

    /// `{{`, or a whole comment, which gives no token.
    fn left_delimiter(&mut self) -> Option<Token> {
        self.position += LEFT_DELIMITER.len();
        let marker = if starts_with_trim_marker(self.rest()) {
            TRIM_MARKER_LENGTH
        } else {
            0
        };
        if self.rest()[marker..].starts_with(COMMENT_START) {
            self.start = self.position + marker;
            self.position = self.start + COMMENT_START.len();
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelimiter);
        self.position += marker;
        self.start = self.position;
        self.paren_depth = 0;
        self.state = State::Action;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        let Some(length) = self.rest().find(COMMENT_END) else {
            return Some(self.fail("unclosed comment"));
        };
        self.position += length + COMMENT_END.len();
        let Some(right) = RightDelimiter::at(self.rest()) else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.pass(right);
        self.state = State::Text;
        None
    }

    /// Steps over a closing delimiter, and over the white space after it that it trims.
    fn pass(&mut self, right: RightDelimiter) {
        self.position += right.length();
        if right == RightDelimiter::Trimming {
            self.position = self.source.len() - trim_start(self.rest()).len();
        }
        self.start = self.position;
    }

    fn right_delimiter(&mut self) -> Token {
        let Some(right) = RightDelimiter::at(self.rest()) else {
            return self.fail("unclosed action");
        };
        let end = self.position + right.length();
        let token = Token {
            kind: Kind::RightDelimiter,
            start: end - RIGHT_DELIMITER.len(),
            end,
        };
        self.pass(right);
        self.state = State::Text;
        token
    }

    fn inside_action(&mut self) -> Token {
        if RightDelimiter::at(self.rest()).is_some() {
            if self.paren_depth > 0 {
                return self.fail("unclosed left paren");
            }
            return self.right_delimiter();
        }
        let Some(char) = self.advance() else {
            return self.fail("unclosed action");
        };
        match char {
            _ if is_space(char) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' if self.accept("=") => self.emit(Kind::Declare),
            ':' => self.fail("expected :="),
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_none_or(|next| next.is_ascii_digit()) => {
                self.name(Kind::Field, Kind::Keyword(Keyword::Dot))
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_alphanumeric(char) => self.identifier(),
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.paren_depth == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.paren_depth -= 1;
                self.emit(Kind::RightParen)
            }
            ' '..='~' => self.emit(Kind::Char),
            _ => self.fail(format!(
                "unrecognized character in action: {}",
                code_point(Some(char))
            )),
        }
    }

    /// White space, whose last character may belong to a trimming closing delimiter.
    fn space(&mut self) -> Token {
        while self.peek().is_some_and(is_space) {
            self.advance();
        }
        // All white space is one byte wide, and at least one was read.
        let last = self.position - 1;
        if RightDelimiter::at(&self.source[last..]) == Some(RightDelimiter::Trimming) {
            self.position = last;
            if self.start == last {
                return self.right_delimiter();
            }
            self.state = State::RightDelimiter;
        }
        self.emit(Kind::Space)
    }

    fn quoted(&mut self, mark: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.advance() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.advance();
                }
                None | Some('\\' | '\n') => return self.fail(unterminated),
                Some(char) if char == mark => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Token {
        match self.rest().find('`') {
            Some(length) => {
                self.position += length + 1;
                self.emit(Kind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    /// `.name` or `$name`, whose first character is read; `bare` is that character alone.
    fn name(&mut self, kind: Kind, bare: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(bare);
        }
        self.accept_alphanumerics();
        if self.at_terminator() {
            self.emit(kind)
        } else {
            self.bad_character()
        }
    }

    fn identifier(&mut self) -> Token {
        self.accept_alphanumerics();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = &self.source[self.start..self.position];
        let kind = match Keyword::from_word(word) {
            Some(keyword) => Kind::Keyword(keyword),
            None if word == "true" || word == "false" => Kind::Bool,
            None => Kind::Identifier,
        };
        self.emit(kind)
    }

    fn accept_alphanumerics(&mut self) {
        while self.peek().is_some_and(is_alphanumeric) {
            self.advance();
        }
    }

    fn bad_character(&mut self) -> Token {
        let found = code_point(self.peek());
        self.fail(format!("bad character {found}"))
    }

    /// Says whether a word may end here.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(char) => is_space(char) || self.rest().starts_with(RIGHT_DELIMITER),
        }
    }

    /// A number; whether its digits make sense is for the parser to find out.
    fn number(&mut self) -> Token {
        self.position = self.start;
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            let is_complex = self.scan_number() && self.source[..self.position].ends_with('i');
            return if is_complex {
                self.emit(Kind::Complex)
            } else {
                self.bad_number()
            };
        }
        self.emit(Kind::Number)
    }

    fn bad_number(&mut self) -> Token {
        let text = quote(&self.source[self.start..self.position]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        self.accept("+-");
        let mut digits = DECIMAL;
        let mut exponent = "eE";
        if self.accept("0") {
            if self.accept("xX") {
                (digits, exponent) = ("0123456789abcdefABCDEF_", "pP");
            } else if self.accept("oO") {
                (digits, exponent) = ("01234567_", "");
            } else if self.accept("bB") {
                (digits, exponent) = ("01_", "");
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        let runs_on = self.peek().is_some_and(is_alphanumeric);
        if runs_on {
            self.advance(); // So that the message shows it.
        }
        !runs_on
    }
}

/// The two closing delimiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RightDelimiter {
    /// `}}`
    Plain,
    /// ` -}}`, which also removes the white space after it.
    Trimming,
}

impl RightDelimiter {
    /// Finds a closing delimiter at the start of a text.
    fn at(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        if text.starts_with(RIGHT_DELIMITER) {
            Some(Self::Plain)
        } else if chars.next().is_some_and(is_space)
            && chars.next() == Some('-')
            && chars.as_str().starts_with(RIGHT_DELIMITER)
        {
            Some(Self::Trimming)
        } else {
            None
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Plain => RIGHT_DELIMITER.len(),
            Self::Trimming => TRIM_MARKER_LENGTH + RIGHT_DELIMITER.len(),
        }
    }
}

fn starts_with_trim_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(is_space))
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}
