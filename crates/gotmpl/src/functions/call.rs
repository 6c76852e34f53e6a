//! What a function gets besides its arguments, and how it fails.

use thiserror::Error;

use super::pattern::Pattern;
use crate::fmt::{Buffer, Full};
use crate::limits::Limits;
use crate::time::{Time, Zone};
use crate::value::{ElementType, List, VALUE_DEPTH_MAX, Value};

/// The world as a template may see it. This crate asks nothing else.
#[derive(Debug, Clone)]
pub struct Environment<'e> {
    /// The present time.
    pub now: Time,
    /// The zone that `.Local` means.
    pub local: Zone,
    /// Answers `query` of rule templates.
    pub query: Option<&'e dyn Query>,
    /// Answers `routeLabels`.
    pub route_labels: Option<&'e dyn RouteLabels>,
    /// What `externalURL` gives.
    pub external_url: &'e str,
    /// What `pathPrefix` gives.
    pub path_prefix: &'e str,
    /// What a map gives for a key it does not have.
    pub missing_key: MissingKey,
    /// Whether what an action prints is kept from calling people in chats ([`crate::markup::disarmed`]).
    pub calls_nobody: bool,
}

/// What `.key` gives when a map has no such key: Go's option `missingkey`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// The zero value of the map's elements, as in Alertmanager and Prometheus.
    #[default]
    Zero,
    /// No value: Go's own default.
    Invalid,
    /// An error.
    Error,
}

impl<'e> Environment<'e> {
    /// A world with a clock and nothing else.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self {
            now,
            local: Zone::Utc,
            query: None,
            route_labels: None,
            external_url: "",
            path_prefix: "",
            missing_key: MissingKey::Zero,
            calls_nobody: false,
        }
    }
}

/// Answers queries of rule templates.
pub trait Query: std::fmt::Debug {
    /// Evaluates an expression at a time.
    ///
    /// # Errors
    /// The text that the template's error shows.
    fn query(&self, expression: &str, at: &Time) -> Result<Vec<Sample>, String>;
}

/// One result of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values of its labels.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

/// Answers what a label of the route is.
pub trait RouteLabels: std::fmt::Debug {
    /// The value of a label; a missing one is empty.
    ///
    /// # Errors
    /// The text that the template's error shows.
    fn label(&self, name: &str) -> Result<String, String>;
}

/// The bound that an execution reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Limit {
    /// [`Limits::steps_max`]
    #[error("the template takes too many steps")]
    Steps,
    /// [`Limits::output_bytes_max`]
    #[error("the output is too long")]
    Output,
    /// [`Limits::memory_bytes_max`]
    #[error("the template uses too much memory")]
    Memory,
    /// [`Limits::depth_max`]
    #[error("templates call each other too deeply")]
    Depth,
}

/// Why a function gives no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// It cannot, for the reason that the text says.
    #[error("{0}")]
    Failed(String),
    /// The execution as a whole has to end.
    #[error(transparent)]
    Limit(#[from] Limit),
}

impl From<String> for CallError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl From<&str> for CallError {
    fn from(text: &str) -> Self {
        Self::Failed(text.to_owned())
    }
}

/// Buffers of functions hold memory, so a full one means that there is no more.
impl From<Full> for CallError {
    fn from(_: Full) -> Self {
        Self::Limit(Limit::Memory)
    }
}

/// What a function may use, and what it has to pay for.
#[derive(Debug)]
pub struct Context<'e> {
    environment: &'e Environment<'e>,
    steps_left: u64,
    memory_left: usize,
    patterns: Vec<(Box<str>, Pattern)>,
}

/// Bytes that are handled in about the time of one step.
pub(crate) const BYTES_PER_STEP: usize = 32;

/// Expressions kept compiled; with more of them the oldest is forgotten.
const PATTERNS_MAX: usize = 32;

impl<'e> Context<'e> {
    pub(crate) fn new(environment: &'e Environment<'e>, limits: &Limits) -> Self {
        Self {
            environment,
            steps_left: limits.steps_max,
            memory_left: limits.memory_bytes_max,
            patterns: Vec::new(),
        }
    }

    /// The world.
    #[must_use]
    pub fn environment(&self) -> &'e Environment<'e> {
        self.environment
    }

