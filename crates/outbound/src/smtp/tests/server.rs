//! A server that follows a script and keeps what it hears.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What it does in place of the usual answer.
#[derive(Clone)]
pub(super) enum Manner {
    /// Says this.
    Say(&'static str),
    /// Closes the connection.
    Close,
    /// Says nothing any more.
    Hang,
}

/// How it behaves.
#[derive(Clone, Default)]
pub(super) struct Script {
    /// The lines of its answer to EHLO.
    pub(super) extensions: Vec<&'static str>,
    /// By the beginning of what it hears; `greeting`, `message` and `.` stand for themselves.
    pub(super) manners: BTreeMap<&'static str, Manner>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Whether TLS comes first.
    pub(super) is_implicit: bool,
}

impl Script {
    pub(super) fn with(extensions: &[&'static str]) -> Self {
        Self {
            extensions: extensions.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn at(mut self, step: &'static str, manner: Manner) -> Self {
        self.manners.insert(step, manner);
        self
    }
}

/// A listening server; it ends with the test's runtime.
pub(super) struct Server {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(script: Script) -> Self {
        Self::start_on("127.0.0.1", script).await
    }

    pub(super) async fn start_on(host: &str, script: Script) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, log) = (script.clone(), Arc::clone(&log));
                tokio::spawn(async move { converse(stream, script, log).await });
            }
        });
        Self { port, heard }
    }

    /// Every line it heard, a message as one.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One conversation; `None` ends it.
struct Conversation {
    stream: Option<BufReader<Box<dyn Stream>>>,
    script: Script,
    log: Arc<Mutex<Vec<String>>>,
}

async fn converse(stream: tokio::net::TcpStream, script: Script, log: Arc<Mutex<Vec<String>>>) {
    let mut conversation = Conversation {
        stream: Some(BufReader::new(Box::new(stream))),
        script,
        log,
    };
    let _ = conversation.run().await;
}

impl Conversation {
    async fn run(&mut self) -> Option<()> {
        if self.script.is_implicit {
            self.encrypt().await?;
        }
        self.answer("greeting", "220 server.example.org").await?;
        loop {
            let line = self.hear().await?;
            let extensions = self.script.extensions.clone();
            match line.split(' ').next().unwrap_or("") {
                "EHLO" => {
                    let mut lines = vec!["server.example.org"];
                    lines.extend(extensions);
                    let last = lines.pop().unwrap_or_default();
                    let before: String = lines.iter().map(|l| format!("250-{l}\r\n")).collect();
                    self.answer(&line, &format!("{before}250 {last}")).await?;
                }
                "STARTTLS" => {
                    self.answer(&line, "220 go").await?;
                    self.encrypt().await?;
                }
                "AUTH" => self.authenticate(&line).await?,
                "DATA" => {
                    self.answer(&line, "354 go").await?;
                    // After any other answer no message follows.
                    if !matches!(self.script.manners.get("DATA"), Some(Manner::Say(_))) {
                        self.message().await?;
                        self.answer(".", "250 queued").await?;
                    }
                }
                "QUIT" => return self.answer(&line, "221 bye").await,
                _ => self.answer(&line, "250 ok").await?,
            }
        }
    }

    async fn authenticate(&mut self, line: &str) -> Option<()> {
        if line.starts_with("AUTH CRAM-MD5") {
            self.answer(line, "334 PDEuMkBzaW5rLnRlc3Q+").await?;
            self.hear().await?;
        } else if line.starts_with("AUTH LOGIN") {
            self.answer(line, "334 VXNlcm5hbWU6").await?;
            self.hear().await?;
            self.say("334 UGFzc3dvcmQ6").await?;
            self.hear().await?;
        }
        self.answer("proof", "235 ok").await
    }

    async fn message(&mut self) -> Option<()> {
        let mut message = String::new();
        loop {
            let line = self.read_line().await?;
            if line == "." {
                break;
            }
            if let Some(manner) = self.script.manners.get("message") {
                let manner = manner.clone();
                return self.misbehave(manner).await;
            }
            message.push_str(&line);
            message.push('\n');
        }
        self.log.lock().unwrap().push(message);
        self.log.lock().unwrap().push(".".to_owned());
        Some(())
    }

    async fn hear(&mut self) -> Option<String> {
        let line = self.read_line().await?;
        self.log.lock().unwrap().push(line.clone());
        Some(line)
    }

    async fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.as_mut()?.read_line(&mut line).await.ok()?;
        assert!(line.is_empty() || line.ends_with("\r\n"), "{line:?}");
        (0 < read).then(|| line.trim_end().to_owned())
    }

    async fn answer(&mut self, step: &str, usual: &str) -> Option<()> {
        let mut manners = self.script.manners.iter();
        match manners.find(|(key, _)| step.starts_with(**key)) {
            None => self.say(usual).await,
            Some((_, manner)) => {
                let manner = manner.clone();
                self.misbehave(manner).await
            }
        }
    }

    async fn misbehave(&mut self, manner: Manner) -> Option<()> {
        match manner {
            Manner::Say(text) => self.say(text).await,
            Manner::Close => None,
            Manner::Hang => std::future::pending().await,
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        let stream = self.stream.as_mut()?;
        let line = format!("{text}\r\n");
        stream.write_all(line.as_bytes()).await.ok()?;
        stream.flush().await.ok()
    }

    async fn encrypt(&mut self) -> Option<()> {
        let acceptor = TlsAcceptor::from(self.script.tls.clone()?);
        let plain = self.stream.take()?.into_inner();
        let encrypted = acceptor.accept(plain).await.ok()?;
        self.stream = Some(BufReader::new(Box::new(encrypted)));
        Some(())
    }
}
