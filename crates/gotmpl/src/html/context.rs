//! Where in an HTML document a piece of template output lands.
//!
//! A [`Context`] is the whole state of the reader of half-written HTML: contextual escaping carries
//! one through a template and looks at it wherever a value is printed.

use std::fmt::{Display, Formatter, Result};

use super::state::{Attribute, Delimiter, Element, Slash, State, UrlPart};

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
