//! identity.json: fingerprints, label texts and group keys.

use domain::group::inherited::label_hash;
use domain::route::RouteTree;
use serde_json::Value;

use super::groups;
use crate::report::{Outcome, Report};
use crate::shape::{Shape as _, equal, same_fields};

pub(super) fn check(report: &mut Report, file: &Value) {
    for (name, case) in super::cases(report, file, "cases") {
        report.case(format!("{name}: {}", case["labels"]), || identity(case));
    }
}

fn identity(case: &Value) -> Outcome {
    let labels = case.labels("labels")?;
    let fingerprint = labels.fingerprint().to_string();
    equal(
        "fingerprint",
        &case.text("fingerprint")?,
        &fingerprint.as_str(),
    )?;
    equal(
        "labels",
        &case.text("labels_string")?,
        &labels.to_string().as_str(),
    )?;
    let hash = format!("{:016x}", label_hash(labels.pairs()));
    equal("XXH64", &case.text("nflog_hash_xxh64")?, &hash.as_str())?;
    let route = case.text_or("route_yaml", "")?;
    let text = format!("receivers: [{{name: r}}]\nroute:\n  receiver: r\n{route}");
    let tree = RouteTree::new(&groups::load(&text)?.route);
    let found = tree.matches(&labels);
    let recorded = case.list("groups")?;
    equal("groups", &recorded.len(), &found.len())?;
    for (index, recorded) in found.into_iter().zip(recorded) {
        if let Some(route) = tree.route(index) {
            same_fields(recorded, &groups::group(route, &labels))?;
        }
    }
    Ok(())
}
