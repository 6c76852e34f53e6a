//! Which mechanism proves who we are: the first of the server's that we hold a secret for.

use hmac::{Hmac, Mac as _};
use md5::Md5;

use super::{SmtpCredentials, SmtpError};
use crate::source::read;

/// A mechanism with what it needs.
pub(super) enum Mechanism {
    /// A challenge is answered with a keyed hash; the secret stays here.
    CramMd5 { secret: String },
    /// Everything in one go.
    Plain { password: String },
    /// User and password, one after the other.
    Login { password: String },
}

impl Mechanism {
    /// Its secret, which no error may show.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::CramMd5 { secret } => secret,
            Self::Plain { password } | Self::Login { password } => password,
        }
    }
}

/// Takes the mechanisms in the server's order and reads secrets, which may lie in files, until one will do.
pub(super) async fn choose(
    offered: &str,
    credentials: &SmtpCredentials,
    is_private: bool,
) -> Result<Mechanism, SmtpError> {
    let mut why_not = Vec::new();
    for name in offered.split_whitespace() {
        let name = name.to_ascii_uppercase();
        let (source, field) = match name.as_str() {
            "CRAM-MD5" => (credentials.secret.as_ref(), "auth_secret"),
            "PLAIN" | "LOGIN" => (credentials.password.as_ref(), "auth_password"),
            _ => continue,
        };
        match read(source, &format!("{field}_file")).await {
            Err(error) => why_not.push(format!("{name}: {error}")),
            Ok(secret) if secret.is_empty() => why_not.push(format!("{name} needs {field}")),
            Ok(secret) if name == "CRAM-MD5" => return Ok(Mechanism::CramMd5 { secret }),
            Ok(password) if name == "LOGIN" => return Ok(Mechanism::Login { password }),
            // As Go's library has it; Alertmanager users with such a server have set require_tls.
            Ok(_) if !is_private => {
                let cause = "PLAIN would send the password in the clear: set require_tls, or force_implicit_tls";
                let cause = cause.to_owned();
                return Err(SmtpError::Invalid { cause });
            }
            Ok(password) => return Ok(Mechanism::Plain { password }),
        }
    }
    if why_not.is_empty() {
        why_not.push("CRAM-MD5, PLAIN and LOGIN are known".to_owned());
    }
    let cause = format!(
        "no way to authenticate among those offered (`{}`): {}",
        offered.trim(),
        why_not.join("; ")
    );
    Err(SmtpError::NotSent { cause })
}

/// The answer to a challenge of CRAM-MD5: the keyed hash in hexadecimal digits (RFC 2195).
pub(super) fn cram_md5(secret: &str, challenge: &[u8]) -> Option<String> {
    let mut hash = Hmac::<Md5>::new_from_slice(secret.as_bytes()).ok()?;
    hash.update(challenge);
    let digits = hash.finalize().into_bytes();
    Some(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}
