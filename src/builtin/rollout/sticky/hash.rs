//! The hashes of rollouts, exactly as other systems have published them.

use std::borrow::Cow;

use blake2::{
    Blake2sVar,
    digest::{Update as _, VariableOutput as _},
};
use md5::Md5;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    activation::{
        bucket::{Hash, Salted},
        sql::Scale,
    },
    builtin::{audience::scalar::digits, rollout::sticky::cbor},
    context::value::Value,
};

/// The hash of a rollout. With another hash every caller has another position.
///
/// `key` is the attribute of the caller. `salt` is the salt of the row, or else the name of the flag, except
/// where noted. To keep the same callers when migrating from another system, use its hash and its salt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::builtin) enum HashName {
    /// novi: murmur3 of salt:key, modulo 100,000; for variants mixed again. MurmurHash3 x86 32, seed 0
    #[default]
    Murmur3,
    /// novi, if SQL must compute the same: the first 4 bytes of MD5(salt:key), big endian, modulo 100,000;
    /// for variants the next 4
    Md5,
    /// Like md5, with SHA-256
    Sha256,
    /// hanoi's hash: CRC32(key) modulo 100, in if below the percentage; for variants modulo the sum of the
    /// weights. No default salt; a salt follows the key
    Crc32,
    /// The Ruby gem rollout: CRC32(key), in if below (2^32 - 1) / 100 times the percentage. No default salt;
    /// a salt follows the key (`randomize_percentage`)
    Rollout,
    /// Flipper: CRC32 of salt and key without a separator, modulo 100,000
    Flipper,
    /// Unleash: murmur3 of salt:key, modulo 100, plus 1, in if at most the percentage; for variants with seed
    /// 86028157 and modulo the sum of the weights. The salt is Unleash's groupId
    Unleash,
    /// flagd's fractional since 2026-04: murmur3 of salt and key without a separator, times the sum of the
    /// weights, divided by 2^32
    Flagd,
    /// LaunchDarkly: the first 15 hex digits of SHA-1(salt.key), divided by 0xFFFFFFFFFFFFFFF, in single
    /// precision. The salt is the flag's key, a dot, and its salt; or the seed of the rollout
    Sha1,
    /// GrowthBook, hash version 2: FNV-1a 32 of the decimal digits of FNV-1a 32 of salt and key, modulo
    /// 10,000. The salt is the seed, or the experiment's key
    Fnv1a,
    /// GrowthBook, hash version 1: FNV-1a 32 of key and salt, modulo 1,000
    GrowthbookV1,
    /// Eppo and Datadog (UFC): the first 8 hex digits of MD5(salt-key), modulo the number of shards, which is
    /// 10,000 for a percentage and the sum of the weights for variants. The salt is the shard's
    Ufc,
    /// ConfigCat: the first 7 hex digits of SHA-1 of salt and key without a separator, modulo 100. The salt
    /// is the setting's key
    Configcat,
    /// Flagsmith: MD5(salt,key) modulo 9,999, divided by 9,998, in if at most the percentage. The salt is the
    /// id or key of the segment, for variants that of the feature
    Flagsmith,
    /// PostHog: the first 15 hex digits of SHA-1(salt.key), divided by 0xFFFFFFFFFFFFFFF; for variants of
    /// SHA-1(salt.keyvariant). Compared in its first 32 bits. The salt is the flag's key
    Posthog,
    /// PostHog's holdouts: the first 15 hex digits of SHA-1(holdout-key), as above. No salt
    PosthogHoldout,
    /// flagd's fractional of the next versions: murmur3 of the deterministic CBOR of the list of salt and key,
    /// or with the salt "" of the attribute alone, which may have any type
    FlagdV3,
    /// flagd's fractional before 2026-04: the absolute value of murmur3 of salt and key as a signed integer,
    /// divided by 2^31
    FlagdV1,
    /// Split: murmur3 of the key, modulo 100, plus 1, in if at most the percentage. The salt is the seed, an
    /// integer
    Splitio,
    /// Optimizely: murmur3 of key and salt without a separator, seed 1, times 10,000, divided by 2^32. The
    /// salt is the id of the experiment or rollout
    Optimizely,
    /// Togglz, since 2.6: Java's hash of key:salt, without its sign, modulo 100. The key is in lower case and
    /// trimmed
    Togglz,
    /// Flagr: CRC32 of salt and key without a separator, modulo 1,000. The salt is the id of the flag
    Flagr,
    /// feats.py: BLAKE2s(key) modulo the sum of the weights, which is 100 for a percentage and at most 4,095
    /// for variants. No default salt; a salt follows the key
    Blake2s,
}

