//! Whom a rollout goes by: an attribute, hashed under a salt.

pub(crate) mod hash;

use crate::{
    activation::{Compile, bucket::Salted, evaluation::Check},
    builtin::audience::{attribute_names::By, scalar::with_key},
    context::value::Value,
};

pub(in crate::builtin) use hash::{HashName, Purpose};

/// An attribute of the caller, under a salt.
pub(in crate::builtin) struct Sticky {
    /// Nothing, as in most rows: the targeting key under the flag's name, by murmur3.
    own: Option<Box<Own>>,
}

/// What a row says of it.
struct Own {
    /// Nothing: the targeting key.
    by: Option<By>,
    hash: Salt,
}

enum Salt {
    /// By murmur3. Nothing: under the flag's name.
    Murmur3(Option<Salted>),
    /// By another hash. Nothing: under the flag's name, if the hash has a salt.
    Other(HashName, Option<Box<str>>),
}

impl Sticky {
    pub(in crate::builtin) fn compile(
        by: Option<By>,
        salt: Option<String>,
        hash: HashName,
        row: &mut Compile<'_>,
    ) -> Option<Self> {
        if salt.is_none() && hash.is_salted() {
            row.depends_on_flag();
        }
        let by = match by {
            Some(by) => Some(by.checked(".by", row)?),
            None => None,
        };
        let own = match (hash, salt) {
            (HashName::Murmur3, None) if by.is_none() => return Some(Self { own: None }),
            (HashName::Murmur3, salt) => Salt::Murmur3(salt.as_deref().map(Salted::new)),
            (hash, salt) => Salt::Other(hash, salt.map(Into::into)),
        };
        Some(Self { own: Some(Box::new(Own { by, hash: own })) })
    }

    /// The hash that the row pins.
    pub(in crate::builtin) fn hash(&self) -> HashName {
        match self.own.as_deref() {
            Some(Own { hash: Salt::Other(hash, _), .. }) => *hash,
            _ => HashName::Murmur3,
        }
    }

    /// The caller's place; nothing if the attribute is missing or neither text nor a whole number.
    #[inline(always)]
    pub(in crate::builtin) fn place(&self, check: &Check<'_>, purpose: Purpose) -> Option<u32> {
        let (salted, value) = match self.own.as_deref() {
            None => (check.flag_salt(), check.targeting_value()?),
            Some(Own { by, hash }) => {
                let value = match by {
                    None => check.targeting_value()?,
                    Some(by) => by.find(check)?,
                };
                match hash {
                    Salt::Murmur3(salted) => (salted.unwrap_or_else(|| check.flag_salt()), value),
                    Salt::Other(hash, salt) => return other(*hash, salt.as_deref(), value, check, purpose),
                }
            }
        };
        let hash = |key: &str| {
            let hash = salted.hash(key.as_bytes());
            if purpose == Purpose::Share { hash.bucket() } else { hash.variant_bucket() }
        };
        with_key(value, hash)
    }
}

#[inline(never)]
fn other(
    hash: HashName,
    salt: Option<&str>,
    value: &Value<'_>,
    check: &Check<'_>,
    purpose: Purpose,
) -> Option<u32> {
    let salt = match salt {
        Some(salt) => salt,
        None if hash.is_salted() => check.flag_name(),
        None => "",
    };
    with_key(value, |key| hash.place(salt, key, purpose))
}
