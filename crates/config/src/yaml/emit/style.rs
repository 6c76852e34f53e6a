//! Which notation a text is printed in.

use crate::yaml::scalar::{Meaning, is_base_60, meaning};

/// The notations of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Where a text is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A value or list element.
    Block,
    /// A key.
    Key,
    /// An element of a list on one line.
    Inline,
}

/// The notation yaml.v2 chooses.
pub(super) fn style(text: &str, place: Place) -> Style {
    let facts = Facts::of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if meaning(text) == Meaning::Text && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    let wanted = if place == Place::Key && facts.has_breaks {
        Style::Double
    } else {
        wanted
    };
    match wanted {
        Style::Plain if place == Place::Inline && !facts.inline_plain => facts.quoted(),
        Style::Plain if place != Place::Inline && !facts.block_plain => facts.quoted(),
        Style::Literal if !facts.literal || place != Place::Block => Style::Double,
        wanted => wanted,
    }
}

struct Facts {
    has_breaks: bool,
    inline_plain: bool,
    block_plain: bool,
    single: bool,
    literal: bool,
}

impl Facts {
    fn quoted(&self) -> Style {
        if self.single {
            Style::Single
        } else {
            Style::Double
        }
    }

    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let indicators = Indicators::of(text, &chars);
        let has_special = chars.iter().any(|c| !is_printable(*c));
        let has_breaks = chars.iter().any(|c| is_break(*c));
        let is_edge = |c: Option<&char>| c.is_some_and(|c| *c == ' ' || is_break(*c));
        let has_bad_edge = is_edge(chars.first()) || is_edge(chars.last());
        let ends_in_space = chars.last() == Some(&' ');
        let follows = |a: fn(char) -> bool, b: fn(char) -> bool| {
            chars
                .iter()
                .zip(chars.iter().skip(1))
                .any(|(x, y)| a(*x) && b(*y))
        };
        let is_space = |c: char| c == ' ';
        let break_space = follows(is_break, is_space);
        let space_break = follows(is_space, is_break) || has_special;
        let plain = !(has_bad_edge || break_space || space_break || has_breaks);
        Self {
            has_breaks,
            inline_plain: plain && !indicators.inline,
            block_plain: plain && !indicators.block,
            single: !break_space && !space_break,
            literal: !ends_in_space && !space_break,
        }
    }
}

struct Indicators {
    block: bool,
    inline: bool,
}

impl Indicators {
    /// The characters that would be read as YAML's own signs.
    fn of(text: &str, chars: &[char]) -> Self {
        let is_marker = text.starts_with("---") || text.starts_with("...");
        let mut found = Self {
            block: is_marker,
            inline: is_marker,
        };
        let is_blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t'));
        for (i, c) in chars.iter().enumerate() {
            let is_followed_by_blank = is_blank(chars.get(i + 1));
            if i == 0 {
                match c {
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\''
                    | '"' | '%' | '@' | '`' => {
                        found = Self {
                            block: true,
                            inline: true,
                        }
                    }
                    '?' | ':' => {
                        found.inline = true;
                        found.block |= is_followed_by_blank;
                    }
                    '-' if is_followed_by_blank => {
                        found = Self {
                            block: true,
                            inline: true,
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match c {
                ',' | '?' | '[' | ']' | '{' | '}' => found.inline = true,
                ':' => {
                    found.inline = true;
                    found.block |= is_followed_by_blank;
                }
                '#' => {
                    let before = chars.get(i - 1);
                    if before.is_some_and(|c| matches!(c, ' ' | '\t') || is_break(*c)) {
                        found = Self {
                            block: true,
                            inline: true,
                        };
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// Whether the character may stand unescaped.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// Whether the character ends a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A float as Go's `%g` with the shortest digits writes it.
pub(super) fn go_float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-.inf" } else { ".inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{value}")
}
