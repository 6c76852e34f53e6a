//! Go's template language, as Alertmanager configurations use it.
//!
//! This crate reads template text into a tree ([`ast`]) and reports mistakes with their place, as
//! Go's `text/template/parse` does. It is pure: no files, no clock, no network. Everything is
//! bounded ([`Limits`]): no input can make it panic, overflow the stack or run for long.
//!
//! ```
//! let templates = gotmpl::parse(
//!     "title",
//!     "{{ define \"greet\" }}hello {{ . }}{{ end }}{{ template \"greet\" .Status | toUpper }}",
//!     &gotmpl::functions::ALERTMANAGER,
//!     &gotmpl::Limits::default(),
//! )?;
//! assert_eq!(templates.defined_names().collect::<Vec<_>>(), ["greet", "title"]);
//! # Ok::<(), gotmpl::ParseError>(())
//! ```

pub mod ast;
pub mod data;
mod error;
mod exec;
pub mod fmt;
pub mod functions;
pub mod html;
mod lexer;
mod limits;
pub mod markup;
mod number;
mod parser;
mod print;
mod quote;
mod templates;
pub mod time;
pub mod value;

#[cfg(test)]
mod tests;

pub use error::ParseError;
pub use exec::{ExecError, Location};
pub use functions::Functions;
pub use limits::Limits;
pub use templates::{Templates, parse};
pub use value::Value;

/// Says whether a text contains an action at all; a text without one renders to itself.
#[must_use]
pub fn has_action(text: &str) -> bool {
    text.contains("{{")
}