/// The purpose of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum Purpose {
    /// In or out.
    Share,
    /// The variant. The number is the sum of the weights, for hashes that divide by it.
    Variant(u32),
    /// In or out, by ranges of buckets. The number is how many buckets there are, for hashes that divide by
    /// it.
    Bucket(u32),
}

impl Purpose {
    pub(in crate::builtin) const fn is_variant(self) -> bool {
        matches!(self, Self::Variant(_))
    }

    /// What to divide by. `share` is what the other system divides by for a percentage.
    pub(in crate::builtin) fn divisor(self, share: u32) -> u32 {
        match self {
            Self::Share => share,
            Self::Variant(total) | Self::Bucket(total) => total.max(1),
        }
    }
}

/// Seed of Unleash's variants, which makes them independent of the rollout.
const UNLEASH_VARIANTS: u32 = 86_028_157;

/// The divisor of LaunchDarkly, in single precision.
#[expect(clippy::cast_precision_loss, reason = "as published")]
const LAUNCHDARKLY_SCALE: f32 = 0x0FFF_FFFF_FFFF_FFFF_u64 as f32;

impl HashName {
    /// Returns `true` if the default salt is the name of the flag.
    pub(in crate::builtin) const fn is_salted(self) -> bool {
        !matches!(self, Self::Crc32 | Self::Rollout | Self::PosthogHoldout | Self::Blake2s)
    }

    /// Returns `true` if variants depend on the sum of the weights, which must be integers then.
    pub(in crate::builtin) const fn divides_by_weights(self) -> bool {
        matches!(self, Self::Crc32 | Self::Unleash | Self::Ufc | Self::Blake2s)
    }

    /// The largest sum of weights or number of buckets.
    pub(in crate::builtin) const fn max_total(self) -> u32 {
        match self {
            // A longer sum needs a longer digest than 32 bytes.
            Self::Blake2s => 4_095,
            _ => u32::MAX,
        }
    }

