//! The tree a Go pattern is parsed into, and how it is written for the `regex` crate.

/// A piece of a pattern; flags are already resolved into the pieces they apply to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Matches the empty text.
    Empty,
    /// One character, in either case when `fold`.
    Literal {
        /// The character.
        c: char,
        /// Whether its case does not matter.
        fold: bool,
    },
    /// Any character; a newline only when `newline`.
    Any {
        /// Whether that may be a newline.
        newline: bool,
    },
    /// A character class in the crate's syntax, complete.
    Class(String),
    /// An assertion in the crate's syntax.
    Assert(&'static str),
    /// Between `min` and `max` (`None`: any number) times.
    Repeat {
        /// What is repeated.
        node: Box<Node>,
        /// How often at least.
        min: u32,
        /// How often at most.
        max: Option<u32>,
        /// Whether as often as possible is tried first.
        greedy: bool,
    },
    /// One after the other.
    Concat(Vec<Node>),
    /// One of these.
    Alternate(Vec<Node>),
    /// A capture group.
    Capture {
        /// What it captures.
        node: Box<Node>,
        /// Its name.
        name: Option<String>,
    },
}

/// Whether capture groups are wanted in the written pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Captures {
    Keep,
    Drop,
}

pub(super) const TEXT_START: &str = r"\A";
pub(super) const TEXT_END: &str = r"\z";

impl Node {
    /// The tree as a pattern of the `regex` crate.
    pub(super) fn to_pattern(&self, captures: Captures) -> String {
        let mut out = String::new();
        self.write(&mut out, captures);
        out
    }

    /// What stands between `^` and `$` when the pattern is `^…$` as a whole.
    #[must_use]
    pub fn anchored_inner(&self) -> Option<&Node> {
        match self {
            Self::Concat(nodes) => match nodes.as_slice() {
                [Self::Assert(TEXT_START), inner, Self::Assert(TEXT_END)] => Some(inner),
                _ => None,
            },
            _ => None,
        }
    }

    /// About how many states a machine for the pattern has: what compiling and matching cost grows with it.
    #[must_use]
    pub fn weight(&self) -> u64 {
        match self {
            Self::Empty | Self::Assert(_) => 1,
            Self::Literal { fold, .. } => 1 + 4 * u64::from(*fold),
            Self::Any { .. } => 8,
            // A Unicode category is hundreds of ranges.
            Self::Class(class) if class.contains(r"\p") || class.contains(r"\P") => 2_000,
            Self::Class(class) => 8 + class.len() as u64,
            Self::Repeat { node, min, max, .. } => {
                let count = max.unwrap_or(*min).max(1);
                node.weight().saturating_mul(count.into()).saturating_add(1)
            }
            Self::Concat(nodes) | Self::Alternate(nodes) => {
                let weights = nodes.iter().map(Self::weight);
                weights.fold(1, u64::saturating_add)
            }
            Self::Capture { node, .. } => node.weight().saturating_add(2),
        }
    }

    fn write(&self, out: &mut String, captures: Captures) {
        match self {
            Self::Empty => out.push_str("(?:)"),
            Self::Literal { c, fold: false } => push_literal(out, *c),
            Self::Literal { c, fold: true } => {
                out.push_str("(?i:");
                push_literal(out, *c);
                out.push(')');
            }
            Self::Any { newline: true } => out.push_str("(?s:.)"),
            Self::Any { newline: false } => out.push_str(r"[^\n]"),
            Self::Class(class) => out.push_str(class),
            Self::Assert(assertion) => out.push_str(assertion),
            Self::Repeat {
                node,
                min,
                max,
                greedy,
            } => {
                node.write_atom(out, captures);
                match (min, max) {
                    (0, None) => out.push('*'),
                    (1, None) => out.push('+'),
                    (0, Some(1)) => out.push('?'),
                    (min, None) => out.push_str(&format!("{{{min},}}")),
                    (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
                }
                if !greedy {
                    out.push('?');
                }
            }
            Self::Concat(nodes) => nodes.iter().for_each(|node| match node {
                Self::Alternate(_) => node.write_atom(out, captures),
                _ => node.write(out, captures),
            }),
            Self::Alternate(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        out.push('|');
                    }
                    node.write(out, captures);
                }
            }
            Self::Capture { node, .. } if captures == Captures::Drop => {
                node.write_atom(out, captures);
            }
            Self::Capture { node, name } => {
                match name {
                    Some(name) => out.push_str(&format!("(?P<{name}>")),
                    None => out.push('('),
                }
                node.write(out, captures);
                out.push(')');
            }
        }
    }

    /// Writes the node so that a repetition after it applies to all of it.
    fn write_atom(&self, out: &mut String, captures: Captures) {
        let atomic = match self {
            Self::Literal { .. } | Self::Any { .. } | Self::Class(_) | Self::Empty => true,
            Self::Capture { .. } => true,
            Self::Assert(_) | Self::Repeat { .. } | Self::Concat(_) | Self::Alternate(_) => false,
        };
        if atomic {
            return self.write(out, captures);
        }
        out.push_str("(?:");
        self.write(out, captures);
        out.push(')');
    }
}

fn push_literal(out: &mut String, c: char) {
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}
