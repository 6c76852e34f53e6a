//! Numbers of messages: a number is used once within a group and integration, whoever gives it (protocol.md §5, begin).

/// The numbers a teller may give its messages: instances that cannot hear each other never use the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    slot: u64,
}

impl Numbers {
    /// Numbers of one slot are this far apart.
    pub const STEP: u64 = 256;

    /// What is begun through shared state.
    pub const SHARED: Self = Self { slot: 0 };

    /// What an instance begins by itself, from slot 1 to [`Numbers::STEP`] - 1; others are brought inside.
    #[must_use]
    pub fn alone(slot: u64) -> Self {
        Self {
            slot: 1 + slot.saturating_sub(1) % (Self::STEP - 1),
        }
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
        !number.is_multiple_of(Self::STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_after_the_last_one_and_not_before_its_time() {
        for (after, now_ms) in [(0, 0), (0, 5_000), (9_999, 5_000), (1_024, 1_024)] {
            for slot in [1, 7, 255] {
                let next = Numbers::alone(slot).next(after, now_ms);
                assert!(next > after && next >= now_ms, "{next}");
                assert!(next <= (after + 1).max(now_ms) + Numbers::STEP);
                assert_eq!(next % Numbers::STEP, slot);
                assert!(Numbers::is_alone(next));
            }
            assert!(!Numbers::is_alone(Numbers::SHARED.next(after, now_ms)));
        }
    }

    #[test]
    fn every_slot_is_one_of_an_instance() {
        assert_eq!(Numbers::alone(0), Numbers::alone(1));
        assert_eq!(Numbers::alone(256), Numbers::alone(1));
        assert_ne!(Numbers::alone(255), Numbers::SHARED);
        let last = Numbers::SHARED.next(u64::MAX, u64::MAX);
        assert_eq!(last, u64::MAX, "stays a number");
    }
}
