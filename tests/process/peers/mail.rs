//! Mails from a running Belfry to a mail server that others keep (aiosmtpd), read by the parser of Python's library.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use harness::alert::Alert;
use harness::peer::AIOSMTPD;
use harness::program::Program;
use harness::server::{Place, Server};
use harness::{PATIENCE, wait_for};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/process/peers/mail_server.py");

/// A running mail server.
struct MailServer {
    program: Program,
    port: u64,
}

impl MailServer {
    fn start(aiosmtpd: &Path, place: &Place, mode: &str, mechanisms: &[&str]) -> Self {
        let root = aiosmtpd.ancestors().nth(3).expect("it lies in usr/bin");
        let mut command = Command::new("python3");
        command
            .env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"))
            .args([SERVER, mode])
            .args([place.path("cert.pem"), place.path("key.pem")])
            .args(mechanisms);
        let program = Program::start(&mut command);
        let first = |text: &str| Some(text.lines().next()?.to_owned());
        let Some(line) = program.stdout.wait(PATIENCE, first) else {
            panic!("the mail server does not start:\n{}", program.stderr.text())
        };
        let said: Value = serde_json::from_str(&line).expect("its port");
        let port = said["port"].as_u64().expect("its port");
        Self { program, port }
    }

    /// The mails it accepted.
    fn mails(&self) -> Vec<Value> {
        let text = self.program.stdout.text();
        let mails = text.lines().skip(1);
        mails
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Waits for so many mails, and answers them in the order of their recipients.
    #[track_caller]
    fn wait(&self, count: usize, belfry: &Server) -> Vec<Value> {
        let found = wait_for(PATIENCE, || {
            Some(self.mails()).filter(|mails| count <= mails.len())
        });
        let Some(mut mails) = found else {
            panic!(
                "{} mails:\n{}\n{}",
                self.mails().len(),
                self.program.stderr.text(),
                belfry.program.stderr.text()
            )
        };
        mails.sort_by_key(|mail| mail["to"].to_string());
        mails
    }
}

/// A folder with an authority and the certificate of a server that it signed.
fn place() -> Place {
    let place = Place::new("");
    let authority_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).expect("signed");
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let cert = params.signed_by(&key, &issuer).expect("signed");
    place.write("ca.pem", &authority.pem());
    place.write("cert.pem", &cert.pem());
    place.write("key.pem", &key.serialize_pem());
    place.write("password", "swordfish\n");
    place
}

fn config(place: &Place, receivers: &[(&str, u64, &str)]) -> String {
    let mut text = format!(
        "global:\n  smtp_from: 'Alerts <am@example.org>'\n  smtp_hello: me.example.org\n  smtp_auth_username: me\n  \
         smtp_tls_config: {{ca_file: {}}}\n\
         route:\n  receiver: root\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  routes:\n",
        place.path("ca.pem").display()
    );
    for (name, _, _) in receivers {
        text.push_str(&format!("  - {{receiver: {name}, continue: true}}\n"));
    }
    text.push_str("receivers:\n- name: root\n");
    for (name, port, settings) in receivers {
        text.push_str(&format!(
            "- name: {name}\n  email_configs:\n  - to: {name}@example.org\n    smarthost: localhost:{port}\n    \
             send_resolved: true\n{settings}"
        ));
    }
    text
}

/// Goal: what people read is what was alerted, whichever way a server wants to be spoken with.
/// Method: three ways to authenticate, TLS from the start and later, hostile words, one alert that fires and ends.
#[test]
fn mails_arrive_whichever_way_a_server_wants_to_be_spoken_with() {
    let Some(aiosmtpd) =
        AIOSMTPD.find("mails_arrive_whichever_way_a_server_wants_to_be_spoken_with")
    else {
        return;
    };
    let place = place();
    let any = MailServer::start(
        &aiosmtpd,
        &place,
        "starttls",
        &["CRAM-MD5", "LOGIN", "PLAIN"],
    );
    let plain = MailServer::start(&aiosmtpd, &place, "implicit", &["PLAIN"]);
    let password_file = format!(
        "    auth_password_file: {}\n",
        place.path("password").display()
    );
    let threads = "    auth_password: swordfish\n    force_implicit_tls: true\n    text: '{{ .Status }}: \
                   {{ .CommonAnnotations.note }}'\n    threading: {enabled: true, thread_by_date: none}\n";
    place.configure(&config(
        &place,
        &[
            ("cram", any.port, "    auth_secret: swordfish\n"),
            ("login", any.port, &password_file),
            ("plain", plain.port, threads),
        ],
    ));
    let belfry = place.start(&[]);
    let note = "a<b & \"c\" é🔥\n.\n..\nFrom x = \n\u{feff}--x";
    let alert = Alert::named("Schön <b>\r\nBcc: evil@example.org")
        .annotation("note", note)
        .lasting();
    belfry.post(std::slice::from_ref(&alert));

    let mails = any.wait(2, &belfry);
    for (mail, (name, mechanism)) in mails.iter().zip([("cram", "CRAM-MD5"), ("login", "LOGIN")]) {
        check(mail, name, mechanism);
        let page = mail["parts"]["text/html"].as_str().expect("a page");
        assert!(page.contains("Schön &lt;b&gt;"), "{page}");
        assert!(
            page.contains("a&lt;b &amp; &#34;c&#34; é🔥\n.\n..\nFrom x = \n"),
            "{page}"
        );
    }
    let [first] = plain.wait(1, &belfry).try_into().expect("one mail");
    check(&first, "plain", "PLAIN");
    let text = first["parts"]["text/plain"].as_str().expect("a text");
    assert_eq!(text, format!("firing: {note}"));

    belfry.post(&[alert.ends(SystemTime::now())]);
    let mails = plain.wait(2, &belfry);
    let resolved = mails
        .iter()
        .find(|mail| **mail != first)
        .expect("another mail");
    let header = |mail: &Value, name: &str| mail["headers"][name].as_str().unwrap_or("").to_owned();
    assert!(
        header(resolved, "Subject").starts_with("[RESOLVED]"),
        "{resolved}"
    );
    assert_eq!(header(resolved, "References"), header(&first, "References"));
    assert_ne!(header(resolved, "Message-Id"), header(&first, "Message-Id"));
    assert!(!belfry.program.stderr.text().contains("swordfish"));
}

