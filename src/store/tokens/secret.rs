//! What a caller of a server proves itself with, and what that lets it do.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// What the holder of a token may do; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Evaluate exposed flags: for browsers and phones, whose tokens anybody can read.
    Client,
    /// Evaluate any flag for any user, and read the flags.
    Server,
    /// Change flags.
    Admin,
}

impl Role {
    /// All roles, least rights first.
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Admin];

    /// The name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Admin => "admin",
        }
    }

    /// The letter of the role in a secret, to recognize one that is found.
    const fn letter(self) -> char {
        match self {
            Self::Client => 'c',
            Self::Server => 's',
            Self::Admin => 'a',
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("expected client, server or admin, found {text:?}"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The SHA-256 of a secret, which is all that is stored of it.
///
/// Secrets are 32 random bytes and cannot be guessed, however fast the hash is: a password hash, slow on
/// purpose, would cost time on each request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a text that a caller presents as a secret.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        // Two digits per byte; text that is not ASCII cannot be split.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// As 64 hexadecimal digits.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected 64 hexadecimal digits"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// A secret that was just created: it is shown once, and only its hash is stored.
///
/// It has no `Display`, and its `Debug` shows only the role, so that no log has it by accident.
///
/// ```
/// use novi::store::token::{Role, Secret};
///
/// let secret = Secret::generate(Role::Server)?;
/// assert!(secret.reveal().starts_with("novi_s_"));
/// assert_eq!(format!("{secret:?}"), "Secret(server)");
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    role: Role,
    text: String,
}

impl Secret {
    /// A new secret: 32 bytes of the operating system's randomness, as `novi_`, the role's letter, and 43
    /// characters of base64url.
    ///
    /// # Errors
    /// [`Error::Store`] if the operating system has no randomness.
    pub fn generate(role: Role) -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::store("this computer", "could not draw a secret", error))?;
        let text = format!("novi_{}_{}", role.letter(), BASE64_URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self { role, text })
    }

    /// The role of the secret.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The secret itself, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether a text has the form of a secret that [`generate`](Self::generate) returns.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        let rest = text.strip_prefix("novi_").and_then(|rest| rest.split_once('_'));
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        rest.is_some_and(|(role, random)| {
            role.len() == 1 && random.len() == 43 && random.bytes().all(is_base64url)
        })
    }

    /// The hash, to be stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_named() {
        assert!(Role::Client < Role::Server && Role::Server < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!(
            "root".parse::<Role>(),
            Err("expected client, server or admin, found \"root\"".to_owned())
        );
    }

    #[test]
    fn secrets_differ_and_are_not_told_by_accident() {
        let (one, other) = (Secret::generate(Role::Admin).unwrap(), Secret::generate(Role::Admin).unwrap());
        assert_ne!(one.reveal(), other.reveal());
        let random = one.reveal().strip_prefix("novi_a_").unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
        assert!(Secret::looks_like(one.reveal()) && !Secret::looks_like(random));
        let told = format!("{one:?} {:?} {}", one.hash(), one.hash());
        assert!(!told.contains(random), "{told}");
    }

    #[test]
    fn a_hash_is_what_others_make_of_the_secret() {
        let hash = TokenHash::of("novi");
        assert_eq!(
            hash.to_string(),
            // printf novi | sha256sum
            "0e138a7406b6583942db7e3fea19a349e9ac607bf008a0cfdc30c5f675d56b5d"
        );
        assert_eq!(TokenHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(serde_json::from_value::<TokenHash>(serde_json::to_value(hash).unwrap()).unwrap(), hash);
        assert!(serde_json::from_str::<TokenHash>("\"12\"").is_err());
        for text in ["", "12", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(TokenHash::parse(text), None, "{text}");
        }
    }
}
