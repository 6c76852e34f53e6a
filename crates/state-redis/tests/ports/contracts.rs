//! Every script says what it takes and gives, and takes nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use redis_harness::RedisServer;

use super::server;

/// Folders whose scripts are checked.
const FOLDERS: [&str; 3] = ["lock", "session", "rate"];

fn scripts() -> Vec<(PathBuf, String)> {
    let lua = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua");
    let mut found = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(lua.join(folder)).expect("a folder").flatten() {
            let text = fs::read_to_string(entry.path()).expect("a script is text");
            found.push((entry.path(), text));
        }
    }
    assert!(11 <= found.len(), "{} scripts", found.len());
    found
}

/// Places (`KEYS[1]`) named in a text.
fn places(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for word in ["KEYS[", "ARGV["] {
        for (start, _) in text.match_indices(word) {
            let rest = &text[start + word.len()..];
            let number = rest.split(']').next().unwrap_or_default();
            // A computed place is among the last, which the header calls `...`.
            if number.parse::<u32>().is_ok() {
                found.insert(format!("{word}{number}]"));
            }
        }
    }
    found
}

#[test]
fn headers_name_what_the_body_uses() {
    for (path, text) in scripts() {
        let shown = path.display();
        assert!(
            text.starts_with("#!lua"),
            "{shown}: the first line is `#!lua`"
        );
        let (_, rest) = text.split_once("\n--[[\n").expect("a header");
        let (header, body) = rest.split_once("\n]]\n").expect("its end");
        for part in ["KEYS[1]", "Returns  ", "Writes   "] {
            assert!(header.contains(part), "{shown}: the header lacks `{part}`");
        }
        let (declared, used) = (places(header), places(body));
        assert!(
            used.is_subset(&declared),
            "{shown}: {used:?} of {declared:?}"
        );
        let last = declared
            .iter()
            .filter(|place| header.contains(&format!("{place}  ...")));
        let unused: Vec<_> = declared
            .difference(&used)
            .filter(|p| !last.clone().any(|l| l == *p))
            .collect();
        assert!(unused.is_empty(), "{shown}: {unused:?} is not used");
        assert!(text.lines().count() <= 120, "{shown}: most 120 lines");
    }
}

fn refused(server: &RedisServer, script: &str, args: &[&str]) -> bool {
    let lua = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("lua")
        .join(script);
    let text = fs::read_to_string(lua).expect("a script");
    let keys = text.matches("\nKEYS[").count();
    let keys_text = keys.to_string();
    let mut words = vec!["EVAL", &text, &keys_text];
    words.extend(["{t}1", "{t}2"].iter().take(keys));
    words.extend(args);
    let answer = match server.try_command(&words) {
        Ok(answer) => answer,
        Err(error) => error.to_string(),
    };
    answer.contains("BADARG")
}

#[test]
fn bad_arguments_are_refused_before_anything_is_written() {
    let Some(server) = server("bad_arguments_are_refused_before_anything_is_written") else {
        return;
    };
    let bad: [(&str, &[&str]); 12] = [
        ("lock/acquire.lua", &["", "1", "1"]),
        ("lock/acquire.lua", &["t", "0", "1"]),
        ("lock/acquire.lua", &["t", "1", "x"]),
        ("lock/renew.lua", &["t", "-1"]),
        ("lock/extend.lua", &["t", "1"]),
        ("session/index.lua", &["id", "0", "5"]),
        ("session/create.lua", &["acme", "u", "n", "2", "1"]),
        (
            "session/create.lua",
            &["acme", "u", "n", "1", "2", "name without value"],
        ),
        ("session/read.lua", &[""]),
        ("session/update.lua", &["acme", "32", "", "2", "one"]),
        ("session/delete.lua", &["", ""]),
        ("rate/take.lua", &["5", "4"]),
    ];
    for (script, args) in bad {
        assert!(refused(&server, script, args), "{script} takes {args:?}");
    }
    assert_eq!(
        server.command(&["DBSIZE"]).trim_start_matches("(integer) "),
        "0"
    );
}
