//! Number and character constants, with Go's rules for what each of them may be used as.

use crate::ast::Number;
use crate::quote::{Unit, quote, unquote_unit};

/// Reads a character constant such as `'a'` or `'\n'`.
pub(crate) fn character(text: &str) -> Result<Number, String> {
    let body = text.get(1..).unwrap_or_default();
    let (unit, tail) = unquote_unit(body, '\'').map_err(|_| "invalid syntax".to_owned())?;
    if tail != "'" {
        return Err(format!("malformed character constant: {text}"));
    }
    let value = match unit {
        Unit::Byte(byte) => u32::from(byte),
        Unit::Char(char) => u32::from(char),
    };
    Ok(Number {
        text: text.into(),
        int: Some(i64::from(value)),
        uint: Some(u64::from(value)),
        float: Some(f64::from(value)),
        complex: None,
    })
}

/// Reads a complex constant such as `1+2i`.
pub(crate) fn complex(text: &str) -> Result<Number, String> {
    let parts = split_complex(text)
        .and_then(|(real, imaginary)| Some((float(real)?, float(imaginary)?)))
        .ok_or_else(|| "expected complex number".to_owned())?;
    Ok(simplified(text, parts))
}

/// Reads any other number: an integer, a float or an imaginary.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    // Imaginary constants are complex numbers only, unless they are zero.
    if let Some(imaginary) = text.strip_suffix('i').and_then(float) {
        return Ok(simplified(text, (0.0, imaginary)));
    }
    let int = integer(text);
    let uint = match (unsigned(text), int) {
        (None, Some(0)) => Some(0), // `-0` is not unsigned to Go's reader, but zero is.
        (uint, _) => uint,
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "an integer constant used as a float rounds"
    )]
    let promoted = int.map(|int| int as f64).or(uint.map(|uint| uint as f64));
    let mut number = Number {
        text: text.into(),
        int,
        uint,
        float: promoted,
        complex: None,
    };
    if number.float.is_none() {
        let value = float(text).ok_or_else(|| format!("illegal number syntax: {}", quote(text)))?;
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            // It looks like an integer, so it is one that does not fit.
            return Err(format!("integer overflow: {}", quote(text)));
        }
        number.float = Some(value);
        number.int = whole(value);
        number.uint = whole_unsigned(value);
    }
    Ok(number)
}

/// Makes a complex number, usable as a simpler kind when it has no imaginary part.
fn simplified(text: &str, (real, imaginary): (f64, f64)) -> Number {
    let float = (imaginary == 0.0).then_some(real);
    Number {
        text: text.into(),
        int: float.and_then(whole),
        uint: float.and_then(whole_unsigned),
        float,
        complex: Some((real, imaginary)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the comparison after the way back finds out whether the cast lost anything"
)]
fn whole(value: f64) -> Option<i64> {
    // 2^63 itself saturates to i64::MAX, which rounds back to 2^63: exclude it by range.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    (fits && value as i64 as f64 == value).then_some(value as i64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "the comparison after the way back finds out whether the cast lost anything"
)]
fn whole_unsigned(value: f64) -> Option<u64> {
    let fits = (0.0..18_446_744_073_709_551_616.0).contains(&value);
    (fits && value as u64 as f64 == value).then_some(value as u64)
}

/// Splits `1+2i` before its second sign; the parts carry their own signs.
fn split_complex(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_suffix('i')?;
    let unsigned = body.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let exponent_marks: &[char] = if unsigned.starts_with("0x") {
        &['p', 'P']
    } else {
        &['e', 'E']
    };
    let signs = body.match_indices(['+', '-']).map(|(index, _)| index);
    let middle = signs
        .filter(|index| *index > 0)
        .find(|index| !body[..*index].ends_with(exponent_marks))?;
    Some(body.split_at(middle))
}

fn integer(text: &str) -> Option<i64> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = i128::from(unsigned(body)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Reads digits with a Go prefix (`0x`, `0o`, `0b`, or `0` for octal) and underscores.
fn unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    let plain: String = digits.chars().filter(|char| *char != '_').collect();
    if plain.starts_with(['+', '-']) || !underscores_separate_digits(&lower) {
        return None;
    }
    u64::from_str_radix(&plain, radix).ok()
}

/// Checks Go's rule: an underscore stands between digits, or after the prefix.
fn underscores_separate_digits(lower: &str) -> bool {
    let body = lower.trim_start_matches(['+', '-']);
    let has_prefix = ["0x", "0o", "0b"]
        .iter()
        .any(|prefix| body.starts_with(prefix));
    let is_hex = body.starts_with("0x");
    let mut previous = if has_prefix { '0' } else { '.' };
    for char in body.chars().skip(if has_prefix { 2 } else { 0 }) {
        let is_digit = char.is_ascii_digit() || (is_hex && char.is_ascii_hexdigit());
        let is_underscore = char == '_';
        if is_underscore && previous != '0' || !is_digit && !is_underscore && previous == '_' {
            return false;
        }
        previous = if is_digit {
            '0'
        } else if is_underscore {
            '_'
        } else {
            '.'
        };
    }
    previous != '_'
}

/// Reads a decimal or hexadecimal float; a value out of range is none.
fn float(text: &str) -> Option<f64> {
    rounded_float(text).filter(|value| value.is_finite())
}

/// Reads a decimal or hexadecimal float, but none of the words for a number; a value out of range is infinite.
pub(crate) fn rounded_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    if !underscores_separate_digits(&lower) {
        return None;
    }
    let plain = lower.replace('_', "");
    let (sign, body) = match plain.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if !body.starts_with(|char: char| char.is_ascii_digit() || char == '.') {
        return None; // No second sign, and none of the words Rust reads: `inf`, `nan`.
    }
    let value = match body.strip_prefix("0x") {
        Some(hex) => hex_float(hex)?,
        None => body.parse::<f64>().ok()?,
    };
    Some(sign * value)
}

/// Reads `1.8p3`, the part of a hexadecimal float after its prefix.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    // An exponent beyond this is zero or infinity whatever the mantissa of a bounded source is.
    let mut exponent = exponent.parse::<i64>().ok()?.clamp(-5_000_000, 5_000_000);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    let mut seen_point = false;
    for char in whole
        .chars()
        .chain(std::iter::once('.'))
        .chain(fraction.chars())
    {
        if char == '.' {
            seen_point = true;
            continue;
        }
        let digit = u64::from(char.to_digit(16)?);
        if value >> 59 == 0 {
            value = value << 4 | digit;
            exponent -= if seen_point { 4 } else { 0 };
        } else {
            // The mantissa is full: the digit only matters as "something follows".
            value |= u64::from(digit != 0);
            exponent += if seen_point { 0 } else { 4 };
        }
    }
    scale(value, exponent)
}

/// Computes `value * 2^exponent` in steps that neither overflow nor vanish on the way.
#[expect(
    clippy::cast_precision_loss,
    reason = "this is the one rounding of the conversion"
)]
fn scale(value: u64, mut exponent: i64) -> Option<f64> {
    let mut result = value as f64;
    while exponent > 0 && result.is_finite() && result != 0.0 {
        let step = exponent.min(512);
        result *= 2f64.powi(i32::try_from(step).ok()?);
        exponent -= step;
    }
    while exponent < 0 && result != 0.0 {
        let step = (-exponent).min(512);
        result /= 2f64.powi(i32::try_from(step).ok()?);
        exponent += step;
    }
    Some(result)
}
