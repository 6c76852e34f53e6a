//! The methods of times, durations, months and weekdays.

use super::civil::Civil;
use super::{SECOND, Time, Zone};
use crate::fmt::TIME_PUSHES;
use crate::functions::{CallError, Context, Results, Signature, Type};
use crate::value::{GoString, IntType, Object, Shape, Value};

const NONE: Signature = Signature::new(&[]);
const TIME: Signature = Signature::new(&[Type::Time]);
const DURATION: Signature = Signature::new(&[Type::Duration]);
const TRIPLE: Signature = Signature {
    parameters: &[],
    rest: None,
    results: Results::Many(3),
};

/// What a method of a `time.Time` wants.
pub(crate) fn time_signature(name: &str) -> Option<Signature> {
    Some(match name {
        "Add" | "Round" | "Truncate" => DURATION,
        "AddDate" => Signature::new(&[Type::Int, Type::Int, Type::Int]),
        "After" | "Before" | "Compare" | "Equal" | "Sub" => TIME,
        "Format" => Signature::new(&[Type::String]),
        "In" => Signature::new(&[Type::Named("*time.Location")]),
        "Day" | "GoString" | "Hour" | "IsDST" | "IsZero" | "Local" | "Location" | "Minute"
        | "Month" | "Nanosecond" | "Second" | "String" | "UTC" | "Unix" | "UnixMicro"
        | "UnixMilli" | "UnixNano" | "Weekday" | "Year" | "YearDay" => NONE,
        "Clock" | "Date" => TRIPLE,
        "ISOWeek" | "Zone" => Signature {
            results: Results::Pair("int"),
            ..NONE
        },
        _ => return None,
    })
}

/// Calls a method of a `time.Time`.
pub(crate) fn call_time(
    cx: &mut Context<'_>,
    time: &Time,
    name: &str,
    arguments: &[Value],
) -> Result<Value, CallError> {
    match (name, arguments) {
        ("Format", [Value::String(layout, _)]) => {
            // A part of the layout becomes at most thirty times as long.
            cx.step(TIME_PUSHES)?;
            cx.allocate(layout.len().saturating_mul(2))?;
            cx.made(time.format(&layout.to_str()))
        }
        (_, [Value::Time(other)]) => Ok(with_time(time, name, other)),
        (_, [Value::Int(number, IntType::Duration)]) => Ok(with_duration(time, name, *number)),
        (
            "AddDate",
            [
                Value::Int(years, _),
                Value::Int(months, _),
                Value::Int(days, _),
            ],
        ) => Ok(add_date(time, *years, *months, *days).into()),
        ("In", [Value::Object(location)]) => {
            let zone = match location.text().map(|name| name.to_str().into_owned()) {
                Some(name) if name == "Local" => Some(cx.environment().local.clone()),
                Some(name) => Zone::find(&name),
                None => None,
            };
            Ok(time.with_zone(zone.unwrap_or(Zone::Utc)).into())
        }
        ("In", _) => Err("time: missing Location in call to Time.In".into()),
        ("Local", _) => Ok(time.with_zone(cx.environment().local.clone()).into()),
        _ => property(cx, time, name),
    }
}

fn with_time(time: &Time, name: &str, other: &Time) -> Value {
    let order = time.nanoseconds().cmp(&other.nanoseconds());
    match name {
        "After" => order.is_gt().into(),
        "Before" => order.is_lt().into(),
        "Equal" => order.is_eq().into(),
        "Compare" => Value::int(order as i64),
        _ => Value::duration(time.since(other)),
    }
}

fn with_duration(time: &Time, name: &str, duration: i64) -> Value {
    let step = i128::from(duration);
    if name == "Add" {
        return time.plus(duration).into();
    }
    if step <= 0 {
        return time.clone().into();
    }
    // Go counts steps from its zero time.
    let zero = Time::zero().nanoseconds();
    let since_zero = time.nanoseconds() - zero;
    let rest = since_zero.rem_euclid(step);
    let is_up = name == "Round" && rest + rest >= step;
    let rounded = since_zero - rest + if is_up { step } else { 0 };
    Time::from_nanoseconds(rounded + zero, time.zone.clone()).into()
}

fn add_date(time: &Time, years: i64, months: i64, days: i64) -> Time {
    let mut civil = time.civil();
    civil.year = civil.year.saturating_add(years);
    civil.month = civil.month.saturating_add(months);
    civil.day = civil.day.saturating_add(days);
    in_zone(civil, time.nanoseconds, &time.zone)
}

/// The instant at which a zone shows a date.
pub(super) fn in_zone(civil: Civil, nanoseconds: u32, zone: &Zone) -> Time {
    let seconds = civil.to_seconds();
    // As Go guesses: the offset that holds at the instant found with the offset of the date read as UTC.
    let first = seconds - i64::from(zone.at(seconds).offset_seconds);
    let offset = zone.at(first).offset_seconds;
    Time::new(seconds - i64::from(offset), nanoseconds, zone.clone())
}

