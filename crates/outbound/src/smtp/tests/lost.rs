use super::*;
use tokio::net::TcpListener;

/// Every step before the end of the message.
const BEFORE: [&str; 9] = [
    "greeting",
    "EHLO",
    "AUTH",
    "proof",
    "MAIL",
    "RCPT TO:<one",
    "RCPT TO:<two",
    "DATA",
    "message",
];

fn is_not_sent(sent: &Result<(), SmtpError>) -> bool {
    matches!(sent, Err(SmtpError::NotSent { .. }))
}

/// A message that is lost on its way must be so long that it cannot lie in buffers.
fn mail_for(step: &str) -> Mail {
    match step {
        "message" => Mail {
            message: "a line of some length\r\n".repeat(1_000_000).into(),
            ..mail()
        },
        _ => mail(),
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_end_of_the_message_is_not_sent() {
    for step in BEFORE {
        let script = Script::with(&["AUTH LOGIN"]).at(step, Manner::Close);
        let server = Server::start(script).await;
        let mut options = options(&server);
        options.credentials = credentials("pw", "");
        let sent = send(&options, &mail_for(step)).await;
        assert!(is_not_sent(&sent), "{step}: {sent:?}");
    }
}

#[tokio::test]
async fn silence_before_the_end_of_the_message_is_not_sent() {
    for step in BEFORE {
        let script = Script::with(&["AUTH LOGIN"]).at(step, Manner::Hang);
        let server = Server::start(script).await;
        let mut options = options(&server);
        options.credentials = credentials("pw", "");
        let client = SmtpClient::new(&options).unwrap();
        let before = Instant::now();
        let sent = deliver(&client, &mail_for(step), SHORT).await;
        assert!(is_not_sent(&sent), "{step}: {sent:?}");
        assert!(before.elapsed() < SHORT + Duration::from_secs(2), "{step}");
        let error = sent.unwrap_err().to_string();
        assert!(
            error.ends_with("no answer before the deadline"),
            "{step}: {error}"
        );
    }
}

#[tokio::test]
async fn after_the_end_of_the_message_nobody_knows() {
    for (manner, why) in [
        (Manner::Close, "the server closed the connection"),
        (Manner::Hang, "no answer before the deadline"),
    ] {
        let server = Server::start(Script::default().at(".", manner)).await;
        let client = SmtpClient::new(&options(&server)).unwrap();
        let sent = deliver(&client, &mail(), SHORT).await;
        let Err(SmtpError::Ambiguous { cause }) = sent else {
            panic!("{sent:?}")
        };
        assert!(cause.contains(": end of message: "), "{cause}");
        assert!(cause.ends_with(why), "{cause}");
        assert!(server.heard().contains(&".".to_owned()));
    }
}

#[tokio::test]
async fn nobody_there_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = Server::start(Script::default()).await;
    let nobody = SmtpOptions {
        port,
        host: "127.0.0.1".to_owned(),
        ..options(&server)
    };
    let error = send(&nobody, &mail()).await.unwrap_err();
    assert!(matches!(error, SmtpError::NotSent { .. }), "{error:?}");
    let expected = format!("127.0.0.1:{port}: connect: ");
    assert!(error.to_string().starts_with(&expected), "{error}");
}
