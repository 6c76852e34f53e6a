//! A YAML document as a tree that knows where everything stands.

use std::collections::HashMap;
use std::rc::Rc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag, options};

use crate::error::{ConfigError, Mark, Result};

/// A document larger than this, with aliases written out, is refused.
const NODES_MAX: usize = 1_000_000;

/// Collections may hold collections this deep, aliases written out; bounds every recursion over a tree.
const DEPTH_MAX: usize = 256;

const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// A value with its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) kind: Kind,
    /// How many nodes this is with aliases written out.
    weight: usize,
    /// How many collections deep it is, itself included.
    depth: usize,
}

impl Node {
    /// A null that stands nowhere.
    pub(crate) fn null() -> Self {
        let kind = Kind::Scalar {
            text: Box::from(""),
            is_plain: true,
        };
        Self {
            mark: Mark { line: 1, column: 1 },
            tag: None,
            kind,
            weight: 1,
            depth: 0,
        }
    }

    /// The mapping without this key, and the key's value; `None` when it is not there.
    pub(crate) fn without(&self, key: &str) -> Option<(Self, Rc<Self>)> {
        let Kind::Mapping(pairs) = &self.kind else {
            return None;
        };
        let is_key =
            |name: &Self| matches!(&name.kind, Kind::Scalar { text, .. } if **text == *key);
        let at = pairs.iter().position(|(name, _)| is_key(name))?;
        let mut rest = pairs.clone();
        let (_, value) = rest.remove(at);
        let node = Self {
            kind: Kind::Mapping(rest),
            tag: self.tag.clone(),
            ..*self
        };
        Some((node, value))
    }
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A text; `is_plain` when written without quotes.
    Scalar { text: Box<str>, is_plain: bool },
    /// A list.
    Sequence(Vec<Rc<Node>>),
    /// Keys and values as written.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// A collection whose end has not been seen.
struct Open {
    mark: Mark,
    tag: Option<Box<str>>,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Rc<Node>>,
}

/// Reads the first document; `None` when there is none. What follows the first document is ignored, as
/// Alertmanager does.
pub(crate) fn parse(text: &str) -> Result<Option<Rc<Node>>> {
    let options = options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true,
        bom_inside_document_as_content: true,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax_error(&error))?;
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            break;
        }
        builder.take(event, span)?;
    }
    Ok(builder.root)
}

fn syntax_error(error: &ScanError) -> ConfigError {
    let place = error.marker();
    let mark = Mark {
        line: place.line(),
        column: place.col() + 1,
    };
    ConfigError::at(
        mark,
        format!("yaml: line {}: {}", place.line(), error.info()),
    )
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// Anchored nodes by the parser's number.
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let mark = Mark {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let kind = Kind::Scalar {
                    text: text.into_owned().into_boxed_str(),
                    is_plain,
                };
                let tag = tag.as_deref().map(tag_text);
                self.place(
                    Node {
                        mark,
                        tag,
                        kind,
                        weight: 1,
                        depth: 0,
                    },
                    anchor,
                );
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(mark, anchor, tag.as_deref(), false);
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(mark, anchor, tag.as_deref(), true);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).map(Rc::clone).ok_or_else(|| {
                    ConfigError::at(mark, "an anchored value cannot contain itself")
                })?;
                self.place_shared(node);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, mark: Mark, anchor: usize, tag: Option<&Tag>, is_mapping: bool) {
        let tag = tag.map(tag_text);
        self.open.push(Open {
            mark,
            tag,
            anchor,
            is_mapping,
            children: Vec::new(),
        });
    }

    fn end(&mut self) -> Result<()> {
        let Some(Open {
            mark,
            tag,
            anchor,
            is_mapping,
            children,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let weight = children
            .iter()
            .fold(1_usize, |sum, node| sum.saturating_add(node.weight));
        if NODES_MAX < weight {
            let message = "document contains excessive aliasing";
            return Err(ConfigError::at(mark, message).hint(format!(
                "at most {NODES_MAX} values with all aliases written out"
            )));
        }
        let depth = 1 + children.iter().map(|node| node.depth).max().unwrap_or(0);
        if DEPTH_MAX < depth {
            return Err(ConfigError::at(
                mark,
                format!("nested deeper than {DEPTH_MAX} levels"),
            ));
        }
        let kind = if is_mapping {
            let mut pairs = Vec::with_capacity(children.len() / 2);
            let mut children = children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                pairs.push((key, value));
            }
            Kind::Mapping(pairs)
        } else {
            Kind::Sequence(children)
        };
        self.place(
            Node {
                mark,
                tag,
                kind,
                weight,
                depth,
            },
            anchor,
        );
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place_shared(node);
    }

    fn place_shared(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
    }
}

fn tag_text(tag: &Tag) -> Box<str> {
    let (handle, suffix) = tag.parts();
    let full = format!("{handle}{suffix}");
    match full.strip_prefix(YAML_TAGS) {
        Some(name) => format!("!!{name}").into_boxed_str(),
        None => full.into_boxed_str(),
    }
}
