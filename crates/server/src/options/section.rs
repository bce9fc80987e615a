//! The section `[server]` of `novi.toml`.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use axum::http::HeaderName;
use ipnet::IpNet;
use novi::config::{Interval, Secret};
use serde::{Deserialize, Serialize};

use crate::options::{
    Options,
    cors::Origins,
    listen,
    metrics_token::MetricsToken,
    signing::SigningKey,
    tls::Tls,
    toggles_header::TogglesHeader,
    validation::{SectionError, SectionErrors, Validation},
};

/// The section `[server]`. The defaults are those of [`Options`].
///
/// ```
/// use novi::config::Config;
/// use novi_server::ServerSection;
///
/// let settings = ["server.body_limit=100".to_owned()];
/// let config = Config::<ServerSection>::load_as(None, &settings)?;
/// let options = config.server.options(std::path::Path::new(""))?;
/// assert_eq!(options.body_limit, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct ServerSection {
    /// The address and port to listen on; see [`listen_address`](crate::listen_address).
    #[serde(deserialize_with = "listen::deserialize")]
    pub listen: SocketAddr,
    /// [`Options::body_limit`](Options#structfield.body_limit)
    pub body_limit: usize,
    /// [`Options::impact_limit`](Options#structfield.impact_limit)
    pub impact_limit: usize,
    /// [`Options::impact_warning`](Options#structfield.impact_warning), at most 100
    pub impact_warning: u8,
    /// [`Options::sample_contexts`](Options#structfield.sample_contexts), at most 10,000
    pub sample_contexts: usize,
    /// [`Options::sample_omit`](Options#structfield.sample_omit)
    pub sample_omit: Vec<String>,
    /// [`Options::context_limit`](Options#structfield.context_limit)
    pub context_limit: usize,
    /// [`Options::context_values`](Options#structfield.context_values)
    pub context_values: usize,
    /// [`Options::evaluation_timeout`](Options#structfield.evaluation_timeout)
    pub evaluation_timeout: Interval,
    /// [`Options::large_concurrency`](Options#structfield.large_concurrency); 0 is the default.
    pub large_concurrency: usize,
    /// [`Options::response_memory`](Options#structfield.response_memory)
    pub response_memory: usize,
    /// [`Options::request_timeout`](Options#structfield.request_timeout)
    pub request_timeout: Interval,
    /// [`Options::header_read_timeout`](Options#structfield.header_read_timeout)
    pub header_timeout: Interval,
    /// [`Options::drain`](Options#structfield.drain)
    pub drain_timeout: Interval,
    /// [`Options::stale_after`](Options#structfield.stale_after)
    pub stale_after: Interval,
    /// [`Options::max_connections`](Options#structfield.max_connections)
    pub max_connections: usize,
    /// [`Options::connections_per_address`](Options#structfield.connections_per_address)
    pub connections_per_address: usize,
    /// [`Options::health_listen`](Options#structfield.health_listen), as an address and a port; empty is none.
    pub health_listen: String,
    /// [`Options::max_streams`](Options#structfield.max_streams)
    pub max_streams: usize,
    /// [`Options::streams_per_address`](Options#structfield.streams_per_address)
    pub streams_per_address: usize,
    /// [`Options::signing_key`](Options#structfield.signing_key); empty is a random key.
    pub signing_key: Secret,
    /// [`Options::metrics_token`](Options#structfield.metrics_token); empty is none.
    pub metrics_token: Secret,
    /// [`Options::require_targeting_key`](Options#structfield.require_targeting_key)
    pub require_targeting_key: bool,
    /// [`Options::record_exposures`](Options#structfield.record_exposures)
    pub record_exposures: bool,
    /// Whether to listen on an address that others can reach while no token exists: then every caller has
    /// full access.
    pub insecure: bool,
    /// Whether `novi serve` has the admin page, at `/admin`.
    pub admin_page: bool,
    /// [`Options::guess_limit`](Options#structfield.guess_limit)
    pub guess_limit: u32,
    /// [`Options::unknown_is_nobody`](Options#structfield.unknown_is_nobody)
    pub unknown_is_nobody: bool,
    /// [`Options::rate_limit`](Options#structfield.rate_limit)
    pub rate_limit: u32,
    /// [`Options::trusted_proxies`](Options#structfield.trusted_proxies), as networks or addresses.
    pub trusted_proxies: Vec<String>,
    /// [`Options::origins`](Options#structfield.origins)
    pub cors_origins: Vec<String>,
    /// [`Options::cors_headers`](Options#structfield.cors_headers)
    pub cors_headers: Vec<String>,
    /// A PEM file with the certificate chain for HTTPS; empty is HTTP.
    pub tls_cert: PathBuf,
    /// A PEM file with the certificate's key.
    pub tls_key: PathBuf,
    /// [`Options::toggles_header`](Options#structfield.toggles_header)
    pub toggles_header: String,
    /// [`Options::trace_evaluations`](Options#structfield.trace_evaluations)
    pub trace_evaluations: bool,
}

