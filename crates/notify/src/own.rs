//! What our own integrations have in common: texts in a provider's markup, links, and bounds.

use std::path::PathBuf;

use config::Secret;
use gotmpl::markup::{Dialect, http_url};
use outbound::Source;

use crate::go_json::quoted;
use crate::provider::{Composing, cut_lines};
use crate::template::{Markup, TemplateSet, Text};

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
    let failed =
        failed.map(|note| dialect.escape(&composing.harmless(format!("template error: {note}"))));
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

/// Links may take this part of a body: one in so many bytes.
const LINKS_SHARE: usize = 3;

/// The first of some links that take no more than their share of a body, by the bytes each takes.
pub(crate) fn affordable<T>(links: &[T], bytes_max: usize, bytes: impl Fn(&T) -> usize) -> &[T] {
    let mut room = bytes_max / LINKS_SHARE;
    let fits = links.iter().take_while(|link| {
        let left = room.checked_sub(bytes(link));
        room = left.unwrap_or(0);
        left.is_some()
    });
    &links[..fits.count()]
}

/// A body of at most so many bytes: its text, which the body holds as JSON, is cut as far as that takes. Links beyond their share are
/// left out before that.
pub(crate) fn fitted(
    text: &str,
    links: &[Link],
    bytes_max: usize,
    body: impl Fn(&str, &[Link]) -> String,
) -> String {
    let links = affordable(links, bytes_max, |link| quoted(&link.url).len());
    let mut text_max = bytes_max;
    loop {
        let cut = cut_json(text, text_max);
        let made = body(&cut, links);
        let Some(over) = made.len().checked_sub(bytes_max).filter(|over| *over > 0) else {
            return made;
        };
        let shorter = quoted(&cut).len().min(text_max).saturating_sub(over);
        if text_max == 0 {
            return made;
        }
        text_max = shorter;
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

#[cfg(test)]
pub(crate) mod trial;

#[cfg(test)]
mod tests;
