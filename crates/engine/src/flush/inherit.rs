//! Before an integration is told anything: what the Alertmanager before us told it counts.

use std::sync::Arc;

use domain::group::IntegrationSpec;
use domain::group::inherited::Handover;
use domain::group::told::Told;
use state::Mode;

use super::Flush;
use crate::inheritance;

impl Flush<'_> {
    /// Answers what counts as told with what was inherited about the group's members; `None` if that could not be settled, so
    /// that nothing may be told now.
    pub(super) async fn inherit(&self, spec: &IntegrationSpec, told: Told) -> Option<Told> {
        let (engine, group) = (self.engine, &self.claim.identity);
        let now = engine.clock.now();
        let inheritance = self.tenant.inheritance();
        let Some(inherited) = inheritance.get(group.key, &spec.id, now) else {
            return Some(told);
        };
        let members = &self.claim.alerts;
        let come = inherited.come(members);
        if come.is_empty() {
            return Some(told);
        }
        let mode = engine.state.mode();
        let is_shared = mode != Mode::Embedded;
        let departed = engine.state.departed(group, inherited.told_at, &come).await;
        let handover = inherited.hand_over(&told, members, is_shared, &departed);
        let Some(Handover { message, rest }) = handover else {
            return Some(told);
        };
        let mut records = Vec::new();
        let told = match message {
            None => told,
            Some(message) => {
                let firing = message.firing.clone();
                let settled = engine
                    .state
                    .settle(self.claim, &spec.id, &told, message, now);
                let told = match settled.await {
                    Ok(Ok(told)) if told.firing() == firing => told,
                    // Whoever holds the group now, or told something meanwhile, is asked at the next tick.
                    Ok(_) => return None,
                    Err(error) => {
                        tracing::warn!(%error, "What an Alertmanager told before could not be taken over; it is tried again");
                        return None;
                    }
                };
                records.push(self.record(&spec.id, told.clone()));
                told
            }
        };
        // What is settled alone is not shared later: it is settled once more then.
        if mode != Mode::Degraded {
            let rest = inheritance.take(group.key, &spec.id, Arc::new(rest));
            let rest = inheritance::record(&group.tenant, group.key, &spec.id, &rest);
            records.push(rest);
        }
        engine.record_told(records).await;
        Some(told)
    }
}
