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

/// Cuts a text in markup to so many bytes, with `…` as the last line: after a whole line, so that no link or escape is cut in two.
/// Where that would lose most of it, because a line is long, after a word of that line that stands outside of links and tags.
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
    let until = |at: usize| head.get(..at).unwrap_or("").trim_end();
    let lines = head.rfind('\n').filter(|at| !until(*at).trim().is_empty());
    let mut kept = lines.map_or("", until);
    if kept.len() < head.len() / 2 {
        let begin = lines.map_or(0, |at| at + 1);
        let cut = end_of_words(head.get(begin..).unwrap_or(""));
        kept = cut.map_or(kept, |cut| until(begin + cut));
    }
    if kept.is_empty() {
        // Better a piece of it than nothing.
        kept = head.rfind(' ').map_or("", until);
    }
    if kept.is_empty() {
        kept = head;
    }
    format!("{kept}{REST}")
}

/// Marks that come in pairs: brackets of tags, and the tags our texts have.
const PAIRED: [(&str, &str); 4] = [
    ("<", ">"),
    ("<font", "</font"),
    ("<b>", "</b>"),
    ("<a ", "</a>"),
];

/// How many places are tried, from the end on, where a line has no words.
const PLACES_MAX: usize = 16;

/// Where the beginning of a line may end: behind one of its last words, or anywhere if they are long.
fn end_of_words(line: &str) -> Option<usize> {
    let words = line.rmatch_indices(' ').map(|(at, _)| at);
    let words = words.take_while(|at| line.len() / 2 < *at);
    let ends = line.char_indices().rev().map(|(at, _)| at);
    let ends = [line.len()].into_iter().chain(ends.take(PLACES_MAX));
    let mut places = words.chain(ends);
    places.find(|at| is_whole(line.get(..*at).unwrap_or("")))
}

/// Whether a text ends outside of links, tags, marks and escapes, as far as that can be told for all markups alike.
fn is_whole(text: &str) -> bool {
    // What a backslash stands before is no mark.
    let mut bare = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            bare.push(char);
        } else if chars.next().is_none() {
            return false;
        }
    }
    let count = |mark: &str| bare.matches(mark).count();
    let is_over = |mark: &str, ends: &[char]| {
        let begun = bare.rfind(mark).and_then(|at| bare.get(at..));
        begun.is_none_or(|begun| begun.contains(ends))
    };
    PAIRED
        .iter()
        .all(|(open, close)| count(open) == count(close))
        && count("[") == count("]")
        && count("**").is_multiple_of(2)
        && is_over("](", &[')'])
        && is_over("&", &[';', ' '])
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
            ("[a b](http://x)", 10, "[a b]\n…"),
            ("漢漢漢漢", 11, "漢漢\n…"),
            ("\nabcdefgh", 8, "\nabc\n…"),
            // A long line is cut after a word, unless that is within a link, a tag or an escape.
            ("a\nbc de fghi", 11, "a\nbc de\n…"),
            ("a\nbcdefghijkl", 12, "a\nbcdefg\n…"),
            ("a\nbc [d e](http://x) fg", 21, "a\nbc [d e]\n…"),
            ("a\nbcd <font x>e</font>", 18, "a\nbcd\n…"),
            ("a\nbcdefg&#60;hij", 15, "a\nbcdefg\n…"),
        ] {
            let cut = cut_lines(text, max);
            assert_eq!(cut, expected, "{text} {max}");
            assert!(cut.len() <= max);
        }
    }
}
