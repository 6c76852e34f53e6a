//! What our own integrations have in common: texts in a provider's markup, links, and values that cannot call anybody.

use std::path::PathBuf;
use std::sync::Arc;

use config::Secret;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::label::Labels;
use gotmpl::markup::{Dialect, http_url};
use outbound::Source;

use crate::go_json::quoted;
use crate::provider::{Composing, cut_lines};
use crate::template::{Markup, TemplateSet, Text};
use crate::{Notification, NotifiedAlert};

/// A secret of the configuration, or the file that holds it; `None` when neither is set.
pub(crate) fn secret(secret: &Secret, file: &str) -> Option<Source> {
    if !file.is_empty() {
        return Some(Source::File(PathBuf::from(file)));
    }
    (!secret.is_empty()).then(|| Source::inline(secret.expose()))
}

/// The same where one of the two is set.
pub(crate) fn needed_secret(inline: &Secret, file: &str) -> Source {
    secret(inline, file).unwrap_or_else(|| Source::inline(""))
}

/// The text of a field in a provider's markup, or what stands for it when its template fails: its default, or one plain line.
pub(crate) fn text(
    composing: &mut Composing<'_>,
    dialect: Dialect,
    field: &str,
    text: &Text,
) -> String {
    let rendering = composing.rendering();
    let failure = match rendering.try_text(text) {
        Ok(rendered) => return rendered,
        Err(failure) => failure,
    };
    rendering.note(field, failure);
    let default = text.default_text();
    default
        .and_then(|default| rendering.try_text(default).ok())
        .unwrap_or_else(|| dialect.escape(&composing.title()))
}

/// The same with remarks above it (whom it is told in place of, what goes on firing), where no cut reaches them, and a line below it
/// that says what failed, if anything did; compose it last.
pub(crate) fn flagged(composing: &Composing<'_>, dialect: Dialect, text: String) -> String {
    let remarks = composing.facts.remarks().into_iter();
    let failed = composing.fallback();
    let failed = failed.map(|note| dialect.escape(&format!("template error: {note}")));
    let lines = text.trim().lines().map(|line| line.trim_end().to_owned());
    let all = remarks
        .map(|remark| dialect.escape(&remark))
        .chain(lines)
        .chain(failed);
    all.collect::<Vec<_>>().join("\n")
}

/// Markdown in which each line stays one: the end of a single line is a space there, unless two spaces stand in front of it. An empty line
/// parts paragraphs already.
pub(crate) fn with_breaks(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    let mut out = String::with_capacity(text.len() + 2 * lines.len());
    for (index, line) in lines.iter().enumerate() {
        out.push_str(line);
        let Some(next) = lines.get(index + 1) else {
            break;
        };
        if !line.is_empty() && !next.is_empty() {
            out.push_str("  ");
        }
        out.push('\n');
    }
    out
}

/// A title: one line of plain text. An empty one is nobody's wish where a provider needs it.
pub(crate) fn title(composing: &mut Composing<'_>, title: &Text) -> String {
    let title = composing.text("title", title);
    // A group without labels leaves a gap in the default one.
    let words: Vec<&str> = title.split_whitespace().collect();
    Dialect::Plain.escape(&words.join(" "))
}

/// Texts of the links into our own pages.
pub(crate) struct Links {
    alerts: Text,
    silence: Text,
}

/// A link that an integration shows as a button.
pub(crate) struct Link {
    /// What stands on it.
    pub(crate) label: &'static str,
    /// Where it leads.
    pub(crate) url: String,
}

impl Links {
    pub(crate) fn new(set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        Self {
            alerts: text("{{ alertURL .GroupLabels }}"),
            silence: text("{{ if .Alerts.Firing }}{{ silenceURL .GroupLabels }}{{ end }}"),
        }
    }

    /// The links of a message: the group's alerts, a silence for them while they fire, and their runbook if they share one.
    pub(crate) fn of(&self, composing: &mut Composing<'_>) -> Vec<Link> {
        let alerts = composing.extra("link", &self.alerts);
        let silence = composing.extra("link", &self.silence);
        let runbook = composing.facts.common_annotations.get("runbook_url");
        let runbook = runbook.unwrap_or_default().to_owned();
        let all = [
            ("All alerts", alerts),
            ("Silence", silence),
            ("Runbook", runbook),
        ];
        let links = all.into_iter();
        links
            .filter_map(|(label, url)| http_url(&url).map(|url| Link { label, url }))
            .collect()
    }
}

/// Cuts a text in markup so that it has at most so many bytes as JSON.
pub(crate) fn cut_json(text: &str, bytes_max: usize) -> String {
    let mut max = bytes_max;
    loop {
        let cut = cut_lines(text, max);
        let bytes = quoted(&cut).len();
        if bytes <= bytes_max || max == 0 {
            return cut;
        }
        // Nearer by the share that escapes take, and at least by one.
        max = (max.saturating_mul(bytes_max) / bytes).min(max - 1);
    }
}

/// What begins a mention in some chat: Feishu's `<at id=all>` and `<person>`, WeCom's `<@all>`, Google Chat's `<users/all>`.
const MENTIONS: [&str; 4] = ["at", "@", "users/", "person"];

/// A notification whose labels and annotations cannot call anybody, whatever a template makes of them: an invisible space stands behind
/// each `<` that would begin a mention. Templates that compare such a value with another see it.
pub(crate) fn without_mentions(mut notification: Notification) -> Notification {
    notification.group_labels = labels(notification.group_labels);
    for notified in &mut notification.alerts {
        if is_harmless(&notified.alert) {
            continue;
        }
        let alert = &notified.alert;
        let pairs: Vec<_> = alert
            .annotations
            .pairs()
            .map(|(name, value)| (defused(name), defused(value)))
            .collect();
        let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        *notified = NotifiedAlert {
            alert: Arc::new(Alert {
                labels: labels(alert.labels.clone()),
                annotations: Annotations::from_pairs(pairs),
                ..(**alert).clone()
            }),
            ..*notified
        };
    }
    notification
}

fn is_harmless(alert: &Alert) -> bool {
    let pairs = alert.labels.pairs().chain(alert.annotations.pairs());
    let mut texts = pairs.flat_map(|(name, value)| [name, value]);
    !texts.any(|text| text.contains('<'))
}

fn labels(labels: Labels) -> Labels {
    let has = |(name, value): (&str, &str)| name.contains('<') || value.contains('<');
    if !labels.pairs().any(has) {
        return labels;
    }
    let pairs: Vec<_> = labels
        .pairs()
        .map(|(name, value)| (defused(name), defused(value)))
        .collect();
    Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())))
}

fn defused(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        let starts = |mention: &&str| {
            let start = after.get(..mention.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(mention))
        };
        if MENTIONS.iter().any(starts) {
            out.push('\u{200b}');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
pub(crate) mod trial;

#[cfg(test)]
mod tests;
