//! Trying receivers, and what the delivery log says afterwards.

use std::process::Command;

use harness::PATIENCE;
use harness::alert::Alert;
use harness::program::run;
use harness::server::{Place, binary};
use harness::sink::{Manner, Sink};
use harness::wait_for;

const CONFIG: &str = "route: {receiver: team, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}\n\
     receivers:\n- name: team\n  webhook_configs: [{url: '{sink}/good?token=abcdefghij'}, {url: '{sink}/bad'}]\n- name: empty\n\
     - {name: new, webhook_configs: [{url: '{sink}/new'}]}\n";

#[test]
fn the_command_sends_by_itself_and_shows_the_answers() {
    let sink = Sink::start();
    sink.set("/bad", Manner::Refuse(418));
    let place = Place::new(&CONFIG.replace("{sink}", &sink.url("")));
    let file = place.path("alertmanager.yml");
    let command = |name: &str| {
        let mut command = Command::new(binary());
        command.arg("test-receiver").arg(name);
        command.arg(format!("--config.file={}", file.display()));
        command
    };
    let tried = run(&mut command("team"));
    assert_eq!(tried.code, Some(1), "{} {}", tried.stdout, tried.stderr);
    let lines: Vec<&str> = tried.stdout.lines().collect();
    assert!(lines[0].contains("team/webhook[0]  accepted"), "{lines:?}");
    assert!(lines[1].contains("team/webhook[1]  FAILED"), "{lines:?}");
    assert!(lines[1].contains("418"), "{lines:?}");
    assert!(!tried.stdout.contains("abcdefghij"), "{lines:?}");
    let told = sink.told();
    assert_eq!(told.len(), 2, "one attempt each: {told:?}");
    assert_eq!(told[0].summary(), ["BelfryTest firing"]);

    for (name, says) in [
        ("nobody", "it has team, empty, new"),
        ("empty", "no integrations"),
    ] {
        let refused = run(&mut command(name));
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    let over = run(command("team").arg("--resolved"));
    assert_eq!(over.code, Some(1));
    assert!(
        sink.told()
            .iter()
            .any(|told| told.summary() == ["BelfryTest resolved"])
    );
    assert_eq!(
        run(&mut command("new")).code,
        Some(0),
        "nothing leads to it"
    );
}

#[test]
fn the_log_of_a_server_has_every_attempt_after_a_restart_too() {
    let sink = Sink::start();
    sink.set("/bad", Manner::Refuse(418));
    let place = Place::new(&CONFIG.replace("{sink}", &sink.url("")));
    let mut server = place.start(&[]);
    let body = r#"{"receiver": "team"}"#;
    let tested = server.send("POST", "/api/belfry/v1/receivers/test", body);
    let tested = tested.expect("an answer").json();
    let accepted = |n: usize| tested["integrations"][n]["isAccepted"].as_bool();
    assert_eq!(
        (accepted(0), accepted(1)),
        (Some(true), Some(false)),
        "{tested}"
    );
    for (receiver, status) in [("nobody", 404), ("empty", 409)] {
        let body = format!(r#"{{"receiver": "{receiver}"}}"#);
        let answer = server.send("POST", "/api/belfry/v1/receivers/test", &body);
        assert_eq!(answer.expect("an answer").status(), status, "{receiver}");
    }

    let body = r#"{"receiver": "new"}"#;
    let tested = server.send("POST", "/api/belfry/v1/receivers/test", body);
    let tested = tested.expect("an answer").json();
    assert_eq!(tested["integrations"][0]["isAccepted"], true, "{tested}");

    server.post(&[Alert::named("a").lasting()]);
    let listed = |server: &harness::server::Server, filter: &str| {
        let page = server.json(&format!("/api/belfry/v1/deliveries?{filter}"));
        page["deliveries"].as_array().cloned().unwrap_or_default()
    };
    let is_there = || {
        (listed(&server, "outcome=accepted&integration=team/webhook%5B0%5D").len() == 2)
            .then_some(())
    };
    wait_for(PATIENCE, is_there).expect("the alert is told");
    let refused = listed(&server, "outcome=refused&integration=team/webhook%5B1%5D");
    assert!(2 <= refused.len(), "{refused:?}");
    let newest = &refused[0];
    assert_eq!(newest["failure"], "clientError");
    assert_eq!(newest["reason"], "first notification");
    assert!(
        newest["answer"]
            .as_str()
            .is_some_and(|text| text.contains("418"))
    );
    let test = refused.last().expect("the test is in the log");
    assert_eq!(test["reason"], "test");
    assert_eq!(
        server
            .get("/api/belfry/v1/deliveries?outcome=maybe")
            .status(),
        400
    );
    let all = server.get("/api/belfry/v1/deliveries").body;
    assert!(!all.contains("abcdefghij"), "{all}");

    server.program.signal("TERM");
    server.program.wait(PATIENCE);
    let server = place.start(&[]);
    let kept = listed(&server, "reason=x&outcome=accepted");
    assert!(2 <= kept.len(), "{kept:?}");
}

/// What a receiver echoes of a request, which is all of it, is in no log with its secrets.
#[test]
fn no_log_shows_the_secrets_of_a_request_that_is_echoed() {
    let sink = Sink::start();
    let api = "/2010-04-01/Accounts/AC1/Messages.json";
    for path in ["/hook", api] {
        sink.set(path, Manner::Echo);
    }
    let with_user = sink.url("").replace("http://", "http://u:USERSECRET@");
    let config = format!(
        "route: {{receiver: team, group_wait: 100ms}}\nreceivers:\n- name: team\n\
         \x20 webhook_configs: [{{url: '{with_user}/hook', http_config: {{http_headers: {{X-Key: {{secrets: ['HEADSECRET\"\\&']}}}}}}}}]\n\
         \x20 twilio_configs: [{{api_url: '{}', account_sid: AC1, auth_token: AUTHSECRET, from: '+15550199776', to: ['+15550199777']}}]\n",
        sink.url("")
    );
    let place = Place::new(&config);
    let mut server = place.start(&[]);
    server.post(&[Alert::named("a").lasting()]);
    let page = || server.get("/api/belfry/v1/deliveries").body;
    let is_there = || {
        let page = page();
        (page.contains("team/webhook[0]") && page.contains("team/twilio[0]")).then_some(page)
    };
    let listed = wait_for(PATIENCE, is_there).expect("both are tried");
    let body = r#"{"receiver": "team"}"#;
    let tested = server.send("POST", "/api/belfry/v1/receivers/test", body);
    let tested = tested.expect("an answer").body;
    server.program.signal("TERM");
    server.program.wait(PATIENCE);
    let log = server.program.stderr.whole();
    for (place, text) in [("deliveries", &listed), ("test", &tested), ("log", &log)] {
        assert!(text.contains("<secret>"), "{place}: {text}");
        // Two of them in base64, as the header of basic auth has them.
        for secret in [
            "USERSECRET",
            "dTpVU0VSU0VDUkVU",
            "HEADSECRET",
            "AUTHSECRET",
            "QUMxOkFVVEhTRUNSRVQ",
            "15550199777",
            "15550199776",
        ] {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
}
