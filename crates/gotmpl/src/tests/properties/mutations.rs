//! Templates as people and attackers write them, cut up and put together in other ways: none makes the engines panic or run on.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::PIECES;
use crate::data::{Alert, Alerts, Data, Kv};
use crate::functions::{ALERTMANAGER, Environment};
use crate::html::{self, ESCAPERS};
use crate::time::{Time, Zone};
use crate::{Limits, Templates, Value};

/// Folders of templates: hostile ones, cases, sets people use and the default ones.
const FOLDERS: [&str; 4] = [
    "tests/hostile/corpus",
    "tests/cases",
    "../notify/tests/community",
    "../notify/templates",
];

/// The texts of all of them.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&crate_folder.join(folder), &mut files);
    }
    files.sort();
    let texts = files.iter().map(std::fs::read_to_string);
    texts.map(|text| text.expect("a text")).collect()
});

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("an entry").path();
        let is_template = path
            .extension()
            .is_some_and(|end| end == "tmpl" || end == "html");
        if path.is_dir() {
            collect(&path, files);
        } else if is_template {
            files.push(path);
        }
    }
}

/// A change of a text.
#[derive(Clone, Debug)]
enum Change {
    /// Leaves out what is between two places.
    Cut(Index, Index),
    /// Says once more what is between two places.
    Double(Index, Index),
    /// Puts a piece of template language in.
    Insert(Index, &'static str),
    /// Goes on with the rest of another text.
    Splice(Index, Index, Index),
    /// Writes another character.
    Replace(Index, char),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), place()).prop_map(|(from, to)| Change::Cut(from, to)),
        (place(), place()).prop_map(|(from, to)| Change::Double(from, to)),
        (place(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (place(), place(), place()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
        (place(), any::<char>()).prop_map(|(at, char)| Change::Replace(at, char)),
    ]
}

fn place(text: &str, index: &Index) -> usize {
    text.floor_char_boundary(index.index(text.len() + 1))
}

fn changed(text: &str, change: &Change) -> String {
    match change {
        Change::Cut(one, other) | Change::Double(one, other) => {
            let (one, other) = (place(text, one), place(text, other));
            let (from, to) = (one.min(other), one.max(other));
            // Not more than a little, or nothing would be left.
            let to = text.floor_char_boundary(to.min(from + 200)).max(from);
            match change {
                Change::Cut(..) => format!("{}{}", &text[..from], &text[to..]),
                _ => format!("{}{}", &text[..to], &text[from..]),
            }
        }
        Change::Insert(at, piece) => {
            let (before, after) = text.split_at(place(text, at));
            format!("{before}{piece}{after}")
        }
        Change::Splice(at, other, from) => {
            let other = other.get(&TEXTS);
            format!(
                "{}{}",
                &text[..place(text, at)],
                &other[place(other, from)..]
            )
        }
        Change::Replace(at, char) => {
            let (before, after) = text.split_at(place(text, at));
            let after = after.chars();
            before.chars().chain([*char]).chain(after.skip(1)).collect()
        }
    }
}

fn dot() -> Value {
    let zero = || Kv::new::<&str, &str>([]);
    let alert = |host: &str, is_resolved: bool| Alert {
        is_resolved,
        labels: Kv::new([
            ("alertname", "A"),
            ("instance", host),
            ("severity", "critical"),
        ]),
        annotations: Kv::new([("summary", "<b> & \"x\""), ("value", "97.3")]),
        starts_at: Time::new(1_772_600_767, 89_000_000, Zone::Utc),
        ends_at: Time::zero(),
        generator_url: "http://prometheus.example.org/graph?g0.expr=up".into(),
        fingerprint: "0123456789abcdef".into(),
    };
    Data {
        receiver: "team".into(),
        alerts: Alerts::new([alert("a:1", false), alert("b:2", true)]),
        notification_reason: "new alerts added".into(),
        group_labels: Kv::new([("alertname", "A")]),
        common_labels: Kv::new([("alertname", "A"), ("severity", "critical")]),
        common_annotations: zero(),
        route_labels: zero(),
        external_url: "https://alerts.example.org".into(),
    }
    .into_value()
}

/// Renders a text with both engines, within the bounds for tenants and fewer steps.
fn render(source: &str) {
    let limits = Limits {
        steps_max: 50_000,
        ..Limits::TENANT
    };
    let mut templates = Templates::default();
    if templates
        .parse_inline("", source, &ALERTMANAGER, &limits)
        .is_err()
    {
        return;
    }
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let escaped = html::escape(&templates, "", &html::Limits::TENANT).ok();
    for templates in [Some(templates), escaped].into_iter().flatten() {
        let functions = ALERTMANAGER.and(ESCAPERS);
        let mut output = Vec::new();
        let _ = templates.execute("", &dot(), &functions, &environment, &limits, &mut output);
        assert!(output.len() <= limits.output_bytes_max);
    }
}

proptest! {
    #[test]
    fn any_changed_template_renders_or_fails(
        text in any::<Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut text = text.get(&TEXTS).clone();
        for change in &changes {
            text = changed(&text, change);
        }
        render(&text);
    }
}
