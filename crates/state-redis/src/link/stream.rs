//! A connection to one address, encrypted or not.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::options::LinkOptions;
use crate::error::{LinkError, LinkErrorKind};

/// What bytes go over.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Connects to one address.
pub(super) async fn open(
    options: &LinkOptions,
    host: &str,
    port: u16,
) -> Result<Box<dyn Bytes>, LinkError> {
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|error| LinkError::from(&error))?;
    // Small requests go out at once; without it each pipeline could wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    if !options.tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| config(format!("`{host}` is no name for TLS: {error}")))?;
    let connector = TlsConnector::from(Arc::new(client_config(options)?));
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(LinkError::new(
            LinkErrorKind::Unreachable,
            format!("TLS: {error}"),
        )),
    }
}

fn client_config(options: &LinkOptions) -> Result<ClientConfig, LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |error: rustls::Error| config(format!("TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?;
    let builder = match &options.tls_ca_file {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None => builder.with_platform_verifier().map_err(broken)?,
    };
    Ok(builder.with_no_client_auth())
}

fn roots(path: &Path) -> Result<RootCertStore, LinkError> {
    let mut roots = RootCertStore::empty();
    let pem = read_ca(path)?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|error| config(format!("`{}`: {error}", path.display())))?;
    }
    if roots.is_empty() {
        return Err(config(format!("`{}` has no certificate", path.display())));
    }
    Ok(roots)
}

/// Reads the file of trusted certificates.
pub(super) fn read_ca(path: &Path) -> Result<Vec<u8>, LinkError> {
    std::fs::read(path).map_err(|error| config(format!("`{}`: {error}", path.display())))
}

fn config(message: String) -> LinkError {
    LinkError::new(LinkErrorKind::Config, message)
}
