//! What came of a file.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A case that came out otherwise than recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which case.
    pub case: String,
    /// What the real program did.
    pub expected: String,
    /// What ours did.
    pub got: String,
}

/// What came of a file; prints `NAME: P passed, F failed` and the failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The file's path below the folder.
    pub file: String,
    /// How many cases came out as recorded.
    pub passed: usize,
    /// The others.
    pub failures: Vec<Failure>,
    /// How much of the file was checked, where that is not all of it.
    pub scope: Option<&'static str>,
    /// Cases in which ours differs on purpose, each with the reason; neither passed nor failed.
    pub deviations: Vec<String>,
    /// Why the file, or with `passed` or `failures` a part of it, was not run.
    pub not_run: Option<String>,
}

/// How a case ended.
pub(crate) type Outcome = Result<(), Difference>;

/// Where a case parts from what was recorded.
#[derive(Debug)]
pub(crate) struct Difference {
    expected: String,
    got: String,
}

impl Difference {
    pub(crate) fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            got: got.into(),
        }
    }

    /// A case that is not in the format.
    pub(crate) fn format(expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::new(
            format!("{expected}, by the format of the vectors"),
            got.to_string(),
        )
    }
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn not_run(file: &str, why: impl Into<String>) -> Self {
        Self {
            not_run: Some(why.into()),
            ..Self::new(file)
        }
    }

    /// Runs one case; a panic of what is checked is a failure as well.
    pub(crate) fn case(&mut self, name: impl fmt::Display, check: impl FnOnce() -> Outcome) {
        let outcome = catch_unwind(AssertUnwindSafe(check));
        let outcome =
            outcome.unwrap_or_else(|panic| Err(Difference::new("no panic", told_by(&*panic))));
        match outcome {
            Ok(()) => self.passed += 1,
            Err(Difference { expected, got }) => {
                self.failures.push(Failure {
                    case: name.to_string(),
                    expected,
                    got,
                });
            }
        }
    }

    /// How many cases failed.
    pub fn failed(&self) -> usize {
        self.failures.len()
    }
}

fn told_by(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a panic: {}", text.unwrap_or("without a text"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(scope) = self.scope {
            write!(f, " ({scope})")?;
        }
        match &self.not_run {
            Some(why) if self.passed + self.failed() == 0 => return write!(f, ": not run: {why}"),
            Some(why) => {
                write!(
                    f,
                    ": {} passed, {} failed (not run: {why})",
                    self.passed,
                    self.failed()
                )?;
            }
            None => write!(f, ": {} passed, {} failed", self.passed, self.failed())?,
        }
        for deviation in &self.deviations {
            write!(f, "\n  differs on purpose: {deviation}")?;
        }
        for failure in &self.failures {
            write!(f, "\n  {}", failure.case)?;
            write!(f, "\n    expected: {}", indented(&failure.expected))?;
            write!(f, "\n    got:      {}", indented(&failure.got))?;
        }
        Ok(())
    }
}

/// Puts the further lines of a text below its first.
fn indented(text: &str) -> String {
    text.trim_end_matches('\n')
        .replace('\n', "\n              ")
}
