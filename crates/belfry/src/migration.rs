//! The first start in a folder where an Alertmanager ran: what it left is taken over, once.

use std::path::{Path, PathBuf};

use domain::id::TenantId;
use engine::Engine;
use store::alertmanager;

/// Takes over what an Alertmanager left in its `--storage.path`, unless that was done before. Nothing here keeps the server from
/// starting: what cannot be read is logged and counted.
pub(crate) async fn import(engine: &Engine, folder: &Path) {
    let Some(tenant) = engine.tenant(&TenantId::default_tenant()) else {
        return;
    };
    if engine.is_imported(&tenant) {
        return;
    }
    let path: PathBuf = folder.to_owned();
    let read = tokio::task::spawn_blocking(move || alertmanager::read(&path)).await;
    let left = match read.map_err(std::io::Error::other).flatten() {
        Ok(Some(left)) => left,
        Ok(None) => return,
        Err(error) => {
            tracing::warn!(%error, "What an Alertmanager left cannot be opened, so nothing of it is taken over; the next start tries again");
            return;
        }
    };
    for problem in left.silences.problems.iter().chain(&left.notified.problems) {
        tracing::warn!(problem, "Part of what an Alertmanager left cannot be read");
    }
    match engine.import(&tenant, left).await {
        Ok(imported) => {
            let (silences, told) = (imported.silences, imported.notified);
            tracing::info!(
                folder = %folder.display(),
                silences = silences.imported,
                silences_expired = silences.expired,
                silences_skipped = silences.skipped,
                silences_unreadable = silences.unreadable,
                notifications = told.imported,
                notifications_expired = told.expired,
                notifications_skipped = told.skipped,
                notifications_unreadable = told.unreadable,
                "Took over what an Alertmanager left: its silences are in force, and nobody is told again what it told"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "What an Alertmanager left could not be taken over as a whole; the next start tries again");
        }
    }
}
