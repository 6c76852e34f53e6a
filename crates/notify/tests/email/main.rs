//! The page of mails, `email.default.html`: what it says, that nothing escapes into it, and that it fits a phone.

mod alerts;
mod browser;

use std::path::{Path, PathBuf};

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Value};

use alerts::{strange_message, usual_message};
use browser::{Chromium, Scheme};

/// The page for a message.
fn page(data: &Value) -> String {
    let name = "email.default.html";
    let templates = notify::defaults::parse().expect("the files parse");
    let templates =
        html::escape(&templates, name, &html::Limits::default()).expect("every context is known");
    let functions = ALERTMANAGER.and(ESCAPERS);
    let environment = Environment::new(Time::new(0, 0, Zone::Utc));
    let (limits, mut page) = (Limits::default(), Vec::new());
    templates
        .execute(name, data, &functions, &environment, &limits, &mut page)
        .expect("the page renders");
    String::from_utf8(page).expect("the page is UTF-8")
}

#[test]
fn the_page_has_all_facts() {
    let page = page(&usual_message(2, 1));
    let facts = [
        "<title>[FIRING:2] DiskFull eu-1 </title>",
        ">2 firing<",
        ">1 resolved<",
        "<h1 style=\"margin:8px 0 4px;font-size:22px;line-height:1.25\">DiskFull eu-1</h1>",
        "href=\"https://alerts.example.org/belfry/#/alerts?receiver=ops\"",
        ">Firing: 2<",
        "since 2026-05-28 20:26:41 UTC",
        "<tr><th>instance</th><td>node-0.example.org:9100</td></tr>",
        "<tr><th>severity</th><td>critical</td></tr>",
        "<tr><th>severity</th><td>warning</td></tr>",
        "Disk sda1 of node-1 is 97% full",
        "It fills by 2 GiB an hour.\nAt this rate",
        "<a href=\"https://wiki.example.org/runbooks/disk?kind=full&amp;os=linux\">",
        "<a href=\"http://prometheus.example.org/graph?g0.expr=disk_free%20%3C%203&amp;g0.tab=1\">Source</a>",
        ">Resolved: 1<",
        "ended 2026-05-28 21:56:47 UTC, after 1h 30m 5s",
        "Sent because: new alerts added.",
        "<a href=\"https://alerts.example.org/belfry\">",
    ];
    for fact in facts {
        assert!(page.contains(fact), "{fact}\n{page}");
    }
    let (firing, resolved) = page.split_once(">Resolved: 1<").expect("two parts");
    assert!(firing.contains("node-1.example.org") && !firing.contains("node-2.example.org"));
    assert!(resolved.contains("node-2.example.org") && !resolved.contains("node-1.example.org"));
}

#[test]
fn a_part_without_alerts_is_left_out() {
    let firing = page(&usual_message(1, 0));
    assert!(!firing.contains("esolved: ") && !firing.contains(" resolved<"));
    let resolved = page(&usual_message(0, 1));
    assert!(!resolved.contains("Firing: ") && !resolved.contains(" firing<"));
}

#[test]
fn nothing_escapes_into_the_page() {
    let page = page(&strange_message());
    for hostile in [
        "<script",
        "<img",
        "\" onclick",
        "href=\"javascript:",
        "ZgotmplZ",
    ] {
        assert!(!page.contains(hostile), "{hostile}\n{page}");
    }
    let escaped = [
        "<td>&lt;/td&gt;&lt;/table&gt;&lt;script&gt;alert(1)&lt;/script&gt;</td>",
        "it&#39;s &#34;quoted&#34; \\ back",
        "<td>javascript:alert(1)</td>",
        "Source: javascript:alert(1)<",
    ];
    for text in escaped {
        assert!(page.contains(text), "{text}\n{page}");
    }
}

/// Mails may neither load nor run anything; clients block it, and it would tell others who reads.
#[test]
fn nothing_is_loaded() {
    let page = page(&usual_message(2, 1));
    for loads in [
        "src=", "url(", "<link", "@import", "<script", "<iframe", "<form",
    ] {
        assert!(!page.contains(loads), "{loads}\n{page}");
    }
}

