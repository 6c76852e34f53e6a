//! `email_configs`.

use std::collections::BTreeMap;

use super::Context;
use crate::duration::quoted;
use crate::error::Result;
use crate::secret::Secret;
use crate::tls::TlsConfig;
use crate::url::HostPort;
use crate::yaml::{Block, Fields, Node, Value};

/// E-mail.
#[derive(Debug, Clone, PartialEq)]
pub struct EmailConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// The recipients.
    pub to: String,
    /// The sender.
    pub from: String,
    /// The name we greet with.
    pub hello: String,
    /// The server.
    pub smarthost: HostPort,
    /// The user.
    pub auth_username: String,
    /// The password.
    pub auth_password: Secret,
    /// A file that holds the password.
    pub auth_password_file: String,
    /// The secret of CRAM-MD5.
    pub auth_secret: Secret,
    /// A file that holds the secret.
    pub auth_secret_file: String,
    /// The identity of PLAIN.
    pub auth_identity: String,
    /// Headers by canonical name; templates.
    pub headers: BTreeMap<String, String>,
    /// The HTML body, a template.
    pub html: String,
    /// The text body, a template.
    pub text: String,
    /// Whether STARTTLS is demanded.
    pub require_tls: bool,
    /// Certificates and versions.
    pub tls_config: Option<TlsConfig>,
    /// Whether the connection begins with TLS; by the port (465) when not stated.
    pub force_implicit_tls: Option<bool>,
    /// How messages are linked into threads.
    pub threading: EmailThreading,
}

/// How messages of a group are linked into threads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailThreading {
    /// Whether they are.
    pub is_enabled: bool,
    /// What begins a new thread, as written; checked only when threads are enabled.
    pub thread_by_date: String,
}

impl EmailThreading {
    /// What begins a new thread; always known when threads are enabled.
    pub fn by_date(&self) -> Option<ThreadByDate> {
        match self.thread_by_date.as_str() {
            "none" => Some(ThreadByDate::Never),
            "daily" => Some(ThreadByDate::Daily),
            _ => None,
        }
    }
}

/// What begins a new thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadByDate {
    /// Nothing: one thread for the group.
    Never,
    /// A new day.
    Daily,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "to",
    "from",
    "hello",
    "smarthost",
    "auth_username",
    "auth_password",
    "auth_password_file",
    "auth_secret",
    "auth_secret_file",
    "auth_identity",
    "headers",
    "html",
    "text",
    "require_tls",
    "tls_config",
    "force_implicit_tls",
    "threading",
];

