//! The bounds of one parse and one execution.

/// Bounds what one template source may ask of the parser, and one execution of the machine.
///
/// The default is for an operator's files; [`Limits::TENANT`] for what tenants enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes one source (a file or an inline string) may have.
    ///
    /// 1 MiB is forty times the default templates of Alertmanager together.
    pub source_bytes_max: usize,
    /// How deep blocks and parentheses may nest, counted together.
    ///
    /// Parsing, printing, compiling and dropping a tree recurse once per level, so this also bounds the
    /// native stack: 200 levels take less than 1.5 MiB of it even without optimisation, where a worker has 2 MiB.
    /// Go allows more; hand-written templates stay below ten.
    pub nesting_max: usize,
    /// Most steps of one execution: about one for each operation and for each 32 bytes handled.
    pub steps_max: u64,
    /// Most bytes one execution may put out.
    pub output_bytes_max: usize,
    /// Most bytes that the values made during one execution may have together, also those no longer used.
    pub memory_bytes_max: usize,
    /// How deep templates may call each other.
    pub depth_max: usize,
}

impl Limits {
    /// For templates that tenants enter.
    pub const TENANT: Self = Self {
        source_bytes_max: 64 << 10,
        nesting_max: 200,
        steps_max: 1_000_000,
        output_bytes_max: 256 << 10,
        memory_bytes_max: 8 << 20,
        depth_max: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes_max: 1 << 20,
            nesting_max: 200,
            steps_max: 100_000_000,
            output_bytes_max: 16 << 20,
            memory_bytes_max: 256 << 20,
            depth_max: 100_000,
        }
    }
}
