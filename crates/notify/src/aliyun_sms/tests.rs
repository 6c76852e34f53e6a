use crate::own::trial::{Trial, told};

use super::*;

const OK: &str = r#"{"Message":"OK","RequestId":"F655","Code":"OK","BizId":"9006"}"#;
const SETTINGS: &str = "access_key_id: LTAIdemo, access_key_secret: s3cr3t-key, sign_name: 运维, template_code: SMS_1, to: ['13800000001', '13800000002'], \
                        template_params: {name: '{{ .GroupLabels.alertname }}', what: '{{ .CommonAnnotations.summary }}'}";

/// The example of the documentation: another action, the same signature.
#[test]
fn the_signature_is_that_of_the_documentation() {
    let query = canonical_query(&[
        (
            "ImageId",
            "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        ),
        ("RegionId", "cn-shanghai"),
    ]);
    let signed = Signed {
        host: host("https://ecs.cn-shanghai.aliyuncs.com/"),
        action: "RunInstances",
        version: "2014-05-26",
        query: &query,
        date: &date(Timestamp::new(1_698_315_752, 999_999_999, 0)),
        nonce: "3156853299f313e23d1673dc12e1703d",
    };
    assert_eq!(
        signed.authorization("YourAccessKeyId", "YourAccessKeySecret"),
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;\
         x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    );
}

#[tokio::test]
async fn one_request_tells_all_numbers() {
    let trial = Trial::new("aliyun_sms", SETTINGS);
    trial.answer(200, OK);
    trial.fire().await.unwrap();
    let (request, _) = trial.sent();
    assert_eq!(
        request.url,
        "https://dysmsapi.aliyuncs.com/?OutId=0123abcd&PhoneNumbers=13800000001%2C13800000002&SignName=%E8%BF%90%E7%BB%B4&\
         TemplateCode=SMS_1&TemplateParam=%7B%22name%22%3A%22HighLoad%22%2C%22what%22%3A%22load%20is%20high%22%7D"
    );
    assert_eq!(request.header("x-acs-action"), Some("SendSms"));
    assert_eq!(request.header("x-acs-version"), Some("2017-05-25"));
    assert_eq!(request.header("x-acs-date"), Some("2026-03-04T05:10:00Z"));
    assert_eq!(request.header("host"), None);
    assert_eq!(request.header("x-acs-signature-nonce").unwrap().len(), 64);
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.starts_with("ACS3-HMAC-SHA256 Credential=LTAIdemo,SignedHeaders=host;"));
}

#[tokio::test]
async fn variables_are_short_and_one_line() {
    let trial = Trial::new("aliyun_sms", &format!("{SETTINGS}, param_chars_max: 6"));
    trial.answer(200, OK);
    let mut notification = told(&[("n1", false)]);
    notification.group_labels =
        domain::label::Labels::from_pairs([("alertname", "a\n\"b\"cdefgh")]);
    trial.deliver(&notification).await.unwrap();
    let url = trial.sent().0.url;
    let expected =
        "%7B%22name%22%3A%22a%20%5C%22b%5C%22%E2%80%A6%22%2C%22what%22%3A%22load%20%E2%80%A6%22%7D";
    assert!(url.ends_with(expected), "{url}");
}

#[tokio::test]
async fn codes_are_judged() {
    for (status, code, reason, is_retried) in [
        (
            200,
            "isv.BUSINESS_LIMIT_CONTROL",
            FailureReason::RateLimited,
            true,
        ),
        (
            200,
            "isv.DAY_LIMIT_CONTROL",
            FailureReason::RateLimited,
            false,
        ),
        (200, "isp.SYSTEM_ERROR", FailureReason::ServerError, true),
        (400, "Throttling.User", FailureReason::RateLimited, true),
        (503, "ServiceUnavailable", FailureReason::ServerError, true),
        (
            400,
            "SignatureDoesNotMatch",
            FailureReason::AuthError,
            false,
        ),
        (
            404,
            "InvalidAccessKeyId.NotFound",
            FailureReason::AuthError,
            false,
        ),
        (
            200,
            "isv.MOBILE_NUMBER_ILLEGAL",
            FailureReason::ClientError,
            false,
        ),
        (
            200,
            "isv.AMOUNT_NOT_ENOUGH",
            FailureReason::ClientError,
            false,
        ),
    ] {
        let trial = Trial::new("aliyun_sms", SETTINGS);
        let answer =
            format!(r#"{{"Code":"{code}","Message":"13800000001 s3cr3t-key","RequestId":"r"}}"#);
        let error = trial.failure(status, &answer).await;
        assert_eq!(
            (error.reason, error.retry.is_some()),
            (reason, is_retried),
            "{code}"
        );
        let start = format!("Alibaba Cloud refused the message: {code}: <secret> <secret>");
        assert!(error.detail.starts_with(&start), "{}", error.detail);
    }
    let trial = Trial::new("aliyun_sms", SETTINGS);
    for body in ["", "<html>", r#"{"Code":"O"#] {
        let error = trial.failure(200, body).await;
        assert!(error.retry.is_some() && error.is_ambiguous, "{body}");
    }
    let error = trial.failure(200, "{}").await;
    assert!(error.retry.is_none() && !error.is_ambiguous);
    assert!(trial.failure(502, "").await.retry.is_some());
    // OK within a refusal is none.
    assert!(trial.failure(400, OK).await.detail.contains("OK"));
}
