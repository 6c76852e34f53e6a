//! Texts cut to what a provider takes, as Alertmanager cuts them.

/// Cuts a text to so many characters, the last of which is then `…`; two or three characters at most are cut off bare.
pub(crate) fn cut_runes(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) if max <= 3 => text.get(..end).unwrap_or("").to_owned(),
        Some(_) => {
            let mut cut: String = text.chars().take(max - 1).collect();
            cut.push('…');
            cut
        }
    }
}

/// Cuts a text to so many bytes, the last three of which are then `…`; no character is cut in two.
pub(crate) fn cut_bytes(text: &str, max: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= max {
        return text.to_owned();
    }
    if max < ELLIPSIS.len() {
        return ELLIPSIS.to_owned();
    }
    let mut end = max - ELLIPSIS.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ELLIPSIS}", text.get(..end).unwrap_or(""))
}

/// Cuts a text in markup to so many bytes: after a whole line, so that no link or escape is cut in two, with `…` as the last line. A
/// first line that is longer than that is cut after a word.
pub(crate) fn cut_lines(text: &str, max: usize) -> String {
    const REST: &str = "\n…";
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max.saturating_sub(REST.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or("");
    let whole = head
        .rfind('\n')
        .filter(|at| !head.get(..*at).unwrap_or("").trim().is_empty());
    let cut = whole.or_else(|| head.rfind(' ')).unwrap_or(0);
    let kept = match head.get(..cut).unwrap_or("").trim_end() {
        // One long word: better a piece of it than nothing.
        "" => head,
        kept => kept,
    };
    format!("{kept}{REST}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_the_rest_ends_in_an_ellipsis() {
        for (text, max, runes, bytes) in [
            ("abcd", 4, "abcd", "abcd"),
            ("abcde", 4, "abc…", "a…"),
            ("éééé", 4, "éééé", "…"),
            ("ééééé", 5, "ééééé", "é…"),
            ("漢字漢字漢", 4, "漢字漢…", "…"),
            ("", 0, "", ""),
            ("abcd", 3, "abc", "…"),
        ] {
            assert_eq!(cut_runes(text, max), runes, "{text} {max}");
            assert_eq!(cut_bytes(text, max), bytes, "{text} {max}");
        }
    }

    #[test]
    fn markup_is_cut_between_lines() {
        for (text, max, expected) in [
            ("ab\ncd", 5, "ab\ncd"),
            ("ab\ncd\nef", 7, "ab\n…"),
            ("ab\ncd\nef", 6, "ab\n…"),
            ("[a b](http://x)", 10, "[a\n…"),
            ("漢漢漢漢", 11, "漢漢\n…"),
            ("\nabcdefgh", 8, "\nabc\n…"),
        ] {
            let cut = cut_lines(text, max);
            assert_eq!(cut, expected, "{text} {max}");
            assert!(cut.len() <= max);
        }
    }
}
