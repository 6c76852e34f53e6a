//! Values that cannot call anybody, whatever a template makes of them.

use super::BREAK;

/// What begins a mention behind a `<` in some chat: Feishu's `<at id=all>` and `<person>`, WeCom's `<@all>`, Google Chat's
/// `<users/all>`.
const MENTIONS: [&[u8]; 4] = [b"at", b"@", b"users/", b"person"];

/// Whether a mention may begin with this, or this with a mention: what is written next could complete it.
fn may_begin(start: &[u8]) -> bool {
    MENTIONS.iter().any(|mention| {
        let both = mention.len().min(start.len());
        mention[..both].eq_ignore_ascii_case(&start[..both])
    })
}

/// How much of a mention stands at the end of a text, behind its `<`, if it has not been completed yet.
fn begun(before: &[u8]) -> Option<&[u8]> {
    let longest = MENTIONS.iter().map(|mention| mention.len()).max();
    let from = before.len().saturating_sub(longest.unwrap_or_default());
    let tail = before.get(from..)?;
    let at = tail.iter().rposition(|byte| *byte == b'<')?;
    let start = &tail[at + 1..];
    let is_open = |mention: &&[u8]| {
        start.len() < mention.len() && mention[..start.len()].eq_ignore_ascii_case(start)
    };
    MENTIONS.iter().any(is_open).then_some(start)
}

/// A value as it is written behind a text: an invisible space parts each `<` from what would make a mention of it, with what stands
/// before it and what may follow. A mention that the text itself begins (`<at id=`) is left to it. `None` if nothing changes.
#[must_use]
pub fn disarmed(before: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let mut part = [0; 4];
    let part = BREAK.encode_utf8(&mut part).as_bytes();
    let joins = |start: &[u8]| !value.is_empty() && may_begin(&[start, value].concat());
    let is_joined = begun(before).is_some_and(joins);
    if !is_joined && !value.contains(&b'<') {
        return None;
    }
    let mut out = Vec::with_capacity(value.len() + part.len());
    if is_joined {
        out.extend_from_slice(part);
    }
    for (at, byte) in value.iter().enumerate() {
        out.push(*byte);
        if *byte == b'<' && may_begin(&value[at + 1..]) {
            out.extend_from_slice(part);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::disarmed;

    /// A value behind a text, with `|` for the invisible space.
    fn written(before: &str, value: &str) -> String {
        let bytes = disarmed(before.as_bytes(), value.as_bytes());
        let text = bytes.map_or(value.to_owned(), |bytes| {
            String::from_utf8(bytes).expect("text stays text")
        });
        text.replace('\u{200b}', "|")
    }

    #[test]
    fn a_mention_is_broken_wherever_its_parts_come_from() {
        for (before, value, expected) in [
            ("", "a < b <b> <nil>", "a < b <b> <nil>"),
            ("", "<AT id=all><@x>", "<|AT id=all><|@x>"),
            ("", "<users/all> <persons>", "<|users/all> <|persons>"),
            // The rest may come from the next value.
            ("", "x<", "x<|"),
            ("", "x<us", "x<|us"),
            ("x<", "at id=all", "|at id=all"),
            ("x<", "user", "|user"),
            ("x<u", "sers/all", "|sers/all"),
            ("x<", "b>", "b>"),
            ("<\u{200b}", "at", "at"),
            // The template's own mention takes its id from a value.
            ("<at id=", "ou_1", "ou_1"),
            ("<at user_id=\"", "<at", "<|at"),
            ("<@", "all", "all"),
            ("<", "", ""),
        ] {
            assert_eq!(written(before, value), expected, "{before:?} {value:?}");
        }
    }
}
