//! Signatures of this server, or of those that share its key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac, digest::Key};
use sha2_11::Sha256;
use uuid::Uuid;

/// A secret key for signatures.
#[derive(Clone)]
pub struct SigningKey {
    /// Initialized with the key once, and cloned for each signature.
    mac: Hmac<Sha256>,
}

impl SigningKey {
    /// The fewest bytes of a key; a shorter one could be guessed.
    pub const SHORTEST: usize = 16;

    /// The key with these bytes. Returns `None` if they are fewer than [`SHORTEST`](Self::SHORTEST).
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Option<Self> {
        let secret = secret.as_ref();
        let mac = Hmac::new_from_slice(secret).ok()?;
        (secret.len() >= Self::SHORTEST).then_some(Self { mac })
    }

    /// A random key.
    pub(crate) fn random() -> Self {
        let (one, other) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(one.into_iter().chain(other)).for_each(|(to, from)| *to = from);
        Self { mac: Hmac::new(&key) }
    }

    /// The HMAC-SHA-256 of a message. A signature for one `purpose` is not valid for another.
    pub(crate) fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.mac(purpose, message).finalize().into_bytes().into()
    }

    /// Whether the signature of a message starts with these bytes, compared in constant time.
    pub(crate) fn verify_start(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        self.mac(purpose, message).verify_truncated_left(signature).is_ok()
    }

    fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(message);
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}