#[test]
fn any_number_of_alerts_is_a_page() {
    for count in [1, 10, 1_000] {
        let page = page(&usual_message(count, count));
        assert_eq!(page.matches("class=\"card firing\"").count(), count);
        assert_eq!(page.matches("class=\"card resolved\"").count(), count);
        for tag in [
            "table", "tr", "td", "th", "a", "span", "b", "h1", "h2", "tbody",
        ] {
            let opened = page.matches(&format!("<{tag} ")).count()
                + page.matches(&format!("<{tag}>")).count();
            let closed = page.matches(&format!("</{tag}>")).count();
            assert_eq!(opened, closed, "{tag}");
        }
        assert!(page.ends_with("</html>\n"));
    }
}

/// The largest message stays within what one execution may put out.
#[test]
fn ten_thousand_alerts_fit_the_limits() {
    assert!(page(&usual_message(10_000, 0)).len() < 14 << 20);
}

/// A file of the page, kept for whoever wants to look.
fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("a file can be written");
    path
}

/// What Chromium measures of a page in a frame as wide as a phone.
fn measure(chromium: &Chromium, name: &str, page: &str, scheme: Scheme) -> String {
    let attribute = page.replace('&', "&amp;").replace('"', "&quot;");
    let page = include_str!("fits.html").replace("PAGE\"", &format!("{attribute}\""));
    let page = file(&format!("email-{name}-measured.html"), &page);
    let document = chromium.document(&page, scheme);
    let (_, measured) = document
        .split_once("<pre id=\"measured\">")
        .expect("a place for the measures");
    let (measured, _) = measured.split_once("</pre>").expect("its end");
    measured.to_owned()
}

#[test]
fn the_page_fits_a_phone_by_day_and_by_night() {
    let Some(chromium) = Chromium::find("the_page_fits_a_phone_by_day_and_by_night") else {
        return;
    };
    let wide = "<p style=\"width:500px\">x</p>";
    let measured = measure(&chromium, "wide", wide, Scheme::Light);
    assert!(measured.starts_with("width 508\nbeyond P\n"), "{measured}");

    let pages = [
        ("usual", usual_message(2, 1)),
        ("strange", strange_message()),
    ];
    let themes = [
        (Scheme::Light, "rgb(238, 241, 244)"),
        (Scheme::Dark, "rgb(18, 22, 27)"),
    ];
    for (name, data) in pages {
        let page = page(&data);
        for (scheme, background) in themes {
            let measured = measure(&chromium, name, &page, scheme);
            let expected =
                format!("width 390\nbeyond \nloaded 0\nscripts 0\nbackground {background}");
            assert_eq!(measured, expected, "{name} {scheme:?}");
        }
        let (before, sheet) = page.split_once("<style>").expect("a style sheet");
        let (_, after) = sheet.split_once("</style>").expect("its end");
        let measured = measure(
            &chromium,
            "no-sheet",
            &format!("{before}{after}"),
            Scheme::Light,
        );
        assert!(
            measured.starts_with("width 390\nbeyond \n"),
            "{name}: {measured}"
        );
    }
}

/// The pictures are there to be looked at; the test sees to it that they can be made.
#[test]
fn the_page_can_be_looked_at() {
    let Some(chromium) = Chromium::find("the_page_can_be_looked_at") else {
        return;
    };
    let page = file("email.html", &page(&usual_message(2, 1)));
    for (size, scheme) in [
        ((390, 1400), Scheme::Light),
        ((390, 1400), Scheme::Dark),
        ((1000, 1200), Scheme::Light),
        ((1000, 1200), Scheme::Dark),
    ] {
        let picture = chromium.screenshot(&page, scheme, size);
        let width = picture.get(16..20).expect("a header");
        assert_eq!(width, size.0.to_be_bytes(), "the width of a PNG");
        let name = format!("email-{}-{scheme:?}.png", size.0).to_lowercase();
        std::fs::write(page.with_file_name(name), picture).expect("a file can be written");
    }
}
