//! What is heard of an alert beside what is known of it here: refreshes this instance kept to itself, ends it heard while it
//! was alone.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;

/// By how much clocks of instances that follow the shared one may differ.
const SAME_MOMENT: Duration = Duration::from_secs(1);

/// Whether a refresh this instance kept to itself, because what was shared covered it, is known here, after which it hears
/// of an end that others took in before.
pub(super) fn is_refresh_after(known: &Alert, heard: &Alert) -> bool {
    let is_later = heard.is_explicit_end() && heard.updated_at <= known.updated_at;
    let is_same_episode = known.starts_at <= heard.ends_at;
    is_later && is_same_episode && !known.is_explicit_end()
}

/// Whether what is known here is an end, and what is heard of an earlier state that was none.
pub(super) fn is_end_before(known: &Alert, heard: &Alert) -> bool {
    let is_later = heard.updated_at < known.updated_at;
    is_later && known.is_explicit_end() && !heard.is_explicit_end()
}

/// A refresh this instance kept to itself says until when an alert fires; since when, is as what is shared says, in the
/// order in which it was shared: what was stated of it elsewhere may have been joined with an earlier start.
pub(super) fn prolonged(known: Option<&Arc<Alert>>, heard: &Arc<Alert>) -> Arc<Alert> {
    let is_refresh = |known: &&Arc<Alert>| {
        heard.updated_at < known.updated_at
            && heard.starts_at != known.starts_at
            && !heard.is_explicit_end()
            && !known.is_explicit_end()
    };
    match known.filter(is_refresh) {
        Some(refresh) => Arc::new(Alert {
            starts_at: heard.starts_at,
            ..Alert::clone(refresh)
        }),
        None => Arc::clone(heard),
    }
}

/// Whether a refresh and an end were taken in so close to each other that clocks of instances do not tell their order: then
/// the end counts, and the next refresh says so if it is none. A refresh that is clearly later counts, as the last post does.
pub(super) fn is_same_moment(refresh: &Alert, end: &Alert) -> bool {
    refresh.updated_at.since(end.updated_at) < SAME_MOMENT
}