impl EmailConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "email_configs", KEYS)?;
        let smtp = &context.global.smtp;
        let or = |key: &str, global: &str| {
            let own = f.text(key)?;
            Ok(if own.is_empty() {
                global.to_owned()
            } else {
                own
            })
        };
        let smarthost = HostPort::parse(&f.text("smarthost")?)
            .map_err(|message| f.error_at("smarthost", message).hint("write host:port"))?;
        let (auth_password, auth_password_file) =
            match (f.secret("auth_password")?, f.text("auth_password_file")?) {
                (own, file) if own.is_empty() && file.is_empty() => {
                    (smtp.auth_password.clone(), smtp.auth_password_file.clone())
                }
                own => own,
            };
        let auth_secret = f.secret("auth_secret")?;
        let own_tls = f
            .some("tls_config")
            .map(|node| TlsConfig::decode(node, None))
            .transpose()?;
        let config = Self {
            send_resolved: f.boolean("send_resolved", false)?,
            to: f.text("to")?,
            from: or("from", &smtp.from)?,
            hello: or("hello", &smtp.hello)?,
            smarthost: if smarthost.is_empty() {
                smtp.smarthost.clone()
            } else {
                smarthost
            },
            auth_username: or("auth_username", &smtp.auth_username)?,
            auth_password,
            auth_password_file,
            auth_secret: if auth_secret.is_empty() {
                smtp.auth_secret.clone()
            } else {
                auth_secret
            },
            auth_secret_file: or("auth_secret_file", &smtp.auth_secret_file)?,
            auth_identity: or("auth_identity", &smtp.auth_identity)?,
            headers: canonical_headers(&f)?,
            html: f.text_or("html", r#"{{ template "email.default.html" . }}"#)?,
            text: f.text("text")?,
            require_tls: f.maybe_boolean("require_tls")?.unwrap_or(smtp.require_tls),
            tls_config: own_tls.or_else(|| smtp.tls_config.clone()),
            force_implicit_tls: f
                .maybe_boolean("force_implicit_tls")?
                .or(smtp.force_implicit_tls),
            threading: threading(&f)?,
        };
        config.check(&f)?;
        Ok(config)
    }

    fn check(&self, f: &Fields) -> Result<()> {
        if self.to.is_empty() {
            return Err(f.error("missing to address in email config"));
        }
        if self.threading.is_enabled {
            let taken = ["References", "In-Reply-To"].into_iter();
            if let Some(name) = taken
                .into_iter()
                .find(|name| self.headers.contains_key(*name))
            {
                let message = format!(
                    "conflicting configuration: threading.enabled conflicts with custom {name} header"
                );
                return Err(f.error_at("headers", message));
            }
            if self.threading.by_date().is_none() {
                let message = "threading.thread_by_date must be either 'none' or 'daily'";
                return Err(f.error_at("threading", message));
            }
        }
        if self.smarthost.is_empty() {
            return Err(f
                .error("no global SMTP smarthost set")
                .hint("set smarthost here or smtp_smarthost"));
        }
        if self.from.is_empty() {
            return Err(f
                .error("no global SMTP from set")
                .hint("set from here or smtp_from"));
        }
        Ok(())
    }

    pub(super) fn print(&self) -> Value {
        let threading = Block::new()
            .flag("enabled", self.threading.is_enabled)
            .text("thread_by_date", &self.threading.thread_by_date);
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .all_texts(&[
                ("to", &self.to),
                ("from", &self.from),
                ("hello", &self.hello),
            ])
            .text("smarthost", &self.smarthost.to_string())
            .text("auth_username", &self.auth_username)
            .secret("auth_password", &self.auth_password)
            .text("auth_password_file", &self.auth_password_file)
            .secret("auth_secret", &self.auth_secret)
            .text("auth_secret_file", &self.auth_secret_file)
            .text("auth_identity", &self.auth_identity)
            .text_map("headers", &self.headers)
            .all_texts(&[("html", &self.html), ("text", &self.text)])
            .value("require_tls", Value::Bool(self.require_tls))
            .some("tls_config", self.tls_config.as_ref().map(TlsConfig::print))
            .some(
                "force_implicit_tls",
                self.force_implicit_tls.map(Value::Bool),
            )
            .block("threading", threading)
            .done()
    }
}

fn threading(f: &Fields) -> Result<EmailThreading> {
    let Some(node) = f.some("threading") else {
        return Ok(EmailThreading::default());
    };
    let f = Fields::new(node, "threading", &["enabled", "thread_by_date"])?;
    Ok(EmailThreading {
        is_enabled: f.boolean("enabled", false)?,
        thread_by_date: f.text("thread_by_date")?,
    })
}

fn canonical_headers(f: &Fields) -> Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    for (name, value) in f.text_map("headers")? {
        let name = canonical(&name);
        if headers.contains_key(&name) {
            let message = format!("duplicate header {} in email config", quoted(&name));
            return Err(f
                .error_at("headers", message)
                .hint("header names ignore case"));
        }
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A header's name as MIME writes it: `content-type` is `Content-Type`. Names with other characters stay.
fn canonical(name: &str) -> String {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    let mut is_start = true;
    let mut letter = |c: char| {
        let c = if is_start {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        is_start = c == '-';
        c
    };
    name.chars().map(&mut letter).collect()
}
