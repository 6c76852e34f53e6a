//! The two text forms of a scrape, made from what prometheus-client encodes.

use super::table::{ALL, Kind};

/// A form a scrape is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Chooses by the request's `Accept` header: OpenMetrics only for those who ask for it.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let asks = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let is_open = parts.next() == Some("application/openmetrics-text");
            is_open && parts.all(|p| p != "q=0" && !p.starts_with("version=2"))
        };
        if accept.is_some_and(|header| header.split(',').any(asks)) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The answer's `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Turns the encoder's OpenMetrics text into the asked form.
///
/// Summaries are encoded as histograms without buckets, because the encoder knows none; here they become what they
/// are. Format 0.0.4 names counters with their `_total`, writes no units and no end mark, and bounds without `.0`.
pub(super) fn finish(encoded: &str, format: Format) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut summary: Option<&'static str> = None;
    for line in encoded.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (keyword, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let text = words.next().unwrap_or("");
            let spec = ALL.iter().find(|spec| spec.registered_name() == name);
            let kind = spec.map_or(Kind::Gauge, |spec| spec.kind);
            summary = spec.filter(|_| kind == Kind::Summary).map(|spec| spec.name);
            let name = match (format, spec) {
                (Format::Prometheus, Some(spec)) => spec.name,
                _ => name,
            };
            match (keyword, format) {
                ("EOF", Format::OpenMetrics) => push_line(&mut out, line),
                ("EOF" | "UNIT", _) => {}
                ("TYPE", _) if kind == Kind::Summary => {
                    push_meta(&mut out, keyword, name, "summary")
                }
                _ => push_meta(&mut out, keyword, name, text),
            }
            continue;
        }
        let is_bucket = |name: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with("_bucket{"))
        };
        if summary.is_some_and(is_bucket) {
            continue;
        }
        match format {
            Format::OpenMetrics => push_line(&mut out, line),
            Format::Prometheus => push_sample(&mut out, line),
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn push_meta(out: &mut String, keyword: &str, name: &str, text: &str) {
    for part in ["# ", keyword, " ", name, " ", text, "\n"] {
        out.push_str(part);
    }
}

/// Writes a sample, its bucket bound as Go writes it (`le="1"`, not `le="1.0"`): recorded queries select by that text.
fn push_sample(out: &mut String, line: &str) {
    let bound = line
        .find("_bucket{")
        .and_then(|at| line[at..].find("le=\"").map(|le| at + le + 4));
    let whole = bound.and_then(|start| {
        let end = start + line[start..].find('"')?;
        let without = line[start..end].strip_suffix(".0")?;
        Some((start, start + without.len(), end))
    });
    match whole {
        Some((_, cut, end)) => {
            out.push_str(&line[..cut]);
            push_line(out, &line[end..]);
        }
        None => push_line(out, line),
    }
}
