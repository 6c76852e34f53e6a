//! Classes of characters.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// Says whether a character is white space to the template language.
pub(super) fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

/// Says whether a character may stand in a word: a letter, a digit or an underscore.
pub(super) fn is_alphanumeric(char: char) -> bool {
    char == '_'
        || if char.is_ascii() {
            char.is_ascii_alphanumeric()
        } else {
            is_letter(char)
        }
}

/// The ranges of the Unicode categories "letter" and "decimal digit", in order.
///
/// Rust's own `char::is_alphanumeric` is wider: it also takes combining vowels and fractions.
static LETTERS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let class = regex_syntax::parse(r"[\p{L}\p{Nd}]").expect("a literal that is a valid class");
    match class.kind() {
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        _ => Vec::new(),
    }
});

fn is_letter(char: char) -> bool {
    let after = LETTERS.partition_point(|(start, _)| *start <= char);
    after > 0 && char <= LETTERS[after - 1].1
}

/// Names a character as Go's `%#U` does.
pub(super) fn code_point(char: Option<char>) -> String {
    match char {
        None => "end of input".to_owned(),
        Some(char) if char.is_control() => format!("U+{:04X}", u32::from(char)),
        Some(char) => format!("U+{:04X} '{char}'", u32::from(char)),
    }
}
