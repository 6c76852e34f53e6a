//! What is built from certificates, built anew when one of their files changes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tls::Material;
use crate::{BuildError, TlsOptions};

/// Something built from TLS settings, for as long as their files say the same.
pub(crate) struct Renewed<T> {
    tls: TlsOptions,
    current: Mutex<(Material, T)>,
}

impl<T: Clone> Renewed<T> {
    /// Reads the files and builds it.
    ///
    /// # Errors
    /// A file cannot be read, or nothing can be built.
    pub(crate) fn new(
        tls: &TlsOptions,
        build: impl FnOnce(&Material) -> Result<T, BuildError>,
    ) -> Result<Self, BuildError> {
        let material = Material::read(tls)?;
        let built = build(&material)?;
        Ok(Self {
            tls: tls.clone(),
            current: Mutex::new((material, built)),
        })
    }

    /// Gives it for the files as they are now.
    pub(crate) async fn get(&self, build: impl FnOnce(&Material) -> Result<T, BuildError>) -> T {
        if !Material::has_files(&self.tls) {
            return self.locked().1.clone();
        }
        let (known, current) = self.locked().clone();
        let tls = self.tls.clone();
        let read = tokio::task::spawn_blocking(move || Material::read(&tls)).await;
        let rebuilt = match read {
            Ok(Ok(material)) if material == known => return current,
            Ok(Ok(material)) => build(&material).map(|built| (material, built)),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(BuildError::Client {
                cause: error.to_string(),
            }),
        };
        match rebuilt {
            Ok(rebuilt) => {
                let built = rebuilt.1.clone();
                *self.locked() = rebuilt;
                built
            }
            Err(error) => {
                // A half-written file must not stop notifications: the old one most likely works.
                tracing::warn!(%error, "certificate files are unusable; the last good ones stay");
                current
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, (Material, T)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> std::fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewed").finish_non_exhaustive()
    }
}
