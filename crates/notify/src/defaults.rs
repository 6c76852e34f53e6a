//! The texts that messages have when a configuration does not say otherwise, as template files of our own.
//!
//! They define the names that Alertmanager's do and give the same texts, so configurations that use or replace those names work
//! unchanged. Only the page `email.default.html` is of another design. Names that begin with `belfry.`, and those of
//! integrations that only we have (`feishu.default.title`), are ours.

use gotmpl::functions::ALERTMANAGER;
use gotmpl::{Limits, ParseError, Templates};

/// The template files, each with its name, in the order in which they are read: before all files of a user.
pub const FILES: [(&str, &str); 3] = [
    ("default.tmpl", include_str!("../templates/default.tmpl")),
    ("email.tmpl", include_str!("../templates/email.tmpl")),
    ("own.tmpl", include_str!("../templates/own.tmpl")),
];

/// Parses the files: what a user's files are added to, and what a message falls back to when theirs fail.
///
/// # Errors
/// None with the files as they are.
pub fn parse() -> Result<Templates, ParseError> {
    let mut templates = Templates::default();
    for (name, text) in FILES {
        templates.parse_and_add(name, text, &ALERTMANAGER, &Limits::default())?;
    }
    Ok(templates)
}

#[cfg(test)]
mod tests;
