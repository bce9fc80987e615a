//! TLS, with a certificate and its key in files that are reloaded when they change.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    },
    server::TlsStream,
};

/// The name of HTTP/2 in the handshake.
pub(crate) const HTTP2: &[u8] = b"h2";

/// The certificate of a server and its key. Clones share it.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
    checked: Mutex<Check>,
}

/// The state of the files when they were last checked.
struct Check {
    at: Instant,
    stamps: [Option<Stamp>; 2],
}

/// A file's modification time and length.
type Stamp = (SystemTime, u64);

impl Tls {
    /// The shortest time between two checks of the files, which a new connection triggers.
    const CHECK_INTERVAL: Duration = Duration::from_secs(1);

    /// Reads a certificate chain and its key from PEM files. The files are reloaded when they change: a
    /// renewed certificate needs no restart.
    ///
    /// # Errors
    /// If a file cannot be read, has no certificate or no key, or the certificate does not match the key.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> io::Result<Self> {
        let (certificate, key) = (certificate.into(), key.into());
        // Before the files are read, so that the next check notices a write in between.
        let stamps = [stamp(&certificate), stamp(&key)];
        let current = ArcSwap::from_pointee(load(&certificate, &key)?);
        let checked = Mutex::new(Check { at: Instant::now(), stamps });
        Ok(Self { inner: Arc::new(Inner { certificate, key, current, checked }) })
    }

    /// Performs the handshake with a client.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.inner.reload_if_changed();
        TlsAcceptor::from(self.inner.current.load_full()).accept(stream).await
    }
}

impl Inner {
    /// Reloads the files if they have changed. While they do not match or are invalid, the previous
    /// certificate stays.
    fn reload_if_changed(&self) {
        // A connection that arrives during a check uses the current certificate.
        let Ok(mut checked) = self.checked.try_lock() else { return };
        if checked.at.elapsed() < Tls::CHECK_INTERVAL {
            return;
        }
        checked.at = Instant::now();
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps == checked.stamps {
            return;
        }
        checked.stamps = stamps;
        match load(&self.certificate, &self.key) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!(certificate = %self.certificate.display(), "reloaded the certificate");
            }
            Err(error) => tracing::warn!("{error}; keeping the previous certificate"),
        }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn load(certificate: &Path, key: &Path) -> io::Result<ServerConfig> {
    let invalid = |file: &Path, what: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", file.display()))
    };
    let unreadable = |file: &Path, error: pem::Error, what: &str| match error {
        pem::Error::Io(error) => {
            io::Error::new(error.kind(), format!("could not read {}: {error}", file.display()))
        }
        pem::Error::NoItemsFound => invalid(file, format!("expected {what} in PEM, found none")),
        other => invalid(file, format!("expected {what} in PEM: {other}")),
    };
    let in_certificate = |error| unreadable(certificate, error, "a certificate (BEGIN CERTIFICATE)");
    let chain = CertificateDer::pem_file_iter(certificate).map_err(in_certificate)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(in_certificate)?;
    if chain.is_empty() {
        return Err(in_certificate(pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(key, error, "a private key (BEGIN PRIVATE KEY)"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| {
            invalid(certificate, format!("does not match the key {}: {error}", key.display()))
        })?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.inner.certificate).finish_non_exhaustive()
    }
}
