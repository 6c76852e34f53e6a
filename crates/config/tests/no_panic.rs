//! No text makes a loader panic, however broken.

use config::LoadOptions;
use proptest::prelude::*;

const CONFIG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/config.json"
);

fn configs() -> Vec<String> {
    let text = std::fs::read_to_string(CONFIG).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = json["cases"].as_array().unwrap().iter();
    cases
        .map(|case| case["config"].as_str().unwrap().to_owned())
        .collect()
}

/// Reads a text in every way; an accepted configuration can be printed and read again.
fn read_all(text: &str) {
    // A text emptied on purpose is printed as nothing, which means its default; from then on it stays.
    if let Ok(config) = config::load(text, &LoadOptions::default())
        && let Ok(again) = config::load(&config.original, &LoadOptions::default())
        && let Ok(third) = config::load(&again.original, &LoadOptions::default())
    {
        assert_eq!(third.original, again.original);
    }
    let _ = config::belfry::load(text, "belfry.yaml");
    let _ = config::web::load(text, "web.yml", None);
    let _ = config::Value::from_yaml(text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text(text in any::<String>()) {
        read_all(&text);
    }

    #[test]
    fn text_of_yaml_signs(text in r#"[-\[\]{}:,&*!|>'"%@`?#~<a0.\n\t \\]{0,60}"#) {
        read_all(&text);
    }

    #[test]
    fn mutated_vectors(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..6,
        with in r#"[-\[\]{}:,&*!|>'"%?#~ \n\ta0-9é🙂<]{0,4}"#,
    ) {
        let configs = configs();
        let text: Vec<char> = configs[which.index(configs.len())].chars().collect();
        let at = at.index(text.len() + 1);
        let end = (at + cut).min(text.len());
        let mutated: String =
            text[..at].iter().copied().chain(with.chars()).chain(text[end..].iter().copied()).collect();
        read_all(&mutated);
    }

    #[test]
    fn any_text_is_printed_so_that_it_is_read_back(value in any::<String>()) {
        // Line ends in YAML 1.1 and so in what we print for other programs, but not in the YAML 1.2 we read.
        prop_assume!(!value.contains(['\u{2028}', '\u{2029}']));
        // Control characters cannot stand in YAML without escapes, and come back as they are.
        let quoted = serde_json::to_string(&value).unwrap();
        let text = format!("route: {{receiver: r}}\nreceivers: [{{name: r, labels: {{a: {quoted}}}}}]\n");
        if let Ok(config) = config::load(&text, &LoadOptions::default()) {
            let again = config::load(&config.original, &LoadOptions::default());
            let again = again.unwrap_or_else(|error| panic!("{error}\n{}", config.original));
            prop_assert_eq!(&again.receivers[0].labels, &config.receivers[0].labels);
        }
    }

    #[test]
    fn durations(text in "[-+0-9.a-zµ]{0,12}") {
        if let Ok(duration) = config::duration::parse_prometheus(&text) {
            let printed = config::duration::print_prometheus(duration);
            prop_assert_eq!(config::duration::parse_prometheus(&printed), Ok(duration));
        }
        if let Ok(duration) = config::duration::parse_go(&text) {
            prop_assert_eq!(config::duration::parse_go(&duration.to_string()), Ok(duration));
        }
    }

    #[test]
    fn variables(name in "BELFRY_[A-Z_]{0,20}", value in any::<String>()) {
        let mut belfry = config::belfry::BelfryConfig::default();
        let _ = config::belfry::apply_env(&mut belfry, [(name, value.clone())].into_iter());
        let _ = config::belfry::Redis::from_url(&value);
        let _ = config::belfry::Redis::from_url(&format!("redis://{value}"));
    }
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(config::load(&deep, &LoadOptions::default()).is_err());
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![previous; 10].join(", ")
        ));
    }
    let error = config::load(&bomb, &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("excessive aliasing"), "{error}");
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..2000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let error = config::load(&chain, &LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("nested deeper"), "{error}");
}

#[test]
fn a_deep_tree_of_routes_is_read_or_refused() {
    for depth in [10, 60, 80, 200] {
        let route = format!("{}{}", "{routes: [".repeat(depth), "]}".repeat(depth));
        let route = route.replacen('{', "{receiver: r, ", 1);
        let text = format!("receivers: [{{name: r}}]\nroute: {route}\n");
        let result = config::load(&text, &LoadOptions::default());
        assert_eq!(result.is_ok(), depth <= 80, "{depth}: {result:?}");
    }
}
