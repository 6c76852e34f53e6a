//! The file of `--web.config.file`: read at the start, and watched for new users and certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::auth::{Access, Gate};
use api::server::tls::Tls;
use config::web::{Pem, WebConfig};
use runtime::tasks::{Stop, TaskGroup};

/// How often the file and the certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The file, read.
#[derive(Default)]
pub(crate) struct WebFile {
    path: Option<PathBuf>,
    /// What it says.
    pub(crate) config: WebConfig,
    /// TLS, if it asks for it.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// The file as it was last taken over.
struct Known {
    config: WebConfig,
    /// Texts of the files it names; empty for those that cannot be read.
    files: Vec<Vec<u8>>,
}

impl WebFile {
    /// Reads the file and the certificates it names.
    ///
    /// # Errors
    /// What is wrong, where, and what to do about it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let config = read(path)?;
        let tls = config
            .tls
            .clone()
            .map(|tls| Tls::new(tls, config.http2))
            .transpose();
        let tls = tls.map_err(|error| error.to_string())?;
        Ok(Self {
            path: Some(path.to_path_buf()),
            config,
            tls,
        })
    }

    /// Whether it names users, so that nobody else comes in.
    pub(crate) fn has_users(&self) -> bool {
        !self.config.basic_auth_users.is_empty()
    }

    /// What it says about requests.
    ///
    /// # Errors
    /// A hash or a header that is none.
    pub(crate) fn gate(&self) -> Result<Gate, String> {
        Gate::new(&self.config).map_err(|error| error.to_string())
    }

    /// Takes over a changed file and changed certificates while the server runs; what is wrong leaves those in force.
    pub(crate) fn watch(&self, tasks: &TaskGroup, access: &Arc<Access>) {
        let Some(path) = self.path.clone() else {
            return;
        };
        let (tls, access) = (self.tls.clone(), Arc::clone(access));
        let mut known = Known {
            files: files(&self.config),
            config: self.config.clone(),
        };
        tasks.spawn("watch web config", move |stop: Stop| async move {
            let mut complaint = None;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stop.stopped() => return,
                }
                let outcome = look(&path, &mut known, tls.as_deref(), &access);
                // Said once, not every few seconds.
                if let Err(error) = &outcome
                    && complaint.as_ref() != Some(error)
                {
                    tracing::error!(
                        err = error,
                        "--web.config.file is wrong; what was in force stays"
                    );
                }
                complaint = outcome.err();
            }
        });
    }
}

fn look(path: &Path, known: &mut Known, tls: Option<&Tls>, access: &Access) -> Result<(), String> {
    let config = read(path)?;
    let files = files(&config);
    if config == known.config && files == known.files {
        return Ok(());
    }
    if let (Some(tls), Some(settings)) = (tls, &config.tls) {
        tls.reload(Some(settings.clone()))
            .map_err(|error| error.to_string())?;
    }
    access.set_gate(Gate::new(&config).map_err(|error| error.to_string())?);
    if config.tls.is_some() != known.config.tls.is_some() {
        tracing::warn!("Switching TLS on or off in --web.config.file needs a restart");
    }
    tracing::info!("Took over the changed --web.config.file");
    *known = Known { config, files };
    Ok(())
}

fn read(path: &Path) -> Result<WebConfig, String> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    config::web::load(&text, &shown, path.parent()).map_err(|error| error.to_string())
}

/// Texts of the files TLS names, to see when they change.
fn files(config: &WebConfig) -> Vec<Vec<u8>> {
    let pems = config
        .tls
        .iter()
        .flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
    let paths = pems.flatten().filter_map(|pem| match pem {
        Pem::File(path) => Some(path),
        Pem::Text(_) => None,
    });
    paths
        .map(|path| std::fs::read(path).unwrap_or_default())
        .collect()
}
