//! Whom a rollout goes by: an attribute, hashed under a salt.

use std::fmt::Write as _;

use arrayvec::ArrayString;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Check, Compile, Value,
    bucket::{Hash, Salted},
};

/// The hash that a row pins.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HashName {
    #[default]
    Murmur3,
}

/// An attribute of the caller, under a salt.
pub(super) struct Sticky {
    /// Nothing, as in most rows: the targeting key under the flag's name.
    own: Option<Box<Own>>,
}

/// What a row says of it.
struct Own {
    /// Nothing: the targeting key.
    by: Option<Box<str>>,
    /// Nothing: the flag's name.
    salted: Option<Salted>,
}

impl Sticky {
    pub(super) fn compile(
        by: Option<String>,
        salt: Option<&str>,
        hash: HashName,
        row: &mut Compile<'_>,
    ) -> Self {
        let HashName::Murmur3 = hash;
        if salt.is_none() {
            row.depends_on_flag();
        }
        let own = Own { by: by.map(Into::into), salted: salt.map(Salted::new) };
        Self { own: (own.by.is_some() || own.salted.is_some()).then(|| Box::new(own)) }
    }

    /// The caller's hash; nothing if the attribute is missing or neither text nor a whole number.
    #[inline(always)]
    pub(super) fn hash(&self, check: &Check<'_>) -> Option<Hash> {
        let (salted, value) = match self.own.as_deref() {
            None => (check.flag_salt(), check.targeting_value()?),
            Some(Own { by, salted }) => {
                let value = match by {
                    None => check.targeting_value()?,
                    Some(name) => check.get(name)?,
                };
                (salted.unwrap_or_else(|| check.flag_salt()), value)
            }
        };
        match value {
            Value::Str(text) | Value::BigInt(text) => Some(salted.hash(text.as_bytes())),
            Value::Int(number) => digits(salted, *number),
            Value::UInt(number) => digits(salted, *number),
            _ => None,
        }
    }
}

/// The hash of a number's decimal digits, so that 7 and "7" are one caller.
fn digits(salted: Salted, number: impl std::fmt::Display) -> Option<Hash> {
    // Twenty digits, or nineteen and a sign.
    let mut text = ArrayString::<20>::new();
    write!(text, "{number}").ok()?;
    Some(salted.hash(text.as_bytes()))
}
