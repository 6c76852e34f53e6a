//! Where configurations come from: the text of every tenant's alertmanager.yml.

use std::path::{Path, PathBuf};

use domain::id::TenantId;
use md5::{Digest, Md5};

use crate::cli::serve::Stated;

/// Where configurations are read from, again at every reload.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One file, the default tenant's.
    File(PathBuf),
    /// What belfry.yaml and variables name.
    Serve(ServeSource),
    /// This text.
    Text(&'static str),
}

/// The settings of `belfry serve`, for the tenants they name.
#[derive(Clone, Debug)]
pub(crate) struct ServeSource {
    /// Where the settings come from.
    pub(crate) stated: Stated,
}

/// One tenant's configuration as written.
#[derive(Debug)]
pub(crate) struct TenantText {
    /// Whose.
    pub(crate) tenant: TenantId,
    /// The file; `None` for the built-in text.
    pub(crate) file: Option<PathBuf>,
    /// Its text.
    pub(crate) text: String,
    /// Whether callers nobody authenticated may act for the tenant.
    pub(crate) anonymous_api: bool,
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ReadError {
    /// The file it is about.
    pub(crate) file: String,
    /// What is wrong, with its place and a hint.
    pub(crate) message: String,
    /// The same in Alertmanager's words alone, where those exist: what `/-/reload` answers.
    pub(crate) upstream: Option<String>,
}

impl TenantText {
    /// What to call its place in the log.
    pub(crate) fn shown(&self) -> String {
        let file = self.file.as_ref();
        file.map_or_else(|| "built-in".to_owned(), |file| file.display().to_string())
    }
}

impl Source {
    /// Reads every tenant's text; the default tenant is the first.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub(crate) fn read(&self) -> Result<Vec<TenantText>, ReadError> {
        match self {
            Self::File(file) => Ok(vec![from_file(TenantId::default_tenant(), file, false)?]),
            Self::Text(text) => Ok(vec![builtin(text)]),
            Self::Serve(source) => source.read(),
        }
    }
}

impl ServeSource {
    fn read(&self) -> Result<Vec<TenantText>, ReadError> {
        let file = self
            .stated
            .file
            .as_ref()
            .map(|file| file.display().to_string())
            .unwrap_or_default();
        let (config, _) = self.stated.read().map_err(|message| ReadError {
            file,
            message,
            upstream: None,
        })?;
        let default = match &config.alertmanager_config_file {
            Some(file) => from_file(TenantId::default_tenant(), Path::new(file), false)?,
            None => builtin(config::BUILTIN),
        };
        let others = config.tenants.iter();
        let others = others.map(|(id, tenant)| {
            from_file(
                id.clone(),
                Path::new(&tenant.config_file),
                tenant.anonymous_api,
            )
        });
        std::iter::once(Ok(default)).chain(others).collect()
    }
}

fn builtin(text: &str) -> TenantText {
    TenantText {
        tenant: TenantId::default_tenant(),
        file: None,
        text: text.to_owned(),
        anonymous_api: false,
    }
}

fn from_file(tenant: TenantId, file: &Path, anonymous_api: bool) -> Result<TenantText, ReadError> {
    let shown = file.display().to_string();
    let refused = |message: String| ReadError {
        file: shown.clone(),
        message,
        upstream: None,
    };
    let bytes = std::fs::read(file)
        .map_err(|error| refused(format!("open {shown}: {}", reason(&error))))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        refused(format!(
            "{shown}: not UTF-8 from byte {} on",
            error.utf8_error().valid_up_to()
        ))
    })?;
    Ok(TenantText {
        tenant,
        file: Some(file.to_path_buf()),
        text,
        anonymous_api,
    })
}

/// Go's words for the usual reasons.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Alertmanager's number of a configuration: the first six bytes of its MD5, little-endian.
pub(crate) fn hash(text: &str) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .rev()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_six_bytes_of_md5_little_endian() {
        // MD5 of the empty text is d41d8cd98f00b204e9800998ecf8427e.
        assert_eq!(hash(""), 0x008f_d98c_1dd4);
    }

    #[test]
    fn a_missing_file_is_named_as_upstream_does() {
        let error = Source::File("/nonexistent/a.yml".into())
            .read()
            .expect_err("missing");
        assert_eq!(
            error.to_string(),
            "open /nonexistent/a.yml: no such file or directory"
        );
        assert_eq!(error.file, "/nonexistent/a.yml");
    }
}
