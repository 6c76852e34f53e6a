//! What chats have in common: named texts of an attachment, and the cells of its table.

use config::SlackField;

use crate::go_json::Object;
use crate::provider::Composing;
use crate::template::{Markup, TemplateSet, Text};

/// A text of an attachment under the name of its field, which it has in the configuration as well as in the message.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    text: Text,
}

impl Part {
    /// A text without which a message can do.
    pub(crate) fn extra(name: &'static str, source: &str, set: &TemplateSet) -> Self {
        let text = set.text(source, Markup::Plain);
        Self { name, text }
    }

    /// A text people read: `default` is said when it fails.
    pub(crate) fn read(name: &'static str, source: &str, default: &str, set: &TemplateSet) -> Self {
        let text = set.text_or(source, default, Markup::Plain);
        Self { name, text }
    }

    /// Its text in a message; `before` is where the attachment stands in the configuration.
    pub(crate) fn compose(&self, composing: &mut Composing<'_>, before: &str) -> String {
        let field = format!("{before}{}", self.name);
        if self.text.default_text().is_some() {
            composing.text(&field, &self.text)
        } else {
            composing.extra(&field, &self.text)
        }
    }
}

/// A cell of the table below a message.
pub(crate) struct Cell {
    title: Text,
    value: Text,
    short: Option<bool>,
}

impl Cell {
    /// A cell; it is as short as `short` says when the configuration leaves that open.
    pub(crate) fn new(
        (title, value): (&str, &str),
        short: Option<bool>,
        set: &TemplateSet,
    ) -> Self {
        Self {
            title: set.text(title, Markup::Plain),
            value: set.text(value, Markup::Plain),
            short,
        }
    }

    /// The cells of a table; those that do not say are short if `short` says so.
    pub(crate) fn all(cells: &[SlackField], short: Option<bool>, set: &TemplateSet) -> Vec<Self> {
        let cell = |c: &SlackField| Self::new((&c.title, &c.value), c.short.or(short), set);
        cells.iter().map(cell).collect()
    }

    /// Heading, text, and whether it is short, in a message.
    pub(crate) fn compose(
        &self,
        composing: &mut Composing<'_>,
        field: &str,
    ) -> (String, String, Option<bool>) {
        let title = composing.extra(&format!("{field}.title"), &self.title);
        let value = composing.extra(&format!("{field}.value"), &self.value);
        (title, value, self.short)
    }
}

/// The table of a message as Slack and Mattermost want it.
pub(crate) fn table(composing: &mut Composing<'_>, before: &str, cells: &[Cell]) -> Vec<String> {
    let mut table = Vec::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        let field = format!("{before}fields[{index}]");
        let (title, value, short) = cell.compose(composing, &field);
        let object = Object::new().some_texts([("title", &title), ("value", &value)]);
        table.push(match short {
            Some(short) => object.flag("short", short).done(),
            None => object.done(),
        });
    }
    table
}
