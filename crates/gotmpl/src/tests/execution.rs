//! What execution does beyond the recorded cases: functions of rules, printing, scopes, limits.

use crate::data::{Alert, Alerts, Data, Kv};
use crate::functions::{
    ALERTMANAGER, Environment, Functions, Limit, MissingKey, PROMETHEUS, Query, RouteLabels, Sample,
};
use crate::time::{Time, Zone};
use crate::value::{ElementType, List, Map};
use crate::{ExecError, Limits, Templates, Value};

/// Answers every query with two samples.
#[derive(Debug)]
struct TwoSamples;

impl Query for TwoSamples {
    fn query(&self, expression: &str, _at: &Time) -> Result<Vec<Sample>, String> {
        if expression == "bad" {
            return Err("no such metric".to_owned());
        }
        let sample = |instance: &str, value| Sample {
            labels: vec![
                ("__value__".to_owned(), "text".to_owned()),
                ("instance".to_owned(), instance.to_owned()),
            ],
            value,
        };
        Ok(vec![sample("b", 11.0), sample("a", 12.5)])
    }
}

#[derive(Debug)]
struct Team;

impl RouteLabels for Team {
    fn label(&self, name: &str) -> Result<String, String> {
        match name {
            "team" => Ok("infra".to_owned()),
            "loop" => Err("route label cycle detected: loop -> loop".to_owned()),
            _ => Ok(String::new()),
        }
    }
}

pub(super) fn run(
    functions: &Functions,
    source: &str,
    dot: &Value,
    limits: &Limits,
) -> (String, Option<ExecError>) {
    let mut templates = Templates::default();
    templates
        .parse_inline("t", source, functions, limits)
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    let environment = Environment {
        local: Zone::find("Asia/Shanghai").expect("a zone"),
        query: Some(&TwoSamples),
        route_labels: Some(&Team),
        external_url: "http://prom.example.org/base",
        path_prefix: "/base",
        ..Environment::new(Time::new(1_780_000_000, 500_000_000, Zone::Utc))
    };
    let mut output = Vec::new();
    let done = templates.execute("t", dot, functions, &environment, limits, &mut output);
    (String::from_utf8_lossy(&output).into_owned(), done.err())
}

#[track_caller]
fn gives_with(functions: &Functions, source: &str, dot: &Value, expected: &str) {
    let (output, error) = run(functions, source, dot, &Limits::default());
    assert_eq!(error.map(|error| error.to_string()), None, "{source}");
    assert_eq!(output, expected, "{source}");
}

#[track_caller]
fn gives(source: &str, expected: &str) {
    gives_with(&ALERTMANAGER, source, &Value::Nil, expected);
}

#[track_caller]
fn rule_gives(source: &str, expected: &str) {
    let labels = Map::of_strings([("instance", "host.example.org:9100"), ("job", "node")]);
    let dot = Map::new(
        vec![
            ("Labels".into(), labels.into()),
            ("Value".into(), Value::Float(1234.5)),
        ],
        ElementType::Any,
    );
    gives_with(&PROMETHEUS, source, &dot.into(), expected);
}

#[track_caller]
fn fails(functions: &Functions, source: &str, expected: &str) {
    let (_, error) = run(functions, source, &Value::Nil, &Limits::default());
    let error = error
        .unwrap_or_else(|| panic!("{source} fails"))
        .to_string();
    assert!(error.ends_with(expected), "{source}: {error}");
}

