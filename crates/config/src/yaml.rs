//! YAML as Alertmanager reads and prints it: strict, YAML 1.1 words, located errors.

mod emit;
mod fields;
mod scalar;
mod tree;
mod typed;
mod value;

pub use value::Value;

pub(crate) use emit::{Block, print};
pub(crate) use fields::Fields;
pub(crate) use tree::{Kind, Node, parse};
pub(crate) use typed::{list, text, texts};

#[cfg(test)]
mod tests;
