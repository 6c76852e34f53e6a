use std::time::Duration;

use super::*;

const TRY: Command = Command {
    name: "try",
    about: "Tries.",
    flags: &[&[
        Flag::new("config.file", Kind::Text, "a.yml", "A file."),
        Flag::new("web.listen-address", Kind::Text, ":9093", "Where.").repeatable(),
        Flag::new("log.silences", Kind::Switch, "false", "Whether."),
        Flag::new("interval", Kind::Duration, "15m", "How often."),
        Flag::new("most", Kind::Int, "0", "How many."),
        Flag::new("ratio", Kind::Float, "0.9", "How much."),
        Flag::new("level", Kind::Choice(&["debug", "info"]), "info", "Which."),
    ]],
    arguments: None,
};

fn parse(args: &[&str]) -> Result<Values, String> {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    match TRY.parse(&args)? {
        Asked::Run(values) => Ok(values),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn values_come_after_an_equals_sign_or_as_the_next_argument() {
    let values = parse(&["--config.file=b.yml", "--interval", "1.5h", "--most=7"]).expect("valid");
    assert_eq!(values.text("config.file"), "b.yml");
    assert_eq!(values.duration("interval"), Duration::from_secs(5400));
    assert_eq!(values.count("most"), 7);
    assert_eq!(values.given("level"), None);
    assert_eq!(values.text("level"), "info");
}

#[test]
fn an_empty_value_is_a_value() {
    let values = parse(&["--config.file="]).expect("valid");
    assert_eq!(values.given("config.file"), Some(""));
    assert_eq!(values.some_text("config.file"), None);
}

#[test]
fn switches_have_a_negative_form() {
    assert!(!parse(&[]).expect("valid").is_on("log.silences"));
    assert!(
        parse(&["--log.silences"])
            .expect("valid")
            .is_on("log.silences")
    );
    assert!(
        !parse(&["--no-log.silences"])
            .expect("valid")
            .is_on("log.silences")
    );
    assert!(
        parse(&["--log.silences=true"])
            .expect("valid")
            .is_on("log.silences")
    );
}

#[test]
fn a_repeatable_flag_replaces_its_default() {
    assert_eq!(
        parse(&[]).expect("valid").all("web.listen-address"),
        [":9093"]
    );
    let values = parse(&["--web.listen-address=:1", "--web.listen-address", ":2"]).expect("valid");
    assert_eq!(values.all("web.listen-address"), [":1", ":2"]);
}

#[test]
fn mistakes_are_named_in_kingpins_words() {
    let cases = [
        (vec!["--nope"], "unknown long flag '--nope'"),
        (
            vec!["--no-config.file"],
            "unknown long flag '--no-config.file'",
        ),
        (vec!["-x"], "unknown short flag '-x'"),
        (
            vec!["--config.file"],
            "expected argument for flag '--config.file'",
        ),
        (
            vec!["--config.file=a", "--config.file=b"],
            "flag 'config.file' cannot be repeated",
        ),
        (vec!["stray"], "unexpected stray"),
        (vec!["--log.silences=maybe"], "unexpected maybe"),
        (
            vec!["--interval=15"],
            "time: missing unit in duration \"15\"",
        ),
        (vec!["--interval=x"], "time: invalid duration \"x\""),
        (
            vec!["--most=x"],
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            vec!["--ratio=x"],
            "strconv.ParseFloat: parsing \"x\": invalid syntax",
        ),
        (
            vec!["--level=loud"],
            "enum value must be one of debug,info, got 'loud'",
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(parse(&args).err().as_deref(), Some(expected), "{args:?}");
    }
}

#[test]
fn durations_are_gos() {
    let cases = [
        ("0s", Duration::ZERO),
        ("0", Duration::ZERO),
        ("120h", Duration::from_secs(432_000)),
        ("200ms", Duration::from_millis(200)),
        ("1m30.5s", Duration::from_millis(90_500)),
        ("-5s", Duration::ZERO),
    ];
    for (text, expected) in cases {
        let values = parse(&["--interval", text]).expect(text);
        assert_eq!(values.duration("interval"), expected, "{text}");
    }
    assert!(
        parse(&["--interval=1d"]).is_err(),
        "days are Prometheus's, not Go's"
    );
}

#[test]
fn help_names_every_flag() {
    let help = TRY.help();
    for flag in TRY.all() {
        assert!(help.contains(flag.name), "{}", flag.name);
    }
    assert!(help.contains("--[no-]log.silences"));
}
