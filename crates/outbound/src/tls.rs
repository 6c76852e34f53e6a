//! TLS settings to a rustls configuration.
//!
//! The configuration is built here and not by reqwest for three reasons: all clients share one
//! copy of the system's authorities (they are most of a client's memory), `server_name` can be
//! checked instead of the URL's host, and a self-signed certificate that is named as its own
//! authority is accepted, as Go does.

use std::fs;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::{BuildError, Source, TlsOptions, TlsVersion};

/// The one cryptography provider; named here, so that no process-wide default is needed.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// What the files and inline texts of the TLS settings hold now.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Material {
    ca: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl Material {
    /// Reads all sources; blocks on files.
    pub(crate) fn read(options: &TlsOptions) -> Result<Self, BuildError> {
        Ok(Self {
            ca: read("ca_file", options.ca.as_ref())?,
            cert: read("cert_file", options.cert.as_ref())?,
            key: read("key_file", options.key.as_ref())?,
        })
    }

    /// Says whether the material can change while the program runs.
    pub(crate) fn has_files(options: &TlsOptions) -> bool {
        [&options.ca, &options.cert, &options.key]
            .into_iter()
            .any(|source| matches!(source, Some(Source::File(_))))
    }
}

fn read(field: &'static str, source: Option<&Source>) -> Result<Option<Vec<u8>>, BuildError> {
    match source {
        None => Ok(None),
        Some(Source::Inline(text)) => Ok(Some(text.expose().as_bytes().to_vec())),
        Some(Source::File(path)) => fs::read(path).map(Some).map_err(|source| BuildError::File {
            field,
            path: path.clone(),
            source,
        }),
    }
}

/// Builds the configuration of one client.
pub(crate) fn client_config(
    options: &TlsOptions,
    material: &Material,
    enable_http2: bool,
) -> Result<ClientConfig, BuildError> {
    let verifier = Arc::new(Verifier::new(options, material)?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match (&material.cert, &material.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| tls("key holds no private key in PEM form".to_owned()))?;
            builder
                .with_client_auth_cert(certificates("cert", cert)?, key)
                .map_err(|error| tls(format!("cert and key do not fit: {error}")))?
        }
        _ => {
            return Err(tls(
                "cert and key go together: give both or neither".to_owned()
            ));
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if enable_http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(config)
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, BuildError> {
    let spoken = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let versions: Vec<_> = spoken
        .into_iter()
        .filter(|(version, _)| options.min_version.is_none_or(|min| min <= *version))
        .filter(|(version, _)| options.max_version.is_none_or(|max| *version <= max))
        .map(|(_, supported)| supported)
        .collect();
    if versions.is_empty() {
        let cause = "min_version and max_version leave no version of TLS that is spoken here: \
                     TLS12 and TLS13 are";
        return Err(tls(cause.to_owned()));
    }
    Ok(versions)
}

fn certificates(field: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect();
    if certificates.is_empty() {
        return Err(tls(format!("{field} holds no certificate in PEM form")));
    }
    Ok(certificates)
}

fn tls(cause: String) -> BuildError {
    BuildError::Tls { cause }
}

/// Decides whether a receiver is who it says it is.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    /// The name to check instead of the one in the URL.
    server_name: Option<ServerName<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Whom to believe.
#[derive(Debug)]
enum Trust {
    /// The authorities of the system.
    System,
    /// Only those configured.
    Given {
        verifier: Arc<WebPkiServerVerifier>,
        authorities: Vec<CertificateDer<'static>>,
    },
    /// Everybody (`insecure_skip_verify`).
    Anyone,
}

impl Verifier {
    fn new(options: &TlsOptions, material: &Material) -> Result<Self, BuildError> {
        let trust = match &material.ca {
            _ if options.insecure_skip_verify => Trust::Anyone,
            None => Trust::System,
            Some(ca) => {
                let authorities = certificates("ca", ca)?;
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(authorities.iter().cloned());
                let verifier = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(&PROVIDER),
                )
                .build()
                .map_err(|error| tls(format!("ca: {error}")))?;
                Trust::Given {
                    verifier,
                    authorities,
                }
            }
        };
        let server_name = match options.server_name.as_deref() {
            None | Some("") => None,
            Some(name) => Some(ServerName::try_from(name.to_owned()).map_err(|_| {
                tls(format!(
                    "server_name `{name}` is neither a host name nor an address"
                ))
            })?),
        };
        let algorithms = PROVIDER.signature_verification_algorithms;
        Ok(Self {
            trust,
            server_name,
            algorithms,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let name = self.server_name.as_ref().unwrap_or(server_name);
        match &self.trust {
            Trust::Anyone => Ok(ServerCertVerified::assertion()),
            Trust::System => {
                let system = system_verifier()?;
                system.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
            }
            Trust::Given {
                verifier,
                authorities,
            } => verifier
                .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
                .or_else(|error| {
                    // `openssl req -x509` makes certificates that are authorities, and people
                    // name them as their own `ca_file`. rustls finds this after it has checked
                    // the dates, so only the name is left to check.
                    if is_authority_as_server(&error) && authorities.contains(end_entity) {
                        let parsed = ParsedCertificate::try_from(end_entity)?;
                        rustls::client::verify_server_name(&parsed, name)?;
                        return Ok(ServerCertVerified::assertion());
                    }
                    Err(error)
                }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_authority_as_server(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
        }
        _ => false,
    }
}

/// Gives the verifier with the system's authorities, read once and only when first needed.
///
/// Reading late lets a system without any authorities still send over plain HTTP.
fn system_verifier() -> Result<&'static rustls_platform_verifier::Verifier, rustls::Error> {
    static SYSTEM: OnceLock<Result<rustls_platform_verifier::Verifier, rustls::Error>> =
        OnceLock::new();
    SYSTEM
        .get_or_init(|| rustls_platform_verifier::Verifier::new(Arc::clone(&PROVIDER)))
        .as_ref()
        .map_err(Clone::clone)
}
