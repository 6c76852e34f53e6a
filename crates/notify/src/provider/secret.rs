//! Secrets that may be templates.

use std::path::PathBuf;

use config::Secret;
use outbound::Source;

use crate::template::{Markup, TemplateSet, Text};

/// A key of the configuration, which may be a template, or the file that holds it.
pub(crate) enum SecretText {
    /// The key, parsed, and as it is written.
    Inline(Text, Source),
    /// A file, read for every message.
    File(PathBuf),
}

impl SecretText {
    pub(crate) fn new(inline: &Secret, file: &str, set: &TemplateSet) -> Self {
        if inline.is_empty() {
            return Self::File(PathBuf::from(file));
        }
        let text = set.text(inline.expose(), Markup::Plain);
        Self::Inline(text, Source::inline(inline.expose()))
    }

    /// The secret as it is written.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Inline(_, source) => source.clone(),
            Self::File(path) => Source::File(path.clone()),
        }
    }
}
