//! The escapers: what a value is turned into in each context.
//!
//! The modules hold pure functions on text, by language.

pub(super) mod css;
pub(super) mod html;
pub(super) mod js;
pub(super) mod url;

/// What a value becomes that is not safe in its place; Go's word, which people search for.
pub(super) const UNSAFE_VALUE: &str = "ZgotmplZ";

/// Replaces the characters for which the table has something.
fn replace(text: &str, table: impl Fn(char) -> Option<&'static str>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, char) in text.char_indices() {
        if let Some(replacement) = table(char) {
            replaced.push_str(&text[copied..at]);
            replaced.push_str(replacement);
            copied = at + char.len_utf8();
        }
    }
    replaced.push_str(&text[copied..]);
    replaced
}
