use super::*;

/// Every step at which a server can say no.
const STEPS: [&str; 8] = [
    "greeting",
    "AUTH",
    "proof",
    "MAIL",
    "RCPT TO:<one",
    "RCPT TO:<two",
    "DATA",
    ".",
];

#[tokio::test]
async fn a_no_is_for_good_or_for_now() {
    for step in STEPS {
        for (answer, expected) in [("451 later", 451), ("550 never", 550)] {
            let script = Script::with(&["AUTH LOGIN"]).at(step, Manner::Say(answer));
            let (sent, heard) = told(script, |o| o.credentials = credentials("pw", "")).await;
            let Err(SmtpError::Refused { code, cause }) = sent else {
                panic!("{step}: {sent:?}")
            };
            assert_eq!(code, expected, "{step}");
            assert!(cause.starts_with("localhost:"), "{cause}");
            assert!(cause.ends_with(answer), "{cause}");
            let is_sent = heard.iter().any(|line| line == ".");
            assert_eq!(is_sent, step == ".", "{step}: {heard:?}");
            assert_eq!(heard.last().unwrap(), "QUIT", "{step}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn one_recipient_refused_is_the_mail_refused() {
    let script = Script::default().at("RCPT TO:<two", Manner::Say("550 5.1.1 no such user"));
    let (sent, heard) = told(script, |_| {}).await;
    let error = sent.unwrap_err().to_string();
    let expected = ": RCPT TO:<two@example.org>: 550 5.1.1 no such user";
    assert!(error.ends_with(expected), "{error}");
    assert!(!heard.contains(&"DATA".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn an_answer_out_of_place_is_no_acceptance() {
    for (step, answer) in [
        ("greeting", "354 go"),
        ("MAIL", "354 go"),
        ("DATA", "250 ok"),
        ("EHLO", "hello"),
        ("MAIL", "250ok"),
        ("MAIL", "25"),
        ("RCPT", "250-a\r\nnonsense"),
        ("MAIL", "999 what"),
    ] {
        let (sent, heard) = told(Script::default().at(step, Manner::Say(answer)), |_| {}).await;
        assert!(
            matches!(sent, Err(SmtpError::NotSent { .. })),
            "{step} {answer}: {sent:?}"
        );
        assert!(!heard.contains(&".".to_owned()), "{heard:?}");
    }
    for answer in ["354 go on", "nonsense", "1"] {
        let (sent, _) = told(Script::default().at(".", Manner::Say(answer)), |_| {}).await;
        assert!(
            matches!(sent, Err(SmtpError::Ambiguous { .. })),
            "{answer}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn answers_of_many_lines_are_one() {
    let script = Script::default().at("MAIL", Manner::Say("550-one\r\n550-two\r\n550 three"));
    let (sent, _) = told(script, |_| {}).await;
    assert!(sent.unwrap_err().to_string().ends_with("550 one two three"));
}

#[tokio::test]
async fn endless_answers_end() {
    let long: &'static str = format!("550 {}", "x".repeat(3000)).leak();
    let (sent, _) = told(Script::default().at("MAIL", Manner::Say(long)), |_| {}).await;
    assert!(sent.unwrap_err().to_string().len() < 1200);

    let longer: &'static str = format!("550 {}", "x".repeat(5000)).leak();
    let many: &'static str = "550-x\r\n".repeat(300).leak();
    for answer in [longer, many] {
        let (sent, _) = told(Script::default().at("MAIL", Manner::Say(answer)), |_| {}).await;
        assert!(matches!(sent, Err(SmtpError::NotSent { .. })), "{sent:?}");
    }
}
