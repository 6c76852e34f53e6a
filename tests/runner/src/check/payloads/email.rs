//! payloads/email.json: both sides of the dialogue with a mail server, and the message.
//!
//! A server says what the recorded one said, line by line, and keeps what it hears. The order of From, To, Subject and further headers is
//! random in Alertmanager, so heads are compared without regard to it. Ids, dates and boundaries are told apart by their shape and then
//! replaced by the names they have in the file.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use notify::Integration;
use notify::receiver::{Deps, build_receiver};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::group::{self, Group};
use super::{DEADLINE, KEY, NoInbox, PHASES, USER_AGENT, at_sink, refused};
use crate::check::groups;
use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal, same_lines};

/// What stands for the page, which is ours.
const PAGE: &str = "<default html page: our own design>";

pub(in crate::check) fn check(report: &mut Report, file: &Value) {
    let started =
        Runtime::new().and_then(|runtime| Ok((runtime.block_on(Server::start())?, runtime)));
    let (server, runtime) = match started {
        Ok(started) => started,
        Err(error) => {
            return report.case("the server", || {
                Err(Difference::new("a server", error.to_string()))
            });
        }
    };
    for (name, variant) in crate::check::cases(report, file, "variants") {
        let mut told = match Told::new(file, variant, &server) {
            Ok(told) => told,
            Err(difference) => {
                report.case(name, || Err(difference));
                continue;
            }
        };
        for (phase, posted) in PHASES {
            report.case(format!("{name} {phase}"), || {
                runtime.block_on(told.phase(phase, posted))
            });
        }
    }
    runtime.shutdown_background();
}

/// A variant: its group, and who is told of it from phase to phase.
struct Told<'a> {
    file: &'a Value,
    variant: &'a Value,
    server: &'a Server,
    group: Group,
    integrations: Vec<Arc<dyn Integration>>,
}

impl<'a> Told<'a> {
    fn new(file: &'a Value, variant: &'a Value, server: &'a Server) -> Result<Self, Difference> {
        let yaml = at_sink(variant, server.address)?;
        let config = groups::load(&group::receiver_text(variant.text("name")?, &yaml))?;
        let deps = Deps::new(USER_AGENT, Arc::new(NoInbox));
        let mut integrations = Vec::new();
        for receiver in &config.receivers {
            let built = build_receiver(receiver, &deps);
            integrations.extend(built.map_err(|error| refused(&error))?);
        }
        Ok(Self {
            file,
            variant,
            server,
            group: Group::new(file, variant)?,
            integrations,
        })
    }

    async fn phase(&mut self, phase: &str, posted: &str) -> Outcome {
        let recorded = self.variant["requests"].list_or_empty(phase)?;
        self.server.expect(recorded)?;
        if let Some(notification) = self.group.post(&self.file["posted"], posted)? {
            for integration in &self.integrations {
                let sent = integration.deliver(&notification, DEADLINE).await;
                sent.map_err(|error| refused(&error.detail))?;
            }
        }
        let held = self.server.take();
        equal("conversations", &recorded.len(), &held.len())?;
        recorded.iter().zip(&held).try_for_each(compare)
    }
}

fn compare((recorded, held): (&Value, &Conversation)) -> Outcome {
    let expected: Vec<_> = lines(recorded)?.collect();
    same_lines(&expected.join("\n"), &held.dialogue.join("\n"))?;
    let message = recorded.text("message")?;
    let got = named(&held.message, message)?;
    let (expected_head, expected_body) = split(message)?;
    let (head, body) = split(&got)?;
    same_lines(&sorted(expected_head), &sorted(head))?;
    same_lines(expected_body, body)
}

fn split(message: &str) -> Result<(&str, &str), Difference> {
    let parts = message.split_once("\r\n\r\n");
    parts.ok_or_else(|| Difference::format("a head and a body", message))
}

