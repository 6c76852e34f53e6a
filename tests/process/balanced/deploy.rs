//! What else lies in `deploy/`.

use std::process::Command;

use harness::peer::PROMTOOL;
use harness::program::run;

use harness::nginx::deployed;

#[test]
fn prometheus_takes_the_rules_about_ourselves() {
    let Some(promtool) = PROMTOOL.find("prometheus_takes_the_rules_about_ourselves") else {
        return;
    };
    let mut command = Command::new(promtool);
    command.args(["check", "rules", "--lint-fatal"]);
    let checked = run(command.arg(deployed("alerts/belfry.yml")));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