fn property(cx: &mut Context<'_>, time: &Time, name: &str) -> Result<Value, CallError> {
    if matches!(name, "GoString" | "String") {
        cx.step(TIME_PUSHES)?;
    }
    let civil = time.civil();
    let nanoseconds = time.nanoseconds();
    let int64 = |number: i128| {
        let wrapped = u64::try_from(number & i128::from(u64::MAX)).unwrap_or(0);
        Value::Int(wrapped.cast_signed(), IntType::Int64)
    };
    Ok(match name {
        "Day" => Value::int(civil.day),
        "GoString" => cx.made(time.go_syntax())?,
        "Hour" => Value::int(civil.hour),
        "IsDST" => time.zone.at(time.seconds).is_summer_time.into(),
        "IsZero" => time.is_zero().into(),
        "Location" => Value::object(Location(time.zone.name().into())),
        "Minute" => Value::int(civil.minute),
        "Month" => Value::Int(civil.month, IntType::Month),
        "Nanosecond" => Value::int(time.nanoseconds.into()),
        "Second" => Value::int(civil.second),
        "String" => cx.made(time.to_string())?,
        "UTC" => time.with_zone(Zone::Utc).into(),
        "Unix" => int64(time.seconds.into()),
        "UnixMicro" => int64(nanoseconds.div_euclid(1_000)),
        "UnixMilli" => int64(nanoseconds.div_euclid(1_000_000)),
        "UnixNano" => int64(nanoseconds),
        "Weekday" => Value::Int(civil.weekday, IntType::Weekday),
        "Year" => Value::int(civil.year),
        "YearDay" => Value::int(civil.year_day),
        _ => return Err(format!("no method {name}").into()),
    })
}

/// What a method of a named integer type wants.
pub(crate) fn int_signature(kind: IntType, name: &str) -> Option<Signature> {
    match (kind, name) {
        (IntType::Duration | IntType::Month | IntType::Weekday, "String")
        | (
            IntType::Duration,
            "Abs" | "Hours" | "Microseconds" | "Milliseconds" | "Minutes" | "Nanoseconds"
            | "Seconds",
        ) => Some(NONE),
        (IntType::Duration, "Round" | "Truncate") => Some(DURATION),
        _ => None,
    }
}

/// Steps to write a duration.
const DURATION_STEPS: usize = 10;

/// Calls a method of a named integer type.
pub(crate) fn call_int(
    cx: &mut Context<'_>,
    receiver: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, CallError> {
    let Value::Int(number, kind) = *receiver else {
        return Err(format!("no method {name}").into());
    };
    if let [Value::Int(step, _)] = arguments {
        return Ok(Value::duration(rounded(number, name, *step)));
    }
    // Go divides whole and rest apart, which rounds differently than one division.
    let units =
        |unit: i64| Value::Float((number / unit) as f64 + (number % unit) as f64 / unit as f64);
    Ok(match name {
        "String" => {
            cx.step(DURATION_STEPS)?;
            let text = match kind {
                IntType::Month => super::month_text(number),
                IntType::Weekday => super::weekday_text(number),
                _ => super::duration_text(number),
            };
            cx.made(text)?
        }
        "Abs" => Value::duration(number.saturating_abs()),
        "Hours" => units(3600 * SECOND),
        "Minutes" => units(60 * SECOND),
        "Seconds" => units(SECOND),
        "Milliseconds" => Value::Int(number / 1_000_000, IntType::Int64),
        "Microseconds" => Value::Int(number / 1_000, IntType::Int64),
        _ => Value::Int(number, IntType::Int64),
    })
}

fn rounded(number: i64, name: &str, step: i64) -> i64 {
    if step <= 0 {
        return number;
    }
    let rest = number % step;
    let down = number - rest;
    let is_away =
        name == "Round" && rest.unsigned_abs() >= step.unsigned_abs() - rest.unsigned_abs();
    match (is_away, number < 0) {
        (false, _) => down,
        (true, false) => down.saturating_add(step),
        (true, true) => down.saturating_sub(step),
    }
}

/// A `*time.Location`; only its name shows.
#[derive(Debug)]
struct Location(Box<str>);

impl Object for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn shape(&self) -> Shape {
        Shape::Struct(&[])
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(NONE)
    }

    fn call(
        &self,
        _cx: &mut Context<'_>,
        _name: &str,
        _arguments: &[Value],
    ) -> Result<Value, CallError> {
        Ok(Value::from(&*self.0))
    }

    fn text(&self) -> Option<GoString> {
        Some((*self.0).into())
    }

    fn depth(&self) -> u16 {
        0
    }
}
