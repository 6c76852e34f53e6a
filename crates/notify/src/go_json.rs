//! JSON as Go's `encoding/json` writes it, byte for byte: receivers compare and sign bodies.

/// Writes a text as Go does: `<`, `>`, `&` and the two line separators of JavaScript are escaped.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Writes an object of texts; the pairs come in the order of their names.
pub(crate) fn push_pairs<'a>(out: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push('{');
    for (index, (name, value)) in pairs.enumerate() {
        if 0 < index {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        push_text(out, value);
    }
    out.push('}');
}

/// Writes a number as Go does, or `None` where Go refuses (not a number, infinite).
pub(crate) fn push_float(out: &mut String, number: f64) -> Option<()> {
    if !number.is_finite() {
        return None;
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e')?;
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        out.push_str(&format!("{digits}e{sign}{exponent}"));
    } else {
        out.push_str(&number.to_string());
    }
    Some(())
}

#[cfg(test)]
mod tests;
