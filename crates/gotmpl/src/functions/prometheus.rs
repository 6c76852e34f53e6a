//! The functions of Prometheus rule templates.

use std::net::IpAddr;

use super::text::first;
use super::{
    CallError, Context, Function, Sample, Signature, Type, collection, escape, numbers, pattern,
    text,
};
use crate::Value;
use crate::time::{SECOND, parse_duration};
use crate::value::{ElementType, Field, List, Map, Object, Shape};

const SAMPLE: Type = Type::Named("*template.sample");
const SAMPLES: Type = Type::Named("[]*template.sample");
const TEXT: Signature = Signature::new(&[Type::String]);

pub(super) const TABLE: &[Function] = &[
    collection::ARGS,
    numbers::HUMANIZE,
    numbers::HUMANIZE_1024,
    numbers::HUMANIZE_DURATION,
    numbers::HUMANIZE_PERCENTAGE,
    numbers::HUMANIZE_TIMESTAMP,
    numbers::TO_DURATION,
    numbers::TO_TIME,
    pattern::MATCH,
    pattern::RE_REPLACE_ALL,
    text::SAFE_HTML,
    text::TITLE_PLAIN,
    text::TO_LOWER,
    text::TO_UPPER,
    text::URL_QUERY_ESCAPE,
    Function {
        name: "externalURL",
        signature: Signature::new(&[]),
        run: |cx, _| Ok(Value::from(cx.environment().external_url)),
    },
    Function {
        name: "pathPrefix",
        signature: Signature::new(&[]),
        run: |cx, _| Ok(Value::from(cx.environment().path_prefix)),
    },
    Function {
        name: "first",
        signature: Signature::new(&[SAMPLES]),
        run: first_sample,
    },
    Function {
        name: "graphLink",
        signature: TEXT,
        run: |cx, arguments| link(cx, arguments, "0"),
    },
    Function {
        name: "tableLink",
        signature: TEXT,
        run: |cx, arguments| link(cx, arguments, "1"),
    },
    Function {
        name: "label",
        signature: Signature::new(&[Type::String, SAMPLE]),
        run: |_, arguments| Ok(label(arguments.get(1), first(arguments)?.as_bytes())),
    },
    Function {
        name: "strvalue",
        signature: Signature::new(&[SAMPLE]),
        run: |_, arguments| Ok(label(arguments.first(), b"__value__")),
    },
    Function {
        name: "value",
        signature: Signature::new(&[SAMPLE]),
        run: |_, arguments| Ok(field(arguments.first(), "Value").unwrap_or(Value::Float(0.0))),
    },
    Function {
        name: "now",
        signature: Signature::new(&[]),
        run: |cx, _| Ok(Value::Float(numbers::seconds_now(cx))),
    },
    Function {
        name: "parseDuration",
        signature: TEXT,
        run: seconds,
    },
    Function {
        name: "query",
        signature: TEXT,
        run: query,
    },
    Function {
        name: "sortByLabel",
        signature: Signature::new(&[Type::String, SAMPLES]),
        run: sort_by_label,
    },
    Function {
        name: "stripDomain",
        signature: TEXT,
        run: |cx, arguments| {
            let stripped = strip_domain(&first(arguments)?.to_str());
            cx.made(stripped)
        },
    },
    Function {
        name: "stripPort",
        signature: TEXT,
        run: |cx, arguments| {
            let text = first(arguments)?.to_str();
            let host = split_port(&text)
                .map_or(&*text, |(host, _)| host)
                .to_owned();
            cx.made(host)
        },
    },
];

/// One result of a query, as a template sees it.
#[derive(Debug)]
struct SampleValue {
    labels: Map,
    value: f64,
}

const SAMPLE_FIELDS: &[Field] = &[Field::new("Labels", "Labels"), Field::new("Value", "Value")];

impl Object for SampleValue {
    fn type_name(&self) -> &'static str {
        "*template.sample"
    }

    fn shape(&self) -> Shape {
        Shape::Struct(SAMPLE_FIELDS)
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Labels" => Some(self.labels.clone().into()),
            "Value" => Some(self.value.into()),
            _ => None,
        }
    }

    fn depth(&self) -> u16 {
        1
    }
}

fn query(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let expression = first(arguments)?;
    cx.step(1_000)?;
    let Some(port) = cx.environment().query else {
        return Err("queries cannot be made here".into());
    };
    let found = port.query(&expression.to_str(), &cx.environment().now)?;
    let mut samples = Vec::with_capacity(found.len());
    for Sample { labels, value } in found {
        let bytes = labels
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64);
        cx.allocate(bytes.sum())?;
        let labels = Map::of_strings(labels);
        samples.push(Value::object(SampleValue { labels, value }));
    }
    cx.list(samples, ElementType::Named("*template.sample"))
}

fn field(sample: Option<&Value>, name: &str) -> Option<Value> {
    match sample {
        Some(Value::Object(sample)) => sample.field(name),
        _ => None,
    }
}

fn label(sample: Option<&Value>, name: &[u8]) -> Value {
    let labels = field(sample, "Labels").and_then(|labels| labels.as_map());
    labels
        .and_then(|labels| labels.get(name).cloned())
        .unwrap_or_else(|| Value::from(""))
}

fn first_sample(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let list = arguments.first().and_then(Value::as_list);
    let sample = list.as_ref().and_then(|list| list.items().first());
    sample
        .cloned()
        .ok_or_else(|| "first() called on vector with no elements".into())
}

fn sort_by_label(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let name = first(arguments)?;
    let list = arguments.get(1).and_then(Value::as_list);
    let mut samples = list
        .as_ref()
        .map_or(Vec::new(), |list: &List| list.items().to_vec());
    cx.step(samples.len().saturating_mul(8))?;
    samples.sort_by_cached_key(|sample| label(Some(sample), name.as_bytes()).as_string().cloned());
    cx.list(samples, ElementType::Named("*template.sample"))
}

fn link(cx: &mut Context<'_>, arguments: &[Value], tab: &str) -> Result<Value, CallError> {
    let expression = first(arguments)?;
    cx.text(|out| {
        out.push(b"/graph?g0.expr=")?;
        escape::query(out, expression.as_bytes())?;
        out.push(b"&g0.tab=")?;
        Ok(out.push(tab.as_bytes())?)
    })
}

fn seconds(_cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let text = first(arguments)?.to_str();
    if text.is_empty() {
        return Err("empty duration string".into());
    }
    match parse_duration(&text) {
        Some(nanoseconds) => Ok(Value::Float(nanoseconds as f64 / SECOND as f64)),
        None => Err(format!(
            "not a valid duration string: {}",
            crate::quote::quote(&text)
        )
        .into()),
    }
}

/// Go's `net.SplitHostPort`.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => {
            let inner = inner.strip_suffix(']')?;
            (!inner.contains(['[', ']']) && !port.contains(['[', ']'])).then_some((inner, port))
        }
        None => (!text.contains(['[', ']']) && !host.contains(':')).then_some((host, port)),
    }
}

fn strip_domain(text: &str) -> String {
    let (host, port) = split_port(text).unwrap_or((text, ""));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or_default();
    match port {
        "" => host.to_owned(),
        port if host.contains(':') => format!("[{host}]:{port}"),
        port => format!("{host}:{port}"),
    }
}