#[test]
fn numbers_for_people() {
    rule_gives(
        "{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize .12 }}",
        "0 1 1.235M 120m",
    );
    rule_gives(
        "{{ humanize \"1e27\" }} {{ humanize -0.00001 }} {{ humanize \"NaN\" }}",
        "1000Y -10u NaN",
    );
    rule_gives(
        "{{ humanize1024 1048576.0 }} {{ humanize1024 0.5 }} {{ humanize1024 1024 }}",
        "1Mi 0.5 1ki",
    );
    rule_gives(
        "{{ humanizePercentage 0.1234567 }} {{ humanizePercentage \"1\" }}",
        "12.35% 100%",
    );
    rule_gives(
        "{{ humanizeTimestamp 1435065584.128 }}",
        "2015-06-23 13:19:44.128 +0000 UTC",
    );
    rule_gives(
        "{{ (1435065584.128 | toTime).Format \"2006\" }} {{ toDuration 3661 }}",
        "2015 1h1m1s",
    );
    rule_gives(
        "{{ parseDuration \"1h2m10ms\" }} {{ parseDuration \"0\" }}",
        "3720.01 0",
    );
    fails(
        &PROMETHEUS,
        "{{ parseDuration \"1x\" }}",
        "not a valid duration string: \"1x\"",
    );
    fails(
        &PROMETHEUS,
        "{{ humanizeTimestamp 1e30 }}",
        "1e+30 cannot be represented as a nanoseconds timestamp since it overflows int64",
    );
    fails(&PROMETHEUS, "{{ toTime \"+Inf\" }}", "value is NaN or Inf");
}

#[test]
fn functions_of_rules() {
    rule_gives(
        "{{ $labels := .Labels }}{{ $labels.instance | stripPort }} {{ .Labels.none }}|",
        "host.example.org |",
    );
    rule_gives(
        "{{ stripDomain .Labels.instance }} {{ stripDomain \"10.0.0.1:80\" }} {{ stripPort \"[::1]:80\" }}",
        "host:9100 10.0.0.1:80 ::1",
    );
    rule_gives(
        "{{ title \"it's a wORLD\" }} {{ toUpper \"é\" }}",
        "It'S A WORLD É",
    );
    rule_gives(
        "{{ externalURL }}{{ pathPrefix }} {{ tableLink \"up > 0\" }} {{ graphLink \"x\" }}",
        "http://prom.example.org/base/base /graph?g0.expr=up+%3E+0&g0.tab=1 /graph?g0.expr=x&g0.tab=0",
    );
    rule_gives(
        "{{ with args 1 \"b\" }}{{ .arg0 }}{{ .arg1 }}{{ end }}",
        "1b",
    );
    rule_gives(
        "{{ query \"up\" | first | value }} {{ query \"up\" | first | label \"instance\" }} {{ query \"up\" | first | strvalue }}",
        "11 b text",
    );
    rule_gives(
        "{{ range query \"up\" | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value }} {{ end }}",
        "a=12.5 b=11 ",
    );
    rule_gives(
        "{{ printf \"%.1f\" .Value }} {{ reReplaceAll \"(.*):.*\" \"$1\" .Labels.instance }}",
        "1234.5 host.example.org",
    );
    rule_gives("{{ now }} {{ safeHtml \"<b>\" }}", "1.7800000005e+09 <b>");
    fails(
        &PROMETHEUS,
        "{{ query \"bad\" }}",
        "error calling query: no such metric",
    );
    fails(
        &PROMETHEUS,
        "{{ first (query \"up\" | slice 0) }}",
        "can't slice item of type int",
    );
}

