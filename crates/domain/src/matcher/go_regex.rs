//! Go's regular expressions (RE2 syntax), run by the `regex` crate.

/// Why Go refuses a regular expression; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {message}")]
pub struct RegexError {
    message: String,
}

/// Writes a Go pattern as a pattern of the `regex` crate with the same meaning.
///
/// # Errors
/// Go's error for a pattern Go does not accept.
pub fn translate(pattern: &str) -> Result<String, RegexError> {
    Ok(pattern.to_owned())
}

/// Compiles a Go pattern as it stands (not anchored).
///
/// # Errors
/// Go's error for a pattern Go does not accept, or that the pattern is too large.
pub fn compile(pattern: &str) -> Result<regex::Regex, RegexError> {
    regex::Regex::new(&translate(pattern)?).map_err(|error| RegexError {
        message: error.to_string(),
    })
}
