//! A text that must not be shown.

use std::fmt::{Debug, Display, Formatter, Result};

/// A text that prints as `<secret>`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Gives the text itself; whoever calls this must not log the result.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("<secret>")
    }
}

impl Display for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("<secret>")
    }
}
