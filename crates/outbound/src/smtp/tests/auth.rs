use std::fs;

use super::*;

/// What is said to prove who we are.
async fn proofs(offered: &'static str, own: Option<SmtpCredentials>) -> Vec<String> {
    let (sent, heard) = told(Script::with(&[offered]), |o| o.credentials = own).await;
    assert_eq!(sent, Ok(()), "{offered}");
    let mut heard = heard.into_iter().skip(1);
    heard
        .by_ref()
        .take_while(|line| !line.starts_with("MAIL"))
        .collect()
}

#[tokio::test]
async fn the_first_of_the_servers_mechanisms_that_we_have_a_secret_for() {
    // The first is as Alertmanager said it (payloads/email.json), "me" with other secrets below.
    let user1 = SmtpCredentials {
        username: "user1".to_owned(),
        ..credentials("", "sec").unwrap()
    };
    let cram = [
        "AUTH CRAM-MD5",
        "dXNlcjEgMDg4MGVhMGE1MzVkNGJmNjk3NjgwYzQ2YzI4MWMwNjQ=",
    ];
    assert_eq!(
        proofs("AUTH CRAM-MD5 LOGIN PLAIN", Some(user1.clone())).await,
        cram
    );
    assert_eq!(proofs("AUTH PLAIN LOGIN CRAM-MD5", Some(user1)).await, cram);

    let login = ["AUTH LOGIN", "bWU=", "cHc="];
    let plain = ["AUTH PLAIN AG1lAHB3"];
    for (offered, expected) in [
        ("AUTH CRAM-MD5 LOGIN PLAIN", &login[..]),
        ("AUTH LOGIN PLAIN", &login[..]),
        ("auth login", &login[..]),
        ("AUTH XOAUTH2 PLAIN LOGIN", &plain[..]),
        ("SIZE 1000", &[]),
    ] {
        assert_eq!(
            proofs(offered, credentials("pw", "")).await,
            expected,
            "{offered}"
        );
    }
    let acting = SmtpCredentials {
        identity: "you".to_owned(),
        ..credentials("pw", "").unwrap()
    };
    assert_eq!(
        proofs("AUTH PLAIN", Some(acting)).await,
        ["AUTH PLAIN eW91AG1lAHB3"]
    );
    assert!(proofs("AUTH PLAIN", None).await.is_empty());
}

#[tokio::test]
async fn without_a_way_to_authenticate_nothing_is_sent() {
    for (offered, own, expected) in [
        (
            "AUTH CRAM-MD5",
            credentials("pw", ""),
            "CRAM-MD5 needs auth_secret",
        ),
        (
            "AUTH PLAIN",
            credentials("", "sec"),
            "PLAIN needs auth_password",
        ),
        (
            "AUTH XOAUTH2",
            credentials("pw", "sec"),
            "CRAM-MD5, PLAIN and LOGIN are known",
        ),
    ] {
        let (sent, heard) = told(Script::with(&[offered]), |o| o.credentials = own).await;
        let error = sent.unwrap_err();
        assert!(matches!(error, SmtpError::NotSent { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(heard, ["EHLO me.example.org", "QUIT"]);
    }
}

#[tokio::test]
async fn plain_is_for_encrypted_connections() {
    // As far as the name tells, this is another machine.
    let server = Server::start_on("127.0.0.2", Script::with(&["AUTH PLAIN"])).await;
    let mut options = options(&server);
    options.host = "127.0.0.2".to_owned();
    options.credentials = credentials("swordfish", "");
    let error = send(&options, &mail()).await.unwrap_err();
    assert!(matches!(error, SmtpError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("in the clear"), "{error}");
    assert_eq!(server.heard(), ["EHLO me.example.org", "QUIT"]);
}

#[tokio::test]
async fn files_are_read_for_every_mail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let server = Server::start(Script::with(&["AUTH LOGIN"])).await;
    let mut options = options(&server);
    options.credentials = Some(SmtpCredentials {
        password: Some(Source::File(file.clone())),
        ..credentials("", "").unwrap()
    });
    let client = SmtpClient::new(&options).unwrap();
    let error = deliver(&client, &mail(), PLENTY).await.unwrap_err();
    assert!(matches!(error, SmtpError::NotSent { .. }), "{error:?}");
    assert!(error.to_string().contains("auth_password_file"), "{error}");
    for (text, expected) in [("pw\n", "cHc="), (" other ", "b3RoZXI=")] {
        fs::write(&file, text).unwrap();
        assert_eq!(deliver(&client, &mail(), PLENTY).await, Ok(()));
        assert!(server.heard().contains(&expected.to_owned()));
    }
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let refusal = Manner::Say("535 no: swordfish c3dvcmRmaXNo AG1lAHN3b3JkZmlzaA== me");
    for (offered, secret) in [
        ("AUTH PLAIN", ""),
        ("AUTH LOGIN", ""),
        ("AUTH CRAM-MD5", "swordfish"),
    ] {
        let password = if secret.is_empty() { "swordfish" } else { "" };
        for step in ["proof", "MAIL"] {
            let script = Script::with(&[offered]).at(step, refusal.clone());
            let (sent, _) = told(script, |o| o.credentials = credentials(password, secret)).await;
            let error = sent.unwrap_err();
            let SmtpError::Refused { code: 535, cause } = &error else {
                panic!("{error:?}")
            };
            assert!(cause.contains(": 535 no: <secret> <secret> "), "{cause}");
            assert!(!format!("{error:?}").contains("swordfish"), "{error:?}");
        }
    }
    let own = credentials("swordfish", "swordfish");
    assert!(!format!("{own:?}").contains("swordfish"));
}

#[tokio::test]
async fn a_challenge_that_cannot_be_read_is_not_answered() {
    let script = Script::with(&["AUTH CRAM-MD5"]).at("AUTH", Manner::Say("334 %%%"));
    let (sent, heard) = told(script, |o| o.credentials = credentials("", "sec")).await;
    assert!(matches!(sent, Err(SmtpError::NotSent { .. })), "{sent:?}");
    assert_eq!(heard, ["EHLO me.example.org", "AUTH CRAM-MD5", "QUIT"]);
}
