//! `belfry template render` beside `amtool template render`, and what both say of templates in a configuration.
//!
//! With `BELFRY_RECORD=1` what amtool says is written down as what is expected, for the tests of `gotmpl` and `notify`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::peer::AMTOOL;
use harness::program::run;
use harness::server::binary;

/// A text, what it is rendered with and on, and the file that holds the answer.
struct Case {
    glob: PathBuf,
    text: PathBuf,
    data: PathBuf,
    /// Without its extension where there is one file for outputs and one for errors.
    output: PathBuf,
    error: Option<PathBuf>,
}

/// A folder for one test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// A file of templates in which there is none to speak of: amtool wants one.
    fn nothing(&self) -> PathBuf {
        self.file("nothing.tmpl", "{{ define \"nothing\" }}{{ end }}")
    }
}

/// How a rendering ended: what was printed, or why it failed.
type Said = Result<String, String>;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The one of two files that is there.
fn either(folder: &Path, names: [&str; 2]) -> Option<PathBuf> {
    let files = names.map(|name| folder.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// The folders of `gotmpl`: a template each.
fn cases(nothing: &Path) -> Vec<Case> {
    let folders = folders(&crates().join("gotmpl/tests/cases")).into_iter();
    folders
        .map(|folder| Case {
            glob: nothing.to_path_buf(),
            text: either(&folder, ["template.tmpl", "template.html"]).expect("a template"),
            data: folder.join("data.json"),
            output: folder.join("output.txt"),
            error: Some(folder.join("error.txt")),
        })
        .collect()
}

/// The sets of `notify`, each on three groups.
fn sets() -> Vec<Case> {
    let all = crates().join("notify/tests/community");
    let folders = folders(&all).into_iter();
    let sets = folders.filter_map(|set| {
        let text = either(&set, ["message.txt", "message.html"])?;
        let data = ["firing", "resolved", "mixed"];
        Some(data.map(|name| Case {
            glob: set.join("templates.tmpl"),
            text: text.clone(),
            data: all.join("data").join(name).with_extension("json"),
            output: set.join(name).with_extension("out"),
            error: None,
        }))
    });
    sets.flatten().collect()
}

fn render(program: &Path, case: &Case) -> Said {
    let text = fs::read_to_string(&case.text).expect("a template");
    let is_html = case.text.extension().is_some_and(|end| end == "html");
    let mut command = Command::new(program);
    command
        .args(["template", "render"])
        .arg(format!("--template.glob={}", case.glob.display()))
        .arg(format!("--template.text={text}"))
        .arg(format!(
            "--template.type={}",
            if is_html { "html" } else { "text" }
        ))
        .arg(format!("--template.data={}", case.data.display()))
        .env("TZ", "UTC");
    let ended = run(&mut command);
    if ended.code == Some(0) {
        return Ok(ended.stdout);
    }
    let error = ended.stderr.split_once("error: ");
    let message = error.map_or(ended.stderr.as_str(), |(_, message)| message);
    Err(format!("{}\n", message.trim_end()))
}

/// What is written down.
fn written(case: &Case) -> Option<Said> {
    let error = case.error.as_ref().map(fs::read_to_string);
    match (fs::read_to_string(&case.output), error) {
        (Ok(output), _) => Some(Ok(output)),
        (Err(_), Some(Ok(error))) => Some(Err(error)),
        _ => None,
    }
}

fn write(case: &Case, said: &Said) {
    let _ = fs::remove_file(&case.output);
    if let Some(error) = &case.error {
        let _ = fs::remove_file(error);
    }
    match (said, &case.error) {
        (Ok(output), _) => fs::write(&case.output, output).expect("written"),
        (Err(message), Some(error)) => fs::write(error, message).expect("written"),
        (Err(message), None) => panic!("{}: {message}", case.output.display()),
    }
}

/// Without the place of ours, where Go tells none.
fn without_column(error: &str) -> &str {
    error.split(" (line ").next().unwrap_or(error).trim_end()
}

fn is_same(ours: &Said, theirs: &Said) -> bool {
    match (ours, theirs) {
        (Err(ours), Err(theirs)) => without_column(ours) == theirs.trim_end(),
        _ => ours == theirs,
    }
}

#[test]
fn templates_say_what_amtool_says() {
    let Some(amtool) = AMTOOL.find("templates_say_what_amtool_says") else {
        return;
    };
    let is_recording = std::env::var_os("BELFRY_RECORD").is_some_and(|value| value == "1");
    let place = Place::new();
    let all: Vec<Case> = cases(&place.nothing()).into_iter().chain(sets()).collect();
    assert!(50 <= all.len(), "{}", all.len());
    let mut differences = String::new();
    for case in &all {
        let theirs = render(&amtool, case);
        if is_recording {
            write(case, &theirs);
        }
        let ours = render(binary(), case);
        let written = written(case);
        if written.as_ref() != Some(&theirs) || !is_same(&ours, &theirs) {
            let name = case.output.display();
            differences.push_str(&format!(
                "{name}\n  Belfry  {ours:?}\n  amtool  {theirs:?}\n  written {written:?}\n"
            ));
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

/// URLs of webhooks that are templates: whether a configuration with them is taken, as Alertmanager takes it.
const URLS: [&str; 16] = [
    "http://a.example.org/{{ .CommonLabels.x }}",
    "http://a.example.org/{{ .CommonLabels.x | urlquery }}",
    "{{ printf \"%s\" .Receiver }}",
    "{{ template \"nowhere\" . }}",
    "{{ nil }}",
    "http://a.example.org/{{ define \"y\" }}q{{ end }}",
    "ftp://{{ .Receiver }}",
    "a b{{ .Receiver }}",
    "http://a.example.org/{{ .CommonLabels.x | toUpper }}",
    "http://a.example.org/{{ join \",\" .GroupLabels.Names }}",
    "http://a.example.org/{{ reReplaceAll \"a\" \"b\" .Receiver }}",
    "http://{{ .Receiver | safeUrl }}/",
    "http://a.example.org/{{ nosuch .X }}",
    "http://a.example.org/{{ .Nope",
    "http://a.example.org/{{ if }}",
    "http://a.example.org/}}",
];

/// Alertmanager's own functions are unknown in a URL when a configuration is loaded, so a URL that uses one is refused, by both.
#[test]
fn templates_in_urls_of_webhooks_are_taken_as_amtool_takes_them() {
    let Some(amtool) = AMTOOL.find("templates_in_urls_of_webhooks_are_taken_as_amtool_takes_them")
    else {
        return;
    };
    let place = Place::new();
    for url in URLS {
        let quoted = url.replace('\'', "''");
        let text = format!(
            "route: {{receiver: r}}\nreceivers:\n- name: r\n  webhook_configs: [{{url: '{quoted}'}}]\n"
        );
        let file = place.file("alertmanager.yml", &text);
        let check = |program: &Path| {
            let ended =
                run(Command::new(program).args(["check-config".as_ref(), file.as_os_str()]));
            let said = format!("{}{}", ended.stdout, ended.stderr);
            let reason = said.split_once("invalid template syntax: ");
            // Ours goes on with a hint.
            let reason =
                reason.and_then(|(_, reason)| reason.lines().next()?.split(" (`{{`").next());
            (ended.code, reason.map(str::to_owned))
        };
        let (ours, theirs) = (check(binary()), check(&amtool));
        assert_eq!(ours, theirs, "{url}");
    }
}

/// The default templates, but for the page of mails.
const DEFAULTS: &str = "__alertmanager __alertmanagerURL __subject __description \
    slack.default.title slack.default.username slack.default.fallback slack.default.callbackid slack.default.pretext \
    slack.default.titlelink slack.default.iconemoji slack.default.iconurl slack.default.text slack.default.footer slack.default.color \
    pagerduty.default.description pagerduty.default.client pagerduty.default.clientURL \
    opsgenie.default.message opsgenie.default.description opsgenie.default.source \
    wechat.default.message wechat.default.to_user wechat.default.to_party wechat.default.to_tag wechat.default.agent_id \
    victorops.default.state_message victorops.default.entity_display_name victorops.default.monitoring_tool \
    pushover.default.title pushover.default.message pushover.default.url sns.default.subject sns.default.message \
    telegram.default.message discord.default.content discord.default.title discord.default.message webex.default.message \
    msteams.default.summary msteams.default.title msteams.default.text msteamsv2.default.title msteamsv2.default.text \
    jira.default.summary jira.default.description jira.default.priority \
    rocketchat.default.title rocketchat.default.alias rocketchat.default.titlelink rocketchat.default.emoji \
    rocketchat.default.iconurl rocketchat.default.text mattermost.default.color mattermost.default.username \
    mattermost.default.title mattermost.default.titlelink mattermost.default.fallback mattermost.default.text \
    email.default.subject";

/// Those that are about a list of alerts.
const LISTS: &str = "{{ template \"pagerduty.default.instances\" .Alerts.Firing }}\n\
    {{ template \"__text_alert_list\" .Alerts }}\n{{ template \"__text_alert_list_markdown\" .Alerts }}\n";

/// Alertmanager's default templates as they lie beside amtool; by itself it reads those of whichever Alertmanager is installed.
fn theirs_beside(amtool: &Path) -> PathBuf {
    let root = amtool.ancestors().nth(2).expect("a root");
    root.join("share/prometheus/alertmanager/*.tmpl")
}

#[test]
fn templates_by_default_say_what_alertmanagers_do() {
    let Some(amtool) = AMTOOL.find("templates_by_default_say_what_alertmanagers_do") else {
        return;
    };
    let place = Place::new();
    let names = DEFAULTS.split_whitespace();
    let text: String = names
        .map(|name| format!("{name}: {{{{ template \"{name}\" . }}}}\n"))
        .collect();
    let text = place.file("text", &(text + LISTS));
    for group in ["firing", "resolved", "mixed"] {
        let data = crates().join("notify/tests/community/data").join(group);
        let case = |glob: PathBuf| Case {
            glob,
            text: text.clone(),
            data: data.with_extension("json"),
            output: PathBuf::new(),
            error: None,
        };
        let ours = render(binary(), &case(place.nothing())).expect("ours render");
        let theirs = render(&amtool, &case(theirs_beside(&amtool))).expect("theirs render");
        for (our, their) in ours.lines().zip(theirs.lines()) {
            assert_eq!(our, their, "{group}");
        }
        assert_eq!(ours, theirs, "{group}");
    }
}

/// Groups by the severities of their alerts; a `-` in front says that an alert has ended, a `_` that it has none.
const GROUPS: [&str; 20] = [
    "info",
    "warning",
    "critical",
    "page",
    "_",
    "-info",
    "-critical",
    "-page",
    "Critical",
    "none",
    "info warning page",
    "warning critical info",
    "_ critical",
    "info -warning",
    "-info warning",
    "-critical info",
    "page -critical -info",
    "page -info",
    "-warning -page",
    "-critical -warning info",
];

/// Which priority the default templates give an issue is what Alertmanager's give it.
#[test]
fn templates_give_an_issue_the_priority_that_alertmanagers_do() {
    let Some(amtool) = AMTOOL.find("templates_give_an_issue_the_priority_that_alertmanagers_do")
    else {
        return;
    };
    let place = Place::new();
    let text = place.file("text", "{{ template \"jira.default.priority\" . }}");
    for severities in GROUPS {
        let alerts = severities.split(' ').map(|word| {
            let (status, severity) = match word.strip_prefix('-') {
                Some(severity) => ("resolved", severity),
                None => ("firing", word),
            };
            let labels = match severity {
                "_" => serde_json::json!({"alertname": "A"}),
                severity => serde_json::json!({"alertname": "A", "severity": severity}),
            };
            serde_json::json!({"status": status, "labels": labels, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"})
        });
        let alerts: Vec<_> = alerts.collect();
        let data = serde_json::json!({"receiver": "r", "status": "firing", "alerts": alerts, "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://a.example.org"});
        let case = |glob: PathBuf| Case {
            glob,
            text: text.clone(),
            data: place.file("data.json", &data.to_string()),
            output: PathBuf::new(),
            error: None,
        };
        let ours = render(binary(), &case(place.nothing()));
        let theirs = render(&amtool, &case(theirs_beside(&amtool)));
        assert_eq!(ours, theirs, "{severities}");
    }
}
