//! Certificates and authorities made for a test.

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::Source;

/// A certificate with its key.
pub(crate) struct Pair {
    pub(crate) cert: Certificate,
    key: KeyPair,
}

impl Pair {
    pub(crate) fn cert(&self) -> Source {
        Source::inline(&self.cert.pem())
    }

    pub(crate) fn key(&self) -> Source {
        Source::inline(&self.key.serialize_pem())
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// An authority.
pub(crate) struct Authority {
    pub(crate) pair: Pair,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let pair = self_signed("authority.example.org");
        let key = KeyPair::from_pem(&pair.key.serialize_pem()).unwrap();
        Self {
            pair,
            issuer: Issuer::new(authority_params("authority.example.org"), key),
        }
    }

    pub(crate) fn issue(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Pair {
            cert: params.signed_by(&key, &self.issuer).unwrap(),
            key,
        }
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Makes what `openssl req -x509` makes: a certificate that is its own authority.
pub(crate) fn self_signed(name: &str) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair {
        cert: authority_params(name).self_signed(&key).unwrap(),
        key,
    }
}

pub(crate) fn server_config(pair: &Pair, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.pair.cert.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    builder
        .with_single_cert(vec![pair.cert.der().clone()], pair.key_der())
        .unwrap()
}
