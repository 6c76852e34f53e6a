//! Wire types: what requests say and how answers are written. Nothing of this leaks into other crates.

pub mod alert;
pub mod body;
pub mod datetime;
pub mod event;
pub mod facts;
pub mod field;
pub mod json;
pub mod position;
pub mod silence;
pub mod uri;
pub mod version;
pub mod view;
pub mod write;
