use super::*;

const ALL: [Dialect; 7] = [
    Dialect::Plain,
    Dialect::Feishu,
    Dialect::Dingtalk,
    Dialect::Wecom,
    Dialect::Markdown,
    Dialect::Html,
    Dialect::GoogleChat,
];

#[test]
fn what_has_no_meaning_stays_as_it_is() {
    for dialect in ALL {
        for text in [
            "HighLoad",
            "磁盘 90%",
            "a, b; c/d",
            "v1.2.3",
            "2 of 3.5 disks",
            "7",
        ] {
            assert_eq!(dialect.escape(text), text, "{dialect:?}");
        }
    }
    for dialect in ALL.iter().filter(|d| **d != Dialect::Feishu) {
        assert_eq!(dialect.escape("node_exporter"), "node_exporter");
    }
}

#[test]
fn nobody_is_called_by_a_text() {
    for (text, dialect, expected) in [
        (
            "<at id=all></at>",
            Dialect::Feishu,
            "&#60;at id=all&#62;&#60;/at&#62;",
        ),
        ("<@all>", Dialect::Wecom, "<\u{200b}@all>"),
        ("<users/all>", Dialect::GoogleChat, "<\u{200b}users/all>"),
        ("<font>", Dialect::Dingtalk, "<\u{200b}font>"),
        ("<b>", Dialect::Html, "&lt;b&gt;"),
        ("[a](http://b)", Dialect::Markdown, "\\[a\\](http://b)"),
        ("[a](b)", Dialect::Wecom, "[a]\u{200b}(b)"),
        ("# x", Dialect::Dingtalk, "\\# x"),
        ("1. x", Dialect::Markdown, "1\\. x"),
        ("a\nb", Dialect::Plain, "a b"),
        ("   # x", Dialect::Markdown, "\\# x"),
    ] {
        assert_eq!(dialect.escape(text), expected, "{text} {dialect:?}");
    }
}

#[test]
fn lines_stay_lines() {
    assert_eq!(Dialect::Markdown.escape_lines("a\r\n\n# b\n"), "a\n\\# b");
}

#[test]
fn only_the_web_is_linked() {
    for url in ["javascript:alert(1)", "", "ftp://x", "http://", "x"] {
        for dialect in ALL {
            assert_eq!(dialect.link("x", url), "", "{url}");
        }
    }
    let url = "HTTPS://example.org/a b)?q=\"<x>&r=1";
    assert_eq!(
        Dialect::Feishu.link("a]", url),
        "[a&#93;](https://example.org/a%20b%29?q=%22%3Cx%3E&r=1)"
    );
    assert_eq!(
        Dialect::Html.link("a", url),
        "<a href=\"https://example.org/a%20b%29?q=%22%3Cx%3E&amp;r=1\">a</a>"
    );
    assert_eq!(
        Dialect::GoogleChat.link("a|b>", "http://x/|"),
        "<http://x/%7C|a b >"
    );
}
