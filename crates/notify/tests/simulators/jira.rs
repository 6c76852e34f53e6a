//! Jira: issues that are searched for, made, changed, and moved through a workflow.

mod site;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::provider::{Channel, Failed, failed};
use super::server::Reply;
use super::simulator::{Fault, Simulator};
use site::{PASSWORD, Site};

fn site(is_cloud: bool) -> Simulator<Site> {
    let site = Site {
        is_cloud,
        ..Site::default()
    };
    Simulator::new(site, Site::answer)
}

/// A channel, with project and type of the issue.
fn channel(site: &Simulator<Site>, what: &str, more: &str) -> Channel {
    let is_cloud = site.with(|site| site.is_cloud);
    let (kind, version) = if is_cloud {
        ("cloud", 3)
    } else {
        ("datacenter", 2)
    };
    let url = site.url(&format!("/rest/api/{version}"));
    let settings = format!(
        "api_url: '{url}', api_type: {kind}, {what}, resolve_transition: Done, reopen_transition: To Do, \
         reopen_duration: 90m, http_config: {{basic_auth: {{username: belfry, password: {PASSWORD}}}}}{more}"
    );
    Channel::new("jira", &settings)
}

const OPS: &str = "project: OPS, issue_type: Bug";
const CREATE: &str = "POST /rest/api/2/issue";

#[tokio::test]
async fn a_group_is_one_issue_that_is_closed_and_opened_again() {
    for is_cloud in [false, true] {
        let site = site(is_cloud);
        let ops = channel(&site, OPS, ", wont_fix_resolution: \"Won't \\\"fix\\\"\"");
        // Nobody needs an issue about something that is over.
        ops.resolve("load is high").await.unwrap();
        assert_eq!(site.with(|site| site.issues.len()), 0);
        ops.tell("*load* is \"high\" {noformat} 漢字\n", 300)
            .await
            .unwrap();
        ops.tell("load is low", 1).await.unwrap();
        let description = site.with(|site| site.issues[0].fields["description"].to_string());
        assert!(description.contains("load is low"), "{description}");
        ops.resolve("load is high").await.unwrap();
        ops.resolve("load is high").await.unwrap();
        assert_eq!(site.with(Site::states), [true]);
        ops.tell("load is high", 1).await.unwrap();
        assert_eq!(site.with(Site::states), [false]);
        ops.resolve("load is high").await.unwrap();
        // Too long ago; and one that is closed for good.
        site.with(|site| site.issues[0].closed_minutes_ago = 91);
        ops.tell("load is high", 1).await.unwrap();
        assert_eq!(site.with(Site::states), [true, false]);
        ops.resolve("load is high").await.unwrap();
        site.with(|site| site.issues[1].resolution = "Won't \"fix\"".to_owned());
        ops.tell("load is high", 1).await.unwrap();
        assert_eq!(site.with(Site::states), [true, true, false]);
    }
}

#[tokio::test]
async fn texts_take_the_form_it_wants() {
    for is_cloud in [false, true] {
        let site = site(is_cloud);
        let text = "'{{ .CommonAnnotations.summary }}'";
        let more = format!(", summary: {text}, description: {text}");
        let ops = channel(&site, OPS, &more);
        ops.tell(&"漢\r\n".repeat(20_000), 1).await.unwrap();
        let summary = site.with(|site| site.issues[0].fields["summary"].clone());
        assert_eq!(summary.as_str().unwrap().chars().count(), 255);
    }
}

#[tokio::test]
async fn an_issue_whose_answer_is_lost_is_not_made_twice() {
    let site = site(false);
    let ops = channel(&site, OPS, "");
    site.happen(CREATE, Fault::Lost);
    let (how, _) = failed(ops.tell("load is high", 1).await, &[PASSWORD]);
    assert_eq!(how, Failed::Unknown(Some(5)));
    ops.tell("load is high", 1).await.unwrap();
    site.happen("PUT /rest/api/2/issue/OPS-1", Fault::Lost);
    let (how, _) = failed(ops.tell("load is high", 1).await, &[PASSWORD]);
    assert_eq!(how, Failed::Unknown(None));
    ops.tell("load is high", 1).await.unwrap();
    // A transition that was made is not made again: the issue is no longer found where it was.
    site.happen("POST /rest/api/2/issue/OPS-1/transitions", Fault::Lost);
    let (how, _) = failed(ops.resolve("load is high").await, &[PASSWORD]);
    assert_eq!(how, Failed::Unknown(None));
    ops.resolve("load is high").await.unwrap();
    assert_eq!(site.with(Site::states), [true]);
}

