use super::*;

#[tokio::test]
async fn a_mail_is_one_conversation() {
    let (sent, heard) = told(Script::with(&["SIZE 1000", "8BITMIME"]), |_| {}).await;
    assert_eq!(sent, Ok(()));
    let expected = [
        "EHLO me.example.org",
        "MAIL FROM:<from@example.org> BODY=8BITMIME",
        "RCPT TO:<one@example.org>",
        "RCPT TO:<two@example.org>",
        "DATA",
        "Subject: x\n\nhello\n",
        ".",
        "QUIT",
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_server_without_extensions_is_greeted_plainly() {
    let script = Script::default().at("EHLO", Manner::Say("502 what?"));
    let (sent, heard) = told(script, |options| {
        options.credentials = credentials("pw", "")
    })
    .await;
    assert_eq!(sent, Ok(()));
    assert_eq!(
        heard[..3],
        [
            "EHLO me.example.org",
            "HELO me.example.org",
            "MAIL FROM:<from@example.org>"
        ]
    );
}

#[tokio::test]
async fn dots_and_line_ends_arrive_as_they_are_meant() {
    let server = Server::start(Script::default()).await;
    for (message, expected) in [
        (".\r\n..\r\n.x\r\n", "..\n...\n..x\n"),
        ("a\nb\rc\r\n\r\nd", "a\nb\nc\n\nd\n"),
        ("a\n.\nQUIT\n", "a\n..\nQUIT\n"),
        ("a\r.\rQUIT\r", "a\n..\nQUIT\n"),
    ] {
        let mail = Mail {
            message: message.into(),
            ..mail()
        };
        assert_eq!(send(&options(&server), &mail).await, Ok(()));
        let heard = server.heard();
        assert_eq!(heard[heard.len() - 3..], [expected, ".", "QUIT"]);
    }
}

#[tokio::test]
async fn a_foreign_address_asks_for_smtputf8_and_others_do_not() {
    let server = Server::start(Script::with(&["SMTPUTF8"])).await;
    let foreign = Mail {
        to: vec!["jürgen@example.org".to_owned()],
        ..mail()
    };
    assert_eq!(send(&options(&server), &foreign).await, Ok(()));
    assert_eq!(server.heard()[1], "MAIL FROM:<from@example.org> SMTPUTF8");
    assert_eq!(send(&options(&server), &mail()).await, Ok(()));
    let plain = "MAIL FROM:<from@example.org>".to_owned();
    assert!(server.heard().contains(&plain));

    let server = Server::start(Script::default()).await;
    let error = send(&options(&server), &foreign).await.unwrap_err();
    assert!(matches!(error, SmtpError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("SMTPUTF8"), "{error}");
}

#[tokio::test]
async fn what_comes_after_the_acceptance_changes_nothing() {
    for manner in [
        Manner::Close,
        Manner::Say("500 no"),
        Manner::Say("nonsense"),
    ] {
        let (sent, _) = told(Script::default().at("QUIT", manner), |_| {}).await;
        assert_eq!(sent, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_farewell_is_not_waited_for_long() {
    let before = Instant::now();
    let (sent, _) = told(Script::default().at("QUIT", Manner::Hang), |_| {}).await;
    assert_eq!(sent, Ok(()));
    assert!(before.elapsed() <= Duration::from_secs(3));
}

#[tokio::test]
async fn an_address_cannot_carry_a_command() {
    let server = Server::start(Script::default()).await;
    for bad in [
        "a@b.test>\r\nRCPT TO:<c@d.test",
        "a\r\n@b",
        "a@b>",
        "<a@b",
        "",
        "a\0@b",
    ] {
        let mut mails = [mail(), mail()];
        mails[0].from = bad.to_owned();
        mails[1].to.push(bad.to_owned());
        for mail in mails {
            let error = send(&options(&server), &mail).await.unwrap_err();
            assert!(matches!(error, SmtpError::Invalid { .. }), "{error:?}");
        }
    }
    let nobody = Mail {
        to: Vec::new(),
        ..mail()
    };
    send(&options(&server), &nobody).await.unwrap_err();
    assert!(server.heard().is_empty());
    let bad = SmtpOptions {
        hello: "a\r\nMAIL".to_owned(),
        ..options(&server)
    };
    let error = SmtpClient::new(&bad).unwrap_err();
    assert!(error.to_string().contains("not a host name"), "{error}");
}

#[test]
fn ports_are_numbers_or_services_of_mail() {
    for (text, expected) in [
        ("2525", Some(2525)),
        ("smtp", Some(25)),
        ("submission", Some(587)),
        ("smtps", Some(465)),
        ("http", None),
        ("70000", None),
        ("", None),
    ] {
        assert_eq!(port_number(text), expected, "{text}");
    }
}
