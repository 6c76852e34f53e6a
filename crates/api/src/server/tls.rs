//! TLS of the server, as `tls_server_config` of `--web.config.file` states it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use config::TlsVersion;
use config::web::{ClientAuth, Pem, WebTls};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::TlsAcceptor;

mod clients;

use clients::{Named, Unchecked};

/// Why TLS cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS cannot be served: {0}")]
pub struct TlsError(String);

fn bad(text: impl Into<String>) -> TlsError {
    TlsError(text.into())
}

/// Certificates and rules in force; a renewed certificate is taken up by [`Tls::reload`].
pub struct Tls {
    settings: RwLock<WebTls>,
    has_http2: bool,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads the files the settings name.
    ///
    /// # Errors
    /// [`TlsError`] says which file or setting is wrong.
    pub fn new(settings: WebTls, has_http2: bool) -> Result<Arc<Self>, TlsError> {
        let acceptor = RwLock::new(acceptor(&settings, has_http2)?);
        Ok(Arc::new(Self {
            settings: RwLock::new(settings),
            has_http2,
            acceptor,
        }))
    }

    /// Reads the files again, by new settings if there are any; on an error what was in force stays.
    ///
    /// # Errors
    /// As [`Tls::new`].
    pub fn reload(&self, settings: Option<WebTls>) -> Result<(), TlsError> {
        let mut known = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let settings = settings.unwrap_or_else(|| known.clone());
        let acceptor = acceptor(&settings, self.has_http2)?;
        *self
            .acceptor
            .write()
            .unwrap_or_else(PoisonError::into_inner) = acceptor;
        *known = settings;
        Ok(())
    }

    /// What new connections are received with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn acceptor(settings: &WebTls, has_http2: bool) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(provider(settings)?);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(&versions(settings)?);
    let builder = builder.map_err(|error| bad(error.to_string()))?;
    let builder = match verifier(settings, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = (
        certificates("cert", &settings.cert)?,
        private_key(&settings.key)?,
    );
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| bad(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if has_http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The ciphers and groups the settings leave over.
fn provider(settings: &WebTls) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if !settings.cipher_suites.is_empty() {
        // As in Go, the list is about TLS 1.2; the suites of 1.3 are all fine.
        provider.cipher_suites.retain(|suite| {
            let name = suite.suite().as_str().unwrap_or_default();
            suite.tls13().is_some() || settings.cipher_suites.iter().any(|wanted| wanted == name)
        });
    }
    if !settings.curve_preferences.is_empty() {
        let group = |name: &String| match name.as_str() {
            "CurveP256" => Some(NamedGroup::secp256r1),
            "CurveP384" => Some(NamedGroup::secp384r1),
            "X25519" => Some(NamedGroup::X25519),
            _ => None,
        };
        let wanted: Vec<NamedGroup> = settings
            .curve_preferences
            .iter()
            .filter_map(group)
            .collect();
        provider
            .kx_groups
            .retain(|group| wanted.contains(&group.name()));
        provider
            .kx_groups
            .sort_by_key(|group| wanted.iter().position(|w| *w == group.name()));
    }
    if provider.kx_groups.is_empty() {
        return Err(bad(
            "none of curve_preferences is known here; use X25519, CurveP256 or CurveP384",
        ));
    }
    Ok(provider)
}

fn versions(settings: &WebTls) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let all = [
        (TlsVersion::Tls13, &version::TLS13),
        (TlsVersion::Tls12, &version::TLS12),
    ];
    let range = settings.min_version..=settings.max_version;
    let allowed: Vec<_> = all
        .into_iter()
        .filter(|(v, _)| range.contains(v))
        .map(|(_, v)| v)
        .collect();
    if allowed.is_empty() {
        return Err(bad(
            "max_version is below TLS12, which is the oldest version that is safe to use",
        ));
    }
    Ok(allowed)
}

/// What clients must show; `None` for nothing.
fn verifier(
    settings: &WebTls,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let checked = |is_mandatory: bool| -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let Some(authorities) = &settings.client_ca else {
            return Err(bad(
                "client certificates are to be verified, but there is no client_ca_file",
            ));
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates("client_ca", authorities)? {
            roots
                .add(authority)
                .map_err(|error| bad(format!("client_ca: {error}")))?;
        }
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if is_mandatory {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        let verifier = builder
            .build()
            .map_err(|error| bad(format!("client_ca: {error}")))?;
        Ok(verifier)
    };
    let unchecked = |is_mandatory| -> Arc<dyn ClientCertVerifier> {
        Arc::new(Unchecked::new(Arc::clone(provider), is_mandatory))
    };
    let verifier = match settings.client_auth {
        ClientAuth::NoClientCert => return Ok(None),
        ClientAuth::RequestClientCert => unchecked(false),
        ClientAuth::RequireAnyClientCert => unchecked(true),
        ClientAuth::VerifyClientCertIfGiven => checked(false)?,
        ClientAuth::RequireAndVerifyClientCert => checked(true)?,
    };
    if settings.client_allowed_sans.is_empty() {
        return Ok(Some(verifier));
    }
    let named = Named::new(verifier, &settings.client_allowed_sans);
    let named = named.map_err(|name| {
        bad(format!(
            "client_allowed_sans: {name:?} is neither a host name nor an IP address"
        ))
    })?;
    Ok(Some(Arc::new(named)))
}

fn certificates(what: &str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (text, place) = read(what, pem)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(bad(format!("{place} holds no certificate in PEM form"))),
        Err(error) => Err(bad(format!("{place} cannot be read as PEM: {error}"))),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (text, place) = read("key", pem)?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| bad(format!("{place} holds no private key in PEM form")))
}

/// The text, and what to call it in messages.
fn read(what: &str, pem: &Pem) -> Result<(Vec<u8>, String), TlsError> {
    match pem {
        Pem::Text(text) => Ok((text.expose().as_bytes().to_vec(), what.to_owned())),
        Pem::File(path) => match std::fs::read(Path::new(path)) {
            Ok(text) => Ok((text, path.clone())),
            Err(error) => Err(bad(format!("{path} cannot be read: {error}"))),
        },
    }
}

#[cfg(test)]
mod tests;