#[test]
fn functions_newer_than_the_recorded_engine() {
    gives(
        "{{ base64encode \"a?>\" }} {{ base64decode \"YT8-\" }}",
        "YT8- a?>",
    );
    gives(
        "{{ (toDate \"2006-01-02 15:04\" \"2026-03-04 05:06\").UTC }}",
        "2026-03-03 21:06:00 +0000 UTC",
    );
    gives(
        "{{ (mustToDate \"2006-01-02T15:04:05Z07:00\" \"2026-03-04T05:06:07.5+02:00\") }}",
        "2026-03-04 05:06:07.5 +0200 +0200",
    );
    gives(
        "{{ (toDate \"2006\" \"x\").IsZero }} {{ (stringSlice \"a\" \"b\").Join \"+\" }}",
        "true a+b",
    );
    gives(
        "{{ routeLabels \"team\" }}|{{ routeLabels \"none\" }}|",
        "infra||",
    );
    gives(
        "{{ now.Local }} {{ since (now.Add -1500000000) }}",
        "2026-05-29 04:26:40.5 +0800 CST 1.5s",
    );
    fails(
        &ALERTMANAGER,
        "{{ routeLabels \"loop\" }}",
        "route label cycle detected: loop -> loop",
    );
    fails(
        &ALERTMANAGER,
        "{{ mustToDate \"2006-01-02\" \"2026-02-30\" }}",
        "parsing time \"2026-02-30\": day out of range",
    );
    fails(
        &ALERTMANAGER,
        "{{ mustToDate \"2006-01-02\" \"x\" }}",
        "parsing time \"x\" as \"2006-01-02\": cannot parse \"x\" as \"2006\"",
    );
}

#[test]
fn printing_as_go_prints() {
    gives(
        "{{ printf \"%08.3f|%+d|%x|%X|%#o|%#b|%O\" 3.14159 5 -255 255 8 5 8 }}",
        "0003.142|+5|-ff|FF|010|0b101|0o10",
    );
    gives(
        "{{ printf \"%e|%g|%G|%.3g|%#g|%#.3x\" 1500.0 1e-5 1e-10 1234.5678 1.0 1.0 }}",
        "1.500000e+03|1e-05|1E-10|1.23e+03|1.00000|0x1.000p+00",
    );
    gives(
        "{{ printf \"%t|%5t|%q|%-5q|%05d|%-05d|\" true false 'x' 'y' -7 -7 }}",
        "true|false|'x'|'y'  |-0007|-7   |",
    );
    gives(
        "{{ printf \"%6.2f|%-8s|%8.3s|%+.2e|% d|%c\" 2.345 \"ab\" \"abcdef\" 12345.678 7 0x1F600 }}",
        "  2.35|ab      |     abc|+1.23e+04| 7|😀",
    );
    gives(
        "{{ printf \"%v %d %s\" (list 1 (list \"a\" 2.5)) (list 1 2) (dict \"k\" \"v\") }}",
        "[1 [a 2.5]] [1 2] map[k:v]",
    );
    gives(
        "{{ printf \"%x %X %q\" (list 10 \"hi\") \"hi\" (list \"a\" 1) }}",
        "[a 6869] 6869 [\"a\" '\\x01']",
    );
    gives(
        "{{ printf \"%5v|%-5v|%05v\" (list 1 2) (list 1 2) (list 1 2) }}",
        "[    1     2]|[1     2    ]|[00001 00002]",
    );
    gives(
        "{{ printf \"%#v %#v %#v\" 1.0 nil (dict \"a\" (list nil)) }}",
        "1 <nil> map[string]interface {}{\"a\":[]interface {}{interface {}(nil)}}",
    );
    gives(
        "{{ printf \"%T %T %T %T\" (list) (dict) now (index \"a\" 0) }}",
        "[]interface {} map[string]interface {} time.Time uint8",
    );
    gives(
        "{{ print 1i }} {{ printf \"%.1f\" 1+2i }} {{ 0.1 }} {{ 100000.0 }} {{ 1000000.0 }} {{ 12345678.9 }}",
        "(0+1i) (1.0+2.0i) 0.1 100000 1e+06 1.23456789e+07",
    );
    gives(
        "{{ printf \"%[2]*[1]d|%-[2]*[1]d|%.[2]*[1]f\" 12 6 }}",
        "    12|12    |%!f(int=000012)",
    );
    gives(
        "{{ printf \"%s %d\" (toDate \"2006\" \"2026\").Month (toDate \"2006\" \"2026\").Weekday }}",
        "January 4",
    );
    gives(
        "{{ printf \"%U %#U %x\" 0x1F600 0x1F600 \"é\" }}",
        "U+1F600 U+1F600 '😀' c3a9",
    );
}

