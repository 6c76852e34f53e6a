use domain::label::Labels;
use std::sync::Mutex;

use super::*;
use crate::samples;

#[derive(Default)]
struct Kept {
    entries: Mutex<Vec<InboxEntry>>,
    failure: Option<String>,
}

#[async_trait]
impl InboxSink for Kept {
    async fn put(&self, message: InboxEntry) -> Result<(), String> {
        match self.failure.as_deref() {
            Some("stuck") => std::future::pending().await,
            Some(failure) => Err(failure.to_owned()),
            None => {
                self.entries.lock().unwrap().push(message);
                Ok(())
            }
        }
    }
}

fn inbox(sink: &Arc<Kept>) -> Inbox {
    let sink: Arc<dyn InboxSink> = Arc::clone(sink) as _;
    templated(sink, TemplateSet::default())
}

fn templated(sink: Arc<dyn InboxSink>, set: TemplateSet) -> Inbox {
    let id = IntegrationId::new("team.a", "inbox", 0);
    Inbox::new(id, true, sink, Arc::new(set))
}

#[test]
fn titles_are_alertmanagers_subjects() {
    let check = |instances: &[(&str, bool)], expected: &str| {
        assert_eq!(
            entry(&samples::notification(instances), "", None).title,
            expected
        );
    };
    check(&[("n1", false)], "[FIRING:1] HighLoad node (n1 critical)");
    check(
        &[("n1", false), ("n2", false)],
        "[FIRING:2] HighLoad node (critical)",
    );
    check(
        &[("n1", true), ("n2", false)],
        "[FIRING:1] HighLoad node (critical)",
    );
    check(
        &[("n1", true), ("n2", true)],
        "[RESOLVED] HighLoad node (critical)",
    );
}

#[test]
fn a_title_without_common_labels_has_no_brackets() {
    let mut notification = samples::notification(&[]);
    let labels = Labels::from_pairs([("alertname", "HighLoad"), ("job", "node")]);
    notification.alerts = vec![samples::alert(labels, false)];
    assert_eq!(
        entry(&notification, "", None).title,
        "[FIRING:1] HighLoad node"
    );
}

#[test]
fn a_title_is_one_short_line() {
    let mut notification = samples::notification(&[("n1", false)]);
    let long = format!("a\nb\u{1b}{}", "é".repeat(1000));
    notification.group_labels = Labels::from_pairs([("alertname", long.as_str())]);
    let title = entry(&notification, "", None).title;
    assert!(title.starts_with("[FIRING:1] a b é"), "{title}");
    assert_eq!(title.chars().count(), crate::data::TITLE_CHARS_MAX + 1);
}

#[test]
fn a_huge_message_is_cut_and_says_so() {
    let names: Vec<String> = (0..ALERTS_MAX + 5).map(|i| format!("n{i}")).collect();
    let mut instances: Vec<(&str, bool)> = names.iter().map(|n| (n.as_str(), true)).collect();
    instances.last_mut().unwrap().1 = false;
    let entry = entry(&samples::notification(&instances), "", None);
    let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
    assert_eq!(body["alerts"].as_array().unwrap().len(), ALERTS_MAX);
    assert_eq!(body["truncatedAlerts"], 5);
    assert_eq!(entry.status, "firing");
    assert_eq!(entry.title, "[FIRING:1] HighLoad node (critical)");
    assert_eq!(
        body["status"], "firing",
        "the one that fires is not listed, but the message fires"
    );
}

#[tokio::test]
async fn a_message_is_put_with_its_key() {
    let sink = Arc::new(Kept::default());
    let notification = samples::notification(&[("n1", false)]);
    inbox(&sink)
        .deliver(&notification, Duration::from_secs(1))
        .await
        .unwrap();
    let kept = sink.entries.lock().unwrap().clone();
    assert_eq!(
        kept,
        [entry(&notification, "summary: load is high\n", None)]
    );
    assert_eq!(kept[0].idempotency_key, "0123abcd");
    assert_eq!(kept[0].receiver, "team.a");
    let body: serde_json::Value = serde_json::from_str(&kept[0].body).unwrap();
    assert_eq!(body["alerts"][0]["labels"]["instance"], "n1");
    assert_eq!(body["title"], "[FIRING:1] HighLoad node (n1 critical)");
}

#[tokio::test]
async fn its_text_is_a_template_that_falls_back() {
    let said = async |text: &str| {
        let sink = Arc::new(Kept::default());
        let file = format!("{{{{ define \"belfry.inbox.text\" }}}}{text}{{{{ end }}}}");
        let files = [("a.tmpl", file.as_str())];
        let set = TemplateSet::parse(files, gotmpl::time::Zone::Utc, Default::default()).unwrap();
        let inbox = templated(Arc::clone(&sink) as _, set);
        let notification = samples::notification(&[("n1", false)]);
        let told = inbox
            .deliver(&notification, Duration::from_secs(1))
            .await
            .unwrap();
        let body = sink.entries.lock().unwrap()[0].body.clone();
        (
            serde_json::from_str::<serde_json::Value>(&body).unwrap(),
            told.fallback,
        )
    };
    let (body, fallback) = said("{{ .Status }}!").await;
    assert_eq!((&body["text"], fallback), (&"firing!".into(), None));
    let (body, fallback) = said("{{ .Nope }}").await;
    assert_eq!(body["text"], "summary: load is high\n");
    assert_eq!(body["templateError"], fallback.unwrap().as_str());
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried() {
    for (failure, detail) in [
        ("disk is full", "inbox: disk is full"),
        ("stuck", "inbox: the message was not kept within 1s"),
    ] {
        let sink = Arc::new(Kept {
            failure: Some(failure.to_owned()),
            ..Kept::default()
        });
        let notification = samples::notification(&[("n1", false)]);
        let error = inbox(&sink)
            .deliver(&notification, Duration::from_secs(1))
            .await
            .unwrap_err();
        assert_eq!(
            (error.retry, error.is_ambiguous),
            (Some(RetryAdvice { after: None }), false)
        );
        assert_eq!(error.detail, detail);
    }
}
