//! What the matchers of one request may cost.

use super::{Matcher, MatcherError};

/// Bounds the matchers that one request brings. Files of an operator need none: each matcher is bounded by itself.
#[derive(Debug)]
pub struct Allowance {
    left: u64,
}

/// About 30 ms: twenty-five regular expressions of thousands of states, or five hundred matchers as people write them.
const COST_MAX: u64 = 100_000;

/// What every matcher costs, in the unit of [`Matcher::cost`].
const MATCHER_COST: u64 = 100;

impl Default for Allowance {
    fn default() -> Self {
        Self { left: COST_MAX }
    }
}

impl Allowance {
    /// Pays for a matcher that was made.
    ///
    /// # Errors
    /// [`MatcherError::TooCostly`] when it is one too many.
    pub fn pay(&mut self, matcher: &Matcher) -> Result<(), MatcherError> {
        let cost = MATCHER_COST.saturating_add(matcher.cost());
        let left = self.left.checked_sub(cost);
        self.left = left.ok_or(MatcherError::TooCostly)?;
        Ok(())
    }
}
