//! Text that need not be UTF-8, read the way Go reads it.

/// What Go reads an invalid byte as.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// Reads bytes as text with one U+FFFD for each invalid byte (Rust's own lossy reading joins some of them).
pub(super) fn to_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n(REPLACEMENT, chunk.invalid().len()));
    }
    out
}

/// The first character and its width; an invalid byte is U+FFFD with width 1. `None` at the end.
pub(super) fn next_char(bytes: &[u8]) -> Option<(char, usize)> {
    let head = bytes.get(..bytes.len().min(4))?;
    let chunk = head.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some(c) => Some((c, c.len_utf8())),
        None => Some((REPLACEMENT, 1)),
    }
}
