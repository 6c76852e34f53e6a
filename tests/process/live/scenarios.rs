//! Some of Alertmanager's own black-box scenarios (spec §6); all of them run on virtual time in `it`.

use std::time::Duration;

use harness::alert::{Alert, rfc3339};
use harness::sink::Manner;
use serde_json::json;

use crate::story::{Story, Window, firing, resolved};

fn test(name: &str) -> Alert {
    Alert::named(name)
}

#[test]
fn merge_alerts() {
    let story = Story::start(
        "route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook', send_resolved: true}]}]\n",
        &[],
    );
    let t = |seconds| story.time(seconds);
    story.post(1.0, &[test("test").starts(t(1.1))]);
    story.post(1.2, &[test("test").starts(t(1.0))]);
    story.post(2.3, &[test("test").annotation("note", "v1").starts(t(2.0))]);
    story.post(3.6, &[test("test").annotation("note", "v2")]);
    story.post(4.6, &[test("test").starts(t(3.0)).ends(t(4.5))]);
    story.post(
        4.8,
        &[test("test")
            .annotation("note", "v3")
            .starts(t(2.9))
            .ends(t(4.8))],
    );
    story.post(
        4.8,
        &[test("test")
            .annotation("note", "v3")
            .starts(t(2.9))
            .ends(t(4.1))],
    );
    story.post(5.3, &[test("test").starts(t(5.0))]);
    story.until(6.9);
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &[firing("test").from(1.0)]),
            Window(3.0, 3.5, &[firing("test").from(1.0).note("v1")]),
            Window(4.0, 4.5, &[firing("test").from(1.0).note("v2")]),
            Window(5.0, 5.5, &[resolved("test").from(1.0).to(4.8).note("v3")]),
            Window(6.0, 6.5, &[firing("test").from(5.0)]),
        ],
    );
}

#[test]
fn batching() {
    let story = Story::start(
        "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 4900ms}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n",
        &[],
    );
    story.post(1.1, &[test("a")]);
    story.post(1.7, &[test("b")]);
    story.post(3.3, &[test("c"), test("d"), test("e")]);
    story.until(9.7);
    let all = [
        firing("a"),
        firing("b"),
        firing("c"),
        firing("d"),
        firing("e"),
    ];
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &[firing("a").from(1.1), firing("b").from(1.7)]),
            Window(4.1, 4.5, &all),
            Window(9.1, 9.5, &all),
        ],
    );
}

#[test]
fn resolved_by_time_out() {
    let story = Story::start(
        "global: {resolve_timeout: 10s}\n\
         route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 5s}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook', send_resolved: true}]}]\n",
        &[],
    );
    story.post(
        1.0,
        &[
            test("t").label("lbl", "v1"),
            test("t").label("lbl", "v2"),
            test("t").label("lbl", "v3"),
        ],
    );
    story.until(13.4);
    let all_firing = [
        firing("t").from(1.0),
        firing("t").from(1.0),
        firing("t").from(1.0),
    ];
    let over = resolved("t").from(1.0).to(11.0);
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &all_firing),
            Window(12.0, 13.0, &[over, over, over]),
        ],
    );
}

#[test]
fn reload_by_signal() {
    let story = Story::start(
        "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n",
        &[],
    );
    story.post(1.0, &[test("test1")]);
    story.until(3.0);
    story.server.program.signal("HUP");
    story.post(4.0, &[test("test2")]);
    story.until(9.9);
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &[firing("test1").from(1.0)]),
            Window(
                9.0,
                9.5,
                &[firing("test1").from(1.0), firing("test2").from(4.0)],
            ),
        ],
    );
}

#[test]
fn reload_by_post() {
    let story = Story::start(
        "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 3s, repeat_interval: 10m}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n",
        &[],
    );
    story.post(1.0, &[test("test1")]);
    story.until(3.0);
    let answer = story
        .server
        .send("POST", "/-/reload", "")
        .expect("an answer");
    assert_eq!((answer.status(), answer.body.as_str()), (200, ""));
    story.post(4.0, &[test("test2")]);
    story.until(6.9);
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &[firing("test1")]),
            Window(6.0, 6.5, &[firing("test1"), firing("test2")]),
        ],
    );
}

