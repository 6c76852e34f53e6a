//! What may be asked.

use proptest::prelude::*;

use crate::actors::{ALERTS, GROUPS};

/// What is asked next; numbers choose among what there is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pass(u32),
    Post {
        by: usize,
        group: usize,
        alert: usize,
        began_ago: i64,
        lasts: i64,
        behind: i64,
        is_timeout: bool,
        is_owed: bool,
        is_again: bool,
    },
    Poll(usize),
    Seize(usize, usize),
    Begin(usize, usize, u8),
    Commit(usize, usize),
    Refuse(usize),
    Settle(usize),
    Renew(usize),
    Unclaim(usize, u32),
    Finish {
        claim: usize,
        leaves: u8,
        later: bool,
        forget: bool,
    },
    Merge {
        group: usize,
        alerts: u8,
        age: i64,
        told: usize,
        leaves: u8,
    },
    Restart(u8),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (by, claim, integration) = (0..2_usize, 0..8_usize, 0..2_usize);
    let post = (
        by.clone(),
        0..GROUPS,
        0..ALERTS,
        (0..100_i64, -20..300_i64, -3..4_i64),
        any::<(bool, bool, bool)>(),
    );
    let post = post.prop_map(|(by, group, alert, times, flags)| Step::Post {
        by,
        group,
        alert,
        began_ago: times.0,
        lasts: times.1,
        behind: times.2,
        is_timeout: flags.0,
        is_owed: flags.1,
        is_again: flags.2,
    });
    let finish = (claim.clone(), any::<u8>(), any::<(bool, bool)>());
    let merge = (0..GROUPS, any::<u8>(), -50..50_i64, 0..8_usize, any::<u8>());
    prop_oneof![
        3 => (0..90_u32).prop_map(Step::Pass),
        6 => post,
        4 => by.prop_map(Step::Poll),
        1 => (0..2_usize, 0..GROUPS).prop_map(|(by, group)| Step::Seize(by, group)),
        3 => (claim.clone(), integration.clone(), any::<u8>())
            .prop_map(|(claim, id, set)| Step::Begin(claim, id, set)),
        3 => (claim.clone(), integration).prop_map(|(claim, id)| Step::Commit(claim, id)),
        1 => claim.clone().prop_map(Step::Refuse),
        1 => claim.clone().prop_map(Step::Settle),
        1 => claim.clone().prop_map(Step::Renew),
        1 => (claim, 0..40_u32).prop_map(|(claim, delay)| Step::Unclaim(claim, delay)),
        3 => finish.prop_map(|(claim, leaves, (later, forget))| Step::Finish {
            claim, leaves, later, forget,
        }),
        2 => merge.prop_map(|(group, alerts, age, told, leaves)| Step::Merge {
            group, alerts, age, told, leaves,
        }),
        1 => any::<u8>().prop_map(Step::Restart),
    ]
}
