//! What the server was told to change, as it happens, for whoever replays a seed.

use state::coordinator::model::Model;
use state::coordinator::{Coordinator, Event, EventId, NothingKnown};
use tokio::time::Instant;

/// Prints every change of the server for ever.
pub(crate) async fn print_changes(model: Model, zero: Instant) {
    let client = model.connect("trace").knowing(crate::upgrade::NEW);
    let mut seen = vec![EventId::default(); domain::limits::SHARDS];
    loop {
        for (shard, feed) in client
            .changes(&seen, &NothingKnown)
            .await
            .into_iter()
            .enumerate()
        {
            let Ok(feed) = feed else { continue };
            if feed.is_broken {
                seen[shard] = EventId::default();
            }
            for change in feed.changes {
                seen[shard] = change.id;
                let at = zero.elapsed().as_secs_f64();
                println!("{at:9.3}     {}", words(&change.event));
            }
        }
        client.changed().await;
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Alert { group, alert } => format!(
            "{} alert {} until {} as of {}",
            group.key,
            alert.labels.get("alertname").unwrap_or_default(),
            alert.ends_at,
            alert.updated_at
        ),
        Event::Left { group, alerts } => format!("{} left {alerts:?}", group.key),
        Event::Told {
            group,
            integration,
            told,
        } => {
            let last = told.last.as_ref().map(|last| (&last.firing, &last.hidden));
            let pending = told.pending.as_ref().map(|p| (&p.firing, &p.resolved));
            format!(
                "{} told {integration} {}: {last:?} pending {pending:?}",
                group.key, told.seq
            )
        }
        Event::Grid { group, grid } => format!("{} ticks at {}", group.key, grid.next()),
        Event::Gone { group } => format!("{} gone", group.key),
    }
}
