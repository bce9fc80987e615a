//! The position of a caller in a rollout: an attribute, hashed with a salt.

mod cbor;
pub(crate) mod hash;
pub(in crate::builtin) mod sql;

use crate::{
    activation::{CompileContext, Draws, Verdict, bucket::Salted, evaluation::Evaluation, trace::Draw},
    builtin::audience::{attribute_names::AttributeNames, scalar::with_key},
    context::value::Value,
};

pub(in crate::builtin) use hash::{HashName, Purpose};

/// An attribute of the caller with a salt and a hash.
pub(in crate::builtin) struct Sticky {
    /// `None`, as in most rows, is murmur3 of the targeting key with the name of the flag as salt.
    settings: Option<Box<Settings>>,
}

/// The settings of a row.
struct Settings {
    /// `None` is the targeting key.
    by: Option<AttributeNames>,
    hash: Salt,
    /// The salt of the row, for explanations.
    salt: Option<Box<str>>,
}

enum Salt {
    /// murmur3. `None` is the name of the flag.
    Murmur3(Option<Salted>),
    /// Another hash. No salt is the name of the flag, if the hash has a default salt.
    Other(HashName),
}

impl Sticky {
    pub(in crate::builtin) fn compile(
        by: Option<AttributeNames>,
        salt: Option<String>,
        hash: HashName,
        row: &mut CompileContext<'_>,
    ) -> Option<Self> {
        if let Some(problem) = hash.problem_of_salt(salt.as_deref()) {
            row.problem(".salt", problem);
            return None;
        }
        if salt.is_none() && hash.is_salted() {
            row.depends_on_flag();
        }
        let by = match by {
            Some(by) => Some(by.validate(".by", row)?),
            None => None,
        };
        let salt: Option<Box<str>> = salt.map(Into::into);
        let hash = match hash {
            HashName::Murmur3 if by.is_none() && salt.is_none() => return Some(Self { settings: None }),
            HashName::Murmur3 => Salt::Murmur3(salt.as_deref().map(Salted::new)),
            hash => Salt::Other(hash),
        };
        Some(Self { settings: Some(Box::new(Settings { by, hash, salt })) })
    }

    /// The draw of a caller with a place, for explanations. `range` is the range that is in.
    pub(in crate::builtin) fn draw(
        &self,
        place: u32,
        range: (Option<u32>, Option<u32>),
        evaluation: &Evaluation<'_>,
    ) -> Draw {
        let (hash, settings) = (self.hash(), self.settings.as_deref());
        let value = self.value(evaluation);
        let number = |place: u32| hash.number(place);
        Draw {
            hash: hash.name(),
            salt: salt_of(hash, settings.and_then(|settings| settings.salt.as_deref()), evaluation)
                .map(str::to_owned),
            key: value
                .map(|value| with_key(value, str::to_owned).unwrap_or_else(|| value.to_string()))
                .unwrap_or_default(),
            bucket: number(place),
            from: range.0.map(number),
            to: range.1.map(number),
        }
    }

    /// The value that the caller is drawn by.
    fn value<'c>(&'c self, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
        match self.settings.as_deref().and_then(|settings| settings.by.as_ref()) {
            Some(by) => by.find(evaluation),
            None => evaluation.identity(),
        }
    }

    /// The verdict of a draw for a caller without a place. `drawn` is that of a draw that is won.
    #[cold]
    pub(in crate::builtin) fn without_place(&self, drawn: Verdict, evaluation: &Evaluation<'_>) -> Verdict {
        let by = self.settings.as_deref().and_then(|settings| settings.by.as_ref());
        let is_by_targeting_key = by.is_none_or(AttributeNames::has_targeting_key);
        evaluation.without_key(is_by_targeting_key.then_some(drawn))
    }

    /// The hash of the row.
    pub(in crate::builtin) fn hash(&self) -> HashName {
        match self.settings.as_deref() {
            Some(Settings { hash: Salt::Other(hash), .. }) => *hash,
            _ => HashName::Murmur3,
        }
    }

    /// The position of the caller, or `None` if the attribute is no [key](with_key).
    #[inline(always)]
    pub(in crate::builtin) fn place(&self, evaluation: &Evaluation<'_>, purpose: Purpose) -> Option<u32> {
        let Some(Settings { by: Some(by), .. }) = self.settings.as_deref() else {
            let place = self.place_of(evaluation.targeting_value()?, evaluation, purpose);
            return place.or_else(|| self.place_of_alias(evaluation, purpose));
        };
        self.place_of(by.find(evaluation)?, evaluation, purpose)
    }

    /// The position by an alias of the targeting key, if that is empty. Apart, since few contexts have such a
    /// key (W2 and W6 of `scripts/instructions`).
    #[cold]
    #[inline(never)]
    fn place_of_alias(&self, evaluation: &Evaluation<'_>, purpose: Purpose) -> Option<u32> {
        self.place_of(evaluation.identity()?, evaluation, purpose)
    }

    #[inline(always)]
    fn place_of(&self, value: &Value<'_>, evaluation: &Evaluation<'_>, purpose: Purpose) -> Option<u32> {
        let salted = match self.settings.as_deref() {
            None | Some(Settings { hash: Salt::Murmur3(None), .. }) => evaluation.flag_salt(),
            Some(Settings { hash: Salt::Murmur3(Some(salted)), .. }) => *salted,
            Some(Settings { hash: Salt::Other(hash), salt, .. }) => {
                return place_by_hash(*hash, salt.as_deref(), value, evaluation, purpose);
            }
        };
        with_key(value, |key: &str| {
            let hash = salted.hash(key.as_bytes());
            if purpose.is_variant() { hash.variant_bucket() } else { hash.bucket() }
        })
    }
}

impl Draws for Sticky {
    fn with_unit(&self, evaluation: &Evaluation<'_>, read: &mut dyn FnMut(&str)) {
        self.value(evaluation).and_then(|value| with_key(value, read));
    }

    fn is_plain(&self) -> bool {
        self.settings.as_deref().is_none_or(|settings| settings.by.is_none())
    }
}

#[inline(never)]
fn place_by_hash(
    hash: HashName,
    salt: Option<&str>,
    value: &Value<'_>,
    evaluation: &Evaluation<'_>,
    purpose: Purpose,
) -> Option<u32> {
    let salt = salt_of(hash, salt, evaluation).unwrap_or_default();
    if hash.takes_any_value(salt) {
        return HashName::place_of_value(value);
    }
    with_key(value, |key| hash.place(salt, key, purpose))
}

/// The salt of the row, or the default of the hash.
fn salt_of<'s>(hash: HashName, salt: Option<&'s str>, evaluation: &'s Evaluation<'_>) -> Option<&'s str> {
    salt.or_else(|| hash.is_salted().then(|| evaluation.flag_name()))
}
