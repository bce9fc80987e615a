//! Signatures: what this server, or one that shares its key, has given out.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac, digest::Key};
use sha2_11::Sha256;
use uuid::Uuid;

/// A secret that signs.
#[derive(Clone)]
pub struct SigningKey {
    /// With the key taken in, so that it need not be taken in each time.
    mac: Hmac<Sha256>,
}

impl SigningKey {
    /// The fewest bytes of a key: less can be guessed.
    pub const SHORTEST: usize = 16;

    /// The key with these bytes; nothing if they are fewer than [`SHORTEST`](Self::SHORTEST).
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Option<Self> {
        let secret = secret.as_ref();
        // A key of any length will do for HMAC.
        let mac = Hmac::new_from_slice(secret).ok()?;
        (secret.len() >= Self::SHORTEST).then_some(Self { mac })
    }

    /// A key that nobody else has.
    pub(crate) fn random() -> Self {
        let (one, other) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(one.into_iter().chain(other)).for_each(|(to, from)| *to = from);
        Self { mac: Hmac::new(&key) }
    }

    /// HMAC-SHA-256 of a message. `purpose` keeps what is signed for one thing from being taken for another.
    pub(crate) fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.taken(purpose, message).finalize().into_bytes().into()
    }

    /// Whether a message has a signature that begins so; takes as long whether it has or not.
    pub(crate) fn verify_start(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        self.taken(purpose, message).verify_truncated_left(signature).is_ok()
    }

    fn taken(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
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
