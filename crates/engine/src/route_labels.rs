//! Labels of routes: parsed with the configuration, rendered for a group when it is told of or listed.

use std::sync::Arc;

use domain::group::GroupIdentity;
use domain::label::Labels;
use domain::route::{RouteIndex, RouteTree};
use notify::Notification;
use notify::template::route_labels::{Omitted, RouteTexts};
use notify::template::{TemplateSet, aside};

use crate::settings::Settings;

/// Parses the labels of every route; routes that inherit all of theirs share them.
pub(crate) fn parse(tree: &RouteTree, set: &TemplateSet) -> Vec<Arc<RouteTexts>> {
    let mut parsed: Vec<(*const (), Arc<RouteTexts>)> = Vec::new();
    for route in tree.routes() {
        let own = Arc::as_ptr(&route.labels).cast();
        let known = parsed.iter().rev().find(|(other, _)| *other == own);
        let texts = match known {
            Some((_, texts)) => Arc::clone(texts),
            None => Arc::new(RouteTexts::new(&route.labels, set)),
        };
        parsed.push((own, texts));
    }
    parsed.into_iter().map(|(_, texts)| texts).collect()
}

impl Settings {
    /// The labels of a route that are the same for all its groups; `None` when they are templates.
    pub(crate) fn literal_route_labels(&self, route: RouteIndex) -> Option<Labels> {
        let texts = self.route_texts.get(route.0 as usize);
        texts.map_or_else(|| Some(Labels::empty()), |texts| texts.literal())
    }

    /// Renders the labels of a group's route as a message about it has them.
    pub(crate) fn route_labels(
        &self,
        route: RouteIndex,
        message: &Notification,
    ) -> (Labels, Omitted) {
        match self.route_texts.get(route.0 as usize) {
            Some(texts) => texts.render(&self.templates, message),
            None => (Labels::empty(), Omitted::new()),
        }
    }

    /// Gives a message the labels of its group's route; one that fails is left out and logged.
    pub(crate) async fn with_route_labels(
        &self,
        group: &GroupIdentity,
        mut message: Notification,
    ) -> Notification {
        if let Some(labels) = self.literal_route_labels(group.route) {
            message.route_labels = labels;
            return message;
        }
        let Some(texts) = self.route_texts.get(group.route.0 as usize) else {
            return message;
        };
        let (texts, set) = (Arc::clone(texts), Arc::clone(&self.templates));
        let about = message.clone();
        match aside(move || texts.render(&set, &about)).await {
            Ok((labels, omitted)) => {
                for (label, failure) in omitted {
                    tracing::warn!(
                        tenant = %group.tenant, group = %group.key, %label, %failure,
                        "A label of the route could not be rendered and is left out"
                    );
                }
                message.route_labels = labels;
            }
            Err(failure) => tracing::warn!(%failure, "The labels of a route could not be rendered"),
        }
        message
    }
}
