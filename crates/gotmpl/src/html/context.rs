//! Where in an HTML document a piece of template output lands.
//!
//! A [`Context`] is the whole state of the reader of half-written HTML: contextual escaping carries
//! one through a template and looks at it wherever a value is printed. The names that the types
//! print are Go's: they stand in error messages and in the names of derived templates.

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

/// The place in the document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Context {
    /// What kind of text comes next.
    pub(super) state: State,
    /// What ends the attribute around.
    pub(super) delimiter: Delimiter,
    /// The part of the URL.
    pub(super) url_part: UrlPart,
    /// What a `/` in JavaScript would start.
    pub(super) slash: Slash,
    /// For each `${` that is open in JavaScript, how many braces are open inside it.
    pub(super) braces: Vec<usize>,
    /// The inner language of the attribute.
    pub(super) attribute: Attribute,
    /// The element around, or the one whose tag is open.
    pub(super) element: Element,
}

impl Context {
    /// The place inside a tag, after an attribute.
    pub(super) fn in_tag(element: Element) -> Self {
        Self {
            state: State::Tag,
            element,
            ..Self::default()
        }
    }

    /// The place just after a tag.
    pub(super) fn after_tag(element: Element) -> Self {
        Self {
            state: element.content_state(),
            element: match element {
                // A void element: nothing is inside it.
                Element::Meta => Element::None,
                other => other,
            },
            ..Self::default()
        }
    }

    /// The place where a value printed here lands; a value starts what the text only allowed.
    pub(super) fn for_value(&self) -> Self {
        let mut context = self.clone();
        match self.state {
            State::Tag => context.state = State::AttributeName,
            State::BeforeValue => {
                context.state = self.attribute.value_state();
                context.delimiter = Delimiter::SpaceOrTagEnd;
                context.attribute = Attribute::None;
            }
            State::AfterName => {
                context.state = State::AttributeName;
                context.attribute = Attribute::None;
            }
            _ => {}
        }
        context
    }

    /// The place after two branches that end here and there, if one place can stand for both.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        if other.state == State::Dead || self == other {
            return Some(self.clone());
        }
        if self.state == State::Dead {
            return Some(other.clone());
        }
        let mut joined = self.clone();
        joined.url_part = other.url_part;
        if joined == *other {
            joined.url_part = UrlPart::Unknown;
            return Some(joined);
        }
        joined.url_part = self.url_part;
        joined.slash = other.slash;
        if joined == *other {
            joined.slash = Slash::Unknown;
            return Some(joined);
        }
        // One branch may have printed a value where the other printed nothing.
        let (here, there) = (self.for_value(), other.for_value());
        if here == *self && there == *other {
            return None;
        }
        here.join(&there)
    }

    /// The open braces, as Go prints a list of numbers.
    fn open_braces(&self) -> String {
        let depths: Vec<String> = self.braces.iter().map(usize::to_string).collect();
        format!("[{}]", depths.join(" "))
    }

    /// The name of the copy of a template that is escaped for this place.
    pub(super) fn derived_name(&self, name: &str) -> String {
        if self.state == State::Text {
            return name.to_owned();
        }
        let mut derived = format!("{name}$htmltemplate_{}", self.state);
        let mut push = |differs: bool, part: &dyn Display| {
            if differs {
                derived.push('_');
                derived.push_str(&part.to_string());
            }
        };
        push(self.delimiter != Delimiter::None, &self.delimiter);
        push(self.url_part != UrlPart::None, &self.url_part);
        push(self.slash != Slash::Regexp, &self.slash);
        let braces = format!("jsBraceDepth({})", self.open_braces());
        push(!self.braces.is_empty(), &braces);
        push(self.attribute != Attribute::None, &self.attribute);
        push(self.element != Element::None, &self.element);
        derived
    }
}

/// Prints as Go prints a context in its messages.
impl Display for Context {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(
            f,
            "{{{} {} {} {} {} {} {} <nil>}}",
            self.state,
            self.delimiter,
            self.url_part,
            self.slash,
            self.open_braces(),
            self.attribute,
            self.element
        )
    }
}
