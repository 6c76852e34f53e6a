//! The UTF-8 notation: any label name, quoted where needed; values without reserved characters or quoted.

use super::bytes::to_text;
use super::lexer::{LexError, Lexer, Token, TokenKind};
use super::unquote::unquote;
use super::{MatchOp, Matcher, MatcherError};

/// Reads a list of matchers.
pub(super) fn parse_list(input: &[u8]) -> Result<Vec<Matcher>, MatcherError> {
    Parser {
        lexer: Lexer::new(input),
        open_brace: false,
    }
    .list()
    .map_err(|failure| match failure {
        Failure::Text(text) => MatcherError::Syntax(text),
        Failure::End => MatcherError::Syntax(END_OF_INPUT.to_owned()),
    })
}

/// Reads exactly one matcher.
pub(super) fn parse_one(input: &[u8]) -> Result<Matcher, MatcherError> {
    let matchers = parse_list(input)?;
    match <[Matcher; 1]>::try_from(matchers) {
        Ok([matcher]) => Ok(matcher),
        Err(none) if none.is_empty() => Err(MatcherError::Syntax("no matchers".to_owned())),
        Err(many) => {
            let text = format!("expected 1 matcher, found {}", many.len());
            Err(MatcherError::Syntax(text))
        }
    }
}

const END_OF_INPUT: &str = "end of input";
const CLOSE_BRACE: &str = "expected close brace";
const OPERATOR: &str = "expected an operator such as '=', '!=', '=~' or '!~'";

/// Why reading stopped: the input ended where more was needed, or it is wrong.
enum Failure {
    End,
    Text(String),
}

impl Failure {
    /// Says what was expected at the place of the failure.
    fn expecting(self, what: &str) -> Self {
        match self {
            Self::End => Self::Text(format!("{END_OF_INPUT}: {what}")),
            Self::Text(text) => Self::Text(format!("{text}: {what}")),
        }
    }
}

impl From<LexError> for Failure {
    fn from(error: LexError) -> Self {
        Self::Text(error.0)
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    open_brace: bool,
}

impl<'a> Parser<'a> {
    fn list(&mut self) -> Result<Vec<Matcher>, Failure> {
        let mut matchers = Vec::new();
        match self.lexer.peek()? {
            None => return Ok(matchers),
            Some(token) if token.kind == TokenKind::OpenBrace => {
                self.lexer.scan()?;
                self.open_brace = true;
            }
            Some(_) => {}
        }
        match self.lexer.peek()? {
            None => {}
            Some(token) if token.kind == TokenKind::CloseBrace => {}
            Some(_) => self.matchers(&mut matchers)?,
        }
        self.close()?;
        match self.lexer.scan().map_err(Failure::from) {
            Ok(None) => Ok(matchers),
            Ok(Some(token)) => Err(Failure::Text(format!(
                "{}: {token}: expected end of input",
                token.columns()
            ))),
            Err(failure) => Err(failure.expecting("expected end of input")),
        }
    }

    /// Reads matchers up to the closing brace or the end of the input, which stay unread.
    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), Failure> {
        loop {
            matchers.push(self.matcher()?);
            match self.peek_one_of(&[TokenKind::Comma, TokenKind::CloseBrace]) {
                Ok(TokenKind::Comma) => {}
                Ok(_) | Err(Failure::End) => return Ok(()),
                Err(failure) => return Err(failure.expecting("expected a comma or close brace")),
            }
            self.lexer.scan()?;
            let next = [
                TokenKind::CloseBrace,
                TokenKind::Unquoted,
                TokenKind::Quoted,
            ];
            match self.peek_one_of(&next) {
                Ok(TokenKind::CloseBrace) | Err(Failure::End) => return Ok(()),
                Ok(_) => {}
                Err(failure) => {
                    let what = "expected a matcher or close brace after comma";
                    return Err(failure.expecting(what));
                }
            }
        }
    }

    fn matcher(&mut self) -> Result<Matcher, Failure> {
        let text = [TokenKind::Quoted, TokenKind::Unquoted];
        let name = self
            .expect(&text)
            .map_err(|failure| failure.expecting("expected label name"))
            .and_then(|token| unquoted(&token))?;
        let op = self
            .operator()
            .map_err(|failure| failure.expecting(OPERATOR))?;
        let value = self
            .expect(&text)
            .map_err(|failure| failure.expecting("expected label value"))
            .and_then(|token| unquoted(&token))?;
        Matcher::from_bytes(op, &name, &value)
            .map_err(|error| Failure::Text(format!("failed to create matcher: {error}")))
    }

    fn operator(&mut self) -> Result<MatchOp, Failure> {
        let token = self.lexer.scan()?.ok_or(Failure::End)?;
        match token.kind {
            TokenKind::Operator(op) => Ok(op),
            _ => Err(unexpected(&token)),
        }
    }

    /// Braces come in pairs or not at all.
    fn close(&mut self) -> Result<(), Failure> {
        if self.open_brace {
            return match self.expect(&[TokenKind::CloseBrace]) {
                Ok(_) => Ok(()),
                Err(failure) => {
                    let text = match failure.expecting(CLOSE_BRACE) {
                        Failure::Text(text) => text,
                        Failure::End => END_OF_INPUT.to_owned(),
                    };
                    Err(Failure::Text(format!("0:{}: {text}", self.lexer.column())))
                }
            };
        }
        match self.lexer.scan()? {
            Some(token) if token.kind == TokenKind::CloseBrace => {
                let column = self.lexer.column();
                Err(Failure::Text(format!(
                    "0:{column}: }}: expected opening brace"
                )))
            }
            _ => Ok(()),
        }
    }

    fn expect(&mut self, kinds: &[TokenKind]) -> Result<Token<'a>, Failure> {
        let token = self.lexer.scan()?.ok_or(Failure::End)?;
        if kinds.contains(&token.kind) {
            Ok(token)
        } else {
            Err(unexpected(&token))
        }
    }

    fn peek_one_of(&self, kinds: &[TokenKind]) -> Result<TokenKind, Failure> {
        let token = self.lexer.peek()?.ok_or(Failure::End)?;
        if kinds.contains(&token.kind) {
            Ok(token.kind)
        } else {
            Err(unexpected(&token))
        }
    }
}

fn unexpected(token: &Token<'_>) -> Failure {
    Failure::Text(format!("{}: unexpected {token}", token.columns()))
}

fn unquoted(token: &Token<'_>) -> Result<Vec<u8>, Failure> {
    if token.kind != TokenKind::Quoted {
        return Ok(token.text.to_vec());
    }
    let inner = token.text.get(1..token.text.len() - 1).unwrap_or_default();
    unquote(inner).map(String::into_bytes).ok_or_else(|| {
        Failure::Text(format!(
            "{}: {}: invalid input",
            token.columns(),
            to_text(token.text)
        ))
    })
}
