//! The server's options, from the configuration.

use std::{net::IpAddr, path::PathBuf};

use ipnet::IpNet;
use novi_server::{Options, Origins, Tls, TogglesHeader};

#[cfg(feature = "otlp")]
use crate::telemetry::Telemetry;
use crate::{output::Failure, session::Session};

/// The options of `[server]`. The certificate of the command line takes precedence.
pub(super) fn from_session(
    session: &Session,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
) -> Result<Options, Failure> {
    let config = &session.config;
    let server = &config.server;
    let mut options = Options::default();
    options.body_limit = server.body_limit;
    options.request_timeout = server.request_timeout.into();
    options.header_read_timeout = server.header_timeout.into();
    options.drain = server.drain_timeout.into();
    options.stale_after = server.stale_after.into();
    options.max_connections = server.max_connections;
    options.max_streams = server.max_streams;
    options.require_targeting_key = server.require_targeting_key;
    options.signing_key = session.signing_key()?;
    options.guess_limit = server.guess_limit;
    options.unknown_is_nobody = server.unknown_is_nobody;
    options.rate_limit = server.rate_limit;
    options.trusted_proxies = trusted_proxies(&server.trusted_proxies)?;
    options.origins = Origins::new(&server.cors_origins)
        .map_err(|error| Failure::usage(format!("[server] cors_origins: {error}")))?;
    options.toggles_header = TogglesHeader::new(&server.toggles_header).ok_or_else(|| {
        Failure::usage(format!(
            "[server] toggles_header: expected a header name, such as \"X-Novi-Feature-Toggles\", found {:?}",
            server.toggles_header
        ))
    })?;
    options.trace_evaluations = server.trace_evaluations;
    #[cfg(feature = "otlp")]
    {
        options.on_span = Some(Telemetry::on_span());
    }
    options.tls = tls(
        tls_cert.or_else(|| config.file(&server.tls_cert)),
        tls_key.or_else(|| config.file(&server.tls_key)),
    )?;
    Ok(options)
}

fn trusted_proxies(networks: &[String]) -> Result<Vec<IpNet>, Failure> {
    let parse = |text: &String| {
        let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| {
            Failure::usage(format!(
                "[server] trusted_proxies: expected networks such as \"10.0.0.0/8\" or addresses, found {text:?}"
            ))
        })
    };
    networks.iter().map(parse).collect()
}

fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<Tls>, Failure> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let tls = Tls::from_files(certificate, key);
            Ok(Some(tls.map_err(|error| Failure::usage(error.to_string()))?))
        }
        (Some(_), None) => Err(Failure::usage("[server] tls_cert needs tls_key, the certificate's key")),
        (None, Some(_)) => Err(Failure::usage("[server] tls_key needs tls_cert, the certificate")),
    }
}