    /// Pays for some steps.
    ///
    /// # Errors
    /// There are not so many left.
    pub fn step(&mut self, count: usize) -> Result<(), Limit> {
        let left = self.steps_left.checked_sub(count as u64);
        self.steps_left = left.ok_or(Limit::Steps)?;
        Ok(())
    }

    /// How many bytes of memory are left.
    pub(crate) fn memory_left(&self) -> usize {
        self.memory_left
    }

    /// How many steps are left.
    pub(crate) fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// Pays for going through some bytes.
    ///
    /// # Errors
    /// There are not so many steps left.
    pub fn read(&mut self, bytes: usize) -> Result<(), Limit> {
        self.step(bytes / BYTES_PER_STEP)
    }

    /// Pays for some bytes of memory and the time to fill them.
    ///
    /// # Errors
    /// There are not so many bytes or steps left.
    pub fn allocate(&mut self, bytes: usize) -> Result<(), Limit> {
        let left = self.memory_left.checked_sub(bytes);
        self.memory_left = left.ok_or(Limit::Memory)?;
        self.read(bytes)
    }

    /// Asks whether some bytes could still be paid for, before they are made.
    ///
    /// # Errors
    /// They could not.
    pub fn expect_room(&self, bytes: usize) -> Result<(), Limit> {
        if bytes > self.memory_left {
            return Err(Limit::Memory);
        }
        Ok(())
    }

    /// Makes a text by writing it, and pays for it: a step for each piece that is put in.
    ///
    /// # Errors
    /// What the writing gives, or that there is not enough memory.
    pub fn text(
        &mut self,
        write: impl FnOnce(&mut Buffer<'_>) -> Result<(), CallError>,
    ) -> Result<Value, CallError> {
        let mut bytes = Vec::new();
        let pushes_max = usize::try_from(self.steps_left).unwrap_or(usize::MAX);
        let mut buffer = Buffer::new(&mut bytes, self.memory_left).with_pushes_max(pushes_max);
        let written = write(&mut buffer);
        let pushes = buffer.pushes();
        if pushes >= pushes_max {
            return Err(Limit::Steps.into());
        }
        written?;
        self.step(pushes)?;
        self.allocate(bytes.len())?;
        Ok(Value::string(bytes))
    }

    /// Gives a text that was made, and pays for it.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn made(&mut self, text: impl Into<Vec<u8>>) -> Result<Value, CallError> {
        let bytes = text.into();
        self.allocate(bytes.len())?;
        Ok(Value::string(bytes))
    }

    /// Makes a list, and pays for it.
    ///
    /// # Errors
    /// There is not enough memory, or lists stand too deep inside each other.
    pub fn list(
        &mut self,
        items: Vec<Value>,
        element_type: ElementType,
    ) -> Result<Value, CallError> {
        self.allocate(items.len().saturating_mul(size_of::<Value>()))?;
        let items: Vec<Value> = items.into_iter().map(Value::into_element).collect();
        Self::bounded(List::new(items, element_type).into())
    }

    /// Refuses a value in which lists and maps stand too deep inside each other.
    ///
    /// # Errors
    /// They do.
    pub fn bounded(value: Value) -> Result<Value, CallError> {
        if value.depth() > VALUE_DEPTH_MAX {
            return Err(
                format!("lists stand inside each other more than {VALUE_DEPTH_MAX} times").into(),
            );
        }
        Ok(value)
    }

    pub(super) fn known_pattern(&self, text: &str) -> Option<Pattern> {
        let known = self.patterns.iter().find(|(own, _)| **own == *text);
        known.map(|(_, pattern)| pattern.clone())
    }

    /// Keeps an expression, whose memory is paid for until it is forgotten.
    pub(super) fn remember_pattern(&mut self, text: &str, pattern: Pattern) -> Result<(), Limit> {
        if self.patterns.len() >= PATTERNS_MAX {
            let (_, forgotten) = self.patterns.remove(0);
            self.memory_left = self.memory_left.saturating_add(forgotten.bytes);
        }
        self.allocate(pattern.bytes)?;
        self.patterns.push((text.into(), pattern));
        Ok(())
    }
}
