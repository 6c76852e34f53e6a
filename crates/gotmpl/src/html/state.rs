//! The parts of a context.
//!
//! The names that the types print are Go's: they stand in error messages and in the names of
//! derived templates.

use std::fmt::{Display, Formatter, Result};

/// Defines an enum whose variants print as Go's names; the first variant is the default.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $(#[$first_doc:meta])* $first:ident = $first_name:literal,
        $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub(super) enum $type {
            $(#[$first_doc])* #[default] $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.write_str(match self {
                    Self::$first => $first_name,
                    $(Self::$variant => $name,)*
                })
            }
        }
    };
}

named! {
    /// What kind of text comes next.
    State {
        /// Text between tags.
        Text = "stateText",
        /// Inside a tag, where an attribute or the end of the tag may come.
        Tag = "stateTag",
        /// Inside the name of an attribute.
        AttributeName = "stateAttrName",
        /// After the name of an attribute, before any `=`.
        AfterName = "stateAfterName",
        /// After the `=` of an attribute, before its value.
        BeforeValue = "stateBeforeValue",
        /// Inside `<!-- … -->`.
        HtmlComment = "stateHTMLCmt",
        /// Inside `<title>` or `<textarea>`, where only the end tag is markup.
        RawText = "stateRCDATA",
        /// Inside the value of an attribute without any inner language.
        Attribute = "stateAttr",
        /// Inside a URL.
        Url = "stateURL",
        /// Inside the list of URLs of a `srcset` attribute.
        Srcset = "stateSrcset",
        /// Inside JavaScript, outside strings, regular expressions and comments.
        Js = "stateJS",
        /// Inside `"…"` in JavaScript.
        JsDoubleQuoted = "stateJSDqStr",
        /// Inside `'…'` in JavaScript.
        JsSingleQuoted = "stateJSSqStr",
        /// Inside a template literal in JavaScript.
        JsTemplate = "stateJSTmplLit",
        /// Inside `/…/` in JavaScript.
        JsRegexp = "stateJSRegexp",
        /// Inside `/* … */` in JavaScript.
        JsBlockComment = "stateJSBlockCmt",
        /// Inside `// …` in JavaScript.
        JsLineComment = "stateJSLineCmt",
        /// After `<!--` in JavaScript: a comment up to the end of the line.
        JsHtmlOpenComment = "stateJSHTMLOpenCmt",
        /// After `-->` in JavaScript: a comment up to the end of the line.
        JsHtmlCloseComment = "stateJSHTMLCloseCmt",
        /// Inside CSS, outside strings, URLs and comments.
        Css = "stateCSS",
        /// Inside `"…"` in CSS.
        CssDoubleQuoted = "stateCSSDqStr",
        /// Inside `'…'` in CSS.
        CssSingleQuoted = "stateCSSSqStr",
        /// Inside `url("…")` in CSS.
        CssDoubleQuotedUrl = "stateCSSDqURL",
        /// Inside `url('…')` in CSS.
        CssSingleQuotedUrl = "stateCSSSqURL",
        /// Inside `url(…)` in CSS.
        CssUrl = "stateCSSURL",
        /// Inside `/* … */` in CSS.
        CssBlockComment = "stateCSSBlockCmt",
        /// Inside `// …` in CSS.
        CssLineComment = "stateCSSLineCmt",
        /// Inside the `content` of a `<meta>`, outside any URL.
        MetaContent = "stateMetaContent",
        /// Inside the URL in the `content` of a `<meta>`.
        MetaContentUrl = "stateMetaContentURL",
        /// After `{{break}}` or `{{continue}}`: nothing comes here.
        Dead = "stateDead",
    }
}

impl State {
    /// Says whether the text is a comment, in any of the languages.
    pub(super) fn is_comment(self) -> bool {
        matches!(
            self,
            Self::HtmlComment
                | Self::JsBlockComment
                | Self::JsLineComment
                | Self::JsHtmlOpenComment
                | Self::JsHtmlCloseComment
                | Self::CssBlockComment
                | Self::CssLineComment
        )
    }

