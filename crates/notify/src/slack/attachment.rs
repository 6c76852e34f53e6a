//! The box that holds a message's content: Slack's legacy attachment.

use config::{SlackAction, SlackConfig, SlackConfirmation};

use crate::chat::{Cell, Part, table};
use crate::go_json::{Object, quoted};
use crate::provider::{Composing, cut_runes};
use crate::template::TemplateSet;

/// What Slack shows of a title, in characters.
const TITLE_RUNES_MAX: usize = 1024;

pub(super) struct Attachment {
    title: Part,
    title_link: Part,
    pretext: Part,
    text: Part,
    fallback: Part,
    callback_id: Part,
    cells: Vec<Cell>,
    actions: Vec<Action>,
    image_url: Part,
    thumb_url: Part,
    footer: Part,
    color: Part,
    markdown_in: Vec<String>,
}

/// A button: its texts in the order in which they are sent, and what is asked first.
struct Action {
    parts: Vec<Part>,
    confirm: Option<Vec<Part>>,
}

impl Attachment {
    pub(super) fn new(config: &SlackConfig, set: &TemplateSet) -> Self {
        let extra = |name, source| Part::extra(name, source, set);
        let read = |name: &'static str, source: &str| {
            let template = name.replace('_', "");
            let default = format!("{{{{ template \"slack.default.{template}\" . }}}}");
            Part::read(name, source, &default, set)
        };
        let markdown_in = config.mrkdwn_in.clone().unwrap_or_default();
        let actions = config.actions.iter();
        Self {
            title: read("title", &config.title),
            title_link: read("title_link", &config.title_link),
            pretext: extra("pretext", &config.pretext),
            text: read("text", &config.text),
            fallback: read("fallback", &config.fallback),
            callback_id: extra("callback_id", &config.callback_id),
            cells: Cell::all(&config.fields, Some(config.short_fields), set),
            actions: actions.map(|action| Action::new(action, set)).collect(),
            image_url: extra("image_url", &config.image_url),
            thumb_url: extra("thumb_url", &config.thumb_url),
            footer: extra("footer", &config.footer),
            color: read("color", &config.color),
            markdown_in: if markdown_in.is_empty() {
                ["fallback", "pretext", "text"].map(str::to_owned).into()
            } else {
                markdown_in
            },
        }
    }

    /// The attachment in a message; what failed anywhere is told of below its text, so compose it last.
    pub(super) fn compose(&self, composing: &mut Composing<'_>) -> String {
        let mut say = |part: &Part| part.compose(composing, "");
        let title = cut_runes(&say(&self.title), TITLE_RUNES_MAX);
        let (title_link, pretext) = (say(&self.title_link), say(&self.pretext));
        let (text, fallback) = (say(&self.text), say(&self.fallback));
        let callback_id = say(&self.callback_id);
        let (image_url, thumb_url) = (say(&self.image_url), say(&self.thumb_url));
        let (footer, color) = (say(&self.footer), say(&self.color));
        let fields = table(composing, "", &self.cells);
        let actions = self.actions.iter().enumerate();
        let actions: Vec<String> = actions
            .map(|(index, action)| action.compose(composing, index))
            .collect();
        Object::new()
            .some_texts([
                ("title", &title),
                ("title_link", &title_link),
                ("pretext", &pretext),
            ])
            .text("text", &composing.flagged(text))
            .text("fallback", &fallback)
            .text("callback_id", &callback_id)
            .some_list("fields", &fields)
            .some_list("actions", &actions)
            .some_texts([("image_url", &image_url), ("thumb_url", &thumb_url)])
            .text("footer", &footer)
            .some_text("color", &color)
            .list(
                "mrkdwn_in",
                self.markdown_in.iter().map(|name| quoted(name)),
            )
            .done()
    }
}

impl Action {
    fn new(config: &SlackAction, set: &TemplateSet) -> Self {
        let part = |name, source: &str| Part::extra(name, source, set);
        let confirm = |c: &SlackConfirmation| {
            vec![
                part("text", &c.text),
                part("title", &c.title),
                part("ok_text", &c.ok_text),
                part("dismiss_text", &c.dismiss_text),
            ]
        };
        Self {
            parts: vec![
                part("type", &config.kind),
                part("text", &config.text),
                part("url", &config.url),
                part("style", &config.style),
                part("name", &config.name),
                part("value", &config.value),
            ],
            confirm: config.confirm.as_ref().map(confirm),
        }
    }

    fn compose(&self, composing: &mut Composing<'_>, index: usize) -> String {
        let mut object = |parts: &[Part], before: &str| {
            parts.iter().fold(Object::new(), |object, part| {
                object.some_text(part.name, &part.compose(composing, before))
            })
        };
        let action = object(&self.parts, &format!("actions[{index}]."));
        let Some(confirm) = &self.confirm else {
            return action.done();
        };
        let confirm = object(confirm, &format!("actions[{index}].confirm."));
        action.json("confirm", &confirm.done()).done()
    }
}
