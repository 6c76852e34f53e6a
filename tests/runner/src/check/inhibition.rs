//! inhibition.json: which alerts hide which.

use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::inhibit::{InhibitRule, Inhibitor};
use domain::label::Labels;
use domain::matcher::all_match;
use domain::time::Timestamp;
use runtime::clock::SystemClock;
use serde_json::Value;

use super::groups;
use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal};

/// Recorded cases without a note whose answer is upstream's lossy index all the same, each with what happens there.
const DEVIATIONS: [(&str, &str); 1] = [(
    "two sources first resolved",
    "the index keeps a source that is over, because one that never ends counts as ended before it (upstream's issue \
     5162); here the source that fires hides the target",
)];

pub(super) fn check(report: &mut Report, file: &Value) {
    for (name, case) in super::cases(report, file, "cases") {
        let targets = case["targets"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if targets.is_empty() {
            report.case(&name, || {
                Err(Difference::format("`targets`", &case["targets"]))
            });
        }
        for target in targets {
            let deviation = DEVIATIONS.iter().find(|(case, _)| *case == name);
            if let Some((_, why)) = deviation.filter(|_| is_lossy(case, target)) {
                report
                    .deviations
                    .push(format!("{name}: {}: {why}", target["labels"]));
                continue;
            }
            report.case(format!("{name}: {}", target["labels"]), || {
                judge(case, target, &binding(case))
            });
        }
    }
}

struct Alert {
    fingerprint: Fingerprint,
    labels: Labels,
    ends_at: Timestamp,
}

/// Whether the recorded answer misses a source that hides the target by the definition, and ours does not.
fn is_lossy(case: &Value, target: &Value) -> bool {
    let recorded = target["inhibited"].as_bool();
    recorded == Some(false)
        && judge(case, target, &Binding::Boolean).is_err()
        && judge(case, target, &Binding::Rules).is_ok()
}

/// How much of a case is binding.
enum Binding {
    All,
    Boolean,
    /// The recorded answer is a defect of upstream's: what the rules say counts.
    Rules,
}

fn judge(case: &Value, target: &Value, binding: &Binding) -> Outcome {
    let now = SystemClock::shared().now();
    let rules = rules(case)?;
    let alerts = alerts(case)?;
    let mut inhibitor = Inhibitor::new(rules.clone());
    for alert in &alerts {
        inhibitor.insert(alert.fingerprint, &alert.labels);
    }
    let labels = target.labels("labels")?;
    let fingerprint = labels.fingerprint().to_string();
    equal(
        "fingerprint",
        &target.text("fingerprint")?,
        &fingerprint.as_str(),
    )?;
    let by = inhibitor.inhibited_by(&labels, |source| {
        let source = alerts.iter().find(|alert| alert.fingerprint == source)?;
        (source.ends_at > now).then_some(source.ends_at)
    });
    let recorded = target.boolean("inhibited")?;
    match binding {
        Binding::Rules => {
            let firing: Vec<_> = alerts.iter().filter(|alert| alert.ends_at > now).collect();
            equal(
                "inhibited",
                &is_hidden(&rules, &firing, &labels),
                &by.is_some(),
            )
        }
        Binding::Boolean => equal("inhibited", &recorded, &by.is_some()),
        Binding::All => {
            equal("inhibited", &recorded, &by.is_some())?;
            let by: Vec<_> = by.iter().map(ToString::to_string).collect();
            let recorded = target.list_or_empty("inhibited_by")?;
            equal("inhibited by", &Value::from(recorded), &Value::from(by))
        }
    }
}

fn binding(case: &Value) -> Binding {
    match case["note"].as_str() {
        None | Some("") => Binding::All,
        Some(note) if note.contains("only the boolean") => Binding::Boolean,
        Some(_) => Binding::Rules,
    }
}

/// The definition, read off: some firing source of some rule hides the target.
fn is_hidden(rules: &[InhibitRule], firing: &[&Alert], labels: &Labels) -> bool {
    rules.iter().any(|rule| {
        let is_source = |labels| all_match(&rule.source_matchers, labels);
        let is_target = |labels| all_match(&rule.target_matchers, labels);
        is_target(labels)
            && firing.iter().any(|source| {
                let same = |name: &Arc<str>| {
                    source.labels.get(name).unwrap_or("") == labels.get(name).unwrap_or("")
                };
                is_source(&source.labels)
                    && rule.equal.iter().all(same)
                    && !(is_source(labels) && is_target(&source.labels))
            })
    })
}

fn rules(case: &Value) -> Result<Vec<InhibitRule>, Difference> {
    let yaml = case.text("inhibit_rules_yaml")?;
    let text = format!("route: {{receiver: r}}\nreceivers: [{{name: r}}]\n{yaml}");
    Ok(from_config(groups::load(&text)?.inhibit_rules))
}

/// The rules of a configuration, as the domain has them.
pub(crate) fn from_config(rules: Vec<::config::InhibitRule>) -> Vec<InhibitRule> {
    let rules = rules.into_iter().map(|rule| InhibitRule {
        name: Some(rule.name)
            .filter(|name| !name.is_empty())
            .map(Arc::from),
        source_matchers: rule.source_matchers,
        target_matchers: rule.target_matchers,
        equal: rule.equal.into_iter().map(Arc::from).collect(),
    });
    rules.collect()
}

/// The alerts as last posted.
fn alerts(case: &Value) -> Result<Vec<Alert>, Difference> {
    let mut alerts: Vec<Alert> = Vec::new();
    for posted in case.list_or_empty("alerts")? {
        let labels = posted.labels("labels")?;
        let fingerprint = labels.fingerprint();
        let recorded = posted.text_or("fingerprint", "")?;
        if !recorded.is_empty() {
            equal("fingerprint", &recorded, &fingerprint.to_string().as_str())?;
        }
        let ends_at = match posted.text_or("ends_at", "")? {
            "" => Timestamp::MAX,
            text => api::wire::datetime::parse(text)
                .map_err(|error| Difference::format("a time at `ends_at`", error))?
                .unwrap_or(Timestamp::MAX),
        };
        alerts.retain(|alert| alert.fingerprint != fingerprint);
        alerts.push(Alert {
            fingerprint,
            labels,
            ends_at,
        });
    }
    Ok(alerts)
}