fn sorted(head: &str) -> String {
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The message with the names of the file in the places of what differs from message to message.
fn named(message: &str, recorded: &str) -> Result<String, Difference> {
    let value = |before: &str| {
        let rest = message.split_once(before).map(|(_, rest)| rest);
        let line = rest.and_then(|rest| rest.split("\r\n").next());
        line.ok_or_else(|| Difference::format(before.trim(), message))
    };
    let id = value("\r\nMessage-Id: ")?;
    equal("Message-Id", &format!("<{KEY}@src.test>").as_str(), &id)?;
    let date = value("\r\nDate: ")?;
    let is_date = jiff::fmt::rfc2822::parse(date).is_ok();
    equal("a date", &true, &is_date)?;
    let boundary = value("  boundary=")?;
    let mut named = message
        .replace(&format!("Message-Id: {id}"), "Message-Id: <msgid>")
        .replace(date, "<date>")
        .replace(boundary, "<boundary>");
    if recorded.contains("<YYYY-MM-DD>") {
        let root = value("\r\nReferences: ")?;
        let day = root.strip_suffix("@alertmanager>").unwrap_or(root);
        let (_, day) = day
            .split_at_checked(day.len().saturating_sub(10))
            .unwrap_or(("", ""));
        equal("a day", &true, &day.parse::<jiff::civil::Date>().is_ok())?;
        named = named.replace(day, "<YYYY-MM-DD>");
    }
    if recorded.contains(PAGE) {
        named = without_page(&named)?;
    }
    Ok(named)
}

fn without_page(message: &str) -> Result<String, Difference> {
    let page = message.split_once("<!DOCTYPE html>");
    let parts = page.and_then(|(before, page)| Some((before, page.rsplit_once("\r\n--")?)));
    let (before, (page, after)) = parts.ok_or_else(|| Difference::format("our page", message))?;
    equal("a page about it", &true, &page.contains("HighLoad"))?;
    Ok(format!("{before}{PAGE}\r\n--{after}"))
}

fn lines(recorded: &Value) -> Result<impl Iterator<Item = &str>, Difference> {
    let lines = recorded.list("smtp")?;
    Ok(lines.iter().map(|line| line.as_str().unwrap_or_default()))
}

/// A mail server that says what was recorded.
struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The dialogues to come.
    scripts: std::collections::VecDeque<Vec<String>>,
    held: Vec<Conversation>,
}

/// What was said.
#[derive(Default)]
struct Conversation {
    dialogue: Vec<String>,
    message: String,
}

impl Server {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = lock(&own).scripts.pop_front().unwrap_or_default();
                converse(stream, &script, &own).await;
            }
        });
        Ok(Self { address, shared })
    }

    fn expect(&self, recorded: &[Value]) -> Outcome {
        let mut scripts = std::collections::VecDeque::new();
        for conversation in recorded {
            scripts.push_back(lines(conversation)?.map(str::to_owned).collect());
        }
        let mut shared = lock(&self.shared);
        shared.scripts = scripts;
        shared.held.clear();
        Ok(())
    }

    fn take(&self) -> Vec<Conversation> {
        std::mem::take(&mut lock(&self.shared).held)
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says its lines in their turn, whatever it hears, and is heard to the end before the last one.
async fn converse(stream: TcpStream, script: &[String], shared: &Mutex<Shared>) {
    let mut stream = BufReader::new(stream);
    let mut held = Conversation::default();
    let is_last = |index: usize| index + 1 == script.len();
    for (index, line) in script.iter().enumerate() {
        if let Some(said) = line.strip_prefix("S: ") {
            held.dialogue.push(line.clone());
            // The client knows the end when it hears the last line: by then this has to be on record.
            if is_last(index) {
                lock(shared).held.push(std::mem::take(&mut held));
            }
            let said = format!("{said}\r\n");
            if stream.write_all(said.as_bytes()).await.is_err() {
                break;
            }
        } else if line == "C: <message>" {
            held.dialogue.push(line.clone());
            held.message = message(&mut stream).await;
            held.dialogue.push("C: .".to_owned());
        } else if line != "C: ." {
            let mut heard = String::new();
            if !matches!(stream.read_line(&mut heard).await, Ok(1..)) {
                break;
            }
            held.dialogue
                .push(format!("C: {}", heard.trim_end_matches("\r\n")));
        }
    }
    if !held.dialogue.is_empty() {
        lock(shared).held.push(held);
    }
}

/// Reads a message to its end, each doubled dot as one.
async fn message(stream: &mut BufReader<TcpStream>) -> String {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(1..) if line != ".\r\n" => {}
            _ => return message,
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