    /// Says whether the text is part of a tag, but not of a value with an inner language.
    pub(super) fn is_in_tag(self) -> bool {
        matches!(
            self,
            Self::Tag | Self::AttributeName | Self::AfterName | Self::BeforeValue | Self::Attribute
        )
    }

    /// Says whether the text is a string or regular expression in JavaScript.
    pub(super) fn is_js_literal(self) -> bool {
        matches!(
            self,
            Self::JsDoubleQuoted | Self::JsSingleQuoted | Self::JsTemplate | Self::JsRegexp
        )
    }
}

named! {
    /// What ends the value of the attribute around.
    Delimiter {
        /// There is no attribute around.
        None = "delimNone",
        /// `"`
        DoubleQuote = "delimDoubleQuote",
        /// `'`
        SingleQuote = "delimSingleQuote",
        /// White space or `>`: the value has no quotation marks.
        SpaceOrTagEnd = "delimSpaceOrTagEnd",
    }
}

impl Delimiter {
    /// The characters that end the value.
    pub(super) fn ends(self) -> &'static [char] {
        match self {
            Self::None => &[],
            Self::DoubleQuote => &['"'],
            Self::SingleQuote => &['\''],
            Self::SpaceOrTagEnd => &[' ', '\t', '\n', '\u{c}', '\r', '>'],
        }
    }
}

named! {
    /// The part of a URL that comes next.
    UrlPart {
        /// The beginning, where a scheme would stand.
        None = "urlPartNone",
        /// After the beginning, before any `?` or `#`.
        PreQuery = "urlPartPreQuery",
        /// After a `?` or `#`.
        QueryOrFragment = "urlPartQueryOrFrag",
        /// Branches that ended in different parts were joined.
        Unknown = "urlPartUnknown",
    }
}

named! {
    /// What a `/` in JavaScript would start.
    Slash {
        /// A regular expression.
        Regexp = "jsCtxRegexp",
        /// A division.
        Division = "jsCtxDivOp",
        /// Branches that ended differently were joined.
        Unknown = "jsCtxUnknown",
    }
}

named! {
    /// The inner language of an attribute, between its name and its value.
    Attribute {
        /// None.
        None = "attrNone",
        /// JavaScript, as in `onclick`.
        Script = "attrScript",
        /// The `type` of a `<script>`.
        ScriptType = "attrScriptType",
        /// CSS.
        Style = "attrStyle",
        /// A URL.
        Url = "attrURL",
        /// A `srcset`.
        Srcset = "attrSrcset",
        /// The `content` of a `<meta>`.
        MetaContent = "attrMetaContent",
    }
}

impl Attribute {
    /// What the value starts as.
    pub(super) fn value_state(self) -> State {
        match self {
            Self::None | Self::ScriptType => State::Attribute,
            Self::Script => State::Js,
            Self::Style => State::Css,
            Self::Url => State::Url,
            Self::Srcset => State::Srcset,
            Self::MetaContent => State::MetaContent,
        }
    }
}

named! {
    /// The elements with a meaning of their own for what is inside them.
    Element {
        /// Any other element, or none.
        None = "elementNone",
        /// `<script>` with a type that browsers run or that is JSON.
        Script = "elementScript",
        /// `<style>`
        Style = "elementStyle",
        /// `<textarea>`
        Textarea = "elementTextarea",
        /// `<title>`
        Title = "elementTitle",
        /// `<meta>`, while its tag is open.
        Meta = "elementMeta",
    }
}

impl Element {
    /// Finds the element of a tag's name.
    pub(super) fn named(tag: &str) -> Self {
        [
            Self::Script,
            Self::Style,
            Self::Textarea,
            Self::Title,
            Self::Meta,
        ]
        .into_iter()
        .find(|element| element.tag().eq_ignore_ascii_case(tag))
        .unwrap_or_default()
    }

    /// The name in its tags.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Script => "script",
            Self::Style => "style",
            Self::Textarea => "textarea",
            Self::Title => "title",
            Self::Meta => "meta",
        }
    }

    /// What the inside of the element starts as.
    pub(super) fn content_state(self) -> State {
        match self {
            Self::None | Self::Meta => State::Text,
            Self::Script => State::Js,
            Self::Style => State::Css,
            Self::Textarea | Self::Title => State::RawText,
        }
    }
}
