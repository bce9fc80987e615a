//! From the configuration to what the server is told.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use novi::config::Config;
use novi_server::{Options, Origins, SigningKey, Tls, TogglesHeader};

use crate::{args::Serve, failure::Failure};

/// What the configuration and the command line say.
pub(super) fn of(config: &Config, arguments: &Serve) -> Result<Options, Failure> {
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
    options.signing_key = signing_key(config)?;
    options.guess_limit = server.guess_limit;
    options.unknown_is_nobody = server.unknown_is_nobody;
    options.rate_limit = server.rate_limit;
    options.trusted_proxies = trusted_proxies(&server.trusted_proxies)?;
    options.origins = Origins::new(&server.cors_origins)
        .map_err(|error| Failure::usage(format!("[server] cors_origins: {error}")))?;
    options.toggles_header = TogglesHeader::new(&server.toggles_header).ok_or_else(|| {
        Failure::usage(format!(
            "[server] toggles_header: expected the name of a header, such as \"X-Novi-Feature-Toggles\", found {:?}",
            server.toggles_header
        ))
    })?;
    options.trace_evaluations = server.trace_evaluations;
    #[cfg(feature = "otlp")]
    {
        options.on_span = Some(crate::telemetry::Telemetry::on_span());
    }
    options.tls = tls(config, arguments)?;
    if arguments.demo {
        // No balancer has to notice, and whoever presses Ctrl-C wants the prompt back.
        options.notice = Duration::ZERO;
    }
    Ok(options)
}

fn trusted_proxies(networks: &[String]) -> Result<Vec<IpNet>, Failure> {
    let read = |text: &String| {
        let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| {
            Failure::usage(format!(
                "[server] trusted_proxies: expected networks such as \"10.0.0.0/8\" or addresses, found {text:?}"
            ))
        })
    };
    networks.iter().map(read).collect()
}

/// The certificate of the command line, else that of the configuration.
fn tls(config: &Config, arguments: &Serve) -> Result<Option<Tls>, Failure> {
    let server = &config.server;
    let certificate = arguments.tls_cert.clone().or_else(|| config.file(&server.tls_cert));
    let key = arguments.tls_key.clone().or_else(|| config.file(&server.tls_key));
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

/// The key of `[server] signing_key`, if there is one.
pub(super) fn signing_key(config: &Config) -> Result<Option<SigningKey>, Failure> {
    let secret = config.server.signing_key.reveal();
    if secret.is_empty() {
        return Ok(None);
    }
    let key = SigningKey::new(secret).ok_or_else(|| {
        let shortest = SigningKey::SHORTEST;
        Failure::usage(format!(
            "[server] signing_key: expected {shortest} bytes or more that nobody can guess, such as `openssl rand -hex 32` \
             writes, found {}",
            secret.len()
        ))
    })?;
    Ok(Some(key))
}