#[test]
fn scopes_and_control() {
    gives(
        "{{ with $x := 1 }}{{ $x = 2 }}{{ $x }}{{ . }}{{ end }}",
        "21",
    );
    gives(
        "{{ range $i, $e := list 1 2 }}{{ range $e := list 3 4 }}{{ $i }}{{ $e }} {{ end }}{{ end }}",
        "03 04 13 14 ",
    );
    gives(
        "{{ range list 1 2 3 }}{{ with . }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}{{ end }}{{ . }}",
        "1<no value>",
    );
    gives(
        "{{ $x := 1 }}{{ range $x = list }}{{ else }}{{ $x }}{{ end }}{{ $x }}",
        "[][]",
    );
    gives(
        "{{ if $x := 0 }}{{ else if $y := 2 }}{{ $x }}{{ $y }}{{ end }}",
        "02",
    );
    gives(
        "{{ define \"f\" }}{{ . }}{{ $ }}{{ end }}{{ $a := 5 }}{{ template \"f\" $a }}",
        "55",
    );
    gives(
        "{{ template \"g\" (list 1 2) }}{{ define \"g\" }}{{ range . }}<{{ . }}>{{ end }}{{ end }}",
        "<1><2>",
    );
    gives(
        "{{ range list nil }}[{{ . }}]{{ end }}{{ index (list nil) 0 }}",
        "[<no value>]<no value>",
    );
    gives(
        "{{ or (index (list 0) 0) (and 1 2) }}{{ 1 | and 2 | or 0 }}",
        "21",
    );
    gives(
        "{{ not (eq 1 1) }} {{ le 1 1 }} {{ ge \"b\" \"a\" }} {{ ne 1 2 }}",
        "false true true true",
    );
    gives(
        "{{ (dict \"a\" (dict \"b\" 7)).a.b }} {{ ((list 1 2) | len) }}",
        "7 2",
    );
}

#[test]
fn data_as_go_prints_it() {
    let alert = |is_resolved| Alert {
        is_resolved,
        labels: Kv::new([("alertname", "Up"), ("a", "1")]),
        annotations: Kv::new([("summary", "s")]),
        starts_at: Time::new(1_780_000_000, 0, Zone::Utc),
        ends_at: Time::zero(),
        generator_url: "http://prom.example.org".into(),
        fingerprint: "f".into(),
    };
    let data = |route_labels| Data {
        receiver: "r".into(),
        alerts: Alerts::new([alert(false), alert(true)]),
        notification_reason: "why".into(),
        group_labels: Kv::new([("alertname", "Up")]),
        common_labels: Kv::new([("a", "1")]),
        common_annotations: Kv::new([("summary", "s")]),
        route_labels,
        external_url: "http://am.example.org".into(),
    };
    let plain = data(Kv::new::<&str, &str>([])).into_value();
    let alerts = "[{firing alertname=Up, a=1 summary=s 2026-05-28 20:26:40 +0000 UTC 0001-01-01 00:00:00 +0000 UTC http://prom.example.org f} {resolved alertname=Up, a=1 summary=s 2026-05-28 20:26:40 +0000 UTC 0001-01-01 00:00:00 +0000 UTC http://prom.example.org f}]";
    let shown =
        format!("{{r firing {alerts} why alertname=Up a=1 summary=s http://am.example.org}}");
    gives_with(&ALERTMANAGER, "{{ . }}", &plain, &shown);
    gives_with(&ALERTMANAGER, "{{ print . }}", &plain, &format!("&{shown}"));
    gives_with(
        &ALERTMANAGER,
        "{{ printf \"%T\" . }}{{ .RouteLabels }}",
        &plain,
        "*template.Data",
    );
    let routed = data(Kv::new([("team", "infra")])).into_value();
    gives_with(
        &ALERTMANAGER,
        "{{ .RouteLabels.team }} {{ eq . $ }} {{ len .Alerts.Firing }}",
        &routed,
        "infra true 1",
    );
    let json = "{{ slice (toJson .) 0 40 }} {{ toJson .RouteLabels }}";
    gives_with(
        &ALERTMANAGER,
        json,
        &routed,
        "{\"receiver\":\"r\",\"status\":\"firing\",\"alert {\"team\":\"infra\"}",
    );
}

