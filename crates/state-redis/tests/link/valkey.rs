use std::process::Command;

use redis_harness::{skip, valkey_program};

/// Runs this program's tests once more on Valkey, without those that wait for a silent server.
#[test]
fn the_same_holds_on_valkey() {
    let Some(valkey) = valkey_program() else {
        return skip(
            "the_same_holds_on_valkey",
            "valkey-server",
            "BELFRY_TEST_VALKEY_SERVER",
        );
    };
    let own = std::env::current_exe().expect("a test has a program");
    let left_out = [
        "valkey::",
        "subscription::a_subscription_notices",
        "faults::a_silent",
    ];
    let mut command = Command::new(own);
    // Most of them wait most of the time.
    command.arg("--test-threads=4");
    command.env("BELFRY_TEST_REDIS_SERVER", valkey);
    for test in left_out {
        command.args(["--skip", test]);
    }
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "on Valkey:\n{said}");
    assert!(
        said.contains("refusals::a_missing_right_is_named ... ok"),
        "{said}"
    );
}
