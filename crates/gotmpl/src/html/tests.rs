//! Tests of contextual escaping.

mod contexts;
mod hostile;
mod properties;
mod rewriting;
mod values;

use super::{EscapeError, Limits, escape};
use crate::{Functions, Templates};

/// Parses a source and escapes the template of its own text.
fn escape_source(source: &str) -> Result<Templates, EscapeError> {
    let limits = crate::Limits::default();
    let templates = crate::parse("t", source, &Functions::BUILTINS, &limits)
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    escape(&templates, "t", &Limits::default())
}
