//! TLS, with a certificate and its key in files that are reloaded when they change.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, SecondsFormat, Utc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CertificateError, RootCertStore, ServerConfig,
        client::verify_server_cert_signed_by_trust_anchor,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem, pem::PemObject as _},
        server::ParsedCertificate,
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
    /// Held while the files are read.
    checked: Arc<Mutex<Check>>,
}

/// The state of the files when they were last checked.
struct Check {
    at: Instant,
    stamps: [Option<Stamp>; 2],
}

/// What differs between two versions of a file: its modification time and length, and on Unix the file itself, its
/// device, and when anything about it changed, since a copy can keep the times of the original.
#[derive(PartialEq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    #[cfg(unix)]
    file: (u64, u64, i64, i64),
}

impl Tls {
    /// The shortest time between two checks of the files, which a new connection triggers.
    const CHECK_INTERVAL: Duration = Duration::from_secs(1);
    /// Longer than a file system takes, unless it is on a network and unavailable.
    const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

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
        let checked = Arc::new(Mutex::new(Check { at: Instant::now(), stamps }));
        Ok(Self { inner: Arc::new(Inner { certificate, key, current, checked }) })
    }

    /// Performs the handshake with a client.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Inner::check(&self.inner);
        TlsAcceptor::from(self.inner.current.load_full()).accept(stream).await
    }
}

impl Inner {
    /// Checks the files in the background, at most once per interval. Connections use the current certificate
    /// meanwhile.
    fn check(this: &Arc<Self>) {
        // While a check waits for the file system, no other one is started.
        let Ok(checked) = Arc::clone(&this.checked).try_lock_owned() else { return };
        if checked.at.elapsed() < Tls::CHECK_INTERVAL {
            return;
        }
        let inner = Arc::clone(this);
        let mut check = spawn_blocking(move || inner.reload_if_changed(checked));
        let certificate = this.certificate.display().to_string();
        tokio::spawn(async move {
            if timeout(Tls::CHECK_TIMEOUT, &mut check).await.is_err() {
                let waited = Tls::CHECK_TIMEOUT;
                tracing::warn!(
                    certificate,
                    "reading the certificate takes more than {waited:?}; using the previous one"
                );
            }
        });
    }

    /// Reloads the files if they have changed. While they do not match or are invalid, the previous
    /// certificate stays.
    fn reload_if_changed(&self, mut checked: OwnedMutexGuard<Check>) {
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps != checked.stamps {
            checked.stamps = stamps;
            match load(&self.certificate, &self.key) {
                Ok(config) => {
                    self.current.store(Arc::new(config));
                    tracing::info!(certificate = %self.certificate.display(), "reloaded the certificate");
                }
                Err(error) => tracing::warn!("{error}; keeping the previous certificate"),
            }
        }
        // After reading, which may take long.
        checked.at = Instant::now();
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok()?,
        length: metadata.len(),
        #[cfg(unix)]
        file: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Logs that clients reject a certificate because of the time. It is used nevertheless: the clock may be wrong, and
/// without a certificate there would be no connection at all.
fn warn_of_validity(file: &Path, certificate: &CertificateDer<'_>) {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return };
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    // Without roots, no certificate passes; the time is checked before them.
    let checked = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &RootCertStore::empty(),
        &[],
        UnixTime::now(),
        algorithms,
    );
    let text = |time: UnixTime| {
        let time =
            i64::try_from(time.as_secs()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        time.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let certificate = file.display();
    match checked {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            let end = text(not_after);
            tracing::warn!(%certificate, "the certificate expired at {end}; clients reject it");
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before, ..
        })) => {
            let start = text(not_before);
            tracing::warn!(%certificate, "the certificate is not valid before {start}; clients reject it");
        }
        _ => {}
    }
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
    if let Some(own) = chain.first() {
        warn_of_validity(certificate, own);
    }
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
