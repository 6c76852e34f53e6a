//! One suite for every coordinator.
