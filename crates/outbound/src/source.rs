//! Values of the settings as they are now: what lies in a file is read at every use.

use std::path::Path;

use crate::{SendError, Source};

/// Most bytes a file with a secret may have; a token is some kilobytes at most.
const SECRET_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The value, or an empty text where none is set.
pub(crate) async fn read(source: Option<&Source>, field: &str) -> Result<String, SendError> {
    match source {
        None => Ok(String::new()),
        Some(Source::Inline(secret)) => Ok(secret.expose().to_owned()),
        Some(Source::File(path)) => read_file(path, field).await,
    }
}

/// Reads a file that holds a secret; white space around it is not part of it.
pub(crate) async fn read_file(path: &Path, field: &str) -> Result<String, SendError> {
    // The file may be right again at the next try, so this counts as "not sent", not as "invalid".
    let not_sent = |cause: String| SendError::NotSent {
        cause: format!("cannot read {field} `{}`: {cause}", path.display()),
    };
    let size = tokio::fs::metadata(path)
        .await
        .map_err(|error| not_sent(error.to_string()))?
        .len();
    if size > SECRET_FILE_BYTES_MAX {
        return Err(not_sent(format!(
            "it has {size} bytes, at most {SECRET_FILE_BYTES_MAX}"
        )));
    }
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| not_sent(error.to_string()))?;
    Ok(text.trim().to_owned())
}
