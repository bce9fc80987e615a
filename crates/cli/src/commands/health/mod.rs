//! `novi health`: a health check for containers that have no other HTTP client.

mod tls;

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
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::value_parser::duration;
use crate::{
    output::{Failure, print, print_json},
    session::{Config, Session},
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Larger than any health response.
const LIMIT: usize = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  novi health
  novi health --live http://10.0.0.7:6684

Over HTTPS the certificate is not verified.";

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
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    timeout: Duration,
}

impl Health {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let server = match &self.url {
            None => Server::configured(&session.config),
            Some(url) => Server::at(url)?,
        };
        let path = if self.live { "/health/live" } else { "/health/ready" };
        let about = format!("{}://{}{path}", server.scheme(), server.address);
        let failed = |why: String| Failure::system(format!("{about}: {why}"));
        let Ok(response) = timeout(self.timeout, server.get(path)).await else {
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

/// A server to check.
struct Server {
    /// Host and port.
    address: String,
    tls: bool,
}

impl Server {
    /// The configured server on this machine.
    fn configured(config: &Config) -> Self {
        let listen = config.server.listen;
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let tls = config.file(&config.server.tls_cert).is_some();
        Self { address: SocketAddr::new(ip, listen.port()).to_string(), tls }
    }

    fn at(url: &Uri) -> Result<Self, Failure> {
        let expected = || {
            let message = format!(
                "expected an address like http://127.0.0.1:6684 or https://flags.example.org, found {url}"
            );
            Failure::usage(message)
        };
        let (tls, port) = match url.scheme_str() {
            None | Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) => return Err(expected()),
        };
        let authority = url.authority().filter(|_| matches!(url.path(), "" | "/")).ok_or_else(expected)?;
        let address = match authority.port() {
            Some(_) => authority.to_string(),
            None => format!("{authority}:{port}"),
        };
        Ok(Self { address, tls })
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), Error> {
        let stream = TcpStream::connect(&self.address).await?;
        if self.tls {
            let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
            request(tls::connect(host, stream).await?, &self.address, path).await
        } else {
            request(stream, &self.address, path).await
        }
    }
}

async fn request<S>(stream: S, address: &str, path: &str) -> Result<(StatusCode, Bytes), Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, address)
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
    response.map_err(|error: Error| ended.err().map_or(error, Into::into))
}
