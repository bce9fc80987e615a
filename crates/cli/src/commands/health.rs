//! `health`: what asks a server in a container that has no other program to ask it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    client::conn::http1::handshake,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::Session;
use crate::{
    args::Health,
    failure::Failure,
    output::{print, print_json},
};

/// More than a server of novi says of itself.
const LIMIT: usize = 64 * 1024;

pub(crate) async fn health(session: &Session, arguments: Health) -> Result<ExitCode, Failure> {
    let Health { url, live, timeout: patience } = arguments;
    let authority = match url {
        None => here(session.config.server.listen).to_string(),
        Some(url) => authority(&url)?,
    };
    let path = if live { "/health/live" } else { "/health/ready" };
    let about = format!("http://{authority}{path}");
    let failed = |why: String| Failure::network(format!("{about}: {why}"));
    let Ok(answer) = timeout(patience, ask(&authority, path)).await else {
        let patience = humantime::format_duration(patience);
        return Err(failed(format!("no answer within {patience}; --timeout gives it longer")));
    };
    let (status, body) = answer.map_err(|error| failed(error.to_string()))?;
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != StatusCode::OK {
        let why = told["reason"].as_str().unwrap_or("it says nothing more");
        return Err(failed(format!("expected 200, found {}: {why}", status.as_u16())));
    }
    let Some(word) = told["status"].as_str() else {
        return Err(failed("expected the answer of a server of novi, found another one".to_owned()));
    };
    if session.json {
        print_json(&told)?;
    } else {
        print(format_args!("{about} is {word}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a server that listens so is found from the same machine.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The host and port of an address.
fn authority(url: &Uri) -> Result<String, Failure> {
    let plain = url.scheme_str().is_none_or(|scheme| scheme == "http");
    match url.authority().filter(|_| plain && matches!(url.path(), "" | "/")) {
        Some(authority) if authority.port().is_some() => Ok(authority.to_string()),
        Some(authority) => Ok(format!("{authority}:80")),
        None => Err(Failure::usage(format!("expected an address like http://127.0.0.1:6684, found {url}"))),
    }
}

async fn ask(
    authority: &str,
    path: &str,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LIMIT).collect().await?.to_bytes();
        Ok((status, body))
    };
    // The connection moves only while it is polled, and ends when there is nobody left to ask by it.
    let (answer, ended) = tokio::join!(answered, connection);
    // Why it was lost says more than that it was.
    answer.map_err(|error| ended.err().map_or(error, Into::into))
}
