//! A table that sets Belfry's figures beside the peer's, with ratios and goals.

use std::fmt::Write as _;

/// What a figure has to be.
pub(super) enum Goal {
    /// Belfry's figure is at most this part of the peer's.
    AtMost(f64),
    /// Belfry's figure is at least this many times the peer's.
    AtLeast(f64),
    /// Belfry's figure is below this many seconds, whatever the peer's is.
    Within(f64),
    /// Worth knowing, bound to nothing.
    None,
}

/// One line of a table: how a figure is taken, shown and judged.
pub(super) struct Row<F> {
    what: &'static str,
    figure: fn(&F) -> f64,
    show: fn(f64) -> String,
    goal: Goal,
}

pub(super) const INFO: Goal = Goal::None;

/// At most the `of`th part of the peer's.
pub(super) fn part(of: f64) -> Goal {
    Goal::AtMost(1.0 / of)
}

/// A line.
pub(super) fn row<F>(
    what: &'static str,
    figure: fn(&F) -> f64,
    show: fn(f64) -> String,
    goal: Goal,
) -> Row<F> {
    Row {
        what,
        figure,
        show,
        goal,
    }
}

/// Writes the table; a program that was not measured has dashes.
pub(super) fn compare<F>(
    out: &mut String,
    names: [&str; 2],
    rows: &[Row<F>],
    peer: Option<&F>,
    belfry: Option<&F>,
) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "| work | {} | {} | ratio | goal | met |\n|---|---:|---:|---:|---|---|",
        names[0], names[1]
    );
    for row in rows {
        let peer = peer.map(row.figure);
        let belfry = belfry.map(row.figure);
        let show = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), row.show);
        let (ratio, met) = match (peer, belfry) {
            (Some(peer), Some(belfry)) if peer > 0.0 && belfry > 0.0 => {
                (ratio(belfry / peer), row.goal.judge(belfry, belfry / peer))
            }
            _ => ("–".to_owned(), "–"),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {ratio} | {} | {met} |",
            row.what,
            show(peer),
            show(belfry),
            row.goal.text()
        );
    }
}

impl Goal {
    fn text(&self) -> String {
        match self {
            Self::AtMost(part) => format!("≤ 1/{:.0}", 1.0 / part),
            Self::AtLeast(times) => format!("≥ {times:.0} ×"),
            Self::Within(seconds) => format!("< {:.0} ms", seconds * 1e3),
            Self::None => "–".to_owned(),
        }
    }

    fn judge(&self, figure: f64, ratio: f64) -> &'static str {
        match self {
            Self::AtMost(part) if ratio <= *part => "yes",
            Self::AtLeast(times) if ratio >= *times => "yes",
            Self::Within(seconds) if figure < *seconds => "yes",
            Self::AtMost(_) | Self::AtLeast(_) | Self::Within(_) => "**no**",
            Self::None => "–",
        }
    }
}

pub(super) fn micros(seconds: f64) -> String {
    format!("{:.2} µs", seconds * 1e6)
}

pub(super) fn rate(per_second: f64) -> String {
    format!("{per_second:.0}/s")
}

pub(super) fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

pub(super) fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.2} ms", s * 1e3),
    }
}

fn ratio(ratio: f64) -> String {
    if ratio >= 1.0 {
        format!("{ratio:.1} ×")
    } else {
        format!("1/{:.1}", 1.0 / ratio)
    }
}