const EVERY_SECOND: &str = "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms}\n\
     receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n";

#[test]
fn silencing() {
    let story = Story::start(EVERY_SECOND, &[]);
    story.post(1.0, &[test("test1"), test("test2")]);
    story.until(2.3);
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "test1", "isRegex": false}],
        "startsAt": rfc3339(story.time(2.5)), "endsAt": rfc3339(story.time(4.5)),
        "createdBy": "me", "comment": "c",
    });
    let answer = story
        .server
        .send("POST", "/api/v2/silences", &silence.to_string())
        .expect("an answer");
    assert_eq!(answer.status(), 200, "{answer:?}");
    story.until(5.7);
    let both = [firing("test1"), firing("test2")];
    story.told(
        "/hook",
        &[
            Window(2.0, 2.5, &both),
            Window(3.0, 3.5, &[firing("test2")]),
            Window(4.0, 4.5, &[firing("test2")]),
            Window(5.0, 5.5, &both),
        ],
    );
}

#[test]
fn a_silence_that_is_deleted_holds_no_longer() {
    let story = Story::start(EVERY_SECOND, &[]);
    story.post(1.0, &[test("test1"), test("test2")]);
    story.until(1.3);
    let silence = json!({
        "matchers": [{"name": "alertname", "value": ".+", "isRegex": true}],
        "startsAt": rfc3339(story.time(1.5)), "endsAt": rfc3339(story.time(100.0)),
        "createdBy": "me", "comment": "c",
    });
    let answer = story
        .server
        .send("POST", "/api/v2/silences", &silence.to_string())
        .expect("an answer");
    let id = answer.json()["silenceID"]
        .as_str()
        .expect("an id")
        .to_owned();
    story.until(3.5);
    let gone = story
        .server
        .send("DELETE", &format!("/api/v2/silence/{id}"), "")
        .expect("an answer");
    assert_eq!(gone.status(), 200);
    story.until(4.6);
    story.told(
        "/hook",
        &[Window(3.5, 4.5, &[firing("test1"), firing("test2")])],
    );
}

#[test]
fn webhook_timeout() {
    let story = Story::start(
        "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 1m, repeat_interval: 1h}\n\
         receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook', timeout: 500ms}]}]\n",
        &[],
    );
    story
        .sink
        .set("/hook", Manner::Delay(Duration::from_secs(1)));
    story.post(1.0, &[test("test1")]);
    story.until(3.0);
    story.sink.set("/hook", Manner::Accept);
    story.until(4.5);
    let told = story.sink.told_on("/hook");
    assert!(told.len() >= 2, "the first attempt timed out: {told:?}");
    let last = told.last().expect("just counted");
    let at = last.at.duration_since(told[0].at);
    assert!(
        at >= Duration::from_millis(500) && at < Duration::from_millis(2_600),
        "{at:?}"
    );
    assert!(last.is_accepted());
    assert!(
        told.iter()
            .all(|t| t.key == told[0].key && t.body == told[0].body),
        "{told:?}"
    );
}

#[test]
fn cold_start() {
    let config = "route: {receiver: hook, group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m}\n\
                  receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n";
    let story = Story::start(config, &["--dispatch.start-delay=5s"]);
    story.post(1.0, &[test("test1").starts(story.time(-100.0))]);
    story.post(2.0, &[test("test2")]);
    story.until(5.4);
    assert_eq!(
        story
            .server
            .send("POST", "/-/reload", "")
            .expect("an answer")
            .status(),
        200
    );
    story.post(6.0, &[test("test3"), test("test4")]);
    story.until(11.9);
    story.told(
        "/hook",
        &[
            Window(
                4.0,
                5.0,
                &[firing("test1").from(-100.0), firing("test2").from(2.0)],
            ),
            Window(
                11.0,
                11.5,
                &[
                    firing("test1"),
                    firing("test2"),
                    firing("test3"),
                    firing("test4"),
                ],
            ),
        ],
    );
}
