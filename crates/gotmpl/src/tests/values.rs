//! Values that few templates have.

use super::execution::run;
use crate::data::{Alert, Alerts, Kv};
use crate::functions::ALERTMANAGER;
use crate::time::{Time, Zone};
use crate::value::{ElementType, Map};
use crate::{Limits, Value};

/// Each as amtool 0.33.1 says it.
#[test]
fn rare_values_print_as_in_go() {
    let dot = Value::from(Time::new(1, 500_000_000, Zone::Utc));
    for (source, expected) in [
        (
            r#"{{ printf "%s %d %5s" (list nil) (list nil) (dict "a" nil) }}"#,
            "[<nil>] [<nil>] map[    a:<nil>]",
        ),
        (
            r#"{{ printf "%s %.1T %.2T" nil nil 1 }}"#,
            "%!s(<nil>) <nil> in",
        ),
        (
            r#"{{ printf "%w %5w %+w %p" 1 "x" 2.5 "s" }}"#,
            "%!w(int=1) %!w(string=    x) %!w(float64=2.5) %!p(string=s)",
        ),
        (
            r#"{{ printf "%w %p" (list 1) nil }}"#,
            "%!w([]interface {}=[1]) %!p(<nil>)",
        ),
        (
            r#"{{ printf "%#x %#X %#x %#.0x" 1.0 1.0 1e10 3.5 }}"#,
            "0x1.0000p+00 0X1.P+00 0x1.2a05f2p+33 0x1.p+02",
        ),
        (r#"{{ printf "%d" . }}"#, "{500000000 62135596801 0}"),
        (
            r#"{{ humanizeDuration "1_000" }} {{ humanizeDuration "0x1p4" }} {{ humanizeDuration "-inf" }}"#,
            "16m 40s 16s -Inf",
        ),
    ] {
        let (output, error) = run(&ALERTMANAGER, source, &dot, &Limits::default());
        assert_eq!((output.as_str(), error), (expected, None), "{source}");
    }
    for (source, expected) in [
        (
            "{{ 9223372036854775808 }}",
            "template: t:1:3: executing \"t\" at <9223372036854775808>: 9223372036854775808 overflows int",
        ),
        (
            r#"{{ humanizeDuration "0x10" }}"#,
            "parsing \"0x10\": invalid syntax",
        ),
        (
            r#"{{ humanizeDuration "1__0" }}"#,
            "parsing \"1__0\": invalid syntax",
        ),
        (
            r#"{{ humanizeDuration "1e999" }}"#,
            "parsing \"1e999\": value out of range",
        ),
    ] {
        let (_, error) = run(&ALERTMANAGER, source, &Value::Nil, &Limits::default());
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.ends_with(expected), "{source}: {error}");
    }
}

#[test]
fn slices_keep_their_named_type() {
    let alert = |is_resolved| Alert {
        is_resolved,
        labels: Kv::new([("a", "b")]),
        annotations: Kv::new::<&str, &str>([]),
        starts_at: Time::zero(),
        ends_at: Time::zero(),
        generator_url: "".into(),
        fingerprint: "".into(),
    };
    let alerts = Alerts::new([alert(false), alert(true), alert(false)]);
    let labels = Kv::new([("job", "node"), ("alertname", "High")]);
    let dot = Map::new(
        vec![
            ("alerts".into(), alerts.to_value()),
            ("labels".into(), labels.to_value()),
        ],
        ElementType::Any,
    );
    let source = "{{ len (slice .alerts 1 3).Firing }} {{ printf \"%T\" (slice .alerts 0 1) }} {{ slice .labels.SortedPairs 0 1 }} \
                  {{ (slice .labels.SortedPairs 1).Names }} {{ printf \"%T\" (slice (slice .alerts 0 2).Firing 0 1) }}";
    let (output, error) = run(&ALERTMANAGER, source, &dot.into(), &Limits::default());
    assert_eq!(error, None);
    assert_eq!(
        output,
        "1 template.Alerts alertname=High [job] []template.Alert"
    );
}
