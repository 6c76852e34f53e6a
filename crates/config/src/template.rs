//! Checks of Go template texts that upstream makes when a configuration is loaded.

use crate::error::{ConfigError, Mark};

/// Whether a text is a template; fails when it is one that cannot be parsed.
///
/// As in Alertmanager, only Go's own functions are known here: `{{ toUpper .x }}` is refused.
pub(crate) fn is_template(text: &str) -> Result<bool, String> {
    if !gotmpl::has_action(text) {
        return Ok(false);
    }
    gotmpl::parse(
        "",
        text,
        &gotmpl::Functions::BUILTINS,
        &gotmpl::Limits::default(),
    )
    .map(|_| true)
    .map_err(|error| error.to_string())
}

/// The error for a template that cannot be parsed.
pub(crate) fn template_error(mark: Mark, message: String) -> ConfigError {
    ConfigError::at(mark, message).hint("`{{` begins a template action")
}
