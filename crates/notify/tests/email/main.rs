//! The page of mails, `email.default.html`: what it says, that nothing escapes into it, and that it fits a phone.

mod alerts;
mod browser;

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Value};

use alerts::{strange_message, usual_message};

/// The page for a message.
fn page(data: &Value) -> String {
    let name = "email.default.html";
    let templates = notify::defaults::parse().expect("the files parse");
    let templates =
        html::escape(&templates, name, &html::Limits::default()).expect("every context is known");
    let functions = ALERTMANAGER.and(ESCAPERS);
    let environment = Environment::new(Time::new(0, 0, Zone::Utc));
    let mut page = Vec::new();
    let limits = Limits::default();
    templates
        .execute(name, data, &functions, &environment, &limits, &mut page)
        .expect("the page renders");
    String::from_utf8(page).expect("the page is UTF-8")
}

#[test]
fn preview() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, data) in [
        ("one", usual_message(1, 0)),
        ("mixed", usual_message(2, 1)),
        ("resolved", usual_message(0, 2)),
        ("strange", strange_message()),
        ("many", usual_message(10_000, 0)),
    ] {
        let page = page(&data);
        println!("{name} {}", page.len());
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
