//! The escapes of Go's `text/template` and `net/url`.

use crate::fmt::quote::is_printable;
use crate::fmt::{Buffer, Full};

/// `template.HTMLEscape`
pub(crate) fn html(out: &mut Buffer<'_>, text: &[u8]) -> Result<(), Full> {
    for byte in text {
        match byte {
            0 => out.push("\u{fffd}".as_bytes())?,
            b'"' => out.push(b"&#34;")?,
            b'\'' => out.push(b"&#39;")?,
            b'&' => out.push(b"&amp;")?,
            b'<' => out.push(b"&lt;")?,
            b'>' => out.push(b"&gt;")?,
            other => out.push(&[*other])?,
        }
    }
    Ok(())
}

/// `template.JSEscape`
pub(crate) fn js(out: &mut Buffer<'_>, text: &[u8]) -> Result<(), Full> {
    for char in crate::value::chars(text) {
        let char = match char {
            Ok(char) => char,
            Err(byte) => {
                out.push(&[byte])?;
                continue;
            }
        };
        match char {
            '\\' | '\'' | '"' => {
                out.push(b"\\")?;
                out.push_char(char)?;
            }
            '<' | '>' | '&' | '=' | '\0'..'\u{20}' => {
                out.push(format!("\\u{:04X}", u32::from(char)).as_bytes())?;
            }
            _ if char.is_ascii() || is_printable(char) => out.push_char(char)?,
            _ => out.push(format!("\\u{:04X}", u32::from(char)).as_bytes())?,
        }
    }
    Ok(())
}

/// `url.QueryEscape`
pub(crate) fn query(out: &mut Buffer<'_>, text: &[u8]) -> Result<(), Full> {
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(&[*byte])?
            }
            b' ' => out.push(b"+")?,
            other => out.push(format!("%{other:02X}").as_bytes())?,
        }
    }
    Ok(())
}

/// `url.QueryUnescape`; the error is Go's.
pub(super) fn unescape_query(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let digits = after
                    .get(..2)
                    .and_then(|pair| std::str::from_utf8(pair).ok());
                let digits =
                    digits.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let Some(byte) = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) else {
                    let shown = String::from_utf8_lossy(rest.get(..3).unwrap_or(rest));
                    return Err(format!(
                        "invalid URL escape {}",
                        crate::quote::quote(&shown)
                    ));
                };
                out.push(byte);
                after.get(2..).unwrap_or_default()
            }
            b'+' => {
                out.push(b' ');
                after
            }
            other => {
                out.push(*other);
                after
            }
        };
    }
    Ok(out)
}
