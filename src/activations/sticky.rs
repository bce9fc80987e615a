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
#[derive(Debug, Default)]
pub(super) struct Sticky {
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
        Self { by: by.map(Into::into), salted: salt.map(Salted::new) }
    }

    /// The caller's hash; nothing if the attribute is missing or neither text nor a whole number.
    #[inline(always)]
    pub(super) fn hash(&self, check: &Check<'_>) -> Option<Hash> {
        let salted = self.salted.unwrap_or_else(|| check.flag_salt());
        let value = match &self.by {
            None => check.targeting_value()?,
            Some(name) => check.get(name)?,
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
