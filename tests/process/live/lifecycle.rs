//! Starting, stopping and being refused.

use std::process::Command;
use std::time::Duration;

use harness::PATIENCE;
use harness::alert::Alert;
use harness::program::{Program, run};
use harness::server::{Place, Server, binary};
use harness::sink::{Manner, Outcome, Sink};

const CONFIG: &str = "route: {receiver: hook, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}\n\
     receivers: [{name: hook, webhook_configs: [{url: '{sink}/hook'}]}]\n";

fn place(sink: &Sink) -> Place {
    Place::new(&CONFIG.replace("{sink}", &sink.url("")))
}

#[test]
fn sigterm_lets_a_send_finish_and_nothing_is_repeated() {
    let sink = Sink::start();
    let place = place(&sink);
    let mut server = place.start(&[]);
    sink.set("/hook", Manner::Delay(Duration::from_secs(2)));
    server.post(&[Alert::named("a").lasting()]);
    sink.wait(PATIENCE, |told| told.outcome == Outcome::Open)
        .expect("a request is out");
    server.program.signal("TERM");
    assert_eq!(server.program.wait(PATIENCE).code(), Some(0));
    assert!(
        sink.told()[0].is_accepted(),
        "the send was cut: {:?}",
        sink.told()
    );

    let server = place.start(&[]);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(sink.told().len(), 1, "told again: {:?}", sink.told());
    let listed = server.json("/api/v2/alerts");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}

#[test]
fn sigint_stops_too_and_an_idle_server_stops_at_once() {
    let sink = Sink::start();
    let mut server = place(&sink).start(&[]);
    server.program.signal("INT");
    assert_eq!(server.program.wait(Duration::from_secs(3)).code(), Some(0));
}

#[test]
fn a_second_instance_on_the_same_storage_is_refused() {
    let sink = Sink::start();
    let place = place(&sink);
    let first = place.start(&[]);
    let second = run(&mut place.command(&[]));
    assert_ne!(second.code, Some(0));
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    assert_eq!(first.get("/-/healthy").status(), 200);
}

#[test]
fn a_broken_configuration_stops_the_start() {
    let place = Place::new("route: {receiver: nobody}\n");
    let ended = run(&mut place.command(&[]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("nobody"), "{}", ended.stderr);
}

#[test]
fn the_log_can_be_json() {
    let sink = Sink::start();
    let place = place(&sink);
    let mut program = Program::start(&mut place.command(&["--log.format=json"]));
    let line = program.stderr.wait(PATIENCE, |log| {
        log.split_inclusive('\n')
            .find(|line| line.contains("Listening on") && line.ends_with('\n'))
            .map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
    assert_eq!(line["msg"], "Listening on");
    assert!(
        line["address"]
            .as_str()
            .is_some_and(|address| address.starts_with("127.0.0.1:")),
        "{line}"
    );
    program.kill();
    let log = program.stderr.text();
    for line in log.lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "no JSON: {line}");
    }
}

#[test]
fn check_config_has_exit_codes() {
    let place = Place::new(CONFIG.replace("{sink}", "http://127.0.0.1:1").as_str());
    place.write(
        "bad.yml",
        "route:\n  receiver: a\n  colour: red\nreceivers: [{name: a}]\n",
    );
    let check = |name: &str| {
        run(Command::new(binary())
            .arg("check-config")
            .arg(place.path(name)))
    };
    let good = check("alertmanager.yml");
    assert_eq!(good.code, Some(0), "{good:?}");
    let bad = check("bad.yml");
    assert_eq!(bad.code, Some(1), "{bad:?}");
    let said = format!("{}{}", bad.stdout, bad.stderr);
    assert!(
        said.contains("bad.yml") && said.contains("colour") && said.contains('3'),
        "{said}"
    );
    assert_eq!(check("missing.yml").code, Some(1));
}

#[test]
fn the_demo_tells_its_story() {
    let mut command = Command::new(binary());
    let mut program = Program::start(command.args(["demo", "--server.listen=127.0.0.1:0"]));
    let address = program.stdout.wait(PATIENCE, |text| {
        let (_, rest) = text.split_once("http://")?;
        rest.split_once([' ', '\n'])
            .map(|(address, _)| address.trim_end_matches('/').to_owned())
    });
    let address = address.expect("it says where it serves");
    let is_told = |text: &str| {
        let text = text.to_lowercase();
        (text.contains("firing") && text.contains("resolved") && text.contains("that was the demo"))
            .then_some(())
    };
    let told = program.stdout.wait(Duration::from_secs(20), is_told);
    assert!(told.is_some(), "{}", program.stdout.text());
    let text = program.stdout.text();
    let grouped = text
        .split("<-")
        .any(|message| message.matches("\n            firing ").count() >= 2);
    assert!(grouped, "no message has several alerts:\n{text}");
    let answer =
        harness::http::request(&address, ("GET", "/-/ready"), &[], "").expect("it goes on serving");
    assert_eq!(answer.status(), 200);
    program.signal("INT");
    assert_eq!(program.wait(PATIENCE).code(), Some(0));
}

#[test]
fn an_instance_lists_itself_as_a_peer_unless_it_is_alone() {
    let sink = Sink::start();
    let place = place(&sink);
    let mut command = Command::new(binary());
    command
        .arg("alertmanager")
        .arg(format!(
            "--config.file={}",
            place.path("alertmanager.yml").display()
        ))
        .arg(format!("--storage.path={}", place.path("data").display()))
        .args([
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=127.0.0.1:0",
            "--cluster.peer-name=me",
        ]);
    let cluster = Server::start(&mut command).json("/api/v2/status")["cluster"].clone();
    assert_eq!(cluster["status"], "ready");
    assert_eq!(cluster["peers"][0]["name"], "me", "{cluster}");

    let alone = self::place(&sink).start(&[]).json("/api/v2/status")["cluster"].clone();
    assert_eq!(
        alone,
        serde_json::json!({"status": "disabled", "peers": []})
    );
}
