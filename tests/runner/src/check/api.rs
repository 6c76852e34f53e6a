//! api.json: recorded exchanges, repeated in order against one server.

mod same;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::report::{Difference, Outcome, Report};
use crate::server::{Answer, Server};
use crate::shape::{Shape as _, equal};
use same::{Ids, headers, json, text};

/// What a note says when the server's file changes before an exchange.
const FILE_REPLACED: &str = "config file replaced by: ";

pub(super) fn check(report: &mut Report, file: &Value) {
    let started = Runtime::new()
        .map_err(|error| Difference::new("a runtime", error.to_string()))
        .and_then(|runtime| Ok((runtime.block_on(start(file))?, runtime)));
    let (server, runtime) = match started {
        Ok(started) => started,
        Err(difference) => return report.case("the server", || Err(difference)),
    };
    let mut ids = Ids::default();
    for (index, (name, exchange)) in super::cases(report, file, "exchanges")
        .into_iter()
        .enumerate()
    {
        report.case(format!("{index} {name}"), || {
            runtime.block_on(repeat(&server, exchange, &mut ids))
        });
    }
    runtime.shutdown_background();
}

async fn start(file: &Value) -> Result<Server, Difference> {
    let flags = file.list_or_empty("flags")?.iter();
    let flags = flags.map(|flag| {
        flag.as_str()
            .ok_or_else(|| Difference::format("texts at `flags`", flag))
    });
    let flags = flags.collect::<Result<Vec<_>, _>>()?;
    let started = Server::start(file.text("config")?, &flags).await;
    started.map_err(|error| Difference::new("a server that starts", error))
}

async fn repeat(server: &Server, exchange: &Value, ids: &mut Ids) -> Outcome {
    if let Some(text) = exchange["note"]
        .as_str()
        .and_then(|note| note.strip_prefix(FILE_REPLACED))
    {
        server.replace_file(text);
    }
    let request = &exchange["request"];
    let path = ids.fill_in(request.text("path")?);
    let mut built = http::Request::builder()
        .method(request.text("method")?)
        .uri(path);
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .ok_or_else(|| Difference::format("texts at `headers`", value))?;
        built = built.header(name, ids.fill_in(value));
    }
    let body = ids.fill_in(request.text_or("body", "")?);
    let answer = server.send(built, body).await;
    let answer = answer.map_err(|error| Difference::new("an answer", error))?;
    compare(&exchange["response"], &answer, ids)
}

fn compare(recorded: &Value, answer: &Answer, ids: &mut Ids) -> Outcome {
    let shown = || format!("{} {}", answer.status, answer.body);
    if recorded["connection_closed"] == true {
        // The original crashed; a refusal is right.
        let is_refused = (400..500).contains(&answer.status);
        return if is_refused {
            Ok(())
        } else {
            Err(Difference::new("any 4xx", shown()))
        };
    }
    if recorded["status"] != answer.status {
        let body = if recorded["json"].is_null() {
            &recorded["body"]
        } else {
            &recorded["json"]
        };
        return Err(Difference::new(
            format!("{} {body}", recorded["status"]),
            shown(),
        ));
    }
    headers(&recorded["headers"], &answer.headers)?;
    let Some(document) = recorded.get("json") else {
        return text("body", recorded.text_or("body", "")?, &answer.body, ids);
    };
    let got = serde_json::from_str(&answer.body);
    let got = got.map_err(|error| Difference::new("JSON", format!("{error}: {}", answer.body)))?;
    json(document, &got, ids, "$")?;
    // The order of keys is not binding, but some documents end their line and some do not.
    match recorded["body"].as_str() {
        Some(body) => equal(
            "line end",
            &body.ends_with('\n'),
            &answer.body.ends_with('\n'),
        ),
        None => Ok(()),
    }
}
