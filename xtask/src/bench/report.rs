//! The figures as a table with ratios and goals.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::machine;
use super::measure::Figures;
use super::options::Options;
use super::table::{Goal, INFO, Row, compare, megabytes, micros, part, rate, row, time};

/// The marks between which a report is put into a file.
pub(super) struct Marks {
    begin: &'static str,
    end: &'static str,
}

/// Around what each program needs by itself.
pub(super) const SINGLE: Marks = Marks {
    begin: "<!-- written by cargo xtask bench --write -->",
    end: "<!-- end of what cargo xtask bench writes -->",
};

/// Around what three instances on one Redis need.
pub(super) const SHARED: Marks = Marks {
    begin: "<!-- written by cargo xtask bench --only redis --write -->",
    end: "<!-- end of what cargo xtask bench --only redis writes -->",
};

/// Around what rendering the default texts costs.
pub(super) const TEMPLATES: Marks = Marks {
    begin: "<!-- written by cargo xtask bench --only templates --write -->",
    end: "<!-- end of what cargo xtask bench --only templates writes -->",
};

/// What was measured in one run.
pub(super) struct Report {
    settings: String,
    /// Each program's name and what it says its version is.
    pub(super) versions: Vec<(&'static str, String)>,
    peer: Option<Figures>,
    belfry: Option<Figures>,
    growth: Vec<Figures>,
}

impl Report {
    /// An empty report of a run with these options.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            settings: format!(
                "batches of 100 over {} connections, {} rounds of re-sending, {} silences",
                options.connections, options.rounds, options.silences
            ),
            versions: Vec::new(),
            peer: None,
            belfry: None,
            growth: Vec::new(),
        }
    }

    /// Takes a program's main figures.
    pub(super) fn measured(&mut self, name: &str, figures: Figures) {
        if name == "Belfry" {
            self.growth.push(figures.clone());
            self.belfry = Some(figures);
        } else {
            self.peer = Some(figures);
        }
    }

    /// Takes Belfry's figures at another size.
    pub(super) fn grown(&mut self, figures: Figures) {
        self.growth.push(figures);
        self.growth.sort_by_key(|figures| figures.alerts);
    }

    /// The whole report in Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "Machine: {}.\n", machine::describe());
        for (name, version) in &self.versions {
            let _ = writeln!(out, "- {name}: `{version}`");
        }
        if let Some(figures) = self.peer.as_ref().or(self.belfry.as_ref()) {
            let _ = writeln!(
                out,
                "- {} alerts in {} groups, {}; both programs in one run, the generator on the same cores",
                figures.alerts, figures.groups, self.settings
            );
        }
        out.push('\n');
        let (peer, belfry) = (self.peer.as_ref(), self.belfry.as_ref());
        compare(&mut out, ["Alertmanager", "Belfry"], &rows(), peer, belfry);
        if !self.growth.is_empty() {
            out.push('\n');
            self.grow(&mut out);
        }
        out
    }

    fn grow(&self, out: &mut String) {
        out.push_str("How Belfry's cost grows:\n\n");
        out.push_str("| alerts | groups | CPU per new alert | CPU per re-sent alert | resident | GET all | GET groups | one matcher | ready after kill -9 | all alerts back |\n");
        out.push_str("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for figures in &self.growth {
            let (ready, back) = figures.restart.unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                figures.alerts,
                figures.groups,
                micros(figures.new_cpu),
                micros(figures.again_cpu),
                megabytes(figures.resident),
                time(figures.all.seconds),
                time(figures.by_group.seconds),
                time(figures.exact.seconds),
                time(ready),
                time(back),
            );
        }
    }
}

/// The table's lines: how each figure is taken and shown, and what it has to be.
fn rows() -> Vec<Row<Figures>> {
    let mut rows = load_rows();
    rows.extend(read_rows());
    rows.extend(silence_rows());
    rows
}

fn load_rows() -> Vec<Row<Figures>> {
    vec![
        row(
            "re-sent, CPU per alert",
            |f| f.again_cpu,
            micros,
            part(10.0),
        ),
        row(
            "re-sent, alerts/s",
            |f| f.again_rate,
            rate,
            Goal::AtLeast(8.0),
        ),
        row("new, CPU per alert", |f| f.new_cpu, micros, part(4.0)),
        row("new, alerts/s", |f| f.new_rate, rate, INFO),
        row("resident memory", |f| f.resident, megabytes, part(4.0)),
        row(
            "resident after all reads",
            |f| f.resident_after_reads,
            megabytes,
            INFO,
        ),
    ]
}

fn read_rows() -> Vec<Row<Figures>> {
    vec![
        row("GET all alerts", |f| f.all.seconds, time, part(8.0)),
        row("GET all alerts, size", |f| f.all.bytes, megabytes, INFO),
        row("GET all groups", |f| f.by_group.seconds, time, part(8.0)),
        row(
            "GET one alert by instance",
            |f| f.exact.seconds,
            time,
            part(50.0),
        ),
        row(
            "GET one group's alerts by pod",
            |f| f.few.seconds,
            time,
            INFO,
        ),
        row(
            "GET 1/20 of the alerts by alertname",
            |f| f.named.seconds,
            time,
            INFO,
        ),
    ]
}

fn silence_rows() -> Vec<Row<Figures>> {
    vec![
        row(
            "silences just made: GET one alert",
            |f| f.silenced_exact,
            time,
            part(50.0),
        ),
        row(
            "silences just made: GET 1/20 by alertname",
            |f| f.silenced_named,
            time,
            part(200.0),
        ),
        row(
            "one silence made before each GET of one alert",
            |f| f.silenced_again,
            time,
            part(50.0),
        ),
        row(
            "silences just made: GET all alerts",
            |f| f.silenced_all,
            time,
            INFO,
        ),
        row("making a silence, CPU", |f| f.silence_cpu, micros, INFO),
    ]
}

/// Puts a report between its marks in a file and leaves the rest as it is.
pub(super) fn write(path: &Path, marks: &Marks, report: &str) -> Result<()> {
    let old = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, replaced(&old, marks, report))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// `old` with the report between its marks; without marks the report is appended.
pub(super) fn replaced(old: &str, marks: &Marks, report: &str) -> String {
    let Marks { begin, end } = marks;
    let marked = format!("{begin}\n\n{}\n{end}", report.trim_start());
    if let Some((before, rest)) = old.split_once(begin)
        && let Some((_, after)) = rest.split_once(end)
    {
        return format!("{before}{marked}{after}");
    }
    let before = if old.is_empty() {
        "# Performance\n"
    } else {
        old
    };
    format!("{before}\n{marked}\n")
}
