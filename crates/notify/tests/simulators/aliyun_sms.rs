//! Alibaba Cloud SMS.

use std::fmt::Write as _;

use ring::{digest, hmac};
use serde_json::{Value, json};

use super::provider::{Channel, why};
use super::server::{Received, Server};

const SECRET: &str = "k3y-s3cr3t";

struct Service {
    /// Nonces that were seen: none may come twice.
    nonces: Vec<String>,
    messages_left: u32,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn sha256(text: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, text).as_ref())
}

/// The signature of a request, from what came over the wire.
fn signature(request: &Received) -> Option<String> {
    let (_, after) = request
        .header("authorization")
        .split_once("SignedHeaders=")?;
    let (names, _) = after.split_once(',')?;
    let lines = names.split(';').fold(String::new(), |lines, name| {
        format!("{lines}{name}:{}\n", request.header(name))
    });
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        request.method,
        request.path,
        request.raw_query,
        sha256(&request.body)
    );
    let signed = format!("ACS3-HMAC-SHA256\n{}", sha256(canonical.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    Some(hex(hmac::sign(&key, signed.as_bytes()).as_ref()))
}

impl Service {
    fn answer(&mut self, request: &Received) -> Value {
        let (Some(expected), authorization) = (signature(request), request.header("authorization"))
        else {
            return refused("IncompleteSignature");
        };
        if !authorization.ends_with(&format!(",Signature={expected}")) {
            return refused("SignatureDoesNotMatch");
        }
        if request.header("x-acs-content-sha256") != sha256(&request.body)
            || request.header("x-acs-action") != "SendSms"
            || request.header("x-acs-version") != "2017-05-25"
        {
            return refused("InvalidParameter");
        }
        let nonce = request.header("x-acs-signature-nonce").to_owned();
        if self.nonces.contains(&nonce) {
            return refused("SignatureNonceUsed");
        }
        self.nonces.push(nonce);
        let query = |name: &str| request.query.get(name).map_or("", String::as_str);
        let param: Value = serde_json::from_str(query("TemplateParam")).unwrap_or_default();
        if !param.is_object() {
            return refused("isv.INVALID_JSON_PARAM");
        }
        if query("PhoneNumbers") != "13800000001,13800000002" {
            return refused("isv.MOBILE_NUMBER_ILLEGAL");
        }
        if self.messages_left == 0 {
            return refused("isv.BUSINESS_LIMIT_CONTROL");
        }
        self.messages_left -= 1;
        json!({"Code": "OK", "Message": "OK", "BizId": "1", "RequestId": "r"})
    }
}

fn refused(code: &str) -> Value {
    json!({"Code": code, "Message": "no", "RequestId": "r"})
}

#[tokio::test]
async fn a_signed_request_is_accepted_and_a_repeat_has_another_nonce() {
    let mut service = Service {
        nonces: Vec::new(),
        messages_left: 2,
    };
    let server = Server::new(move |request| service.answer(&request).to_string());
    let settings = |secret: &str| {
        format!(
            "endpoint: '{}', access_key_id: LTAI1, access_key_secret: {secret}, sign_name: 运维 A*~, template_code: SMS_1, \
             to: ['13800000001', '13800000002'], template_params: {{what: '{{{{ .CommonAnnotations.summary }}}}'}}",
            server.url("")
        )
    };
    let channel = Channel::new("aliyun_sms", &settings(SECRET));
    channel.tell("负载 \"高\" & + %", 2).await.unwrap();
    channel.tell("负载 \"高\" & + %", 2).await.unwrap();
    let (is_retried, detail) = why(channel.tell("load is high", 1).await);
    assert!(
        is_retried && detail.contains("isv.BUSINESS_LIMIT_CONTROL"),
        "{detail}"
    );
    let other = Channel::new("aliyun_sms", &settings("other-secret"));
    let (is_retried, detail) = why(other.tell("load is high", 1).await);
    assert!(
        !is_retried && detail.contains("SignatureDoesNotMatch"),
        "{detail}"
    );
}