#[tokio::test]
async fn it_is_asked_again_when_it_is_not_well() {
    let site = site(false);
    let ops = channel(&site, OPS, "");
    let limited = || Reply::plain(429, "Rate limit exceeded.").with_header("Retry-After", "20");
    let down = || Reply::plain(503, "<html>Service Unavailable</html>");
    for (what, fault, expected) in [
        (
            "search",
            Fault::Answered(limited()),
            Failed::ForNow(Some(20)),
        ),
        ("search", Fault::Answered(down()), Failed::ForNow(None)),
        // Nobody hears of a search.
        ("search", Fault::Lost, Failed::ForNow(None)),
        (
            "issue",
            Fault::Answered(limited()),
            Failed::ForNow(Some(20)),
        ),
        ("issue", Fault::Answered(down()), Failed::ForNow(Some(5))),
    ] {
        site.happen(&format!("POST /rest/api/2/{what}"), fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[PASSWORD]).0, expected, "{what}");
    }
    assert_eq!(site.with(|site| site.issues.len()), 0);
}

#[tokio::test]
async fn what_it_refuses_is_told_with_its_words() {
    let site = site(false);
    let task = "project: OPS, issue_type: Task";
    for (what, more, expected) in [
        (
            "project: NONE, issue_type: Bug",
            "",
            "does not exist for the field 'project'",
        ),
        (
            "project: READ, issue_type: Bug",
            "",
            "\"project\":\"You do not have permission",
        ),
        (
            "project: OPS, issue_type: Story",
            "",
            "\"issuetype\":\"Specify a valid issue type\"",
        ),
        (
            task,
            ", labels: ['a b']",
            "contains spaces which is invalid",
        ),
        (task, ", summary: ''", "You must specify a summary"),
    ] {
        let outcome = channel(&site, what, more).tell("load is high", 1).await;
        let (how, detail) = failed(outcome, &[PASSWORD]);
        assert_eq!(how, Failed::ForGood);
        assert!(
            detail.contains("400") && detail.contains(expected),
            "{detail}"
        );
    }
    assert_eq!(site.with(|site| site.issues.len()), 0);
    let url = site.url("/rest/api/2");
    let stranger = format!(
        "api_url: '{url}', {OPS}, http_config: {{basic_auth: {{username: belfry, password: 0ther-s3cr3t}}}}"
    );
    let outcome = Channel::new("jira", &stranger)
        .tell("load is high", 1)
        .await;
    let encoded = STANDARD.encode("belfry:0ther-s3cr3t");
    let (how, detail) = failed(outcome, &["0ther-s3cr3t", &encoded]);
    assert_eq!(how, Failed::ForGood);
    assert!(detail.contains("401"), "{detail}");
}

#[tokio::test]
async fn the_cloud_no_longer_has_the_old_search() {
    let site = site(false);
    let ops = channel(&site, OPS, "");
    site.with(|site| site.is_cloud = true);
    let (how, detail) = failed(ops.tell("load is high", 1).await, &[PASSWORD]);
    assert_eq!(how, Failed::ForGood);
    assert!(
        detail.contains("410") && detail.contains("/rest/api/3/search/jql"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_transition_that_is_not_there_is_named() {
    let site = site(false);
    let url = site.url("/rest/api/2");
    let settings = format!(
        "api_url: '{url}', {OPS}, resolve_transition: Nope, http_config: {{basic_auth: {{username: belfry, password: {PASSWORD}}}}}"
    );
    let ops = Channel::new("jira", &settings);
    ops.tell("load is high", 1).await.unwrap();
    let (how, detail) = failed(ops.resolve("load is high").await, &[PASSWORD]);
    assert_eq!(how, Failed::ForGood);
    assert_eq!(detail, "issue OPS-1 has no transition `Nope`");
}
