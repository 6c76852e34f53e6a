//! Belfry started as the files of `deploy/` start it.

use std::process::Command;

use harness::nginx::deployed;
use harness::server::{Place, Server, binary};
use regex::Regex;

fn read(name: &str) -> String {
    std::fs::read_to_string(deployed(name)).expect("it is there")
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The deployed settings with the test's own places in them, and a Redis that is not there.
fn fitted(settings: &str, place: &Place) -> String {
    let password = format!("password_file: {}", place.path("password").display());
    let database = format!("sqlite://{}", place.path("belfry.db").display());
    [
        (r"0\.0\.0\.0:9093", "127.0.0.1:0"),
        (r"host: [^,]+", "host: 127.0.0.1"),
        (r"port: 6379", "port: 1"),
        (r"password_file: [^,]+", &password),
        (r"sqlite:///data/belfry\.db", &database),
    ]
    .iter()
    .fold(settings.to_owned(), |settings, (from, to)| {
        assert!(pattern(from).is_match(&settings), "no {from}");
        pattern(from).replace_all(&settings, *to).into_owned()
    })
}

/// The command a file starts, with what it says about variables, the test's own places in both.
fn command(starts: &str, place: &Place) -> Command {
    let own = |text: &str| {
        let folder = place.path("");
        let folder = folder.to_string_lossy();
        let folder = folder.trim_end_matches('/');
        pattern("/etc/belfry|/var/lib/belfry|%d")
            .replace_all(text, folder)
            .into_owned()
    };
    let argument = pattern(r#"\bserve\b[",\s]+(--[^\s"\]]+)"#);
    let argument = argument.captures(starts).expect("it serves");
    let mut command = Command::new(binary());
    command.arg("serve").arg(own(&argument[1]));
    // The test reads the log for the address.
    command.env("BELFRY_LOGGING_FORMAT", "logfmt");
    for line in pattern(r"(?m)^Environment=(\w+)=(.+)$").captures_iter(starts) {
        command.env(&line[1], own(&line[2]));
    }
    command
}

/// Goal: whatever starts an instance, it understands its arguments, variables and settings, and answers the probes of
/// Kubernetes with 200 although Redis is out of reach.
#[test]
fn an_instance_starts_as_it_is_deployed() {
    let unit = read("systemd/belfry.service") + &read("systemd/redis-password.conf");
    let probes = pattern(r"path: (/-/\w+)");
    let manifest = read("kubernetes/statefulset.yaml");
    for (starts, folder) in [
        (read("Dockerfile"), "compose/belfry"),
        (unit, "compose/belfry"),
        (manifest.clone(), "kubernetes"),
    ] {
        let place = Place::new(&read(&format!("{folder}/alertmanager.yml")));
        let settings = read(&format!("{folder}/belfry.yaml"));
        place.write("belfry.yaml", &fitted(&settings, &place));
        place.write("password", "only-for-this-test\n");
        place.write("redis_password", "only-for-this-test\n");
        let server = Server::start(&mut command(&starts, &place));
        let log = server.program.stderr.text();
        assert!(!log.contains("did you mean"), "{log}");
        for probe in probes.captures_iter(&manifest) {
            let answer = server.get(&probe[1]);
            assert_eq!(answer.status(), 200, "{probe:?}");
            assert_eq!(answer.header("x-belfry-mode"), Some("degraded"));
        }
        assert!(place.path("belfry.db").is_file(), "{log}");
    }
}