    /// The number of different positions, as far as it does not depend on the sum of the weights.
    pub(in crate::builtin) const fn places(self) -> u32 {
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 | Self::Flipper => Hash::BUCKETS,
            Self::Fnv1a | Self::Optimizely => 10_000,
            Self::Flagsmith => 9_998,
            Self::GrowthbookV1 | Self::Flagr => 1_000,
            Self::Configcat | Self::Splitio | Self::Togglz => 100,
            _ => u32::MAX,
        }
    }

    /// Returns `true` if the hash supports variants.
    pub(in crate::builtin) const fn has_variants(self) -> bool {
        !matches!(self, Self::Rollout | Self::Flipper | Self::PosthogHoldout | Self::Togglz)
    }

    /// The problem of a salt, for a hash that needs a certain one. `None` stands for the name of the flag.
    pub(in crate::builtin) fn problem_of_salt(self, salt: Option<&str>) -> Option<String> {
        let expected = "expected the seed of the flag as an integer in a string, such as \"-92391491\"";
        match (self, salt) {
            (Self::Splitio, None) => Some(format!("{expected}, found none")),
            (Self::Splitio, Some(salt)) if seed(salt).is_none() => {
                Some(format!("{expected}, found {salt:?}"))
            }
            _ => None,
        }
    }

    /// The position of a key: an integer, or the bits of LaunchDarkly's float, which have the same order as
    /// the float.
    pub(in crate::builtin) fn place(self, salt: &str, key: &str, purpose: Purpose) -> u32 {
        let murmur3 = |seed, parts: &[&str]| {
            parts.iter().fold(Salted::seeded(seed), |hash, part| hash.fed(part.as_bytes())).finish()
        };
        match self {
            Self::Murmur3 => {
                let hash = Salted::new(salt).hash(key.as_bytes());
                if purpose.is_variant() { hash.variant_bucket() } else { hash.bucket() }
            }
            Self::Md5 => bucket_of_digest(&digest::<Md5>(&[salt, ":", key]), purpose),
            Self::Sha256 => bucket_of_digest(&digest::<Sha256>(&[salt, ":", key]), purpose),
            Self::Crc32 => crc32(&[key, salt]) % purpose.divisor(100),
            Self::Rollout => crc32(&[key, salt]),
            Self::Flipper => crc32(&[salt, key]) % Hash::BUCKETS,
            Self::Unleash => {
                let seed = if purpose.is_variant() { UNLEASH_VARIANTS } else { 0 };
                murmur3(seed, &[salt, ":", key]) % purpose.divisor(100)
            }
            // The last position is unused, so that a bound can be above all positions.
            Self::Flagd => murmur3(0, &[salt, key]).min(u32::MAX - 1),
            // An attribute alone is a key of any type, see `takes_any_value`.
            Self::FlagdV3 => cbor::pair(Salted::seeded(0), salt, key).finish().min(u32::MAX - 1),
            Self::Sha1 => launchdarkly(&digest::<Sha1>(&[salt, ".", key])),
            Self::Fnv1a => {
                let digits = digits(&fnv1a(&[salt, key])).unwrap_or_default();
                fnv1a(&[&digits]) % 10_000
            }
            Self::GrowthbookV1 => fnv1a(&[key, salt]) % 1_000,
            Self::Ufc => first_word(&digest::<Md5>(&[salt, "-", key])) % purpose.divisor(10_000),
            Self::Configcat => (first_word(&digest::<Sha1>(&[salt, key])) >> 4) % 100,
            Self::Flagsmith => flagsmith(salt, key),
            Self::Posthog => {
                let suffix = if purpose.is_variant() { "variant" } else { "" };
                first_word(&digest::<Sha1>(&[salt, ".", key, suffix])).min(u32::MAX - 1)
            }
            Self::PosthogHoldout => first_word(&digest::<Sha1>(&["holdout-", key])).min(u32::MAX - 1),
            Self::FlagdV1 => murmur3(0, &[salt, key]).cast_signed().unsigned_abs(),
            Self::Splitio => murmur3(seed(salt).unwrap_or_default(), &[key]) % 100,
            Self::Optimizely => {
                let hash = murmur3(1, &[key, salt]);
                u32::try_from((u64::from(hash) * 10_000) >> 32).unwrap_or_default()
            }
            Self::Togglz => togglz(salt, key),
            Self::Flagr => crc32(&[salt, key]) % 1_000,
            Self::Blake2s => blake2s(&[key, salt], purpose.divisor(100)),
        }
    }

    /// Whether values of any type are keys.
    pub(in crate::builtin) fn takes_any_value(self, salt: &str) -> bool {
        self == Self::FlagdV3 && salt.is_empty()
    }

    /// The position of a value of any type, without a salt.
    pub(in crate::builtin) fn place_of_value(value: &Value<'_>) -> Option<u32> {
        Some(cbor::value(Salted::seeded(0), value)?.finish().min(u32::MAX - 1))
    }

    /// How positions follow from a percentage; `None` for a hash that compares in another way.
    pub(in crate::builtin) fn scale(self) -> Option<Scale> {
        let scale = |divisor, factor, to_nearest| Some(Scale { divisor, factor, to_nearest });
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 => scale(100.0, f64::from(Hash::BUCKETS), true),
            Self::Rollout => scale(1.0, f64::from(u32::MAX) / 100.0, false),
            Self::Flipper => scale(1.0, 1_000.0, false),
            Self::Crc32 | Self::Configcat | Self::Togglz | Self::Blake2s => scale(1.0, 1.0, false),
            Self::Ufc | Self::Optimizely => scale(1.0, 100.0, false),
            _ => None,
        }
    }

    /// The first position that is out, for a percentage from 0 to 100.
    pub(in crate::builtin) fn share(self, percentage: f64) -> u32 {
        if let Some(scale) = self.scale() {
            return scale.limit(percentage);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating")]
        match self {
            Self::Unleash | Self::Splitio => percentage.floor() as u32,
            Self::Fnv1a | Self::GrowthbookV1 => {
                let steps = self.steps();
                // Not place / steps < percentage / 100, whose right side is rounded where GrowthBook has a
                // decimal number, such as 0.0505.
                first_out(steps, |place| f64::from(place) * 100.0 < percentage * f64::from(steps))
            }
            Self::Flagsmith => first_out(9_998, |place| flagsmith_percentage(place) <= percentage),
            Self::Flagr => flagr(0, 1_000, percentage),
            _ => self.end(percentage, 100.0),
        }
    }

    /// The end of a variant's range, which is at `sum` of `total` weights.
    pub(in crate::builtin) fn end(self, sum: f64, total: f64) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 2^32, saturating"
        )]
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 | Self::Flipper => {
                (sum / total * f64::from(Hash::BUCKETS)).round() as u32
            }
            // Integers, by whose sum the hash is divided.
            Self::Crc32 | Self::Unleash | Self::Ufc | Self::Blake2s => sum as u32,
            Self::Flagd | Self::FlagdV3 | Self::Rollout | Self::Posthog | Self::PosthogHoldout => {
                (sum * 4_294_967_296.0 / total).ceil() as u32
            }
            Self::Configcat | Self::Togglz => (sum * 100.0 / total).ceil() as u32,
            Self::Splitio => (sum * 100.0 / total).floor() as u32,
            Self::Optimizely => (sum * 10_000.0 / total).ceil() as u32,
            Self::Flagr => (sum * 1_000.0 / total).round() as u32,
            Self::Flagsmith => {
                let end = sum * 100.0 / total;
                first_out(9_998, |place| flagsmith_percentage(place) < end)
            }
            Self::FlagdV1 => {
                let end = sum * 100.0 / total;
                first_out((1 << 31) + 1, |place| f64::from(place) / 2_147_483_648.0 * 100.0 <= end)
            }
            Self::Sha1 if sum >= total => u32::MAX,
            Self::Sha1 => ((sum / total * 100_000.0) as f32 / 100_000.0).to_bits(),
            Self::Fnv1a | Self::GrowthbookV1 => {
                let steps = self.steps();
                // Weights with a sum of nearly 1 are not scaled.
                let end = if (0.99..=1.01).contains(&total) { sum } else { sum / total };
                first_out(steps, |place| f64::from(place) / f64::from(steps) < end)
            }
        }
    }

    /// The end of the part of a variant's range that is in. The range is at `start` of `total` weights.
    pub(in crate::builtin) fn covered_end(self, start: f64, weight: f64, coverage: f64, total: f64) -> u32 {
        if self == Self::Flagr {
            return flagr(self.end(start, total), self.end(start + weight, total), coverage * 100.0);
        }
        self.end(start + coverage * weight, total)
    }

    /// The number of positions of GrowthBook.
    const fn steps(self) -> u32 {
        if matches!(self, Self::GrowthbookV1) { 1_000 } else { 10_000 }
    }

    /// The name in configs.
    pub(in crate::builtin) fn name(self) -> Cow<'static, str> {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default().into()
    }

    /// A position as the other system shows it.
    pub(in crate::builtin) fn number(self, place: u32) -> Number {
        self.format(place).parse().unwrap_or_else(|_| place.into())
    }

    /// Formats a position as the other system shows it.
    pub(in crate::builtin) fn format(self, place: u32) -> String {
        match self {
            Self::Murmur3
            | Self::Md5
            | Self::Sha256
            | Self::Flipper
            | Self::Crc32
            | Self::Rollout
            | Self::Ufc
            | Self::Configcat
            | Self::Optimizely
            | Self::Togglz
            | Self::Flagr
            | Self::Blake2s => place.to_string(),
            // These count from 1.
            Self::Unleash | Self::Splitio => place.saturating_add(1).to_string(),
            Self::Flagd | Self::FlagdV3 | Self::Posthog | Self::PosthogHoldout => {
                format!("{:.5}", f64::from(place) / 4_294_967_296.0)
            }
            Self::FlagdV1 => format!("{:.5}", f64::from(place) / 2_147_483_648.0),
            Self::Flagsmith => format!("{:.3}", flagsmith_percentage(place)),
            Self::Sha1 if place == u32::MAX => "1".to_owned(),
            Self::Sha1 => f32::from_bits(place).to_string(),
            Self::Fnv1a | Self::GrowthbookV1 => (f64::from(place) / f64::from(self.steps())).to_string(),
        }
    }
}

