//! Opsgenie: alerts that are made, changed and closed under an alias.

use serde_json::{Value, json};

use super::provider::{Channel, Failed, failed};
use super::server::{Received, Reply};
use super::simulator::{Fault, Simulator};

const KEY: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// A key that may read only.
const READING_KEY: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3302";
const CREATE: &str = "POST /v2/alerts";

#[derive(Default)]
struct Account {
    alerts: Vec<Alert>,
    /// Requests that were taken.
    taken: usize,
}

struct Alert {
    alias: String,
    message: String,
    description: String,
    is_open: bool,
    count: usize,
}

impl Account {
    fn answer(&mut self, request: &Received) -> Reply {
        let key = request.header("authorization").strip_prefix("GenieKey ");
        match key {
            None => return refused(401, "Could not authenticate", &json!({})),
            Some(key) if key.len() != KEY.len() => {
                let errors = json!({"key": key});
                return refused(422, "Key format is not valid!", &errors);
            }
            Some(KEY) => {}
            Some(READING_KEY) => {
                return refused(
                    403,
                    "You are not authorized to perform this action",
                    &json!({}),
                );
            }
            Some(_) => return refused(401, "Could not authenticate", &json!({})),
        }
        let body = request.json();
        if !body.is_object() {
            return refused(400, "Request body is not a JSON object", &json!({}));
        }
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let taken = match (request.method.as_str(), &parts[..]) {
            ("POST", ["v2", "alerts"]) => self.create(&body),
            (method, ["v2", "alerts", alias, what]) => {
                let identified = request.query.get("identifierType").map(String::as_str);
                if identified != Some("alias") {
                    return refused(404, "Alert does not exist", &json!({}));
                }
                self.change(method, alias, what, &body)
            }
            _ => return refused(404, "No such path", &json!({})),
        };
        match taken {
            Ok(()) => {
                self.taken += 1;
                let said =
                    json!({"result": "Request will be processed", "took": 0.302, "requestId": "r"});
                Reply::json(202, &said)
            }
            Err((field, why)) => {
                let message = "Request body is not processable. Please check the errors.";
                refused(422, message, &json!({ field: why }))
            }
        }
    }

    fn create(&mut self, body: &Value) -> Result<(), (&'static str, &'static str)> {
        let text = |field: &str| body[field].as_str().unwrap_or("").to_owned();
        bounded("message", &text("message"), 130)?;
        bounded("alias", &text("alias"), 512)?;
        if 15_000 < text("description").chars().count() {
            return Err(("description", "Description is too long."));
        }
        if 100 < text("source").chars().count() {
            return Err(("source", "Source is too long."));
        }
        let priority = body.get("priority").and_then(Value::as_str);
        if priority.is_some_and(|p| !["P1", "P2", "P3", "P4", "P5"].contains(&p)) {
            return Err((
                "priority",
                "Priority should be one of [ P1, P2, P3, P4, P5 ]",
            ));
        }
        let mut responders = body["responders"].as_array().into_iter().flatten();
        if !responders.all(|one| {
            let kind = one["type"].as_str().unwrap_or("");
            let is_named = ["id", "name", "username"]
                .iter()
                .any(|key| one[key].is_string());
            ["team", "user", "escalation", "schedule"].contains(&kind) && is_named
        }) {
            return Err(("responders", "Responders are not valid."));
        }
        let alias = text("alias");
        match self.open(&alias) {
            // Another of the same alias is the same alert, whose texts stay as they are.
            Some(known) => known.count += 1,
            None => self.alerts.push(Alert {
                alias,
                message: text("message"),
                description: text("description"),
                is_open: true,
                count: 1,
            }),
        }
        Ok(())
    }

    /// Taken now and done later: an alert that is not there is no error here.
    fn change(
        &mut self,
        method: &str,
        alias: &str,
        what: &str,
        body: &Value,
    ) -> Result<(), (&'static str, &'static str)> {
        let text = |field: &str| body[field].as_str().unwrap_or("").to_owned();
        let found = self.open(alias);
        match (method, what) {
            ("POST", "close") => {
                if let Some(found) = found {
                    found.is_open = false;
                }
            }
            ("PUT", "message") => {
                bounded("message", &text("message"), 130)?;
                if let Some(found) = found {
                    found.message = text("message");
                }
            }
            ("PUT", "description") => {
                bounded("description", &text("description"), 15_000)?;
                if let Some(found) = found {
                    found.description = text("description");
                }
            }
            _ => return Err(("path", "There is nothing like it.")),
        }
        Ok(())
    }

    fn open(&mut self, alias: &str) -> Option<&mut Alert> {
        let mut alerts = self.alerts.iter_mut();
        alerts.find(|alert| alert.is_open && alert.alias == alias)
    }

    /// Whether each alert is open, and how often it was told.
    fn states(&mut self) -> Vec<(bool, usize)> {
        let state = |alert: &Alert| (alert.is_open, alert.count);
        self.alerts.iter().map(state).collect()
    }
}

fn bounded(
    field: &'static str,
    text: &str,
    chars_max: usize,
) -> Result<(), (&'static str, &'static str)> {
    match text.chars().count() {
        0 => Err((field, "It can not be empty.")),
        count if chars_max < count => Err((field, "It is too long.")),
        _ => Ok(()),
    }
}