impl Default for ServerSection {
    fn default() -> Self {
        /// Only this machine. The port spells "novi" on a telephone.
        const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6684);
        let options = Options::default();
        Self {
            listen: LISTEN,
            body_limit: options.body_limit,
            impact_limit: options.impact_limit,
            impact_warning: options.impact_warning,
            sample_contexts: options.sample_contexts,
            sample_omit: options.sample_omit,
            context_limit: options.context_limit,
            context_values: options.context_values,
            evaluation_timeout: options.evaluation_timeout.into(),
            large_concurrency: 0,
            response_memory: options.response_memory,
            request_timeout: options.request_timeout.into(),
            header_timeout: options.header_read_timeout.into(),
            drain_timeout: options.drain.into(),
            stale_after: options.stale_after.into(),
            max_connections: options.max_connections,
            connections_per_address: options.connections_per_address,
            health_listen: String::new(),
            max_streams: options.max_streams,
            streams_per_address: options.streams_per_address,
            signing_key: Secret::default(),
            metrics_token: Secret::default(),
            require_targeting_key: options.require_targeting_key,
            record_exposures: options.record_exposures,
            insecure: false,
            admin_page: true,
            guess_limit: options.guess_limit,
            unknown_is_nobody: options.unknown_is_nobody,
            rate_limit: options.rate_limit,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            cors_headers: Vec::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            toggles_header: "X-Novi-Feature-Toggles".to_owned(),
            trace_evaluations: options.trace_evaluations,
        }
    }
}

impl ServerSection {
    /// The options of this section. Relative paths are relative to `folder`, the folder of the configuration
    /// file.
    ///
    /// # Errors
    /// All invalid keys, and what was expected.
    pub fn options(&self, folder: &Path) -> Result<Options, SectionErrors> {
        let mut valid = Validation::default();
        let defaults = Options::default();
        let large_concurrency = match self.large_concurrency {
            0 => defaults.large_concurrency,
            number => number,
        };
        let options = defaults
            .body_limit(valid.value(at_least_one("body_limit", self.body_limit)))
            .impact_limit(valid.value(at_least_one("impact_limit", self.impact_limit)))
            .impact_warning(valid.value(at_most("impact_warning", self.impact_warning, 100)))
            .sample_contexts(valid.value(at_most("sample_contexts", self.sample_contexts, 10_000)))
            .sample_omit(self.sample_omit.clone())
            .context_limit(valid.value(at_least_one("context_limit", self.context_limit)))
            .context_values(valid.value(at_least_one("context_values", self.context_values)))
            .evaluation_timeout(self.evaluation_timeout.into())
            .large_concurrency(large_concurrency)
            .response_memory(self.response_memory)
            .request_timeout(self.request_timeout.into())
            .header_read_timeout(self.header_timeout.into())
            .drain(self.drain_timeout.into())
            .stale_after(self.stale_after.into())
            .max_connections(valid.value(at_least_one("max_connections", self.max_connections)))
            .connections_per_address(self.connections_per_address)
            .health_listen(valid.value(self.health_listen()))
            .max_streams(self.max_streams)
            .streams_per_address(self.streams_per_address)
            .signing_key(valid.value(self.signing_key()))
            .metrics_token(valid.value(self.metrics_token()))
            .require_targeting_key(self.require_targeting_key)
            .record_exposures(self.record_exposures)
            .guess_limit(self.guess_limit)
            .unknown_is_nobody(self.unknown_is_nobody)
            .rate_limit(self.rate_limit)
            .trusted_proxies(valid.list("trusted_proxies", &self.trusted_proxies, network))
            .cors_headers(valid.list("cors_headers", &self.cors_headers, header))
            .origins(valid.value(self.origins()))
            .tls(valid.value(self.tls(folder)))
            .toggles_header(valid.value(self.toggles_header()))
            .trace_evaluations(self.trace_evaluations);
        valid.finish(options)
    }

    /// The signing key. `None` if the section has none.
    ///
    /// # Errors
    /// If it is too short.
    pub fn signing_key(&self) -> Result<Option<SigningKey>, SectionError> {
        let secret = self.signing_key.reveal();
        if secret.is_empty() {
            return Ok(None);
        }
        let key = SigningKey::new(secret).ok_or_else(|| {
            let message = format!(
                "expected {} random bytes or more, such as the output of `openssl rand -hex 32`, found {}",
                SigningKey::SHORTEST,
                secret.len()
            );
            SectionError::new("signing_key", message)
        });
        key.map(Some)
    }

    fn metrics_token(&self) -> Result<Option<MetricsToken>, SectionError> {
        let secret = self.metrics_token.reveal();
        if secret.is_empty() {
            return Ok(None);
        }
        let token = MetricsToken::new(secret).ok_or_else(|| {
            let shortest = MetricsToken::SHORTEST;
            let message = format!("expected {shortest} random bytes or more, found {}", secret.len());
            SectionError::new("metrics_token", message)
        });
        token.map(Some)
    }

    fn origins(&self) -> Result<Origins, SectionError> {
        Origins::new(&self.cors_origins).map_err(|error| SectionError::new("cors_origins", error))
    }

