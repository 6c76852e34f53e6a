//! Named templates: what one source defines, and how sources come together.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::ast::Template;
use crate::exec::Program;
use crate::parser::Parser;
use crate::{Functions, Limits, ParseError};

/// A set of named templates.
///
/// Copies share the templates, so a set for one inline string costs a map, not a tree.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    by_name: BTreeMap<Arc<str>, Entry>,
}

/// A template and, once it was needed, what the machine makes of it.
#[derive(Debug, Clone)]
struct Entry {
    template: Arc<Template>,
    program: Arc<OnceLock<Program>>,
}

impl Entry {
    fn new(template: Template) -> Self {
        Self {
            template: Arc::new(template),
            program: Arc::default(),
        }
    }
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

    /// Parses a text that is rendered by itself, and adds what it defines.
    ///
    /// The text itself becomes the template `name` even when it is only white space.
    ///
    /// # Errors
    /// As [`parse`]; the set is then unchanged.
    pub fn parse_inline(
        &mut self,
        name: &str,
        source: &str,
        functions: &Functions,
        limits: &Limits,
    ) -> Result<(), ParseError> {
        let parsed = parse(name, source, functions, limits)?;
        self.add(&parsed);
        if let Some(entry) = parsed.by_name.get(name) {
            self.by_name.insert(name.into(), entry.clone());
        }
        Ok(())
    }

    /// Adds the templates of another source; they replace those of the same name.
    ///
    /// A template of white space only replaces nothing. This lets a file of definitions, whose
    /// own text is the white space between them, stand beside others.
    pub fn add(&mut self, later: &Self) {
        for (name, entry) in &later.by_name {
            if !entry.template.is_empty() || !self.by_name.contains_key(name) {
                self.by_name.insert(Arc::clone(name), entry.clone());
            }
        }
    }

    /// Finds a template.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Template>> {
        self.by_name.get(name).map(|entry| &entry.template)
    }

    /// Puts a template in, in place of one of the same name.
    pub fn insert(&mut self, template: Template) {
        let name = Arc::clone(&template.name);
        self.by_name.insert(name, Entry::new(template));
    }

    /// Finds a template as the machine runs it; it is made once, and copies of the set share it.
    pub(crate) fn program(&self, name: &str) -> Option<&Program> {
        let entry = self.by_name.get(name)?;
        let make = || Program::new(Arc::clone(&entry.template));
        Some(entry.program.get_or_init(make))
    }

    /// Goes through the templates, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.by_name.values().map(|entry| &entry.template)
    }

    /// Goes through the names, in order.
    pub fn defined_names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(AsRef::as_ref)
    }

    /// How many templates there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Adds a template of the same source, where two of one name are a mistake.
    ///
    /// Gives false, and changes nothing, when both have content.
    pub(crate) fn define(&mut self, template: Template) -> bool {
        match self.by_name.get(&template.name) {
            Some(earlier) if !earlier.template.is_empty() => template.is_empty(),
            _ => {
                self.insert(template);
                true
            }
        }
    }
}