/// The first position that is out, by bisection.
fn first_out(places: u32, is_in: impl Fn(u32) -> bool) -> u32 {
    let (mut from, mut to) = (0, places);
    while from < to {
        let middle = from.midpoint(to);
        if is_in(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

fn digest<D: Digest>(parts: &[&str]) -> sha2::digest::Output<D> {
    parts.iter().fold(D::new(), D::chain_update).finalize()
}

/// The first 4 bytes, big endian.
fn first_word(digest: &[u8]) -> u32 {
    u32::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// The position of a digest, in novi's own form.
fn bucket_of_digest(digest: &[u8], purpose: Purpose) -> u32 {
    let from = if purpose.is_variant() { 4 } else { 0 };
    first_word(digest.get(from..).unwrap_or_default()) % Hash::BUCKETS
}

/// Flagsmith's MD5 modulo 9,999. One that would be 100 % is computed again, of the ids repeated.
fn flagsmith(salt: &str, key: &str) -> u32 {
    // Each try fails with a probability of 1 in 9,999.
    for tries in 1..=8 {
        let mut hash = Md5::new();
        for part in [salt, ",", key, ","].into_iter().cycle().take(4 * tries - 1) {
            hash = hash.chain_update(part);
        }
        let place = u128::from_be_bytes(hash.finalize().into()) % 9_999;
        if place < 9_998 {
            return u32::try_from(place).unwrap_or_default();
        }
    }
    0
}

/// The percentage of a position, rounded as Flagsmith does.
fn flagsmith_percentage(place: u32) -> f64 {
    f64::from(place) / 9_998.0 * 100.0
}

/// The end of the share of a range that Flagr rolls out to: 100 times the distance from the start is at most
/// the percentage of one position less than there are.
fn flagr(start: u32, end: u32, percentage: f64) -> u32 {
    let last = f64::from(end.saturating_sub(start).saturating_sub(1));
    if percentage <= 0.0 || start >= end {
        return start;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the end")]
    let distance = (last * percentage / 100.0).floor() as u32;
    start.saturating_add(distance).saturating_add(1).min(end)
}

/// The seed of Split.
fn seed(salt: &str) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as Split does")]
    salt.parse::<i64>().ok().map(|seed| seed as u32)
}

/// The hash of Java's strings, over the code units of UTF-16.
fn togglz(salt: &str, key: &str) -> u32 {
    let lowered;
    let key = if key.is_ascii() {
        key
    } else {
        lowered = key.to_lowercase();
        &lowered
    };
    // Java trims all characters up to the space.
    let key = key.trim_matches(|char| char <= ' ').encode_utf16().map(|unit| {
        // Keys in ASCII are lowered here, without allocating.
        u8::try_from(unit).map_or(unit, |byte| byte.to_ascii_lowercase().into())
    });
    let rest = [":", salt].into_iter().flat_map(str::encode_utf16);
    let hash = key.chain(rest).fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    // The absolute value of the least integer stays negative in Java, and so below any percentage.
    hash.checked_abs().unwrap_or_default().unsigned_abs() % 100
}

/// BLAKE2s modulo a number, with a digest that is just long enough for it.
fn blake2s(parts: &[&str], modulo: u32) -> u32 {
    let mut digest = [0; 32];
    let length = (modulo / 128 + 1) as usize;
    let Some(digest) = digest.get_mut(..length) else { return 0 };
    let Ok(mut hash) = Blake2sVar::new(length) else { return 0 };
    for part in parts {
        hash.update(part.as_bytes());
    }
    if hash.finalize_variable(digest).is_err() {
        return 0;
    }
    digest.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % modulo)
}

/// The bits of LaunchDarkly's bucket, a float from 0 to 1. Bits of floats that are not negative have the
/// order of the floats.
fn launchdarkly(digest: &[u8]) -> u32 {
    // 15 hex digits are 60 bits.
    let digits = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default()) >> 4;
    #[expect(clippy::cast_precision_loss, reason = "as published")]
    let bucket = digits as f32 / LAUNCHDARKLY_SCALE;
    bucket.to_bits()
}

fn crc32(parts: &[&str]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}

/// FNV-1a of 32 bits over the code units of UTF-16, as in GrowthBook's SDK for JavaScript. In ASCII they are
/// the bytes.
fn fnv1a(parts: &[&str]) -> u32 {
    parts
        .iter()
        .flat_map(|part| part.encode_utf16())
        .fold(0x811c_9dc5, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193))
}
