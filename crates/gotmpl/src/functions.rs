//! The functions a template may name.
//!
//! A call of an unknown function is a parse error, so the parser needs the names (and nothing
//! more) of the functions that execution will offer.

/// A set of function names.
#[derive(Debug, Clone, Copy)]
pub struct Functions {
    /// Two lists, so that a set can be "the builtins and these".
    lists: [&'static [&'static str]; 2],
}

impl Functions {
    /// Go's own functions, without any addition.
    pub const BUILTINS: Self = Self::with_builtins(&[]);

    /// Makes a set of Go's own functions and those named here.
    #[must_use]
    pub const fn with_builtins(names: &'static [&'static str]) -> Self {
        Self {
            lists: [BUILTINS, names],
        }
    }

    /// Says whether a function of this name exists.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.lists.iter().any(|list| list.contains(&name))
    }

    /// Goes through all names, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lists.into_iter().flatten().copied()
    }
}

/// The functions of Go's `text/template`.
const BUILTINS: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or",
    "print", "printf", "println", "slice", "urlquery",
];

/// The functions of an Alertmanager notification template.
pub const ALERTMANAGER: Functions = Functions::with_builtins(&[
    "append",
    "base64decode",
    "base64encode",
    "date",
    "dict",
    "humanizeDuration",
    "join",
    "list",
    "match",
    "mustToDate",
    "now",
    "reReplaceAll",
    "routeLabels",
    "safeHtml",
    "safeUrl",
    "since",
    "stringSlice",
    "title",
    "toDate",
    "toJson",
    "toLower",
    "toUpper",
    "trimSpace",
    "tz",
    "urlUnescape",
]);
