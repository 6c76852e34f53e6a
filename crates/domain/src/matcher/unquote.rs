//! Go's `strconv.Unquote` for double-quoted strings.

use super::bytes::next_char;

/// Reads what stands between the quotes; `None` when Go refuses it or the result is not UTF-8.
pub(super) fn unquote(inner: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((c, width)) = next_char(rest) {
        rest = rest.get(width..).unwrap_or_default();
        match c {
            '\n' | '"' => return None,
            '\\' => rest = unescape(rest, &mut out)?,
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8(out).ok()
}

/// Reads one escape after its backslash and answers what follows it.
fn unescape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (&kind, rest) = rest.split_first()?;
    let simple = match kind {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'"' => kind,
        b'x' => {
            let (code, rest) = number(rest, 2, 16)?;
            return push_byte(code, out, rest);
        }
        b'u' | b'U' => {
            let (code, rest) = number(rest, if kind == b'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        b'0'..=b'7' => {
            let (low, rest) = number(rest, 2, 8)?;
            return push_byte(u32::from(kind - b'0') * 64 + low, out, rest);
        }
        _ => return None,
    };
    out.push(simple);
    Some(rest)
}

fn push_byte<'a>(code: u32, out: &mut Vec<u8>, rest: &'a [u8]) -> Option<&'a [u8]> {
    out.push(u8::try_from(code).ok()?);
    Some(rest)
}

fn number(rest: &[u8], digits: usize, radix: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = rest.split_at_checked(digits)?;
    let mut value = 0_u32;
    for &digit in head {
        let digit = char::from(digit).to_digit(radix)?;
        value = value.checked_mul(radix)?.checked_add(digit)?;
    }
    Some((value, rest))
}
