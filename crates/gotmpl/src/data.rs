//! What a notification template of Alertmanager sees: `Data`, `Alerts`, `Alert`, `KV`, `Pairs`.

mod alerts;
mod kv;

pub use alerts::{Alert, Alerts};
pub use kv::Kv;

use crate::value::{Field, GoString, Object, Shape, Value};

/// The dot of a notification template: Alertmanager's `template.Data`.
#[derive(Debug, Clone)]
pub struct Data {
    /// The receiver's name, quoted for regular expressions.
    pub receiver: GoString,
    /// The alerts of the message.
    pub alerts: Alerts,
    /// Why the message is sent.
    pub notification_reason: GoString,
    /// The labels the group was made by.
    pub group_labels: Kv,
    /// The labels all alerts share.
    pub common_labels: Kv,
    /// The annotations all alerts share.
    pub common_annotations: Kv,
    /// The labels of the route; newer than 0.33, so they show only when there are any.
    pub route_labels: Kv,
    /// Where people reach the server.
    pub external_url: GoString,
}

/// The fields in Go's order; without labels of the route the struct is that of 0.33.
const FIELDS: &[Field] = &[
    Field::new("Receiver", "receiver"),
    Field::new("Status", "status"),
    Field::new("Alerts", "alerts"),
    Field::new("NotificationReason", "notification_reason"),
    Field::new("GroupLabels", "groupLabels"),
    Field::new("CommonLabels", "commonLabels"),
    Field::new("CommonAnnotations", "commonAnnotations"),
    Field::new("ExternalURL", "externalURL"),
];

const FIELDS_WITH_ROUTE: &[Field] = &[
    Field::new("Receiver", "receiver"),
    Field::new("Status", "status"),
    Field::new("Alerts", "alerts"),
    Field::new("NotificationReason", "notification_reason"),
    Field::new("GroupLabels", "groupLabels"),
    Field::new("CommonLabels", "commonLabels"),
    Field::new("CommonAnnotations", "commonAnnotations"),
    Field::optional("RouteLabels", "routeLabels"),
    Field::new("ExternalURL", "externalURL"),
];

impl Data {
    /// The data as a value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::object(self)
    }
}

impl Object for Data {
    fn type_name(&self) -> &'static str {
        "*template.Data"
    }

    fn shape(&self) -> Shape {
        let has_route = !self.route_labels.is_empty();
        Shape::Struct(if has_route { FIELDS_WITH_ROUTE } else { FIELDS })
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Receiver" => Value::string(self.receiver.clone()),
            "Status" => Value::from(self.alerts.status()),
            "Alerts" => self.alerts.to_value(),
            "NotificationReason" => Value::string(self.notification_reason.clone()),
            "GroupLabels" => self.group_labels.to_value(),
            "CommonLabels" => self.common_labels.to_value(),
            "CommonAnnotations" => self.common_annotations.to_value(),
            "RouteLabels" => self.route_labels.to_value(),
            "ExternalURL" => Value::string(self.external_url.clone()),
            _ => return None,
        })
    }
}
