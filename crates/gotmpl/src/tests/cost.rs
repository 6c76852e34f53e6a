//! What takes long costs many steps: the steps of a tenant are what keeps its templates below 50 ms, since nothing here reads a clock.
//!
//! `cargo run --release -p notify --example hostile_cost` measures the times that stand behind these numbers.

use crate::functions::{ALERTMANAGER, Environment, Limit};
use crate::time::{Time, Zone};
use crate::{Limits, Templates, Value};

/// The limit that so many rounds of a command reach, if any.
fn reached(command: &str, rounds: u32) -> Option<Limit> {
    let limits = Limits {
        memory_bytes_max: usize::MAX,
        ..Limits::TENANT
    };
    let source = format!(
        "{{{{ $t := now }}}}{{{{ $long := printf \"%1000s\" \"x\" }}}}{{{{ range {rounds} }}}}{{{{ $x := {command} }}}}{{{{ end }}}}"
    );
    let mut templates = Templates::default();
    templates
        .parse_inline("", &source, &ALERTMANAGER, &limits)
        .expect("it parses");
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let done = templates.execute(
        "",
        &Value::Nil,
        &ALERTMANAGER,
        &environment,
        &limits,
        &mut Vec::new(),
    );
    done.err().and_then(|error| error.limit)
}

/// Commands, and how often a tenant's template cannot do each: so many took about 50 ms before they cost what they do.
#[test]
fn what_takes_long_costs_many_steps() {
    for (command, too_many) in [
        ("printf \"%.300f\" 1e300", 1_500),
        ("printf \"%.1000e\" 1e-300", 1_000),
        ("printf \"%g\" 1.7976931348623157e308", 40_000),
        ("printf \"%.0s\" $t", 30_000),
        ("$t.String", 30_000),
        ("$t.Format \"15:04\"", 30_000),
        ("toJson $t", 30_000),
        ("toJson $long", 4_000),
        ("toJson 1.5", 45_000),
        ("toUpper $long", 30_000),
        ("match \"(a|b)+c\" $long", 10_000),
    ] {
        assert_eq!(reached(command, too_many), Some(Limit::Steps), "{command}");
    }
}

/// What people do is cheap.
#[test]
fn what_people_do_costs_few_steps() {
    for command in [
        "printf \"%.2f\" 97.345",
        "$t.Format \"2006-01-02 15:04:05\"",
        "toJson \"a short text\"",
        "toUpper \"critical\"",
    ] {
        assert_eq!(reached(command, 10_000), None, "{command}");
    }
}
