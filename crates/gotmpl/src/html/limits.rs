//! The bounds of one escaping.

/// Bounds what the escaping of one template may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep blocks and calls of templates may nest, counted together.
    ///
    /// The walk recurses once per level, so this bounds the native stack.
    pub depth_max: usize,
    /// Most copies of templates for contexts other than text.
    pub derived_max: usize,
    /// Most bytes of text and nodes that are looked at and copied, each as often as it is.
    ///
    /// A body of a range that changes the context is looked at twice, so work can double with
    /// every such range around.
    pub work_bytes_max: usize,
}

impl Limits {
    /// For templates that tenants enter.
    pub const TENANT: Self = Self {
        depth_max: 200,
        derived_max: 200,
        work_bytes_max: 32 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 200,
            derived_max: 1000,
            work_bytes_max: 1 << 30,
        }
    }
}
