//! ntfy: a message published as JSON.
//!
//! Facts are of "Publishing" (docs.ntfy.sh/publish, "Publish as JSON", "Limitations").

use async_trait::async_trait;
use config::{NtfyActionKind, NtfyConfig};
use gotmpl::markup::{Dialect, http_url};
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::{Object, quoted};
use crate::own::{self, Link, Links};
use crate::provider::{Composing, Provider, Wire, cut_lines, cut_runes};
use crate::template::{Failure, Markup, TemplateSet, Text};

/// What a server takes of a message, in bytes, unless it is set up otherwise; beyond that it becomes a file.
const MESSAGE_BYTES_MAX: usize = 4096;
/// What a server reads of a request that is JSON: twice that.
const BODY_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// Longer addresses of these kinds are left out, or little would be left for the text.
const CLICK_BYTES_MAX: usize = 2048;
const ICON_BYTES_MAX: usize = 1024;
/// Not documented; a notification shows less.
const TITLE_RUNES_MAX: usize = 250;
/// What ntfy takes of buttons.
const ACTIONS_MAX: usize = 3;
const PRIORITY_DEFAULT: u8 = 3;

pub(crate) struct Ntfy {
    url: String,
    token: Option<Source>,
    topic: Text,
    title: Text,
    text: Text,
    priority: Text,
    tags: Text,
    click: Text,
    icon: Text,
    actions: Option<Vec<Action>>,
    links: Links,
    markdown: bool,
}

struct Action {
    kind: NtfyActionKind,
    label: Text,
    url: Text,
    clear: bool,
}

impl Ntfy {
    pub(crate) fn new(config: &NtfyConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let or = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let default = match config.markdown {
            true => r#"{{ template "ntfy.default.markdown" . }}"#,
            false => r#"{{ template "ntfy.default.text" . }}"#,
        };
        let actions = config.actions.as_ref().map(|actions| {
            let actions = actions.iter().map(|action| Action {
                kind: action.kind,
                label: text(&action.label),
                url: text(&action.url),
                clear: action.clear,
            });
            actions.collect()
        });
        Self {
            url: config.url.as_str().to_owned(),
            token: own::secret(&config.token, &config.token_file),
            topic: text(&config.topic),
            title: or(&config.title, r#"{{ template "ntfy.default.title" . }}"#),
            text: or(&config.text, default),
            priority: or(
                &config.priority,
                r#"{{ template "ntfy.default.priority" . }}"#,
            ),
            tags: text(&config.tags),
            click: text(&config.click),
            icon: text(&config.icon),
            actions,
            links: Links::new(set),
            markdown: config.markdown,
        }
    }

    /// The buttons: those of the settings, or a silence and the runbook.
    fn actions(&self, composing: &mut Composing<'_>) -> Vec<String> {
        let Some(actions) = &self.actions else {
            let links = self.links.of(composing);
            let links = links.iter().filter(|link| link.label != "All alerts");
            return links
                .map(|link| button(NtfyActionKind::View, link.label, &link.url, false))
                .collect();
        };
        let mut buttons = Vec::new();
        for action in actions.iter().take(ACTIONS_MAX) {
            let label = composing.extra("actions.label", &action.label);
            let url = composing.extra("actions.url", &action.url);
            // A button that leads nowhere is none.
            if let Some(url) = http_url(&url)
                && !label.is_empty()
            {
                buttons.push(button(action.kind, &label, &url, action.clear));
            }
        }
        buttons
    }
}

fn button(kind: NtfyActionKind, label: &str, url: &str, clear: bool) -> String {
    let action = match kind {
        NtfyActionKind::View => "view",
        NtfyActionKind::Http => "http",
    };
    let mut button = Object::new()
        .text("action", action)
        .text("label", label)
        .text("url", url);
    if clear {
        button = button.flag("clear", true);
    }
    button.done()
}

/// 1 to 5, or one of ntfy's words for them.
fn priority(text: &str) -> Option<u8> {
    match text.trim() {
        "1" | "min" => Some(1),
        "2" | "low" => Some(2),
        "" | "3" | "default" => Some(3),
        "4" | "high" => Some(4),
        "5" | "max" | "urgent" => Some(5),
        _ => None,
    }
}

#[async_trait]
impl Provider for Ntfy {
    type Message = String;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        // Whoever knows a topic can read it.
        let topic = self.topic.as_literal().map(Source::inline);
        topic.into_iter().chain(self.token.clone()).collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let topic = composing.needed("topic", &self.topic)?;
        composing.confide(topic.trim());
        let title = cut_runes(&own::title(composing, &self.title), TITLE_RUNES_MAX);
        let dialect = match self.markdown {
            true => Dialect::Markdown,
            false => Dialect::Plain,
        };
        let text = own::text(composing, dialect, "text", &self.text);
        let wanted = composing.text("priority", &self.priority);
        let priority = priority(&wanted).unwrap_or_else(|| {
            let failure = Failure::plain(format!("{wanted:?} is no priority of ntfy"));
            composing.rendering().note("priority", failure);
            PRIORITY_DEFAULT
        });
        let tags = composing.extra("tags", &self.tags);
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let tags: Vec<_> = tags
            .map(|tag| quoted(&Dialect::Plain.escape(tag)))
            .collect();
        // Half of what links may take.
        let tags = own::affordable(&tags, BODY_BYTES_MAX / 2, String::len);
        let click = composing.extra("click", &self.click);
        let icon = composing.extra("icon", &self.icon);
        let address = |text: &str, bytes_max| {
            let url = http_url(text).filter(|url| quoted(url).len() <= bytes_max);
            url.unwrap_or_default()
        };
        let (click, icon) = (
            address(&click, CLICK_BYTES_MAX),
            address(&icon, ICON_BYTES_MAX),
        );
        let actions = self.actions(composing);
        let actions = own::affordable(&actions, BODY_BYTES_MAX, String::len);
        let text = own::flagged(composing, dialect, text);
        let body = |text: &str, _: &[Link]| {
            let mut body = Object::new()
                .text("topic", topic.trim())
                .some_text("title", &title)
                .text("message", text)
                .number("priority", priority)
                .some_list("tags", tags)
                .some_text("click", &click)
                .some_text("icon", &icon)
                .some_list("actions", actions);
            if self.markdown {
                body = body.flag("markdown", true);
            }
            body.done()
        };
        let text = cut_lines(text.trim(), MESSAGE_BYTES_MAX);
        Ok(own::fitted(&text, &[], BODY_BYTES_MAX, body))
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let mut request = Request::post_json(&self.url, body);
        if let Some(token) = &self.token {
            let token = wire.read("token", token).await?;
            request = request.with_header("Authorization", format!("Bearer {token}"));
        }
        wire.accepted(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
