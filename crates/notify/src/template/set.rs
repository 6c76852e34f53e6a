//! A tenant's templates: the defaults, then its files in order, parsed once and shared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use gotmpl::functions::ALERTMANAGER;
use gotmpl::time::Zone;
use gotmpl::{Limits, Templates, html};

use super::Failure;
use super::text::{Markup, Text};
use crate::defaults;

/// The default templates as they are before any file of a user; every tenant shares them.
static DEFAULTS: LazyLock<Arc<Templates>> =
    LazyLock::new(|| Arc::new(defaults::parse().unwrap_or_default()));

/// Who wrote the templates, which decides what they may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// An operator's file.
    #[default]
    Operator,
    /// Something a tenant entered.
    Tenant,
}

/// Parsed templates that texts of one configuration are executed with.
#[derive(Debug)]
pub struct TemplateSet {
    /// The defaults with the files on top.
    all: Arc<Templates>,
    origin: Origin,
    /// What `.Local` of a time means.
    local: Zone,
    /// Texts parsed so far: none is parsed for a message.
    parses: AtomicU64,
}

impl Default for TemplateSet {
    fn default() -> Self {
        Self {
            all: Arc::clone(&DEFAULTS),
            origin: Origin::Operator,
            local: Zone::Utc,
            parses: AtomicU64::new(0),
        }
    }
}

impl TemplateSet {
    /// Parses files, each a name and a text, on top of the default templates; a later definition replaces an earlier one.
    ///
    /// # Errors
    /// The first mistake, with its file's name in it.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        local: Zone,
        origin: Origin,
    ) -> Result<Self, Failure> {
        let mut all = Templates::on(Arc::clone(&DEFAULTS));
        let limits = limits(origin);
        for (name, text) in files {
            all.parse_and_add(name, text, &ALERTMANAGER, &limits)?;
        }
        Ok(Self {
            all: Arc::new(all),
            origin,
            local,
            parses: AtomicU64::new(0),
        })
    }

    /// The same templates for texts that somebody else wrote.
    #[must_use]
    pub fn for_origin(&self, origin: Origin) -> Self {
        Self {
            all: Arc::clone(&self.all),
            origin,
            local: self.local.clone(),
            parses: AtomicU64::new(0),
        }
    }

    /// Parses a text of the configuration, once and for all messages. One that cannot be parsed fails whenever it is used.
    pub fn text(&self, source: &str, markup: Markup) -> Text {
        if gotmpl::has_action(source) {
            self.parses.fetch_add(1, Ordering::Relaxed);
        }
        Text::parse(source, markup, &self.all, self.origin)
    }

    /// A text as [`TemplateSet::text`], and what is said in its place when it fails: executed with the default templates alone,
    /// whatever files define.
    pub fn text_or(&self, source: &str, default: &str, markup: Markup) -> Text {
        let pristine = Text::parse(default, markup, &DEFAULTS, Origin::Operator);
        self.text(source, markup).with_default(pristine)
    }

    /// Whether there is a template of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all.get(name).is_some()
    }

    /// The names of all templates, in order.
    pub fn names(&self) -> Vec<String> {
        self.all.defined_names().map(str::to_owned).collect()
    }

    /// The names of the templates that are not the defaults as they come, in order.
    pub(super) fn own_names(&self) -> Vec<String> {
        let is_default = |name: &str| match (self.all.get(name), DEFAULTS.get(name)) {
            (Some(own), Some(default)) => Arc::ptr_eq(own, default),
            _ => false,
        };
        let names = self.all.defined_names();
        let own = names.filter(|name| !name.is_empty() && !is_default(name));
        own.map(str::to_owned).collect()
    }

    /// How many texts were parsed so far.
    pub fn parses(&self) -> u64 {
        self.parses.load(Ordering::Relaxed)
    }

    /// What `.Local` of a time means.
    pub fn local(&self) -> &Zone {
        &self.local
    }
}

/// What one source may cost, and one execution.
pub(super) fn limits(origin: Origin) -> Limits {
    match origin {
        Origin::Operator => Limits::default(),
        Origin::Tenant => Limits::TENANT,
    }
}

/// What the escaping of one text may cost.
pub(super) fn html_limits(origin: Origin) -> html::Limits {
    match origin {
        Origin::Operator => html::Limits::default(),
        Origin::Tenant => html::Limits::TENANT,
    }
}
