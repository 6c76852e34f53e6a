//! The functions of Alertmanager's notification templates.

use super::text::first;
use super::{Function, Signature, Type, collection, markup, numbers, pattern, text, times};
use crate::Value;

pub(super) const TABLE: &[Function] = &[
    collection::APPEND,
    collection::DICT,
    collection::LIST,
    collection::STRING_SLICE,
    collection::TO_JSON,
    numbers::HUMANIZE_DURATION,
    pattern::MATCH,
    pattern::RE_REPLACE_ALL,
    text::BASE64_DECODE,
    text::BASE64_ENCODE,
    text::JOIN,
    text::SAFE_HTML,
    text::SAFE_URL,
    text::TITLE,
    text::TO_LOWER,
    text::TO_UPPER,
    text::TRIM_SPACE,
    text::URL_UNESCAPE,
    times::DATE,
    times::MUST_TO_DATE,
    times::NOW,
    times::SINCE,
    times::TO_DATE,
    times::TZ,
    ROUTE_LABELS,
    // Ours, beyond Alertmanager's.
    markup::ALERT_URL,
    markup::EXPLAIN_URL,
    markup::ESCAPE_FOR,
    markup::LINES_FOR,
    markup::LINK_FOR,
    markup::SILENCE_URL,
];

/// A label of the route, which the caller knows.
const ROUTE_LABELS: Function = Function {
    name: "routeLabels",
    signature: Signature::new(&[Type::String]),
    run: |cx, arguments| {
        let Some(labels) = cx.environment().route_labels else {
            return Ok(Value::from(""));
        };
        let label = labels.label(&first(arguments)?.to_str())?;
        cx.made(label)
    },
};
