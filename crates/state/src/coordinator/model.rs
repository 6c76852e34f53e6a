//! The same machine in one process.
