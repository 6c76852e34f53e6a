//! Times.

use super::{CallError, Context, Function, Signature, Type};
use crate::Value;
use crate::time::{Time, Zone, parse_time};

/// Steps to find a zone or to split a time into a date.
const TIME_STEPS: usize = 20;

pub(super) const DATE: Function = Function {
    name: "date",
    signature: Signature::new(&[Type::String, Type::Time]),
    run: |cx, arguments| match arguments {
        [Value::String(layout, _), Value::Time(time)] => {
            cx.step(TIME_STEPS)?;
            cx.allocate(layout.len())?;
            cx.made(time.format(&layout.to_str()))
        }
        _ => Ok(Value::from("")),
    },
};

pub(super) const TZ: Function = Function {
    name: "tz",
    signature: Signature::new(&[Type::String, Type::Time]),
    run: |cx, arguments| match arguments {
        [Value::String(name, _), Value::Time(time)] => {
            cx.step(TIME_STEPS)?;
            let name = name.to_str();
            let zone = match &*name {
                "Local" => Some(cx.environment().local.clone()),
                _ => Zone::find(&name),
            };
            let zone = zone.ok_or_else(|| format!("unknown time zone {name}"))?;
            Ok(time.with_zone(zone).into())
        }
        _ => Ok(Value::Nil),
    },
};

pub(super) const NOW: Function = Function {
    name: "now",
    signature: Signature::new(&[]),
    run: |cx, _| Ok(cx.environment().now.clone().into()),
};

pub(super) const SINCE: Function = Function {
    name: "since",
    signature: Signature::new(&[Type::Time]),
    run: |cx, arguments| match arguments {
        [Value::Time(time)] => Ok(Value::duration(cx.environment().now.since(time))),
        _ => Ok(Value::duration(0)),
    },
};

pub(super) const TO_DATE: Function = Function {
    name: "toDate",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| Ok(read(cx, arguments)?.unwrap_or_else(|_| Time::zero()).into()),
};

pub(super) const MUST_TO_DATE: Function = Function {
    name: "mustToDate",
    signature: Signature::new(&[Type::String, Type::String]),
    run: |cx, arguments| Ok(read(cx, arguments)??.into()),
};

/// Reads a time by its layout.
fn read(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Result<Time, String>, CallError> {
    let [Value::String(layout, _), Value::String(text, _)] = arguments else {
        return Ok(Err("a string is missing".to_owned()));
    };
    // Messages repeat both.
    cx.read((layout.len() + text.len()).saturating_mul(16))?;
    Ok(parse_time(
        &layout.to_str(),
        &text.to_str(),
        &cx.environment().local,
    ))
}
