//! The figures of three instances as tables.

use std::fmt::Write as _;

use super::traffic::Traffic;
use super::{Figures, INSTANCES};
use crate::bench::table::{Goal, INFO, Row, compare, megabytes, micros, rate, row, time};

/// A message's first byte has to come this soon after its group was due.
const LATE_MAX: f64 = 0.25;

/// Both tables.
pub(in crate::bench) fn markdown(
    versions: &[(&'static str, String)],
    connections: usize,
    peer: Option<&Figures>,
    belfry: &Figures,
) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "Machine: {}.\n", crate::bench::machine::describe());
    for (name, version) in versions {
        let _ = writeln!(out, "- {name}: `{version}`");
    }
    let _ = writeln!(
        out,
        "- {} alerts in {} groups, batches of 100 over {connections} connections, to the instances in turn; everything on the same cores\n",
        belfry.alerts, belfry.groups
    );
    let names = [
        "one Alertmanager",
        &format!("{INSTANCES} × Belfry and Redis"),
    ];
    compare(&mut out, names, &rows(), peer, Some(belfry));
    out.push('\n');
    asked(&mut out, belfry);
    out
}

fn rows() -> Vec<Row<Figures>> {
    let mut rows = posting_rows();
    rows.extend(late_rows());
    rows.push(row("resident memory", |f| f.resident, megabytes, INFO));
    rows
}

fn posting_rows() -> Vec<Row<Figures>> {
    let at_least = || Goal::AtLeast(1.0);
    vec![
        row("new, alerts/s", |f| f.new.rate, rate, at_least()),
        row("new, CPU per alert", |f| f.new.cpu, micros, INFO),
        row("… of it Redis", |f| f.new.redis_cpu, micros, INFO),
        row("re-sent, alerts/s", |f| f.covered.rate, rate, at_least()),
        row("re-sent, CPU per alert", |f| f.covered.cpu, micros, INFO),
        row(
            "re-sent and written, alerts/s",
            |f| f.written.rate,
            rate,
            at_least(),
        ),
        row(
            "re-sent and written, CPU per alert",
            |f| f.written.cpu,
            micros,
            INFO,
        ),
        row("… of it Redis", |f| f.written.redis_cpu, micros, INFO),
    ]
}

fn late_rows() -> Vec<Row<Figures>> {
    let within = || Goal::Within(LATE_MAX);
    vec![
        row(
            "due → first byte, 100 groups a second, p50",
            |f| f.spread.p50,
            time,
            INFO,
        ),
        row(
            "due → first byte, 100 groups a second, p99",
            |f| f.spread.p99,
            time,
            within(),
        ),
        row(
            "due → first byte, 500 groups at once, p50",
            |f| f.at_once.p50,
            time,
            INFO,
        ),
        row(
            "due → first byte, 500 groups at once, p99",
            |f| f.at_once.p99,
            time,
            within(),
        ),
    ]
}

fn asked(out: &mut String, figures: &Figures) {
    out.push_str("What is asked of Redis (what the idle instances ask is taken off):\n\n");
    out.push_str("| per | scripts run | time in scripts | commands, also of scripts | bytes to Redis | bytes from Redis |\n");
    out.push_str("|---|---:|---:|---:|---:|---:|\n");
    let mut line = |what: &str, traffic: &Traffic| {
        let _ = writeln!(
            out,
            "| {what} | {:.2} | {} | {:.2} | {:.0} | {:.0} |",
            traffic.scripts,
            micros(traffic.script_seconds),
            traffic.commands,
            traffic.bytes_in,
            traffic.bytes_out
        );
    };
    line("new alert", &figures.new.traffic);
    line("re-sent alert", &figures.covered.traffic);
    line("re-sent and written alert", &figures.written.traffic);
    line("flush (500 groups at once)", &figures.flush);
    line("GET", &figures.get);
    line("second, three idle instances", &figures.idle);
    let _ = writeln!(
        out,
        "\nRedis holds {:.0} bytes per new alert, {:.0} of them in the feed of changes.",
        figures.redis_bytes, figures.feed_bytes
    );
}
