//! routing.json: the tree, and which routes alerts take.

use domain::route::RouteTree;
use serde_json::Value;

use super::groups;
use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal, same_fields};

pub(super) fn check(report: &mut Report, file: &Value) {
    for (name, case) in super::cases(report, file, "cases") {
        report.case(format!("{name}: tree"), || tree(case));
        for decision in case["decisions"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        {
            report.case(format!("{name}: {}", decision["labels"]), || {
                decide(case, decision)
            });
        }
    }
}

fn read(case: &Value) -> Result<RouteTree, Difference> {
    Ok(RouteTree::new(&groups::load(case.text("config")?)?.route))
}

fn tree(case: &Value) -> Outcome {
    case.list("decisions")?;
    let tree = read(case)?;
    let recorded = case.list("tree_depth_first")?;
    equal("routes", &recorded.len(), &tree.routes().len())?;
    let routes = tree
        .routes()
        .iter()
        .zip(groups::numbers(&tree))
        .zip(recorded);
    for ((route, number), recorded) in routes {
        same_fields(recorded, &groups::place(route, number))?;
    }
    Ok(())
}

fn decide(case: &Value, decision: &Value) -> Outcome {
    let tree = read(case)?;
    let labels = decision.labels("labels")?;
    let found = tree.matches(&labels);
    let recorded = decision.list("routes")?;
    equal("routes", &recorded.len(), &found.len())?;
    let numbers = groups::numbers(&tree);
    for (index, recorded) in found.into_iter().zip(recorded) {
        let number = numbers.get(index.0 as usize).copied().unwrap_or_default();
        if let Some(route) = tree.route(index) {
            same_fields(recorded, &groups::decision(route, number, &labels))?;
        }
    }
    Ok(())
}
