//! Templates at work: a tenant's set of them, the texts of a configuration that use it, and what a message says when one fails.
//!
//! A set and its texts are parsed once, when a configuration is loaded, and executed for every message. Execution is bounded, but it can
//! take seconds of computing when a template is at fault, so it runs aside ([`aside`]), never on a thread that serves others.
//!
//! Start reading at [`TemplateSet`], then [`Rendering`], which is what an integration uses.

pub mod dry_run;
mod facts;
mod failure;
mod rendering;
pub mod route_labels;
pub mod samples;
mod set;
mod text;

pub use facts::{quote_meta, time, value};
pub use failure::Failure;
pub use rendering::{Rendering, aside, preview};
pub use set::{Origin, TemplateSet};
pub use text::{Markup, Text};

#[cfg(test)]
mod tests;
