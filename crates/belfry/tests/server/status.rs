//! `belfry status` against a running instance.

use crate::process::{Server, run};

#[test]
fn the_status_of_an_instance_is_printed() {
    let server = Server::start("route: {receiver: r}\nreceivers: [{name: r}]\n");
    let url = format!("--url=http://{}", server.address());
    let shown = run(&["status", &url]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.stdout.starts_with("Mode           embedded since"),
        "{shown:?}"
    );
    let json = run(&["status", &url, "--json"]);
    let status: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&status["mode"], json.code), (&"embedded".into(), Some(0)));
    assert_eq!(status["shards"].as_array().map(Vec::len), Some(16));
}

#[test]
fn nobody_there_is_told_from_an_instance_that_is_alone() {
    let nobody = run(&["status", "--url=http://127.0.0.1:1"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(
        nobody.stderr.contains("belfry status: error:"),
        "{nobody:?}"
    );
}
