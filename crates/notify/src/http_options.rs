//! From a checked `http_config` to what a client is built from.

use std::path::PathBuf;

use config::{HttpConfig, ProxyConfig, Secret, TlsConfig};
use outbound::{
    Authentication, Authorization, BasicAuth, HeaderValues, HttpOptions, OAuth2, ProxyOptions,
    Source, TlsOptions, TlsVersion,
};

/// A setting that is understood and not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// It names a secret store, and we have none.
    #[error(
        "{setting} names a secret in a secret store, and none is known: use the setting that names a file"
    )]
    Store {
        /// The setting.
        setting: &'static str,
    },
    /// It asks for tokens by a signed statement.
    #[error("oauth2: grant_type jwt-bearer is not supported: use client_id and client_secret")]
    Assertion,
}

/// Translates an `http_config`.
///
/// # Errors
/// One of its `*_ref` settings is used, or the grant `jwt-bearer`.
pub fn http_options(config: &HttpConfig) -> Result<HttpOptions, Unsupported> {
    Ok(HttpOptions {
        authentication: authentication(config)?,
        enable_http2: config.enable_http2,
        follow_redirects: config.follow_redirects,
        proxy: proxy(&config.proxy),
        tls: tls(&config.tls_config)?,
        headers: config
            .http_headers
            .iter()
            .flatten()
            .map(|(name, v)| (name.clone(), header(v)))
            .collect(),
    })
}

fn authentication(config: &HttpConfig) -> Result<Option<Authentication>, Unsupported> {
    if let Some(basic) = &config.basic_auth {
        refuse_ref("username_ref", &basic.username_ref)?;
        refuse_ref("password_ref", &basic.password_ref)?;
        return Ok(Some(Authentication::Basic(BasicAuth {
            username: source(&basic.username, &basic.username_file),
            password: secret_source(&basic.password, &basic.password_file),
        })));
    }
    if let Some(authorization) = &config.authorization {
        refuse_ref("credentials_ref", &authorization.credentials_ref)?;
        return Ok(Some(Authentication::Authorization(Authorization {
            scheme: authorization.kind.clone(),
            credentials: secret_source(&authorization.credentials, &authorization.credentials_file),
        })));
    }
    let Some(oauth2) = &config.oauth2 else {
        return Ok(None);
    };
    if oauth2.assertion.is_used() {
        return Err(Unsupported::Assertion);
    }
    refuse_ref("client_secret_ref", &oauth2.client_secret_ref)?;
    Ok(Some(Authentication::OAuth2(Box::new(OAuth2 {
        client_id: oauth2.client_id.clone(),
        client_secret: secret_source(&oauth2.client_secret, &oauth2.client_secret_file),
        scopes: oauth2.scopes.clone(),
        token_url: oauth2.token_url.clone(),
        endpoint_params: oauth2.endpoint_params.clone(),
        tls: tls(&oauth2.tls_config)?,
        proxy: proxy(&oauth2.proxy),
    }))))
}

fn proxy(config: &ProxyConfig) -> ProxyOptions {
    let url = config.proxy_url.as_ref().filter(|url| !url.is_empty());
    let header = |values: &Vec<Secret>| values.iter().map(secret).collect();
    ProxyOptions {
        url: url.map(|url| url.expose().into()),
        no_proxy: Some(config.no_proxy.clone()).filter(|hosts| !hosts.is_empty()),
        from_environment: config.proxy_from_environment,
        connect_headers: config
            .proxy_connect_header
            .iter()
            .map(|(name, values)| (name.clone(), header(values)))
            .collect(),
    }
}

/// Translates a `tls_config`.
pub(crate) fn tls(config: &TlsConfig) -> Result<TlsOptions, Unsupported> {
    refuse_ref("ca_ref", &config.ca_ref)?;
    refuse_ref("cert_ref", &config.cert_ref)?;
    refuse_ref("key_ref", &config.key_ref)?;
    Ok(TlsOptions {
        ca: source(&config.ca, &config.ca_file),
        cert: source(&config.cert, &config.cert_file),
        key: secret_source(&config.key, &config.key_file),
        server_name: Some(config.server_name.clone()).filter(|name| !name.is_empty()),
        insecure_skip_verify: config.insecure_skip_verify,
        min_version: config.min_version.map(tls_version),
        max_version: config.max_version.map(tls_version),
    })
}

fn tls_version(version: config::TlsVersion) -> TlsVersion {
    match version {
        config::TlsVersion::Tls10 => TlsVersion::Tls10,
        config::TlsVersion::Tls11 => TlsVersion::Tls11,
        config::TlsVersion::Tls12 => TlsVersion::Tls12,
        config::TlsVersion::Tls13 => TlsVersion::Tls13,
    }
}

fn header(values: &config::HeaderValues) -> HeaderValues {
    HeaderValues {
        values: values.values.clone(),
        secrets: values.secrets.iter().map(secret).collect(),
        files: values.files.iter().map(PathBuf::from).collect(),
    }
}

fn secret(secret: &Secret) -> outbound::Secret {
    secret.expose().into()
}

/// A secret from its setting or the file that another names.
pub(crate) fn secret_source(inline: &Secret, file: &str) -> Option<Source> {
    source(inline.expose(), file)
}

fn source(inline: &str, file: &str) -> Option<Source> {
    if !file.is_empty() {
        return Some(Source::File(PathBuf::from(file)));
    }
    (!inline.is_empty()).then(|| Source::inline(inline))
}

fn refuse_ref(setting: &'static str, value: &str) -> Result<(), Unsupported> {
    if value.is_empty() {
        Ok(())
    } else {
        Err(Unsupported::Store { setting })
    }
}

#[cfg(test)]
mod tests;
