//! The table.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Programs;
use crate::fault::Fault;
use crate::oracle::Verdict;

const BEGIN: &str = "<!-- written by cargo xtask compare --write -->";
const END: &str = "<!-- end of what cargo xtask compare writes -->";
const HEADING: &str = "## Side by side";

/// One fault and what came of it.
pub(crate) struct Row {
    /// The fault.
    pub(crate) fault: &'static Fault,
    /// Belfry's; none when it was not run.
    pub(crate) ours: Option<Verdict>,
    /// Alertmanager's; none when it was not run.
    pub(crate) theirs: Option<Verdict>,
}

impl Row {
    /// Both in a few words, for those who watch.
    pub(crate) fn lines(&self) -> String {
        let one = |name: &str, verdict: &Option<Verdict>| match verdict {
            None => format!("  {name}: not run"),
            Some(verdict) => format!(
                "  {name}: {} events, {} messages, {} lost, {} duplicated, {} wrong, longest {:.1} s",
                verdict.events,
                verdict.messages,
                verdict.lost,
                verdict.duplicated,
                verdict.wrong,
                verdict.longest.as_secs_f64()
            ),
        };
        let (theirs, ours) = (one("Alertmanager", &self.theirs), one("Belfry", &self.ours));
        format!("{theirs}\n{ours}")
    }
}

/// Where `--write` puts it.
pub(crate) fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/RELIABILITY.md")
}

/// The table with what was run.
pub(crate) fn markdown(rows: &[Row], programs: &Programs, seed: u64) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "- Alertmanager: `{}`, three that gossip; senders post to each",
        version(&programs.alertmanager)
    );
    let _ = writeln!(
        out,
        "- Belfry: `{}`, three that share a Redis; senders post to nginx",
        version(&programs.belfry)
    );
    let events = rows
        .iter()
        .filter_map(|row| row.ours.as_ref())
        .map(|v| v.events);
    let _ = writeln!(
        out,
        "- the same load (seed {seed}, {} changes of alerts in each row), receiver and moments; the protocol times of both are a tenth of their defaults\n",
        events.max().unwrap_or_default()
    );
    out.push_str(
        "| fault | lost: Alertmanager | Belfry | duplicated: Alertmanager | Belfry | not true: Alertmanager | Belfry | longest wait: Alertmanager | Belfry |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let _ = write!(out, "| {} |", row.fault.what);
        let columns: [fn(&Verdict) -> String; 4] = [
            |verdict| verdict.lost.to_string(),
            |verdict| verdict.duplicated.to_string(),
            |verdict| verdict.wrong.to_string(),
            |verdict| format!("{:.1} s", verdict.longest.as_secs_f64()),
        ];
        for column in columns {
            for side in [&row.theirs, &row.ours] {
                let text = side.as_ref().map_or_else(|| "–".to_owned(), column);
                let _ = write!(out, " {text} |");
            }
        }
        out.push('\n');
    }
    out
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| [output.stdout, output.stderr].concat());
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or("unknown version").to_owned()
}

/// Puts it between its marks, or under a heading of its own at the end of the file.
pub(crate) fn write(path: &Path, table: &str) -> Result<(), String> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    let section = format!("{BEGIN}\n\n{table}\n{END}");
    let new = match (old.find(BEGIN), old.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{section}{}", &old[..begin], &old[end + END.len()..])
        }
        _ => format!("{}\n\n{HEADING}\n\n{section}\n", old.trim_end()),
    };
    std::fs::write(path, new.trim_start())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
