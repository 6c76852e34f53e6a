//! Numbers of messages: a number is used once within a group and integration, whoever gives it (protocol.md §5, begin).

/// The numbers a teller may give its messages: instances that cannot hear each other never use the same, whether they tell by
/// themselves or through what is shared. Two masters may both take writes for a while, each of some instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    slot: u64,
}

impl Numbers {
    /// Numbers of one slot are this far apart.
    pub const STEP: u64 = 256;

    /// Instances that can be told from each other by their numbers.
    const INSTANCES: u64 = Self::STEP / 2 - 1;

    /// What comes of joins and moves in shared state, whoever asks for them.
    pub const SHARED: Self = Self { slot: 0 };

    /// What a group is told by itself, by no instance in particular: told alone.
    pub const ANYBODY: Self = Self { slot: 1 };

    /// What an instance begins through shared state; instances count from 1 to 127, others are brought inside.
    #[must_use]
    pub fn shared(instance: u64) -> Self {
        Self {
            slot: 2 * (1 + instance.saturating_sub(1) % Self::INSTANCES),
        }
    }

    /// What an instance begins by itself.
    #[must_use]
    pub fn alone(instance: u64) -> Self {
        Self {
            slot: Self::shared(instance).slot + 1,
        }
    }

    /// What is left when one of these numbers is divided by [`Numbers::STEP`].
    #[must_use]
    pub const fn slot(self) -> u64 {
        self.slot
    }

    /// The first that is after another and not before this time in milliseconds: at most [`Numbers::STEP`] later than both.
    #[must_use]
    pub fn next(self, after: u64, now_ms: u64) -> u64 {
        let least = now_ms.max(after.saturating_add(1));
        let missing = (Self::STEP + self.slot - least % Self::STEP) % Self::STEP;
        least.saturating_add(missing)
    }

    /// Whether a message of this number was begun by an instance by itself.
    #[must_use]
    pub const fn is_alone(number: u64) -> bool {
        !number.is_multiple_of(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_after_the_last_one_and_not_before_its_time() {
        for (after, now_ms) in [(0, 0), (0, 5_000), (9_999, 5_000), (1_024, 1_024)] {
            for instance in [1, 7, 127] {
                let (alone, shared) = (Numbers::alone(instance), Numbers::shared(instance));
                for (numbers, is_alone) in [(alone, true), (shared, false)] {
                    let next = numbers.next(after, now_ms);
                    assert!(next > after && next >= now_ms, "{next}");
                    assert!(next <= (after + 1).max(now_ms) + Numbers::STEP);
                    assert_eq!(next % Numbers::STEP, numbers.slot());
                    assert_eq!(Numbers::is_alone(next), is_alone);
                }
            }
            assert!(!Numbers::is_alone(Numbers::SHARED.next(after, now_ms)));
        }
    }

    #[test]
    fn every_instance_has_numbers_of_its_own() {
        let all =
            (1..=127).flat_map(|instance| [Numbers::alone(instance), Numbers::shared(instance)]);
        let slots: std::collections::BTreeSet<u64> = all
            .chain([Numbers::SHARED, Numbers::ANYBODY])
            .map(Numbers::slot)
            .collect();
        assert_eq!(slots.len(), 256);
        assert_eq!(slots.last(), Some(&255));
        assert_eq!(Numbers::alone(0), Numbers::alone(1));
        assert_eq!(Numbers::alone(128), Numbers::alone(1));
        let last = Numbers::SHARED.next(u64::MAX, u64::MAX);
        assert_eq!(last, u64::MAX, "stays a number");
    }
}