    fn toggles_header(&self) -> Result<TogglesHeader, SectionError> {
        TogglesHeader::new(&self.toggles_header).ok_or_else(|| {
            let message = format!(
                "expected the name of a header, such as \"X-Novi-Feature-Toggles\", found {:?}",
                self.toggles_header
            );
            SectionError::new("toggles_header", message)
        })
    }

    fn health_listen(&self) -> Result<Option<SocketAddr>, SectionError> {
        let text = self.health_listen.as_str();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            let message =
                format!("expected an IP address and a port, such as \"127.0.0.1:6685\", found {text:?}");
            SectionError::new("health_listen", message)
        })
    }

    fn tls(&self, folder: &Path) -> Result<Option<Tls>, SectionError> {
        match (self.tls_cert.as_os_str().is_empty(), self.tls_key.as_os_str().is_empty()) {
            (true, true) => Ok(None),
            (false, false) => {
                let tls = Tls::from_files(folder.join(&self.tls_cert), folder.join(&self.tls_key));
                tls.map(Some).map_err(|error| SectionError::new("tls_cert", error.to_string()).of_file())
            }
            (false, true) => {
                Err(SectionError::new("tls_cert", "requires tls_key, the key of the certificate"))
            }
            (true, false) => {
                Err(SectionError::new("tls_key", "requires tls_cert, the certificate of the key"))
            }
        }
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.ok_or_else(|| format!("expected networks such as \"10.0.0.0/8\" or addresses, found {text:?}"))
}

fn header(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| format!("expected names of headers such as \"x-tenant\", found {text:?}"))
}

/// Other keys use 0 for no limit; with 0 of these, the server would reject every request.
fn at_least_one(key: &'static str, number: usize) -> Result<usize, SectionError> {
    match number {
        0 => Err(SectionError::new(key, "expected 1 or more, found 0; for no limit, set a large number")),
        _ => Ok(number),
    }
}

fn at_most<N: Copy + PartialOrd + Display>(key: &'static str, number: N, most: N) -> Result<N, SectionError> {
    if number > most {
        return Err(SectionError::new(key, format!("expected at most {most}, found {number}")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use novi::config::Config;

    use super::*;

    fn parse(json: serde_json::Value) -> ServerSection {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn empty_section_has_the_default_options() {
        let options = parse(serde_json::json!({})).options(Path::new("")).unwrap();
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn committed_novi_toml_has_every_key_with_its_default() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../novi.toml"));
        let config = Config::<ServerSection>::load_as(Some(path), &[]).unwrap();
        assert_eq!(config.server, ServerSection::default());
        let text = std::fs::read_to_string(path).unwrap();
        let keys = serde_json::to_value(ServerSection::default()).unwrap();
        for key in keys.as_object().unwrap().keys() {
            assert!(text.contains(&format!("\n{key} = ")), "{key}");
        }
    }

    #[test]
    fn unknown_key_is_rejected() {
        let error = serde_json::from_value::<ServerSection>(serde_json::json!({"listn": "x"})).unwrap_err();
        assert!(error.to_string().contains("unknown field `listn`"), "{error}");
    }

    #[test]
    fn invalid_key_is_named_in_the_error() {
        for (section, expected) in [
            (serde_json::json!({"cors_origins": ["x"]}), "[server] cors_origins: expected an origin"),
            (serde_json::json!({"toggles_header": "a b"}), "[server] toggles_header: expected the name"),
            (serde_json::json!({"trusted_proxies": ["x"]}), "[server] trusted_proxies: expected networks"),
            (serde_json::json!({"signing_key": "short"}), "[server] signing_key: expected 16 random bytes"),
            (
                serde_json::json!({"max_connections": 0}),
                "[server] max_connections: expected 1 or more, found 0",
            ),
            (serde_json::json!({"body_limit": 0}), "[server] body_limit: expected 1 or more, found 0"),
            (
                serde_json::json!({"impact_warning": 101}),
                "[server] impact_warning: expected at most 100, found 101",
            ),
            (
                serde_json::json!({"sample_contexts": 10_001}),
                "[server] sample_contexts: expected at most 10000, found 10001",
            ),
            (serde_json::json!({"context_limit": 0}), "[server] context_limit: expected 1 or more, found 0"),
            (
                serde_json::json!({"context_values": 0}),
                "[server] context_values: expected 1 or more, found 0",
            ),
            (serde_json::json!({"tls_cert": "x.pem"}), "[server] tls_cert: requires tls_key"),
            (serde_json::json!({"tls_key": "x.pem"}), "[server] tls_key: requires tls_cert"),
        ] {
            let error = parse(section).options(Path::new("")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn all_invalid_keys_are_in_one_error() {
        let section = serde_json::json!({
            "body_limit": 0,
            "cors_origins": ["x"],
            "tls_key": "x.pem",
            "trusted_proxies": ["10.0.0.0/8", "x", "y"],
        });
        let error = parse(section).options(Path::new("")).unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines[0], "5 problems");
        let keys: Vec<&str> =
            lines[1..].iter().filter_map(|line| line.split(['[', ' ', ':']).nth(2)).collect();
        assert_eq!(keys, ["body_limit", "trusted_proxies", "trusted_proxies", "cors_origins", "tls_key"]);
    }
}
