//! The message being composed: its facts, its texts, and what failed among them.

use domain::alert::Alert;

use crate::classify::rejected;
use crate::data::{Data, title};
use crate::template::{Rendering, TemplateSet, Text};
use crate::{DeliveryError, Notification};

/// A message being composed.
pub(crate) struct Composing<'a> {
    /// What is told.
    pub(crate) notification: &'a Notification,
    /// The facts that templates see.
    pub(crate) facts: &'a Data<'a>,
    rendering: Rendering<'a>,
}

impl<'a> Composing<'a> {
    pub(crate) fn new(
        set: &'a TemplateSet,
        notification: &'a Notification,
        facts: &'a Data<'a>,
    ) -> Self {
        Self {
            notification,
            facts,
            rendering: Rendering::new(set, facts, notification.at),
        }
    }

    /// The text of a field, or what stands for it when its template fails: its default, if that is missing one plain line.
    pub(crate) fn text(&mut self, field: &str, text: &Text) -> String {
        self.rendering.text(field, text)
    }

    /// The text of a field without which a message can do: empty when its template fails.
    pub(crate) fn extra(&mut self, field: &str, text: &Text) -> String {
        self.rendering.try_text(text).unwrap_or_else(|failure| {
            self.rendering.note(field, failure);
            String::new()
        })
    }

    /// The text of a field without which nobody could be told, as the room is.
    ///
    /// # Errors
    /// Its template fails.
    pub(crate) fn needed(&self, field: &str, text: &Text) -> Result<String, DeliveryError> {
        let rendered = self.rendering.try_text(text);
        rendered.map_err(|failure| rejected(format!("{field}: {failure}")))
    }

    /// The renderer itself, for structures of texts.
    pub(crate) fn rendering(&mut self) -> &mut Rendering<'a> {
        &mut self.rendering
    }

    /// Which templates failed so far and why.
    pub(crate) fn fallback(&self) -> Option<String> {
        self.rendering.fallback()
    }

    /// The text people read, with lines in plain words below it: whom it is told in place of, what goes on firing, and
    /// that a template failed; compose it last.
    pub(crate) fn flagged(&self, mut text: String) -> String {
        let failed = self
            .fallback()
            .map(|note| format!("[template error] {note}"));
        for remark in self.facts.remarks().into_iter().chain(failed) {
            text.push_str("\n\n");
            text.push_str(&remark);
        }
        text
    }

    /// Whether anything fires; the message says "resolved" otherwise.
    pub(crate) fn is_firing(&self) -> bool {
        self.facts.status() == "firing"
    }

    /// One line about the whole.
    pub(crate) fn title(&self) -> String {
        title(self.facts)
    }

    /// The alerts that fire, in order, or those that are over.
    pub(crate) fn alerts(&self, resolved: bool) -> impl Iterator<Item = &Alert> {
        let of = self.facts.alerts.iter();
        of.filter(move |a| a.is_resolved == resolved)
            .map(|a| &*a.alert)
    }
}
