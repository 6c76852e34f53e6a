//! What this program is called.

/// The Alertmanager version whose behaviour this is.
pub(crate) const COMPATIBLE_VERSION: &str = "0.33.1";

/// Belfry's own version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How requests to others call us.
pub(crate) const USER_AGENT: &str = concat!("Belfry/", env!("CARGO_PKG_VERSION"));

/// What `belfry --version` prints.
pub(crate) fn version() -> String {
    format!(
        "belfry, version {VERSION} (compatible with Alertmanager {COMPATIBLE_VERSION})\n  platform:         {}\n",
        platform()
    )
}

/// What `alertmanager --version` prints: scripts read the first line.
pub(crate) fn alertmanager_version() -> String {
    format!(
        "alertmanager, version {COMPATIBLE_VERSION} (branch: belfry, revision: {VERSION})\n  \
         build user:       belfry\n  build date:       \n  go version:       none\n  \
         platform:         {}\n  tags:             belfry\n",
        platform()
    )
}

fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{arch}", std::env::consts::OS)
}
