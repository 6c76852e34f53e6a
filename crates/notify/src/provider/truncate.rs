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
}
