//! One text of a configuration, ready to be executed.

use std::sync::Arc;

use gotmpl::functions::{ALERTMANAGER, Environment, Functions};
use gotmpl::html::ESCAPERS;
use gotmpl::{Limits, Templates, Value, html};

use super::Failure;
use super::set::{Origin, html_limits, limits};

/// The functions of a page: those of a text and what escapes its values.
const HTML: Functions = ALERTMANAGER.and(ESCAPERS);

/// What a text becomes: which of Go's two engines executes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Markup {
    /// Values stand as they are.
    #[default]
    Plain,
    /// Values are escaped for their place in a page.
    Html,
}

/// A text of a configuration, parsed; copies share it.
#[derive(Clone, Debug)]
pub struct Text(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    markup: Markup,
    limits: Limits,
    /// What is said when it fails.
    default: Option<Text>,
}

#[derive(Debug)]
enum Kind {
    /// No template: it says itself.
    Literal(Box<str>),
    /// The template of the empty name in a set that stands on the tenant's.
    Template(Templates),
    /// It cannot be executed, whatever the alerts are.
    Broken(Failure),
}

impl Text {
    pub(super) fn parse(
        source: &str,
        markup: Markup,
        templates: &Arc<Templates>,
        origin: Origin,
    ) -> Self {
        let kind = if gotmpl::has_action(source) {
            prepared(source, markup, templates, origin).map_or_else(Kind::Broken, Kind::Template)
        } else {
            Kind::Literal(source.into())
        };
        Self(Arc::new(Inner {
            kind,
            markup,
            limits: limits(origin),
            default: None,
        }))
    }

    /// A text that says itself, braces and all.
    pub fn literal(text: &str) -> Self {
        Self(Arc::new(Inner {
            kind: Kind::Literal(text.into()),
            markup: Markup::Plain,
            limits: Limits::default(),
            default: None,
        }))
    }

    pub(super) fn with_default(self, default: Self) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(Inner {
                default: Some(default),
                ..inner
            })),
            Err(shared) => Self(shared),
        }
    }

    /// What is said when it fails.
    pub fn default_text(&self) -> Option<&Self> {
        self.0.default.as_ref()
    }

    /// The text itself, if it is no template.
    pub fn as_literal(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// Executes it. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// Why it gave no text.
    pub fn execute(&self, dot: &Value, environment: &Environment<'_>) -> Result<String, Failure> {
        self.execute_within(dot, environment, &self.0.limits)
    }

    /// As [`Text::execute`] under other bounds.
    pub(super) fn execute_within(
        &self,
        dot: &Value,
        environment: &Environment<'_>,
        limits: &Limits,
    ) -> Result<String, Failure> {
        let templates = match &self.0.kind {
            Kind::Literal(text) => return Ok(text.to_string()),
            Kind::Broken(failure) => return Err(failure.clone()),
            Kind::Template(templates) => templates,
        };
        let functions = match self.0.markup {
            Markup::Plain => &ALERTMANAGER,
            Markup::Html => &HTML,
        };
        let mut output = Vec::new();
        templates.execute("", dot, functions, environment, limits, &mut output)?;
        Ok(match String::from_utf8(output) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

fn prepared(
    source: &str,
    markup: Markup,
    templates: &Arc<Templates>,
    origin: Origin,
) -> Result<Templates, Failure> {
    let mut own = Templates::on(Arc::clone(templates));
    own.parse_inline("", source, &ALERTMANAGER, &limits(origin))?;
    match markup {
        Markup::Plain => Ok(own),
        Markup::Html => Ok(html::escape(&own, "", &html_limits(origin))?),
    }
}
