//! What it costs, printed: commands, bytes and time per alert (M20), and what a huge group does to a poll.
//!
//! Times depend on the machine, so only orders of magnitude are asserted.

use std::time::Duration;

use state::coordinator::GroupName;

use crate::actors::{alert, group};
use crate::keys::{Instance, firing};
use crate::world::Servers;

/// Members of the huge group.
const MANY: usize = 10_000;
/// Alerts of a batch.
const BATCH: usize = 64;

/// Sums of a section of `INFO`.
fn stats(servers: &Servers, section: &str) -> Vec<(String, f64)> {
    let info = servers.ask(&["INFO", section]);
    let lines = info.lines().filter_map(|line| line.split_once(':'));
    let mut found = Vec::new();
    for (name, rest) in lines {
        for part in rest.split(',') {
            let (field, value) = part.split_once('=').unwrap_or(("", part));
            if let Ok(value) = value.trim().parse() {
                found.push((format!("{name}.{field}"), value));
            }
        }
    }
    found
}

fn value(stats: &[(String, f64)], name: &str) -> f64 {
    let found = stats.iter().find(|(field, _)| field == name);
    found.map_or(0.0, |(_, value)| *value)
}

/// Does it, and prints what one of `count` cost.
async fn measure(servers: &Servers, what: &str, count: usize, work: impl Future<Output = ()>) {
    servers.ask(&["CONFIG", "RESETSTAT"]);
    work.await;
    let commands = stats(servers, "commandstats");
    let of = |suffix: &str| -> Vec<(&str, f64)> {
        let fields = commands.iter().filter_map(|(field, value)| {
            let name = field.strip_prefix("cmdstat_")?.strip_suffix(suffix)?;
            Some((name, *value))
        });
        let outside = ["config|resetstat", "info", "evalsha", "eval"];
        fields.filter(|(name, _)| !outside.contains(name)).collect()
    };
    let calls = of(".calls");
    let total: f64 = calls.iter().map(|(_, calls)| calls).sum();
    let per = |sum: f64| sum / f64::from(u32::try_from(count).expect("a small number"));
    let traffic = stats(servers, "stats");
    let scripts_us =
        value(&commands, "cmdstat_evalsha.usec") + value(&commands, "cmdstat_eval.usec");
    let kinds: Vec<_> = calls
        .iter()
        .map(|(name, calls)| format!("{name} {:.2}", per(*calls)))
        .collect();
    println!(
        "{what}: each {:.2} commands inside scripts, {:.0} bytes in, {:.0} bytes out, {:.1} µs of the server ({})",
        per(total),
        per(value(&traffic, "total_net_input_bytes.")),
        per(value(&traffic, "total_net_output_bytes.")),
        per(scripts_us),
        kinds.join(", ")
    );
}

#[tokio::test]
async fn costs_are_printed() {
    let Some(servers) = Servers::single("costs").map(Servers::unscaled) else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    // So that no measurement loads a script.
    one.post(1, vec![firing(1, 0, Duration::from_secs(3600))])
        .await;
    for claim in one.poll().await {
        one.finish(&claim, &[]).await;
    }
    let hour = Duration::from_secs(3600);
    let batch = |lasts| {
        (0..BATCH)
            .map(|which| firing(0, which, lasts))
            .collect::<Vec<_>>()
    };
    measure(
        &servers,
        "new alert, 64 in a batch",
        BATCH,
        one.post(0, batch(hour)),
    )
    .await;
    measure(
        &servers,
        "refresh, 64 in a batch",
        BATCH,
        one.post(0, batch(hour * 2)),
    )
    .await;
    let single = vec![firing(0, BATCH, hour)];
    measure(&servers, "new alert by itself", 1, one.post(0, single)).await;
    let single = vec![firing(0, BATCH, hour * 2)];
    measure(&servers, "refresh by itself", 1, one.post(0, single)).await;
    let single = vec![firing(2, 0, hour)];
    measure(
        &servers,
        "new alert that makes its group",
        1,
        one.post(2, single),
    )
    .await;
    measure(&servers, "poll that claims two groups", 1, async {
        assert_eq!(one.poll().await.len(), 2);
    })
    .await;
    measure(&servers, "poll that finds nothing", 1, async {
        one.poll().await;
    })
    .await;
}

#[tokio::test]
async fn a_huge_group_is_claimed_without_being_read() {
    let Some(servers) = Servers::single("a huge group").map(Servers::unscaled) else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let members: Vec<_> = (0..MANY)
        .map(|which| firing(0, which, Duration::from_secs(3600)))
        .collect();
    measure(
        &servers,
        "new alert, 10,000 in a batch",
        MANY,
        one.post(0, members),
    )
    .await;
    servers.ask(&["CONFIG", "RESETSTAT"]);
    let claims = one.poll().await;
    assert_eq!((claims.len(), claims[0].members), (1, MANY));
    let polled_us = value(&stats(&servers, "commandstats"), "cmdstat_evalsha.usec")
        + value(&stats(&servers, "commandstats"), "cmdstat_eval.usec");
    println!("a poll of all shards, one with 10,000 members: {polled_us} µs of the server");
    assert!(polled_us < 200_000.0, "it reads no member");
    let read = one.read(&GroupName::of(&group(0))).await;
    assert_eq!(read.members.len(), MANY);
    let all: Vec<_> = (0..MANY).map(|which| alert(0, which).fingerprint).collect();
    measure(
        &servers,
        "leaving, 10,000 at once",
        MANY,
        one.see_off(&claims[0], &all),
    )
    .await;
}
