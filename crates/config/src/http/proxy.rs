//! The way through a proxy.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::secret::{SECRET, Secret};
use crate::url::ProxyUrl;
use crate::yaml::{Block, Fields, Value, text, texts};

/// The way through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyConfig {
    /// The proxy.
    pub proxy_url: Option<ProxyUrl>,
    /// Hosts reached without it, separated by commas.
    pub no_proxy: String,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say what to do.
    pub proxy_from_environment: bool,
    /// Headers of the CONNECT request.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

impl ProxyConfig {
    /// Reads the proxy keys, which stand beside others.
    pub(super) fn decode(f: &Fields) -> Result<Self> {
        let mut proxy_connect_header = BTreeMap::new();
        if let Some(node) = f.some("proxy_connect_header") {
            for (name, values) in node.text_keys("proxy_connect_header")? {
                let values = texts(values)?.into_iter().map(Secret::new).collect();
                proxy_connect_header.insert(name, values);
            }
        }
        let proxy_url = f.some("proxy_url").map(|node| {
            let url = text(node)?;
            ProxyUrl::parse(&url).map_err(|e| f.error_at("proxy_url", e.without_url()))
        });
        let proxy = Self {
            proxy_url: proxy_url.transpose()?.filter(|url| !url.is_empty()),
            no_proxy: f.text("no_proxy")?,
            proxy_from_environment: f.boolean("proxy_from_environment", false)?,
            proxy_connect_header,
        };
        proxy.check(f)?;
        Ok(proxy)
    }

    fn check(&self, f: &Fields) -> Result<()> {
        if !self.proxy_connect_header.is_empty()
            && !self.proxy_from_environment
            && self.proxy_url.is_none()
        {
            let message = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
            return Err(f.error_at("proxy_connect_header", message));
        }
        if self.proxy_from_environment && self.proxy_url.is_some() {
            let message =
                "if proxy_from_environment is configured, proxy_url must not be configured";
            return Err(f.error_at("proxy_url", message));
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            let message =
                "if proxy_from_environment is configured, no_proxy must not be configured";
            return Err(f.error_at("no_proxy", message));
        }
        if self.proxy_url.is_none() && !self.no_proxy.is_empty() {
            let message = "if no_proxy is configured, proxy_url must also be configured";
            return Err(f.error_at("no_proxy", message));
        }
        Ok(())
    }

    pub(super) fn print(&self, block: Block) -> Block {
        let headers = self.proxy_connect_header.iter().map(|(name, values)| {
            (
                name.as_str().into(),
                Value::List(vec![SECRET.into(); values.len()]),
            )
        });
        let headers =
            (!self.proxy_connect_header.is_empty()).then(|| Value::sorted(headers.collect()));
        block
            .text(
                "proxy_url",
                self.proxy_url.as_ref().map_or("", |url| url.redacted()),
            )
            .text("no_proxy", &self.no_proxy)
            .flag("proxy_from_environment", self.proxy_from_environment)
            .some("proxy_connect_header", headers)
    }
}
