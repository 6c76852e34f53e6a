//! Slices.

use std::sync::Arc;

use super::Value;

/// The type of the elements of a list or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// `interface {}`: anything.
    Any,
    /// `string`
    String,
    /// A named type, by the name Go prints.
    Named(&'static str),
}

impl ElementType {
    /// Go's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Named(name) => name,
        }
    }

    /// What a look-up of a missing key gives.
    #[must_use]
    pub fn zero(self) -> Value {
        match self {
            Self::String => Value::from(""),
            Self::Any | Self::Named(_) => Value::NilElement,
        }
    }
}

/// A slice; copies share the elements.
#[derive(Debug, Clone)]
pub struct List {
    items: Arc<[Value]>,
    element_type: ElementType,
    depth: u16,
}

impl List {
    /// Makes a list.
    #[must_use]
    pub fn new(items: impl Into<Arc<[Value]>>, element_type: ElementType) -> Self {
        let items = items.into();
        let inner = items.iter().map(Value::depth).max().unwrap_or(0);
        Self {
            items,
            element_type,
            depth: inner.saturating_add(1),
        }
    }

    /// Makes a `[]string`.
    #[must_use]
    pub fn of_strings<T: Into<Value>>(texts: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<Value> = texts.into_iter().map(Into::into).collect();
        Self::new(items, ElementType::String)
    }

    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Says whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The type of the elements.
    #[must_use]
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// How many levels of lists and maps there are, this one included.
    #[must_use]
    pub fn depth(&self) -> u16 {
        self.depth
    }
}
