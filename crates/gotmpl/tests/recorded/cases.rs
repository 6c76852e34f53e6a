//! One folder for each case: a template, its data and Go's own answer (`../cases/README.md`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{End, run};

/// Every case, by its folder.
fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(all).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn text(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

fn check(folder: &Path) -> Result<(), String> {
    let (engine, template) = match text(folder, "template.html") {
        Some(template) => ("html", Some(template)),
        None => ("text", text(folder, "template.tmpl")),
    };
    let template = template.ok_or("there is no template.tmpl and no template.html")?;
    let data = text(folder, "data.json").ok_or("there is no data.json")?;
    let data = serde_json::from_str(&data).map_err(|error| error.to_string())?;
    let case = json!({"engine": engine, "template": template});
    let got = match run(&case, &crate::dataset::value(&data)) {
        End::Output(output) => ("output.txt", output),
        End::Error(_, error, _) => ("error.txt", error + "\n"),
    };
    let answer = text(folder, got.0).ok_or_else(|| format!("Go gives no {}: {}", got.0, got.1))?;
    if got.1 == answer {
        Ok(())
    } else {
        Err(format!("expected {answer:?}\n  got      {:?}", got.1))
    }
}

#[test]
fn every_folder_gives_what_go_gave() {
    let folders = folders();
    assert!(3 <= folders.len(), "{folders:?}");
    let failures: Vec<String> = folders
        .iter()
        .filter_map(|folder| {
            let error = check(folder).err()?;
            Some(format!("{}: {error}", folder.display()))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
