//! Named templates: what one source defines, and how sources come together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::Template;
use crate::parser::Parser;
use crate::{Functions, Limits, ParseError};

/// A set of named templates.
///
/// Copies share the templates, so a set for one inline string costs a map, not a tree.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    by_name: BTreeMap<Arc<str>, Arc<Template>>,
}

/// Parses one source into a set: the source itself under `name`, and all it defines.
///
/// # Errors
/// The first mistake in the source, or a bound of `limits` that it exceeds.
pub fn parse(
    name: &str,
    source: &str,
    functions: &Functions,
    limits: &Limits,
) -> Result<Templates, ParseError> {
    if source.len() > limits.source_bytes_max {
        let message = format!(
            "the text has {} bytes; at most {}",
            source.len(),
            limits.source_bytes_max
        );
        return Err(ParseError::at(name, source, 0, message));
    }
    Parser::new(name, source, functions, limits).parse()
}

impl Templates {
    /// Parses one source and adds what it defines, as [`Templates::add`] does.
    ///
    /// # Errors
    /// As [`parse`]; the set is then unchanged.
    pub fn parse_and_add(
        &mut self,
        name: &str,
        source: &str,
        functions: &Functions,
        limits: &Limits,
    ) -> Result<(), ParseError> {
        self.add(&parse(name, source, functions, limits)?);
        Ok(())
    }

    /// Adds the templates of another source; they replace those of the same name.
    ///
    /// A template of white space only replaces nothing. This lets a file of definitions, whose
    /// own text is the white space between them, stand beside others.
    pub fn add(&mut self, later: &Self) {
        for (name, template) in &later.by_name {
            if !template.is_empty() || !self.by_name.contains_key(name) {
                self.by_name.insert(Arc::clone(name), Arc::clone(template));
            }
        }
    }

    /// Finds a template.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Template>> {
        self.by_name.get(name)
    }

    /// Goes through the templates, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.by_name.values()
    }

    /// Goes through the names, in order.
    pub fn defined_names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }

    /// How many templates there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Adds a template; it takes the place of one of the same name.
    pub(crate) fn replace(&mut self, template: Template) {
        self.by_name
            .insert(Arc::clone(&template.name), Arc::new(template));
    }

    /// Adds a template of the same source, where two of one name are a mistake.
    ///
    /// Gives false, and changes nothing, when both have content.
    pub(crate) fn define(&mut self, template: Template) -> bool {
        match self.by_name.get(&template.name) {
            Some(earlier) if !earlier.is_empty() => template.is_empty(),
            _ => {
                self.by_name
                    .insert(Arc::clone(&template.name), Arc::new(template));
                true
            }
        }
    }
}
