//! What can be wrong with a body, in the words and codes of Alertmanager's framework.

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// There is no body, or a field that must be there is not (code 602).
    #[error("{0} in body is required")]
    Required(String),
    /// The body is not JSON of the right shape (code 400).
    #[error("parsing {param} body from \"\" failed, because {reason}")]
    Parse {
        /// The name the framework has for the body.
        param: &'static str,
        /// The parser's text.
        reason: String,
    },
    /// A field does not have its format (code 601).
    #[error(
        "{field} in body must be of type {format}: {}",
        domain::quote::quote(value)
    )]
    Format {
        /// Where.
        field: String,
        /// What it should be.
        format: &'static str,
        /// What it is.
        value: String,
    },
    /// A list has too few items (code 612).
    #[error("{0} in body should have at least 1 items")]
    TooFew(&'static str),
    /// An element is `null`, which stops Alertmanager in its tracks; here it is an error like others.
    #[error("parsing {0} body from \"\" failed, because an element is null")]
    Null(&'static str),
    /// More elements than one request may bring.
    #[error("too many alerts in one request: at most {0} are accepted, send several requests")]
    TooMany(usize),
}

impl BodyError {
    /// The framework's code, which is also the HTTP status when it is one.
    pub fn code(&self) -> u16 {
        match self {
            Self::Required(_) => 602,
            Self::Parse { .. } | Self::Null(_) => 400,
            Self::Format { .. } => 601,
            Self::TooFew(_) => 612,
            Self::TooMany(_) => 413,
        }
    }
}
