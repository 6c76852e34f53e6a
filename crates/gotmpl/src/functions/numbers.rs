//! Numbers for people.

use super::{CallError, Context, Function, Signature, Type};
use crate::Value;
use crate::fmt::float;
use crate::time::{SECOND, Time, Zone};
use crate::value::IntType;

const ANY: Signature = Signature::new(&[Type::Any]);

pub(super) const HUMANIZE: Function = Function {
    name: "humanize",
    signature: ANY,
    run: |cx, arguments| cx.made(humanize(number(arguments)?)),
};

pub(super) const HUMANIZE_1024: Function = Function {
    name: "humanize1024",
    signature: ANY,
    run: |cx, arguments| cx.made(humanize_1024(number(arguments)?)),
};

pub(super) const HUMANIZE_DURATION: Function = Function {
    name: "humanizeDuration",
    signature: ANY,
    run: |cx, arguments| cx.made(humanize_duration(number(arguments)?)),
};

pub(super) const HUMANIZE_PERCENTAGE: Function = Function {
    name: "humanizePercentage",
    signature: ANY,
    run: |cx, arguments| cx.made(short(number(arguments)? * 100.0) + "%"),
};

pub(super) const HUMANIZE_TIMESTAMP: Function = Function {
    name: "humanizeTimestamp",
    signature: ANY,
    run: |cx, arguments| {
        let seconds = number(arguments)?;
        if !seconds.is_finite() {
            return cx.made(short(seconds));
        }
        cx.made(timestamp(seconds)?.to_string())
    },
};

pub(super) const TO_TIME: Function = Function {
    name: "toTime",
    signature: ANY,
    run: |_, arguments| {
        let seconds = number(arguments)?;
        if !seconds.is_finite() {
            return Err("value is NaN or Inf".into());
        }
        Ok(timestamp(seconds)?.into())
    },
};

pub(super) const TO_DURATION: Function = Function {
    name: "toDuration",
    signature: ANY,
    run: |_, arguments| {
        let seconds = number(arguments)?;
        if !seconds.is_finite() {
            return Err("value is NaN or Inf".into());
        }
        Ok(Value::duration(nanoseconds(seconds)?))
    },
};

/// The number that an argument stands for.
fn number(arguments: &[Value]) -> Result<f64, CallError> {
    match arguments.first().unwrap_or(&Value::Nil) {
        Value::Float(number) => Ok(*number),
        Value::Int(nanoseconds, IntType::Duration) => Ok(*nanoseconds as f64 / SECOND as f64),
        Value::Int(number, IntType::Int | IntType::Int64) => Ok(*number as f64),
        Value::Uint(number, crate::value::UintType::Uint) => Ok(*number as f64),
        Value::String(text, crate::value::TextType::String) => parse(&text.to_str()),
        other => Err(format!("can't convert {} to float", other.type_name()).into()),
    }
}

/// Go's words for numbers; it knows no sign before NaN.
fn word(text: &str) -> Option<f64> {
    let is_one_of = |text: &str, words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    let infinities = &["inf", "infinity"];
    match text.strip_prefix(['+', '-']) {
        None if is_one_of(text, &["nan"]) => Some(f64::NAN),
        None if is_one_of(text, infinities) => Some(f64::INFINITY),
        Some(size) if is_one_of(size, infinities) && text.starts_with('-') => {
            Some(f64::NEG_INFINITY)
        }
        Some(size) if is_one_of(size, infinities) => Some(f64::INFINITY),
        _ => None,
    }
}

/// Go's `strconv.ParseFloat`.
fn parse(text: &str) -> Result<f64, CallError> {
    let failed = |reason: &str| {
        let quoted = crate::quote::quote(text);
        CallError::from(format!("strconv.ParseFloat: parsing {quoted}: {reason}"))
    };
    if let Some(number) = word(text) {
        return Ok(number);
    }
    match crate::number::rounded_float(text) {
        Some(number) if number.is_finite() => Ok(number),
        Some(_) => Err(failed("value out of range")),
        None => Err(failed("invalid syntax")),
    }
}

/// Go's `%.4g`.
fn short(number: f64) -> String {
    float::format(number, 'g', Some(4))
}

fn humanize(mut number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return short(number);
    }
    let mut prefix = "";
    if number.abs() >= 1.0 {
        for larger in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if number.abs() < 1000.0 {
                break;
            }
            prefix = larger;
            number /= 1000.0;
        }
        return short(number) + prefix;
    }
    let (number, prefix) = small(number);
    short(number) + prefix
}

/// A number below 1 with the prefix that brings it to at least 1.
fn small(mut number: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if number.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        number *= 1000.0;
    }
    (number, prefix)
}

fn humanize_1024(mut number: f64) -> String {
    if number.abs() <= 1.0 || !number.is_finite() {
        return short(number);
    }
    let mut prefix = "";
    for larger in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
        if number.abs() < 1024.0 {
            break;
        }
        prefix = larger;
        number /= 1024.0;
    }
    short(number) + prefix
}

fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return short(seconds);
    }
    if seconds == 0.0 {
        return short(seconds) + "s";
    }
    if seconds.abs() < 1.0 {
        let (number, prefix) = small(seconds);
        return format!("{}{prefix}s", short(number));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    // Saturates, where Go's conversion would give nonsense.
    let whole = size as i64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", short(size)),
        (0, 0, _) => format!("{sign}{minutes}m {}s", whole % 60),
        (0, ..) => format!("{sign}{hours}h {minutes}m {}s", whole % 60),
        _ => format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60),
    }
}

fn nanoseconds(seconds: f64) -> Result<i64, CallError> {
    let nanoseconds = seconds * 1e9;
    let limit = 2_f64.powi(63);
    if !(-limit..limit).contains(&nanoseconds) {
        let shown = float::shortest(seconds);
        return Err(format!(
            "{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )
        .into());
    }
    Ok(nanoseconds as i64)
}

/// The time so many seconds after the Unix epoch, in milliseconds as Prometheus has them.
fn timestamp(seconds: f64) -> Result<Time, CallError> {
    let milliseconds = nanoseconds(seconds)? / 1_000_000;
    Ok(Time::from_nanoseconds(
        i128::from(milliseconds) * 1_000_000,
        Zone::Utc,
    ))
}

/// Pays nothing: numbers are short.
pub(super) fn seconds_now(cx: &Context<'_>) -> f64 {
    let milliseconds = cx.environment().now.nanoseconds() / 1_000_000;
    milliseconds as f64 / 1000.0
}
