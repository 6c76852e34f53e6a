//! The rendering of one message: its texts one after another, and what failed among them.

use std::cell::OnceCell;
use std::fmt::Write as _;

use domain::label::Labels;
use domain::time::Timestamp;
use gotmpl::Value;
use gotmpl::functions::{Environment, RouteLabels};
use gotmpl::markup::disarmed;

use super::facts::{external_url, time, value};
use super::{Failure, TemplateSet, Text};
use crate::data::Data;

/// Most bytes of the note that a message carries about failed templates.
const NOTE_BYTES_MAX: usize = 1000;

/// Renders the texts of one message.
#[derive(Debug)]
pub struct Rendering<'a> {
    set: &'a TemplateSet,
    facts: &'a Data<'a>,
    /// Made when the first template needs it.
    dot: OnceCell<Value>,
    at: Timestamp,
    route_labels: KnownLabels<'a>,
    failures: Vec<(String, Failure)>,
    /// Whether values are kept from calling people.
    pub(crate) calls_nobody: bool,
}

/// The labels of the route, rendered before.
#[derive(Debug)]
struct KnownLabels<'a>(&'a Labels);

impl RouteLabels for KnownLabels<'_> {
    fn label(&self, name: &str) -> Result<String, String> {
        Ok(self.0.get(name).unwrap_or_default().to_owned())
    }
}

impl<'a> Rendering<'a> {
    /// A rendering of these facts, decided at that time.
    pub fn new(set: &'a TemplateSet, facts: &'a Data<'a>, at: Timestamp) -> Self {
        Self {
            set,
            facts,
            dot: OnceCell::new(),
            at,
            route_labels: KnownLabels(facts.route_labels),
            failures: Vec::new(),
            calls_nobody: false,
        }
    }

    /// Renders a text.
    ///
    /// # Errors
    /// Why it gave none; nothing is noted.
    pub fn try_text(&self, text: &Text) -> Result<String, Failure> {
        if let Some(literal) = text.as_literal() {
            return Ok(literal.to_owned());
        }
        let dot = self.dot.get_or_init(|| value(self.facts));
        let mut environment = Environment::new(time(self.at));
        environment.local = self.set.local().clone();
        environment.external_url = self.facts.external_url;
        environment.route_labels = Some(&self.route_labels);
        environment.calls_nobody = self.calls_nobody;
        text.execute(dot, &environment)
    }

    /// Renders a text. One that fails is replaced by its default, or by one plain line when that fails or is missing, and noted under
    /// the name of its field.
    pub fn text(&mut self, field: &str, text: &Text) -> String {
        let failure = match self.try_text(text) {
            Ok(rendered) => return rendered,
            Err(failure) => failure,
        };
        self.note(field, failure);
        let default = text.default_text();
        default
            .and_then(|default| self.try_text(default).ok())
            .unwrap_or_else(|| self.harmless(crate::data::title(self.facts)))
    }

    /// What no template said, kept from calling people where values are.
    pub(crate) fn harmless(&self, text: String) -> String {
        let disarmed = self.calls_nobody.then(|| disarmed(b"", text.as_bytes()));
        let disarmed = disarmed.flatten().map(String::from_utf8);
        disarmed.and_then(Result::ok).unwrap_or(text)
    }

    /// Notes that something could not be said as the configuration wants it.
    pub fn note(&mut self, field: &str, failure: Failure) {
        self.failures.push((field.to_owned(), failure));
    }

    /// What to tell people when something failed: in the message, in the log, in Explain.
    pub fn fallback(&self) -> Option<String> {
        let mut note = String::new();
        for (field, failure) in &self.failures {
            if NOTE_BYTES_MAX < note.len() {
                note.push_str("; …");
                break;
            }
            let before = if note.is_empty() { "" } else { "; " };
            // Writing to a String cannot fail.
            let _ = write!(note, "{before}{field}: {failure}");
        }
        (!note.is_empty()).then_some(note)
    }
}

/// Renders a text outside of any message: what people try out.
///
/// # Errors
/// Why it gave no text.
pub fn preview(
    set: &TemplateSet,
    text: &Text,
    dot: &Value,
    route_labels: &Labels,
    at: Timestamp,
) -> Result<String, Failure> {
    let route_labels = KnownLabels(route_labels);
    let external_url = external_url(dot);
    let mut environment = Environment::new(time(at));
    environment.external_url = &external_url;
    environment.local = set.local().clone();
    environment.route_labels = Some(&route_labels);
    text.execute(dot, &environment)
}

/// Runs templates on a thread of their own: they may compute for seconds.
///
/// # Errors
/// The program ends, or there is a bug in a template's execution.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::plain("the execution of templates was broken off"))
}
