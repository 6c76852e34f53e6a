//! What the values of attributes are, judged by the attribute's name.

/// What the value of an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Plain,
    /// A URL.
    Url,
    /// A list of URLs with their sizes.
    Srcset,
    /// CSS.
    Css,
    /// JavaScript.
    Js,
    /// Something that decides how other things are read; a template may not print such a name.
    Unsafe,
}

const URLS: &[&str] = &[
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

const UNSAFE: &[&str] = &[
    "accept-charset",
    "async",
    "challenge",
    "charset",
    "content",
    "crossorigin",
    "defer",
    "enctype",
    "form",
    "formenctype",
    "formmethod",
    "formnovalidate",
    "http-equiv",
    "keytype",
    "language",
    "method",
    "novalidate",
    "pattern",
    "rel",
    "sandbox",
    "srcdoc",
    "type",
    "value",
];

/// Text attributes that the guess by parts of the name would take for something else.
///
/// So far there is only `srclang`, which contains `src`.
const PLAIN: &[&str] = &["srclang"];

/// Judges a name in lower case.
pub(super) fn kind(name: &str) -> Kind {
    let name = match (name.strip_prefix("data-"), name.split_once(':')) {
        // Scripts use `data-href` and the like as the attribute without `data-`.
        (Some(rest), _) => rest,
        (None, Some(("xmlns", _))) => return Kind::Url,
        (None, Some((_, local))) => local,
        (None, None) => name,
    };
    if PLAIN.contains(&name) {
        return Kind::Plain;
    }
    if URLS.contains(&name) {
        return Kind::Url;
    }
    if UNSAFE.contains(&name) {
        return Kind::Unsafe;
    }
    match name {
        "srcset" => Kind::Srcset,
        "style" => Kind::Css,
        _ if name.starts_with("on") => Kind::Js,
        // Made-up attributes are often URLs, and say so.
        _ if ["src", "uri", "url"].iter().any(|part| name.contains(part)) => Kind::Url,
        _ => Kind::Plain,
    }
}

/// Says whether a `<script>` of this type holds JavaScript or JSON.
pub(super) fn is_js_type(mime_type: &str) -> bool {
    let essence = mime_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "module" | "application/json" | "application/ld+json" => true,
        "text/jscript" | "text/livescript" => true,
        _ => {
            let Some((class, name)) = essence.split_once('/') else {
                return false;
            };
            let name = name.strip_prefix("x-").unwrap_or(name);
            let is_script = matches!(name, "javascript" | "ecmascript");
            let is_versioned = name
                .strip_prefix("javascript1.")
                .is_some_and(|minor| matches!(minor, "0" | "1" | "2" | "3" | "4" | "5"));
            match class {
                "application" => is_script,
                "text" => is_script || is_versioned,
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, is_js_type, kind};

    #[test]
    fn names_tell_kinds() {
        for (name, expected) in [
            ("title", Kind::Plain),
            ("href", Kind::Url),
            ("data-href", Kind::Url),
            ("xlink:href", Kind::Url),
            ("xmlns", Kind::Url),
            ("xmlns:svg", Kind::Url),
            ("my-uri", Kind::Url),
            ("data-src", Kind::Url),
            ("srclang", Kind::Plain),
            ("srcset", Kind::Srcset),
            ("style", Kind::Css),
            ("onclick", Kind::Js),
            ("data-onclick", Kind::Js),
            ("data-", Kind::Plain),
            ("srcdoc", Kind::Unsafe),
            ("rel", Kind::Unsafe),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn script_types() {
        for javascript in [
            "",
            "module",
            "TEXT/JavaScript; charset=utf-8",
            "application/x-ecmascript",
            "text/javascript1.5",
            "application/ld+json",
        ] {
            assert!(is_js_type(javascript), "{javascript}");
        }
        for other in [
            "text/template",
            "text/html",
            "application/javascript1.5",
            "x",
        ] {
            assert!(!is_js_type(other), "{other}");
        }
    }
}