#[test]
fn every_limit_is_told() {
    let tight = Limits {
        steps_max: 1_000,
        output_bytes_max: 10,
        memory_bytes_max: 1_000,
        depth_max: 5,
        ..Limits::TENANT
    };
    for (source, limit) in [
        ("{{ range 100000 }}{{ end }}", Limit::Steps),
        ("{{ range 11 }}x{{ end }}", Limit::Output),
        ("{{ printf \"%2000d\" 1 | len }}", Limit::Memory),
        (
            "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}",
            Limit::Depth,
        ),
    ] {
        let (output, error) = run(&ALERTMANAGER, source, &Value::Nil, &tight);
        assert_eq!(error.and_then(|error| error.limit), Some(limit), "{source}");
        assert!(output.len() <= 10);
    }
}

#[test]
fn an_error_names_its_place() {
    let source = "one\n{{ define \"in\" }}é {{ index . 9 }}{{ end }}{{ template \"in\" (list 1) }}";
    let (output, error) = run(&ALERTMANAGER, source, &Value::Nil, &Limits::default());
    let error = error.expect("an index out of range");
    let place = error.place.clone().expect("a place");
    assert_eq!(
        (place.line, place.column, &*place.piece),
        (2, 23, "index . 9")
    );
    assert_eq!(
        error.to_string(),
        "template: t:2:23: executing \"in\" at <index . 9>: error calling index: index out of range: 9"
    );
    assert_eq!(output, "one\né ");
    let missing = Templates::default().execute(
        "none",
        &Value::Nil,
        &ALERTMANAGER,
        &Environment::new(Time::zero()),
        &Limits::default(),
        &mut Vec::new(),
    );
    let text = missing.expect_err("no such template").to_string();
    assert_eq!(
        text,
        "template: no template \"none\" associated with template \"\""
    );
}

#[test]
fn a_missing_key_is_what_the_option_says() {
    let dot: Value = Map::of_strings([("a", "1")]).into();
    let run = |missing_key| {
        let mut templates = Templates::default();
        templates
            .parse_inline("", "[{{ .a }}{{ .b }}]", &ALERTMANAGER, &Limits::default())
            .expect("it parses");
        let environment = Environment {
            missing_key,
            ..Environment::new(Time::zero())
        };
        let mut output = Vec::new();
        let limits = Limits::default();
        let done = templates.execute("", &dot, &ALERTMANAGER, &environment, &limits, &mut output);
        done.map(|()| String::from_utf8_lossy(&output).into_owned())
            .map_err(|error| error.message)
    };
    assert_eq!(run(MissingKey::Zero), Ok("[1]".to_owned()));
    assert_eq!(run(MissingKey::Invalid), Ok("[1<no value>]".to_owned()));
    let error = "map has no entry for key \"b\"".to_owned();
    assert_eq!(run(MissingKey::Error), Err(error));
}

#[test]
fn a_template_becomes_a_program_once() {
    let mut templates = Templates::default();
    templates
        .parse_and_add(
            "a",
            "{{ define \"x\" }}{{ . }}{{ end }}",
            &ALERTMANAGER,
            &Limits::default(),
        )
        .expect("it parses");
    let first: *const _ = templates.program("x").expect("it is there");
    let copy = templates.clone();
    let second: *const _ = copy.program("x").expect("it is there");
    assert!(std::ptr::eq(first, second), "copies share what was made");
    let lists: Value = List::of_strings(["a"]).into();
    assert_eq!(lists.type_name(), "[]string");
}
