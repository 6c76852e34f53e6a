//! Contextual escaping: what Go's `html/template` adds to `text/template`.
//!
//! [`escape`] rewrites the templates that one template reaches, so that every value they print
//! passes the escapers of the place where it lands: text, an attribute, a URL, CSS or JavaScript.
//! The result is executed like any other set. A template called in several contexts gets a copy
//! for each; one whose contexts cannot be told is an error.
//!
//! The parts: [`context`] and [`state`] are the place in the document, [`transition`] what literal
//! text does to it, [`text`] what of that text is printed, [`escape`](mod@escape) the walk over the
//! templates, [`pipeline`] the rewriting of an action, [`escapers`] what it adds and [`functions`]
//! how that is called.

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
