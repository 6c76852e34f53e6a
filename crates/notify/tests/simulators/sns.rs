//! Amazon SNS, which computes every signature itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::{digest, hmac};

use super::provider::{Channel, Failed, failed, is_recent};
use super::server::{Received, Reply, pairs};
use super::simulator::{Fault, Simulator};

const ACCESS_KEY: &str = "AKIA0123456789EXAMPL";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYs3cr3t";
const REGION: &str = "eu-west-1";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ops";
const FIFO_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ops.fifo";

#[derive(Default)]
struct Service {
    published: Vec<BTreeMap<String, String>>,
    /// What topics of the first-in-first-out kind have seen within five minutes.
    seen: Vec<String>,
}

type Refusal = (u16, &'static str, String);

impl Service {
    fn answer(&mut self, request: &Received) -> Reply {
        let taken = checked(request).and_then(|()| self.publish(request));
        match taken {
            Ok(()) => {
                let body = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                    <MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult></PublishResponse>";
                Reply::new(200, "text/xml", body)
            }
            Err((status, code, message)) => error(status, code, &message),
        }
    }

    fn publish(&mut self, request: &Received) -> Result<(), Refusal> {
        let kind = request.header("content-type");
        let form = pairs(&String::from_utf8_lossy(&request.body));
        let said = |name: &str| form.get(name).map_or("", String::as_str);
        if !kind.starts_with("application/x-www-form-urlencoded")
            || said("Action") != "Publish"
            || said("Version") != "2010-03-31"
        {
            return Err((400, "InvalidAction", "Could not find operation".to_owned()));
        }
        let invalid =
            |why: &str| Err((400, "InvalidParameter", format!("Invalid parameter: {why}")));
        let targets = [said("TopicArn"), said("TargetArn"), said("PhoneNumber")];
        if targets.iter().filter(|target| !target.is_empty()).count() != 1 {
            return invalid("exactly one of TopicArn, TargetArn and PhoneNumber");
        }
        let (topic, phone) = (said("TopicArn"), said("PhoneNumber"));
        if !topic.is_empty() && ![TOPIC, FIFO_TOPIC].contains(&topic) {
            return Err((404, "NotFound", "Topic does not exist".to_owned()));
        }
        if !phone.is_empty() && !is_phone(phone) {
            return invalid(&format!(
                "PhoneNumber Reason: {phone} is not valid to publish to"
            ));
        }
        if said("Message").is_empty() {
            return invalid("Empty message");
        }
        if 256 * 1024 < said("Message").len() {
            return invalid("Message too long");
        }
        let subject = form.get("Subject");
        let is_line = |text: &str| !text.chars().any(char::is_control);
        if subject.is_some_and(|text| text.is_empty() || 100 < text.chars().count())
            || (phone.is_empty() && !is_line(said("Subject")))
        {
            return invalid("Subject");
        }
        check_attributes(&form)?;
        if topic.ends_with(".fifo") {
            let group = said("MessageGroupId");
            if group.is_empty() {
                return invalid("The MessageGroupId parameter is required for FIFO topics");
            }
            let id = said("MessageDeduplicationId");
            if id.is_empty() || 128 < id.len() || 128 < group.len() {
                return invalid(
                    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
                );
            }
            // Answered as the first one was, and told to nobody.
            if self.seen.iter().any(|seen| seen == id) {
                return Ok(());
            }
            self.seen.push(id.to_owned());
        } else if form.contains_key("MessageGroupId") {
            return invalid("MessageGroupId is not allowed for this topic");
        }
        self.published.push(form);
        Ok(())
    }

    /// A field of the last message.
    fn last(&mut self, name: &str) -> String {
        let last = self.published.last();
        let value = last.and_then(|form| form.get(name));
        value.cloned().unwrap_or_default()
    }
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or("");
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn check_attributes(form: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for number in 1.. {
        let entry = |what: &str| form.get(&format!("MessageAttributes.entry.{number}.{what}"));
        let parts = [
            entry("Name"),
            entry("Value.DataType"),
            entry("Value.StringValue"),
        ];
        if parts.iter().all(Option::is_none) {
            break;
        }
        if parts.iter().any(|part| part.is_none_or(String::is_empty)) {
            let why = format!("The message attribute {number} must contain non-empty values");
            return Err((400, "ParameterValueInvalid", why));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// Whether who asks is known and has signed what came over the wire.
fn checked(request: &Received) -> Result<(), Refusal> {
    let incomplete = || {
        (
            403,
            "IncompleteSignature",
            "Authorization header".to_owned(),
        )
    };
    let said = request.header("authorization");
    let said = said.strip_prefix("AWS4-HMAC-SHA256 Credential=");
    let said: Vec<&str> = said.unwrap_or("").split(", ").collect();
    let [credential, names, signature] = said[..] else {
        return Err(incomplete());
    };
    let names = names
        .strip_prefix("SignedHeaders=")
        .ok_or_else(incomplete)?;
    let signature = signature
        .strip_prefix("Signature=")
        .ok_or_else(incomplete)?;
    let (access_key, scope) = credential.split_once('/').ok_or_else(incomplete)?;
    if access_key != ACCESS_KEY {
        let why = "The security token included in the request is invalid.";
        return Err((403, "InvalidClientTokenId", why.to_owned()));
    }
    let refused = |why: String| Err((403, "SignatureDoesNotMatch", why));
    let time = request.header("x-amz-date");
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok();
    let at = at.and_then(|at| TimeZone::UTC.to_timestamp(at).ok());
    if !is_recent(at.map(|at| at.as_second())) {
        return refused(format!("Signature expired: {time}"));
    }
    let day = time.split('T').next().unwrap_or("");
    if scope != format!("{day}/{REGION}/sns/aws4_request") {
        return refused(format!(
            "Credential should be scoped to a valid region: {scope}"
        ));
    }
    let signed: Vec<&str> = names.split(';').collect();
    if !["host", "x-amz-date"]
        .iter()
        .all(|name| signed.contains(name))
        || !signed.is_sorted()
    {
        return refused("'Host' and 'X-Amz-Date' must be signed headers".to_owned());
    }
    let canonical = canonical(request, &signed);
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let key = keyed(format!("AWS4{SECRET}").as_bytes(), day);
    let key = [REGION, "sns", "aws4_request"]
        .iter()
        .fold(key, |key, part| keyed(&key, part));
    if signature != hex(&keyed(&key, &text)) {
        // They do quote it, and the message is in it.
        return refused(format!(
            "The request signature we calculated does not match: <&> {canonical}"
        ));
    }
    Ok(())
}

/// The request in the form that is signed.
fn canonical(request: &Received, signed: &[&str]) -> String {
    let mut path = String::new();
    for byte in request.path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    let mut query: Vec<&str> = request.raw_query.split('&').collect();
    query.sort_unstable();
    let headers = signed.iter().fold(String::new(), |headers, name| {
        let words: Vec<&str> = request.header(name).split_whitespace().collect();
        format!("{headers}{name}:{}\n", words.join(" "))
    });
    let names = signed.join(";");
    let hash = sha256(&request.body);
    format!(
        "{}\n{path}\n{}\n{headers}\n{names}\n{hash}",
        request.method,
        query.join("&")
    )
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    Reply::new(status, "text/xml", body)
}

fn service() -> Simulator<Service> {
    Simulator::new(Service::default(), Service::answer)
}

fn channel(service: &Simulator<Service>, path: &str, target: &str) -> Channel {
    with_keys(service, path, (ACCESS_KEY, SECRET), target)
}

fn with_keys(
    service: &Simulator<Service>,
    path: &str,
    (access_key, secret): (&str, &str),
    target: &str,
) -> Channel {
    let url = service.url(path);
    let keys = format!("region: {REGION}, access_key: {access_key}, secret_key: '{secret}'");
    Channel::new(
        "sns",
        &format!("api_url: '{url}', sigv4: {{{keys}}}, {target}"),
    )
}

#[tokio::test]
async fn the_signature_is_what_amazon_computes_of_what_it_receives() {
    let service = service();
    let target = format!(
        "topic_arn: '{TOPIC}', subject: \"a\\n{{{{ .CommonAnnotations.summary }}}}\", \
         attributes: {{who: '{{{{ .CommonAnnotations.summary }}}}', nobody: '{{{{ .CommonLabels.nope }}}}'}}"
    );
    let text = "<&> \"quoted\" + 100% = ~*'() 漢字 é";
    for path in ["", "/", "/a%20b/sns/", "/?b=2&a=1"] {
        let ops = channel(&service, path, &target);
        ops.tell(text, 3).await.unwrap();
        ops.resolve(text).await.unwrap();
        assert_eq!(service.with(|s| s.last("Subject")), format!("a {text}"));
        let value = "MessageAttributes.entry.1.Value.StringValue";
        assert_eq!(service.with(|s| s.last(value)), text);
    }
    assert_eq!(service.with(|s| s.published.len()), 8);
}

#[tokio::test]
async fn what_is_long_is_cut_to_what_it_takes() {
    let service = service();
    let target = format!(
        "topic_arn: '{TOPIC}', message: '{{{{ .CommonAnnotations.summary }}}}', subject: '{{{{ .CommonAnnotations.summary }}}}'"
    );
    let text = "漢字".repeat(50_000);
    channel(&service, "/", &target)
        .tell(&text, 1)
        .await
        .unwrap();
    let message = service.with(|s| s.last("Message"));
    assert!(text.starts_with(&message) && 256 * 1024 - 3 < message.len());
    let target = "phone_number: '+15550001111', message: '{{ .CommonAnnotations.summary }}'";
    channel(&service, "/", target).tell(&text, 1).await.unwrap();
    assert_eq!(service.with(|s| s.last("Message").len()), 1599);
}

#[tokio::test]
async fn what_it_refuses_is_told_with_its_code_and_without_the_key() {
    let service = service();
    let ops = format!("topic_arn: '{TOPIC}'");
    let other = "0therXUtnFEMI/K7MDENG+bPxRfiCYs3cr3t";
    let own = (ACCESS_KEY, SECRET);
    let missing = ops.replace(":ops", ":nope");
    let empty = format!("{ops}, message: '{{{{ .CommonLabels.nope }}}}'");
    for (keys, target, expected) in [
        (
            ("AKIA0000000000000000", SECRET),
            ops.as_str(),
            "403: InvalidClientTokenId",
        ),
        (
            (ACCESS_KEY, other),
            ops.as_str(),
            "403: SignatureDoesNotMatch",
        ),
        (own, missing.as_str(), "404: NotFound: Topic does not exist"),
        (
            own,
            "phone_number: '5550001111'",
            "400: InvalidParameter: Invalid parameter: PhoneNumber",
        ),
        (
            own,
            empty.as_str(),
            "400: InvalidParameter: Invalid parameter: Empty message",
        ),
    ] {
        let channel = with_keys(&service, "/", keys, target);
        let (how, detail) = failed(channel.tell("load is high", 1).await, &[SECRET, other]);
        assert_eq!(how, Failed::ForGood);
        let (status, said) = expected.split_once(": ").unwrap();
        assert!(
            detail.contains(&format!("status code {status}")),
            "{detail}"
        );
        assert!(detail.contains(said), "{detail}");
    }
    assert_eq!(service.with(|s| s.published.len()), 0);
}

#[tokio::test]
async fn throttling_and_breakdowns_pass() {
    let service = service();
    let ops = channel(&service, "/", &format!("topic_arn: '{TOPIC}'"));
    for (fault, expected) in [
        (
            Fault::Answered(error(400, "Throttling", "Rate exceeded")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(
                error(429, "Throttled", "Rate exceeded").with_header("Retry-After", "3"),
            ),
            Failed::ForNow(Some(3)),
        ),
        (
            Fault::Answered(error(500, "InternalError", "it is not you")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(error(403, "ExpiredToken", "The security token is expired")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(Reply::plain(200, "<html>welcome</html>")),
            Failed::Unknown(None),
        ),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        service.happen("POST /", fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[SECRET]).0, expected);
    }
    assert_eq!(service.with(|s| s.published.len()), 1);
}

#[tokio::test]
async fn a_repeat_to_a_topic_in_order_is_dropped_there() {
    let service = service();
    let ops = channel(&service, "/", &format!("topic_arn: '{FIFO_TOPIC}'"));
    service.happen("POST /", Fault::Lost);
    let outcome = ops.tell("load is high", 1).await;
    assert_eq!(failed(outcome, &[SECRET]).0, Failed::Unknown(None));
    ops.tell("load is high", 1).await.unwrap();
    assert_eq!(service.with(|s| s.published.len()), 1);
    let group = service.with(|s| s.last("MessageGroupId"));
    assert_eq!(group.len(), 64);
}
