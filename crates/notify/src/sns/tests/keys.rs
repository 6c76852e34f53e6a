//! Whose keys sign.

use super::*;

const LENT: &str = "<AssumeRoleResponse><Credentials><AccessKeyId>LENT</AccessKeyId><SecretAccessKey>lentsecret</SecretAccessKey>\
    <SessionToken>lent+token=</SessionToken></Credentials></AssumeRoleResponse>";
const NO_MACHINE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");
const REGION: (&str, &str) = ("AWS_REGION", "eu-west-1");

fn signer(recorded: &Recorded) -> &str {
    let authorization = recorded.request.header("authorization").unwrap_or_default();
    let (_, after) = authorization.split_once("Credential=").unwrap_or_default();
    after.split('/').next().unwrap_or_default()
}

fn profiles(credentials: &str, config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    home
}

#[tokio::test]
async fn the_environment_signs_when_nobody_else_is_named() {
    let variables = [
        REGION,
        ("AWS_ACCESS_KEY_ID", "ENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "sess10n"),
    ];
    let stage = Stage::new(TOPIC, &variables);
    let sent = stage.sent().await;
    assert_eq!(sent.request.url, "https://sns.eu-west-1.amazonaws.com/");
    assert_eq!(signer(&sent), "ENV");
    assert_eq!(sent.request.header("x-amz-security-token"), Some("sess10n"));
    let body = error_of(
        "SignatureDoesNotMatch",
        "POST / x-amz-security-token:sess10n",
    );
    let failure = stage.failure(403, &body).await;
    assert!(
        failure.detail.ends_with("x-amz-security-token:<secret>"),
        "{failure}"
    );

    let own = Stage::new(&format!("sigv4: {OWN}\n{TOPIC}"), &variables)
        .sent()
        .await;
    assert_eq!(
        (signer(&own), own.request.header("x-amz-security-token")),
        ("AKID", None)
    );
}

#[tokio::test]
async fn profiles_are_read_for_every_message() {
    let file = |key: &str| {
        format!(
            "[default]\naws_access_key_id = D\naws_secret_access_key = s\n[ops]\naws_access_key_id = {key}\naws_secret_access_key = s\n"
        )
    };
    let home = profiles(
        &file("ONE"),
        "[default]\nregion = r-d\n[profile ops]\nregion = r-o\n",
    );
    let path = home.path().to_str().unwrap();
    let variables = [
        ("HOME", path),
        ("AWS_ACCESS_KEY_ID", "ENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let stage = Stage::new(&format!("sigv4: {{profile: ops}}\n{TOPIC}"), &variables);
    let sent = stage.sent().await;
    assert_eq!(
        (signer(&sent), &*sent.request.url),
        ("ONE", "https://sns.r-o.amazonaws.com/")
    );
    std::fs::write(home.path().join(".aws/credentials"), file("TWO")).unwrap();
    assert_eq!(signer(&stage.sent().await), "TWO");

    let sent = Stage::new(TOPIC, &[("HOME", path)]).sent().await;
    assert_eq!(
        (signer(&sent), &*sent.request.url),
        ("D", "https://sns.r-d.amazonaws.com/")
    );
    let sent = Stage::new(TOPIC, &[("HOME", path), ("AWS_PROFILE", "ops")])
        .sent()
        .await;
    assert_eq!(signer(&sent), "TWO");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    for (settings, variables, said) in [
        ("", &[] as &[_], "no region is known: "),
        ("", &[REGION, NO_MACHINE], "no keys are known: "),
        (
            "sigv4: {profile: nobody}\n",
            &[REGION],
            "the profile `nobody` has no keys",
        ),
    ] {
        let stage = Stage::new(&format!("{settings}{TOPIC}"), variables);
        let failure = stage.deliver().await.unwrap_err();
        assert!(
            failure.detail.starts_with(said) && failure.retry.is_none(),
            "{failure}"
        );
        assert_eq!(stage.http.take_recorded().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_is_taken_on_and_kept_for_ten_minutes() {
    let role =
        "{region: us-east-2, access_key: AKID, secret_key: s, role_arn: 'arn:r', external_id: e}";
    let stage = Stage::new(&format!("sigv4: {role}\n{TOPIC}"), &[]);
    stage.answer(200, LENT);
    stage.deliver().await.unwrap();
    let sent = stage.http.take_recorded();
    assert_eq!(sent[0].request.url, "https://sts.us-east-2.amazonaws.com/");
    assert_eq!(signer(&sent[0]), "AKID");
    assert!(
        sent[0]
            .request
            .header("authorization")
            .unwrap()
            .contains("/us-east-2/sts/aws4_request")
    );
    let expected = [
        ("Action", "AssumeRole"),
        ("DurationSeconds", "900"),
        ("ExternalId", "e"),
        ("RoleArn", "arn:r"),
        ("RoleSessionName", "belfry"),
        ("Version", "2011-06-15"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&sent[0]), expected.into());
    assert_eq!(signer(&sent[1]), "LENT");
    assert_eq!(
        sent[1].request.header("x-amz-security-token"),
        Some("lent+token=")
    );

    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(signer(&stage.sent().await), "LENT");
    tokio::time::advance(Duration::from_secs(1)).await;
    stage.answer(200, LENT);
    stage.deliver().await.unwrap();
    assert_eq!(stage.http.take_recorded().len(), 2);

    // Amazon may take them back earlier.
    let failure = stage
        .failure(403, &error_of("ExpiredToken", "lent+token= is over"))
        .await;
    assert!(
        failure.retry.is_some() && failure.detail.ends_with("<secret> is over"),
        "{failure}"
    );
    assert_eq!(stage.http.take_recorded().len(), 1);
    stage.answer(200, LENT);
    stage.deliver().await.unwrap();
    assert_eq!(stage.http.take_recorded().len(), 2);
}

#[tokio::test]
async fn a_role_that_is_not_lent_is_an_error_of_its_service() {
    let role = "{region: us-east-2, access_key: AKID, secret_key: s, role_arn: 'arn:r', use_fips_sts_endpoint: true}";
    let stage = Stage::new(&format!("sigv4: {role}\n{TOPIC}"), &[]);
    let failure = stage
        .failure(403, &error_of("AccessDenied", "not you"))
        .await;
    let shown = "unexpected status code 403: https://sts-fips.us-east-2.amazonaws.com/…: AccessDenied: not you";
    assert_eq!(
        (&*failure.detail, failure.retry, failure.is_ambiguous),
        (shown, None, false)
    );
    let failure = stage.failure(200, "<html>").await;
    assert_eq!(failure.detail, "no keys came for the role `arn:r`");
    assert!(failure.retry.is_some() && !failure.is_ambiguous);
    // A message that was never sent is not of unknown fate.
    let cause = "reset".to_owned();
    let unanswered = outbound::Answer::error(outbound::SendError::Ambiguous { cause });
    stage.http.answer_next(unanswered);
    let failure = stage.deliver().await.unwrap_err();
    assert!(failure.retry.is_some() && !failure.is_ambiguous);
    assert_eq!(stage.http.take_recorded().len(), 3);
}

#[tokio::test]
async fn a_token_that_somebody_else_signed_proves_the_role_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt.jwt.jwt\n").unwrap();
    let variables = [
        REGION,
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:w"),
        ("AWS_ENDPOINT_URL_STS", "https://sts.example.org/"),
    ];
    let stage = Stage::new(TOPIC, &variables);
    stage.answer(200, LENT);
    stage.deliver().await.unwrap();
    let sent = stage.http.take_recorded();
    assert_eq!(sent[0].request.url, "https://sts.example.org/");
    assert_eq!(sent[0].request.header("authorization"), None);
    let asked = form(&sent[0]);
    assert_eq!(asked["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!(asked["WebIdentityToken"], "jwt.jwt.jwt");
    assert_eq!(signer(&sent[1]), "LENT");

    // Another token: other keys.
    std::fs::write(&file, "new.new.new").unwrap();
    let failure = stage
        .failure(400, &error_of("InvalidIdentityToken", "new.new.new?"))
        .await;
    assert!(
        failure.detail.ends_with("InvalidIdentityToken: <secret>?"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_profile_may_stand_for_a_role() {
    let home = profiles(
        "[base]\naws_access_key_id = B\naws_secret_access_key = s\n",
        "[profile ops]\nregion = r-o\nrole_arn = arn:p\nsource_profile = base\nexternal_id = x\n",
    );
    let variables = [("HOME", home.path().to_str().unwrap())];
    let stage = Stage::new(&format!("sigv4: {{profile: ops}}\n{TOPIC}"), &variables);
    stage.answer(200, LENT);
    stage.deliver().await.unwrap();
    let sent = stage.http.take_recorded();
    assert_eq!(
        (signer(&sent[0]), &*form(&sent[0])["ExternalId"]),
        ("B", "x")
    );
    assert_eq!(signer(&sent[1]), "LENT");
}

const JSON: &str =
    r#"{"Code":"Success","AccessKeyId":"AROUND","SecretAccessKey":"s","Token":"around-token"}"#;

#[tokio::test]
async fn a_container_asks_what_runs_it() {
    let variables = [
        REGION,
        (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v2/credentials/x",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "proof"),
    ];
    let stage = Stage::new(TOPIC, &variables);
    stage.answer(200, JSON);
    stage.deliver().await.unwrap();
    let sent = stage.http.take_recorded();
    assert_eq!(sent[0].request.url, "http://169.254.170.2/v2/credentials/x");
    assert_eq!(sent[0].request.header("authorization"), Some("proof"));
    assert_eq!(signer(&sent[1]), "AROUND");
    assert_eq!(
        sent[1].request.header("x-amz-security-token"),
        Some("around-token")
    );
    assert_eq!(signer(&stage.sent().await), "AROUND");
}

#[tokio::test(start_paused = true)]
async fn a_machine_has_the_keys_of_its_role() {
    let stage = Stage::new(TOPIC, &[REGION]);
    for body in ["metadata-token", "my-role\n", JSON] {
        stage.answer(200, body);
    }
    stage.deliver().await.unwrap();
    let sent = stage.http.take_recorded();
    assert_eq!(sent[0].request.method, "PUT");
    let role = "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role";
    assert_eq!(sent[2].request.url, role);
    let proof = sent[2].request.header("x-aws-ec2-metadata-token");
    assert_eq!(proof, Some("metadata-token"));
    assert_eq!(signer(&sent[3]), "AROUND");

    // Elsewhere nobody answers.
    let stage = Stage::new(TOPIC, &[REGION]);
    stage.http.answer_next(Answer::never());
    let failure = stage.deliver().await.unwrap_err();
    assert!(
        failure.detail.starts_with("no keys are known: "),
        "{failure}"
    );
}
