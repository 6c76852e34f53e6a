//! Every vector of the repository's own copy, and folders of other shapes.

use std::fs;
use std::path::PathBuf;

use vectors::{Report, check_folder, own_folder};

/// How many cases of each file come out as recorded.
const PASSED: [(&str, usize); 27] = [
    ("api.json", 186),
    ("config.json", 296),
    ("default_templates.json", 882),
    ("identity.json", 67),
    ("inhibition.json", 88),
    ("matchers.json", 2087),
    ("payloads/discord.json", 7),
    ("payloads/email.json", 12),
    ("payloads/incidentio.json", 6),
    ("payloads/jira.json", 10),
    ("payloads/mattermost.json", 10),
    ("payloads/msteams.json", 6),
    ("payloads/msteamsv2.json", 6),
    ("payloads/opsgenie.json", 7),
    ("payloads/pagerduty.json", 10),
    ("payloads/pushover.json", 10),
    ("payloads/rocketchat.json", 6),
    ("payloads/slack.json", 13),
    ("payloads/sns.json", 10),
    ("payloads/telegram.json", 17),
    ("payloads/victorops.json", 7),
    ("payloads/webex.json", 7),
    ("payloads/webhook.json", 12),
    ("payloads/wechat.json", 7),
    ("routing.json", 167),
    ("templates.json", 306),
    ("time_intervals.json", 239),
];

#[test]
fn every_recorded_case_comes_out_as_recorded() {
    let reports = check_folder(&own_folder()).expect("the folder is in the repository");
    let shown: Vec<_> = reports.iter().map(Report::to_string).collect();
    println!("{}", shown.join("\n"));
    assert!(
        reports.iter().all(|report| report.failures.is_empty()),
        "see above"
    );
    let run = reports.iter().filter(|report| 0 < report.passed);
    let passed: Vec<_> = run
        .map(|report| (report.file.as_str(), report.passed))
        .collect();
    assert_eq!(passed, PASSED);
    let deviations = reports.iter().flat_map(|report| &report.deviations).count();
    assert_eq!(deviations, 1, "each one is a decision, not an accident");
}

/// A folder with these files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("vectors-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("payloads")).expect("a folder can be made");
        for (name, text) in files {
            fs::write(path.join(name), text).expect("a file can be written");
        }
        Self(path)
    }

    fn check(&self) -> Vec<Report> {
        check_folder(&self.0).expect("the folder can be read")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_wrong_expectation_is_a_failure_with_both_sides() {
    let text = r#"{"match": [{"matchers": "a=b", "labels": {"a": "b"}, "match": false}]}"#;
    let reports = Folder::with("wrong", &[("matchers.json", text)]).check();
    let [report] = &*reports else {
        panic!("{reports:?}")
    };
    let expected = "matchers.json: 0 passed, 1 failed\n  match: \"a=b\" with {\"a\":\"b\"}\n    expected: match false\n    got:      match true";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn what_is_not_known_is_named() {
    let files = [("news.txt", "x")];
    let reports = Folder::with("unknown", &files).check();
    let shown: Vec<_> = reports.iter().map(Report::to_string).collect();
    assert_eq!(shown, ["news.txt: not run: unknown"]);
}

/// No shape makes the checker panic; each is a failure of its file.
#[test]
fn other_shapes_are_failures() {
    let values = ["null", "7", "[]", "\"x\"", "{}", "[null, 7, {}]"];
    for (index, value) in values.iter().enumerate() {
        let lists = [
            "cases",
            "parse",
            "match",
            "valid",
            "parse_only",
            "exchanges",
            "variants",
        ];
        let inner: Vec<_> = lists
            .iter()
            .map(|list| format!("{list:?}: {value}"))
            .collect();
        let whole = (*value).to_owned();
        let filled = format!("{{{}}}", inner.join(", "));
        let server = format!(
            "{{\"config\": \"route: {{receiver: r}}\\nreceivers: [{{name: r}}]\", {}}}",
            inner.join(", ")
        );
        for (kind, text) in [whole, filled, server, "[".to_owned()].iter().enumerate() {
            let files = PASSED.map(|(file, _)| (file, text.as_str()));
            let reports = Folder::with(&format!("{index}-{kind}"), &files).check();
            assert_eq!(reports.len(), files.len());
            for report in &reports {
                assert!(0 < report.failed(), "{text}: {report}");
                assert!(
                    report.failures.iter().all(|f| !f.got.contains("a panic")),
                    "{report}"
                );
            }
        }
    }
}
