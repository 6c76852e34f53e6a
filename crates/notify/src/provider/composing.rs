//! The message being composed: its facts, its texts, and what failed among them.

use super::{SecretText, cut_runes, escape};
use crate::classify::rejected;
use crate::data::{Data, title};
use crate::payload::Payload;
use crate::secrets::read_trimmed_now;
use crate::template::{Markup, Rendering, TemplateSet, Text};
use crate::{DeliveryError, Notification};

/// A message being composed.
pub(crate) struct Composing<'a> {
    /// What is told.
    pub(crate) notification: &'a Notification,
    /// The facts that templates see.
    pub(crate) facts: &'a Data<'a>,
    set: &'a TemplateSet,
    rendering: Rendering<'a>,
    /// Secrets that templates made.
    confided: Vec<String>,
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
            set,
            rendering: Rendering::new(set, facts, notification.at),
            confided: Vec::new(),
        }
    }

    /// Has what a template made hidden as the secrets of the settings are.
    pub(crate) fn confide(&mut self, secret: &str) {
        self.confided.push(secret.to_owned());
    }

    /// What was confided so far.
    pub(crate) fn confided(&mut self) -> Vec<String> {
        std::mem::take(&mut self.confided)
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

    /// A secret, its file read anew; what goes wrong with it is told without a word of it. It is confided.
    ///
    /// # Errors
    /// Its file cannot be read, its template fails, or it is empty.
    pub(crate) fn secret(
        &mut self,
        name: &str,
        secret: &SecretText,
    ) -> Result<String, DeliveryError> {
        let read;
        let text = match secret {
            SecretText::Inline(text, _) => text,
            SecretText::File(path) => {
                let shown = path.display();
                let content = read_trimmed_now(path);
                let content =
                    content.map_err(|error| rejected(format!("{name}_file `{shown}`: {error}")))?;
                read = self.set.text(&content, Markup::Plain);
                &read
            }
        };
        let rendered = self.rendering.try_text(text).map_err(|failure| {
            let (line, column) = (failure.line, failure.column);
            rejected(format!(
                "{name}: its template fails at line {line}, column {column}"
            ))
        })?;
        if rendered.is_empty() {
            return Err(rejected(format!("{name} is empty")));
        }
        self.confide(&rendered);
        Ok(rendered)
    }

    /// A structure as JSON; nothing when a template in it fails.
    pub(crate) fn structure(&mut self, field: &str, structure: &Payload) -> Option<String> {
        match structure.write(&self.rendering) {
            Ok(json) => Some(json),
            Err(failure) => {
                self.rendering.note(field, failure);
                None
            }
        }
    }

    /// What the provider shall know this group by, from one message to the next: its key's SHA-256.
    pub(crate) fn group_hash(&self) -> String {
        domain::group::key::sha256_hex(&self.notification.group_key)
    }

    /// The renderer itself, for structures of texts.
    pub(crate) fn rendering(&mut self) -> &mut Rendering<'a> {
        &mut self.rendering
    }

    /// A text that no template said, kept from calling people where values are.
    pub(crate) fn harmless(&self, text: String) -> String {
        self.rendering.harmless(text)
    }

    /// Which templates failed so far and why.
    pub(crate) fn fallback(&self) -> Option<String> {
        self.rendering.fallback()
    }

    /// The text people read, with lines in plain words below it: whom it is told in place of, what goes on firing, and
    /// that a template failed; compose it last.
    pub(crate) fn flagged(&self, mut text: String) -> String {
        for remark in self.remarks() {
            text.push_str("\n\n");
            text.push_str(&remark);
        }
        text
    }

    /// The same in so many characters: the text is cut, and not what stands below it.
    pub(crate) fn flagged_within(&self, text: &str, runes_max: usize) -> String {
        let below = cut_runes(&self.flagged(String::new()), runes_max / 2);
        let room = runes_max - below.chars().count();
        format!("{}{below}", cut_runes(text, room))
    }

    /// The same where the text is HTML.
    pub(crate) fn flagged_html(&self, mut text: String) -> String {
        for remark in self.remarks() {
            text.push_str("\n\n");
            text.push_str(&escape::html(&remark));
        }
        text
    }

    /// What stands below the text, a line each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let failed = self.fallback();
        let failed = failed.map(|note| format!("[template error] {note}"));
        self.facts.remarks().into_iter().chain(failed).collect()
    }

    /// Whether anything fires; the message says "resolved" otherwise.
    pub(crate) fn is_firing(&self) -> bool {
        self.facts.status() == "firing"
    }

    /// One line about the whole.
    pub(crate) fn title(&self) -> String {
        self.harmless(title(self.facts))
    }
}