#[track_caller]
fn check(mail: &Value, name: &str, mechanism: &str) {
    let expected = json!({
        "from": "am@example.org",
        "to": [format!("{name}@example.org")],
        "options": ["BODY=8BITMIME"],
        "hello": "me.example.org",
        "mechanism": mechanism,
        "is_encrypted": true,
        "defects": [],
    });
    for (field, expected) in expected.as_object().expect("an object") {
        assert_eq!(&mail[field], expected, "{field}: {mail}");
    }
    let headers = mail["headers"].as_object().expect("headers");
    assert!(!headers.contains_key("Bcc"), "{headers:?}");
    assert_eq!(headers["From"], "Alerts <am@example.org>");
    assert_eq!(
        headers["Subject"],
        "[FIRING:1] Schön <b>  Bcc: evil@example.org"
    );
    let id = headers["Message-Id"].as_str().expect("an id");
    assert!(id.starts_with('<') && id.ends_with("@example.org>"), "{id}");
}

/// Goal: a server that does not believe us is told no more, and neither log nor metrics show what it was told.
/// Method: a wrong password, a recipient nobody knows, a certificate of strangers.
#[test]
fn refusals_are_told_without_secrets() {
    let Some(aiosmtpd) = AIOSMTPD.find("refusals_are_told_without_secrets") else {
        return;
    };
    let place = place();
    let server = MailServer::start(&aiosmtpd, &place, "starttls", &["LOGIN"]);
    place.configure(&config(
        &place,
        &[
            ("wrong", server.port, "    auth_password: hunter2hunter2\n"),
            ("nobody", server.port, "    auth_password: swordfish\n"),
            (
                "stranger",
                server.port,
                "    auth_password: swordfish\n    tls_config: {server_name: other.example.org}\n",
            ),
        ],
    ));
    let belfry = place.start(&[]);
    belfry.post(&[Alert::named("a").lasting()]);
    let log = || belfry.program.stderr.text();
    for expected in [
        "AUTH LOGIN: 535 5.7.8",
        "RCPT TO:<nobody@example.org>: 550 5.1.1 no such user",
        "STARTTLS: invalid peer certificate",
    ] {
        let found = wait_for(PATIENCE, || log().contains(expected).then_some(()));
        assert!(found.is_some(), "{expected} in\n{}", log());
    }
    std::thread::sleep(Duration::from_millis(200));
    for secret in [
        "swordfish",
        "hunter2",
        "c3dvcmRmaXNo",
        "aHVudGVyMmh1bnRlcjI=",
    ] {
        assert!(!log().contains(secret), "{}", log());
        assert!(!belfry.get("/metrics").body.contains(secret));
    }
    assert!(server.mails().is_empty());
}

/// Goal: when nobody knows whether a mail was accepted, it comes again as it was, and then no more.
/// Method: a server that takes the first mail and breaks off instead of saying so.
#[test]
fn a_mail_whose_fate_is_unknown_comes_again_as_it_was() {
    let Some(aiosmtpd) = AIOSMTPD.find("a_mail_whose_fate_is_unknown_comes_again_as_it_was") else {
        return;
    };
    let place = place();
    let server = MailServer::start(&aiosmtpd, &place, "starttls", &["LOGIN"]);
    let password = "    auth_password: swordfish\n";
    place.configure(&config(&place, &[("lost", server.port, password)]));
    let belfry = place.start(&[]);
    belfry.post(&[Alert::named("a").lasting()]);
    server.wait(2, &belfry);
    std::thread::sleep(Duration::from_millis(1_500));
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert_eq!(mails[0], mails[1]);
}