fn refused(status: u16, message: &str, errors: &Value) -> Reply {
    let said = json!({"message": message, "errors": errors, "took": 0.001, "requestId": "r"});
    Reply::json(status, &said)
}

fn account() -> Simulator<Account> {
    Simulator::new(Account::default(), Account::answer)
}

fn channel(account: &Simulator<Account>, key: &str, more: &str) -> Channel {
    let url = account.url("");
    let settings = format!(
        "api_url: '{url}', api_key: '{key}', source: '{{{{ .CommonAnnotations.summary }}}}'{more}"
    );
    Channel::new("opsgenie", &settings)
}

#[tokio::test]
async fn a_group_is_one_alert_until_it_is_closed() {
    let account = account();
    let more = ", responders: [{type: team, name: ops}, {type: user, username: a@example.org}], tags: 'a,b', priority: P2";
    let ops = channel(&account, KEY, more);
    // Nobody has heard of it yet.
    ops.resolve("load is high").await.unwrap();
    ops.tell("<load> is \"high\" 漢字", 500).await.unwrap();
    ops.tell("load is high", 1).await.unwrap();
    assert_eq!(account.with(Account::states), [(true, 2)]);
    ops.resolve("load is high").await.unwrap();
    ops.tell("load is high", 1).await.unwrap();
    assert_eq!(account.with(Account::states), [(false, 2), (true, 1)]);
}

#[tokio::test]
async fn texts_are_cut_and_kept_up_to_date() {
    let account = account();
    let more = ", message: '{{ .CommonAnnotations.summary }}', description: 'd {{ .CommonAnnotations.summary }}', update_alerts: true";
    let ops = channel(&account, KEY, more);
    ops.tell(&"漢".repeat(200), 1).await.unwrap();
    let message = account.with(|account| account.alerts[0].message.clone());
    assert_eq!(message.chars().count(), 130);
    ops.tell(&"漢".repeat(20_000), 1).await.unwrap();
    let description = account.with(|account| account.alerts[0].description.clone());
    assert_eq!(description.chars().count(), 15_000);
    let delivered = ops.tell("load is low", 1).await.unwrap();
    assert_eq!(delivered.fallback, None);
    let texts = account.with(|account| {
        let alert = &account.alerts[0];
        (alert.message.clone(), alert.description.clone())
    });
    assert_eq!(
        texts,
        ("load is low".to_owned(), "d load is low".to_owned())
    );
    assert_eq!(account.with(Account::states), [(true, 3)]);
}

#[tokio::test]
async fn what_is_refused_after_the_alert_was_made_is_no_reason_to_repeat_it() {
    let account = account();
    let more = ", description: '{{ .CommonLabels.nope }}', update_alerts: true";
    let delivered = channel(&account, KEY, more).tell("load is high", 1).await;
    let note = delivered
        .unwrap()
        .fallback
        .expect("it says what is missing");
    assert!(note.contains("update_alerts: description: "), "{note}");
    assert_eq!(account.with(Account::states), [(true, 1)]);
}

#[tokio::test]
async fn what_it_refuses_is_told_without_the_key() {
    let account = account();
    let other = KEY.replace('3', "4");
    for (key, more, expected) in [
        ("sh0rt-s3cr3t", "", "422"),
        ("sh0rt-s3cr3t", "", "Key format is not valid!"),
        (other.as_str(), "", "Could not authenticate"),
        (READING_KEY, "", "403"),
        (KEY, ", priority: high", "Priority should be one of"),
        (
            KEY,
            ", message: '{{ .CommonLabels.nope }}'",
            "It can not be empty.",
        ),
    ] {
        let outcome = channel(&account, key, more).tell("load is high", 1).await;
        let (how, detail) = failed(outcome, &["sh0rt-s3cr3t", KEY, READING_KEY, &other]);
        assert_eq!(how, Failed::ForGood);
        assert!(detail.contains(expected), "{detail}");
    }
    assert_eq!(account.with(|account| account.taken), 0);
}

#[tokio::test]
async fn too_many_and_lost_requests_come_again_and_make_no_second_alert() {
    let account = account();
    let ops = channel(&account, KEY, ", description: d, update_alerts: true");
    let limited = || {
        let said = "You are making too many requests! To avoid this error, please wait a little while before making new requests.";
        refused(429, said, &json!({})).with_header("Retry-After", "12")
    };
    for (fault, expected) in [
        (Fault::Answered(limited()), Failed::ForNow(Some(12))),
        (Fault::Answered(Reply::plain(503, "")), Failed::ForNow(None)),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        account.happen(CREATE, fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[KEY]).0, expected);
    }
    assert_eq!(account.with(Account::states), [(true, 1)]);
    // From here on people were told, whatever becomes of the rest.
    let alias = account.with(|account| account.alerts[0].alias.clone());
    let update = format!("PUT /v2/alerts/{alias}/description");
    for (fault, expected) in [
        (Fault::Answered(limited()), Failed::Unknown(Some(12))),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        account.happen(&update, fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[KEY]).0, expected);
    }
    ops.tell("load is high", 1).await.unwrap();
    assert_eq!(account.with(Account::states), [(true, 4)]);
}
