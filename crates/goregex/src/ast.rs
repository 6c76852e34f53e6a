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
    /// An assertion about the place.
    Assert(Assertion),
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
        /// Its number, from 1 on.
        number: u32,
        /// Its name.
        name: Option<String>,
    },
}

/// What has to hold between two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assertion {
    /// The text begins here.
    TextStart,
    /// The text ends here.
    TextEnd,
    /// A line begins here.
    LineStart,
    /// A line ends here.
    LineEnd,
    /// A word of ASCII begins or ends here.
    WordBoundary,
    /// No word of ASCII begins or ends here.
    NoWordBoundary,
}

impl Assertion {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::TextStart,
        Self::TextEnd,
        Self::LineStart,
        Self::LineEnd,
        Self::WordBoundary,
        Self::NoWordBoundary,
    ];

    fn as_pattern(self) -> &'static str {
        match self {
            Self::TextStart => r"\A",
            Self::TextEnd => r"\z",
            Self::LineStart => "(?m:^)",
            Self::LineEnd => "(?m:$)",
            Self::WordBoundary => r"(?-u:\b)",
            Self::NoWordBoundary => r"(?-u:\B)",
        }
    }
}

impl Node {
    /// The tree as a pattern of the `regex` crate, without capture groups, which cost memory.
    pub(super) fn to_pattern(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// What stands between `^` and `$` when the pattern is `^…$` as a whole.
    #[must_use]
    pub fn anchored_inner(&self) -> Option<&Node> {
        match self {
            Self::Concat(nodes) => match nodes.as_slice() {
                [
                    Self::Assert(Assertion::TextStart),
                    inner,
                    Self::Assert(Assertion::TextEnd),
                ] => Some(inner),
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
            Self::Class(class) => class_weight(class),
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

    fn write(&self, out: &mut String) {
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
            Self::Assert(assertion) => out.push_str(assertion.as_pattern()),
            Self::Repeat {
                node,
                min,
                max,
                greedy,
            } => {
                node.write_atom(out);
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
                Self::Alternate(_) => node.write_atom(out),
                _ => node.write(out),
            }),
            Self::Alternate(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        out.push('|');
                    }
                    node.write(out);
                }
            }
            Self::Capture { node, .. } => node.write_atom(out),
        }
    }

    /// Writes the node so that a repetition after it applies to all of it.
    fn write_atom(&self, out: &mut String) {
        let atomic = match self {
            Self::Literal { .. } | Self::Any { .. } | Self::Class(_) | Self::Empty => true,
            Self::Capture { .. } => true,
            Self::Assert(_) | Self::Repeat { .. } | Self::Concat(_) | Self::Alternate(_) => false,
        };
        if atomic {
            return self.write(out);
        }
        out.push_str("(?:");
        self.write(out);
        out.push(')');
    }
}

fn class_weight(class: &str) -> u64 {
    // A Unicode category is hundreds of ranges.
    let categories = class.matches(r"\p").count() + class.matches(r"\P").count();
    let weight = 8 + class.len() as u64 + 2_000 * categories as u64;
    let Some(folded) = class.strip_prefix("(?i:[") else {
        return weight;
    };
    // The other case of each character is looked up, before the class is negated: few have more than a thousand.
    let mut ends = folded.split(r"-\x{").skip(1);
    let is_wide = folded.contains("[^") || ends.any(|end| end.find('}').is_none_or(|at| at > 3));
    weight + if is_wide { 10_000 } else { 0 }
}

fn push_literal(out: &mut String, c: char) {
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}
