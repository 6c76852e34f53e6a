//! Contextual escaping: what Go's `html/template` adds to `text/template`.
//!
//! [`escape`] rewrites the templates that one template reaches, so that every value they print
//! passes the escapers of the place where it lands: text, an attribute, a URL, CSS or JavaScript.
//! The result is executed like any other set. A template called in several contexts gets a copy
//! for each; one whose contexts cannot be told is an error.
//!
//! ```
//! use gotmpl::functions::{ALERTMANAGER, Environment};
//! use gotmpl::{Limits, Value, html};
//!
//! let limits = Limits::default();
//! let templates = gotmpl::parse("", "<a title='{{ . }}'>{{ . }}</a>", &ALERTMANAGER, &limits)?;
//! let templates = html::escape(&templates, "", &html::Limits::default())?;
//! let environment = Environment::new(gotmpl::time::Time::zero());
//! let mut page = Vec::new();
//! templates.execute(
//!     "",
//!     &Value::from("it's <b>"),
//!     &ALERTMANAGER.and(html::ESCAPERS),
//!     &environment,
//!     &limits,
//!     &mut page,
//! )?;
//! assert_eq!(page, b"<a title='it&#39;s &lt;b&gt;'>it&#39;s &lt;b&gt;</a>");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts: `context` and `state` are the place in the document, `transition` what literal text
//! does to it, `text` what of that text is printed, `escape` the walk over the templates,
//! `pipeline` the rewriting of an action, `escapers` what it adds and `functions` how that is
//! called.
//!
//! Where this differs from Go, it is stricter, and only for templates that are rare: a template that
//! changes the context does so at every call and not just at the first, a slash after a brace in
//! JavaScript starts a regular expression, what part of a URL a CSS string held is forgotten at its end,
//! and of several mistakes the first one is told. Bytes that are not UTF-8 print as U+FFFD.

mod attribute;
mod context;
mod entities;
mod escape;
mod escapers;
mod fault;
mod functions;
mod limits;
mod pipeline;
mod state;
mod text;
mod transition;

#[cfg(test)]
mod tests;

pub use escape::escape;
pub use fault::{ErrorCode, EscapeError, Place};
pub use functions::ESCAPERS;
pub use limits::Limits;
