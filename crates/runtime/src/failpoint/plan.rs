//! What shall happen at which failpoint, and when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::TABLE;

/// What happens at a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The process ends at once.
    Kill,
    /// The process is stopped until somebody continues it.
    Stop,
    /// It goes on later.
    Delay(Duration),
}

#[derive(Debug)]
struct Point {
    name: String,
    action: Action,
    /// Only the time with this number, from 1; every time if `None`.
    only: Option<u64>,
    reached: AtomicU64,
}

/// What was stated, with how often each point was reached.
#[derive(Debug)]
pub(super) struct Plan(Vec<Point>);

impl Plan {
    /// Reads `C8:kill[,C6:delay=500ms,C12:stop@3]`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(point)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether anything is stated for a point.
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.iter().any(|point| point.name == name)
    }

    /// Counts that a point was reached; answers what is due there.
    pub(super) fn reached(&self, name: &str) -> Vec<Action> {
        let points = self.0.iter().filter(|point| point.name == name);
        let due = points.filter(|point| {
            let time = point.reached.fetch_add(1, Ordering::Relaxed) + 1;
            point.only.is_none_or(|only| only == time)
        });
        due.map(|point| point.action).collect()
    }
}

fn point(text: &str) -> Result<Point, String> {
    let shape = || {
        format!(
            "`{text}` is no failpoint: write NAME:kill, NAME:stop or NAME:delay=500ms, then @N or nothing"
        )
    };
    let (name, rest) = text.trim().split_once(':').ok_or_else(shape)?;
    if !TABLE.iter().any(|(known, _)| *known == name) {
        let known = TABLE.map(|(name, moment)| format!("{name} ({moment})"));
        return Err(format!(
            "no failpoint `{name}`; there are {}",
            known.join(", ")
        ));
    }
    let (action, only) = match rest.split_once('@') {
        None => (rest, None),
        Some((action, time)) => {
            let time = time.parse().ok().filter(|time: &u64| *time > 0);
            (action, Some(time.ok_or_else(shape)?))
        }
    };
    let action = match action.split_once('=') {
        None if action == "kill" => Action::Kill,
        None if action == "stop" => Action::Stop,
        Some(("delay", time)) => Action::Delay(duration(time).ok_or_else(shape)?),
        _ => return Err(shape()),
    };
    Ok(Point {
        name: name.to_owned(),
        action,
        only,
        reached: AtomicU64::new(0),
    })
}

/// Reads `500ms` or `2s`.
fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok().map(Duration::from_millis),
        None => text
            .strip_suffix('s')?
            .parse()
            .ok()
            .map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::parse("C8:kill,C6:delay=500ms, C12:stop@3").expect("valid");
        assert!(plan.names("C12") && !plan.names("C1"));
        let read: Vec<_> = plan
            .0
            .iter()
            .map(|p| (&*p.name, p.action, p.only))
            .collect();
        assert_eq!(
            read,
            [
                ("C8", Action::Kill, None),
                ("C6", Action::Delay(Duration::from_millis(500)), None),
                ("C12", Action::Stop, Some(3)),
            ]
        );
    }

    #[test]
    fn mistakes_are_refused() {
        for text in [
            "",
            "C8",
            "C8:",
            "C8:die",
            "C8:kill=1",
            "C8:kill@0",
            "C8:kill@x",
            "C8:delay",
            "C8:delay=5",
            "C8:kill,",
        ] {
            let error = Plan::parse(text).expect_err(text);
            assert!(error.contains("NAME:kill"), "{text}: {error}");
        }
        let error = Plan::parse("C17:kill").expect_err("there is none");
        assert!(
            error.starts_with("no failpoint `C17`; there are C1 (before"),
            "{error}"
        );
        assert!(error.contains("C16 ("), "{error}");
    }

    #[test]
    fn an_action_is_due_every_time_or_the_nth() {
        let plan = Plan::parse("C6:delay=1s,C7:kill@3").expect("valid");
        let second = vec![Action::Delay(Duration::from_secs(1))];
        assert_eq!(
            [plan.reached("C6"), plan.reached("C6")],
            [second.clone(), second]
        );
        let times = [1, 2, 3, 4].map(|_| plan.reached("C7"));
        assert_eq!(times, [vec![], vec![], vec![Action::Kill], vec![]]);
        assert!(plan.reached("C8").is_empty());
    }

    #[test]
    fn points_are_numbered_as_the_table_of_the_protocol() {
        for (index, (name, _)) in TABLE.iter().enumerate() {
            assert_eq!(*name, format!("C{}", index + 1));
        }
    }
}
