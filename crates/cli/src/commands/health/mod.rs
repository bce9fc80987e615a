//! `novi health`: a health check for containers that have no other HTTP client.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1::handshake,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

/// Larger than any health response.
const LIMIT: usize = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  novi health
  novi health --live http://10.0.0.7:6684";

/// Check whether a server is ready (exit code 4 if it is not)
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Health {
    /// Address of the server [default: the configured port on this machine]
    #[arg(value_name = "URL")]
    url: Option<Uri>,

    /// Check only that it responds, even if its database is unavailable
    #[arg(long)]
    live: bool,

    /// Time to wait for the response
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Health {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let authority = match &self.url {
            None => local(session.config.server.listen).to_string(),
            Some(url) => authority(url)?,
        };
        let path = if self.live { "/health/live" } else { "/health/ready" };
        let about = format!("http://{authority}{path}");
        let failed = |why: String| Failure::network(format!("{about}: {why}"));
        let Ok(response) = timeout(self.timeout, get(&authority, path)).await else {
            let limit = humantime::format_duration(self.timeout);
            return Err(failed(format!("no response within {limit}; --timeout extends the limit")));
        };
        let (status, body) = response.map_err(|error| failed(error.to_string()))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status != StatusCode::OK {
            let why = body["reason"].as_str().unwrap_or("no reason given");
            return Err(failed(format!("expected status 200, found {}: {why}", status.as_u16())));
        }
        let Some(state) = body["status"].as_str() else {
            return Err(failed("expected a response of a novi server, found something else".to_owned()));
        };
        if session.json {
            print_json(&body)?;
        } else {
            print(format_args!("{about} is {state}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The address of a server on this machine that listens on this address.
fn local(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The host and port of a URL.
fn authority(url: &Uri) -> Result<String, Failure> {
    let plain = url.scheme_str().is_none_or(|scheme| scheme == "http");
    match url.authority().filter(|_| plain && matches!(url.path(), "" | "/")) {
        Some(authority) if authority.port().is_some() => Ok(authority.to_string()),
        Some(authority) => Ok(format!("{authority}:80")),
        None => Err(Failure::usage(format!("expected an address like http://127.0.0.1:6684, found {url}"))),
    }
}

async fn get(
    authority: &str,
    path: &str,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())?;
    let response = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LIMIT).collect().await?.to_bytes();
        Ok((status, body))
    };
    // The connection makes progress only while it is polled, and ends when `sender` is dropped.
    let (response, ended) = tokio::join!(response, connection);
    // The connection's own error says more than "connection closed".
    response.map_err(|error| ended.err().map_or(error, Into::into))
}
