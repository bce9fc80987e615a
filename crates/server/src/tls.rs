//! TLS: a certificate and its key, from files that are read anew when they change.

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

/// What a server proves its name with. Clones share what they have read.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    present: ArcSwap<ServerConfig>,
    looked: Mutex<Look>,
}

/// What the files were like when somebody last looked.
struct Look {
    at: Instant,
    stamps: [Option<Stamp>; 2],
}

/// When a file was written, and its length.
type Stamp = (SystemTime, u64);

impl Tls {
    /// The files are looked at so often, when somebody connects. Who renews certificates by a timer has days.
    const LOOK: Duration = Duration::from_secs(1);

    /// Reads a certificate, followed by those that lead to a root, and its key, from files in PEM. When they change they are read
    /// anew: a certificate that is renewed needs no restart.
    ///
    /// # Errors
    /// A file can not be read, has no certificate or no key, or the two do not belong together; the text says which.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> io::Result<Self> {
        let (certificate, key) = (certificate.into(), key.into());
        // Before they are read: what is written in between is seen at the next look.
        let stamps = [stamp(&certificate), stamp(&key)];
        let present = ArcSwap::from_pointee(read(&certificate, &key)?);
        let looked = Mutex::new(Look { at: Instant::now(), stamps });
        Ok(Self { inner: Arc::new(Inner { certificate, key, present, looked }) })
    }

    /// Shakes hands with a client.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.inner.look();
        TlsAcceptor::from(self.inner.present.load_full()).accept(stream).await
    }
}

impl Inner {
    /// Reads the files anew if they have changed. While they are half of the old ones and half of the new, or make no sense,
    /// the old ones stay.
    fn look(&self) {
        // Whoever comes while somebody looks takes what is there.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.at.elapsed() < Tls::LOOK {
            return;
        }
        looked.at = Instant::now();
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps == looked.stamps {
            return;
        }
        looked.stamps = stamps;
        match read(&self.certificate, &self.key) {
            Ok(config) => {
                self.present.store(Arc::new(config));
                tracing::info!(certificate = %self.certificate.display(), "the certificate was read anew");
            }
            Err(error) => tracing::warn!("{error}; the certificate of before stays"),
        }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(certificate: &Path, key: &Path) -> io::Result<ServerConfig> {
    let wrong = |file: &Path, what: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", file.display()))
    };
    let unread = |file: &Path, error: pem::Error, what: &str| match error {
        pem::Error::Io(error) => {
            io::Error::new(error.kind(), format!("could not read {}: {error}", file.display()))
        }
        pem::Error::NoItemsFound => wrong(file, format!("expected {what} in PEM, found none")),
        other => wrong(file, format!("expected {what} in PEM: {other}")),
    };
    let in_certificate = |error| unread(certificate, error, "a certificate (BEGIN CERTIFICATE)");
    let chain = CertificateDer::pem_file_iter(certificate).map_err(in_certificate)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(in_certificate)?;
    if chain.is_empty() {
        return Err(in_certificate(pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unread(key, error, "a private key (BEGIN PRIVATE KEY)"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| {
            wrong(certificate, format!("does not go with the key {}: {error}", key.display()))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.inner.certificate).finish_non_exhaustive()
    }
}
