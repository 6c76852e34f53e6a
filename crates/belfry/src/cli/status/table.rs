//! The status as a table for people.

use std::fmt::Write as _;

use serde_json::Value;

/// Shards that wait for nothing and lag behind nothing are left out beyond this many.
const SHARDS_SHOWN: usize = 16;

/// Writes the whole status.
pub(super) fn status(status: &Value) -> String {
    let mut out = String::new();
    let home = text(status, "home");
    let via = match (text(status, "mode"), home) {
        ("embedded", _) | (_, "") => String::new(),
        (_, home) => format!(" ({home})"),
    };
    let _ = writeln!(
        out,
        "Mode           {}{via} since {}",
        text(status, "mode"),
        text(status, "since")
    );
    for (label, name) in [("Cause", "cause"), ("Note", "note")] {
        if let Some(said) = status[name].as_str() {
            let _ = writeln!(out, "{label:<15}{said}");
        }
    }
    let counted = [
        ("Groups", number(status, "groups")),
        ("Alerts", number(status, "alerts")),
        ("Due", number(&status["queues"], "due")),
        ("In flight", number(&status["queues"], "inFlight")),
        ("Stranded", number(status, "strandedGroups")),
    ];
    for (label, count) in counted {
        let _ = writeln!(out, "{label:<15}{count}");
    }
    let _ = writeln!(out, "Mirror lag     {} ms", number(status, "mirrorLagMs"));
    let clock = |name| {
        let ahead_ms = status["clocks"][name].as_i64();
        ahead_ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms:+}"))
    };
    let (redis, own) = (clock("redisAheadMs"), clock("instanceAheadMs"));
    let _ = writeln!(
        out,
        "Clocks         Redis {redis} ms, this instance {own} ms"
    );
    out.push('\n');
    out.push_str(&columns(&instances(status)));
    let shards = shards(status);
    if shards.len() > 1 {
        out.push('\n');
        out.push_str(&columns(&shards));
    }
    out.push('\n');
    out.push_str(&columns(&counters(status)));
    out
}

fn instances(status: &Value) -> Vec<Vec<String>> {
    let head = [
        "",
        "INSTANCE",
        "ADDRESS",
        "VERSION",
        "MODE",
        "STARTED",
        "CONFIGURATION",
    ];
    let mut rows = vec![row(&head)];
    let own = text(status, "instance");
    for instance in status["instances"].as_array().into_iter().flatten() {
        let is_own = text(instance, "id") == own;
        let configs = instance["configs"].as_object().into_iter().flatten();
        let configs: Vec<String> = configs
            .map(|(tenant, hash)| format!("{tenant}={}", hash.as_str().unwrap_or("")))
            .collect();
        rows.push(row(&[
            if is_own { "*" } else { "" },
            text(instance, "id"),
            text(instance, "address"),
            text(instance, "version"),
            text(instance, "mode"),
            text(instance, "startedAt"),
            &configs.join(" "),
        ]));
    }
    rows
}

fn shards(status: &Value) -> Vec<Vec<String>> {
    let mut rows = vec![row(&["SHARD", "DUE", "IN FLIGHT", "LAG MS", "LAST EVENT"])];
    let shards = status["shards"].as_array().map_or(&[][..], Vec::as_slice);
    for shard in shards.iter().take(SHARDS_SHOWN) {
        rows.push(row(&[
            &number(shard, "shard"),
            &number(shard, "due"),
            &number(shard, "inFlight"),
            &number(shard, "lagMs"),
            text(shard, "lastEvent"),
        ]));
    }
    rows
}

fn counters(status: &Value) -> Vec<Vec<String>> {
    let names = [
        ("mode changes", "modeChanges"),
        ("requests Redis did not answer", "redisFailures"),
        ("shards that lost data", "dataLosses"),
        ("groups repaired (must be 0)", "auditRepaired"),
        ("groups read anew", "mirrorRereads"),
        ("messages the gate held back", "gateRejected"),
    ];
    let counted = names.map(|(label, name)| row(&[label, &number(&status["counters"], name)]));
    std::iter::once(row(&["SINCE THE START", "COUNT"]))
        .chain(counted)
        .collect()
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Rows with their cells below each other; the last cell of a row is not padded.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A member that is text; what controls terminals is not passed on.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    let said = value[name].as_str().unwrap_or("");
    if said.chars().any(char::is_control) {
        return "?";
    }
    said
}

fn number(value: &Value, name: &str) -> String {
    value[name]
        .as_u64()
        .map_or_else(|| "?".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_instances_and_their_queues_are_a_table() {
        let answer = serde_json::json!({
            "mode": "coordinated", "since": "2026-01-05T10:00:00.000Z", "home": "Redis", "instance": "i2",
            "instances": [
                {"id": "i1", "address": "10.0.0.1:9093", "version": "0.1.0", "mode": "coordinated",
                 "startedAt": "2026-01-05T09:00:00.000Z", "configs": {"default": "186340402391234"}},
                {"id": "i2", "address": "10.0.0.2:9093", "version": "0.1.0", "mode": "coordinated",
                 "startedAt": "2026-01-05T10:00:00.000Z", "configs": {"default": "186340402391234"}},
            ],
            "queues": {"due": 7, "inFlight": 1}, "groups": 8, "alerts": 20, "strandedGroups": 0, "mirrorLagMs": 3,
            "clocks": {"redisAheadMs": 600_000, "instanceAheadMs": -3},
            "shards": [{"shard": 0, "due": 7, "inFlight": 1, "lastEvent": "1767607200000-0", "lagMs": 3}],
            "counters": {"modeChanges": 1, "redisFailures": 2, "dataLosses": 0, "auditRepaired": 0,
                         "mirrorRereads": 0, "gateRejected": 0},
        });
        let shown = status(&answer);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "Mode           coordinated (Redis) since 2026-01-05T10:00:00.000Z"
        );
        assert!(lines.contains(&"Due            7"), "{shown}");
        let clocks = "Clocks         Redis +600000 ms, this instance -3 ms";
        assert!(lines.contains(&clocks), "{shown}");
        assert!(
            lines.contains(&"*  i2        10.0.0.2:9093  0.1.0    coordinated  2026-01-05T10:00:00.000Z  default=186340402391234"),
            "{shown}"
        );
        assert!(
            lines.contains(&"0      7    1          3       1767607200000-0"),
            "{shown}"
        );
    }

    #[test]
    fn an_answer_of_something_else_is_shown_as_unknown() {
        let shown = status(&serde_json::json!({"mode": "x\u{1b}[31m"}));
        assert!(shown.starts_with("Mode           ? since"), "{shown}");
        assert!(shown.contains("Due            ?"), "{shown}");
    }
}
