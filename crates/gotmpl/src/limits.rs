//! The bounds of one parse.

/// Bounds what one template source may ask of the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes one source (a file or an inline string) may have.
    ///
    /// 1 MiB is forty times the default templates of Alertmanager together.
    pub source_bytes_max: usize,
    /// How deep blocks and parentheses may nest, counted together.
    ///
    /// Parsing, printing and dropping a tree recurse once per level, so this also bounds the
    /// native stack. Hand-written templates stay below ten.
    pub nesting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes_max: 1024 * 1024,
            nesting_max: 200,
        }
    }
}
