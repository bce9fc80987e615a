//! The hashes that place a caller, in the exact forms that other systems have published.

use md5::Md5;
use schemars::JsonSchema;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    activation::bucket::{Hash, Salted},
    builtin::audience::scalar::digits,
};

/// How a caller's place is found. A row pins it: under another hash everybody has another place.
///
/// `key` is the caller's attribute, `salt` what the row gives; without a salt the flag's name, except where it says none.
/// Whoever moves flags from another system keeps who is in by its hash, and with its salt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::builtin) enum HashName {
    /// novi: murmur3 of salt:key, modulo 100,000; for variants mixed once more. MurmurHash3 x86 32, seed 0
    #[default]
    Murmur3,
    /// novi, where SQL must find the same: the first 4 bytes of MD5(salt:key), big endian, modulo 100,000; for variants the
    /// next 4
    Md5,
    /// As md5, by SHA-256
    Sha256,
    /// hanoi: CRC32(key) modulo 100, in if below the percentage; for variants modulo the sum of the weights. No salt, unless
    /// the row gives one, which follows the key
    Crc32,
    /// The Ruby gem rollout: CRC32(key), in if below (2^32 - 1) / 100 times the percentage. No salt, unless the row gives one,
    /// which follows the key (`randomize_percentage`)
    Rollout,
    /// Flipper: CRC32 of salt and key without anything between them, modulo 100,000
    Flipper,
    /// Unleash: murmur3 of salt:key, modulo 100, plus 1, in if at most the percentage; for variants with seed 86028157 and
    /// modulo the sum of the weights. The salt is Unleash's groupId
    Unleash,
    /// flagd's fractional since 2026-04: murmur3 of salt and key without anything between them, times the sum of the weights,
    /// divided by 2^32
    Flagd,
    /// LaunchDarkly: the first 15 hex digits of SHA-1(salt.key), divided by 0xFFFFFFFFFFFFFFF, in single precision. The salt is
    /// the flag's key, a dot, and its salt; or the seed of the rollout
    Sha1,
    /// GrowthBook, hash version 2: FNV-1a 32 of the decimal digits of FNV-1a 32 of salt and key, modulo 10,000. The salt is the
    /// seed, or the experiment's key
    Fnv1a,
    /// GrowthBook, hash version 1: FNV-1a 32 of key and salt, modulo 1,000
    GrowthbookV1,
}

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum Purpose {
    /// Being in or out.
    Share,
    /// Which variant; with the number that hashes divide by which go by the sum of the weights.
    Variant(u32),
}

/// Seed of Unleash's variants, so that they do not depend on who is in.
const UNLEASH_VARIANTS: u32 = 86_028_157;

/// What LaunchDarkly divides by, in single precision.
#[expect(clippy::cast_precision_loss, reason = "as published")]
const LAUNCHDARKLY_SCALE: f32 = 0x0FFF_FFFF_FFFF_FFFF_u64 as f32;

impl HashName {
    /// Whether a row without a salt has the flag's name for one.
    pub(in crate::builtin) const fn is_salted(self) -> bool {
        !matches!(self, Self::Crc32 | Self::Rollout)
    }

    /// Whether the place of a variant depends on the sum of the weights, which must be whole then.
    pub(in crate::builtin) const fn divides_by_weights(self) -> bool {
        matches!(self, Self::Crc32 | Self::Unleash)
    }

    /// Whether there are variants by it.
    pub(in crate::builtin) const fn has_variants(self) -> bool {
        !matches!(self, Self::Rollout | Self::Flipper)
    }

    /// The place of a key: a whole number, or the bits of LaunchDarkly's, which have the order of what they stand for.
    pub(in crate::builtin) fn place(self, salt: &str, key: &str, purpose: Purpose) -> u32 {
        let murmur3 = |seed, parts: &[&str]| {
            parts.iter().fold(Salted::seeded(seed), |hash, part| hash.fed(part.as_bytes())).finish()
        };
        match (self, purpose) {
            (Self::Murmur3, Purpose::Share) => Salted::new(salt).hash(key.as_bytes()).bucket(),
            (Self::Murmur3, Purpose::Variant(_)) => Salted::new(salt).hash(key.as_bytes()).variant_bucket(),
            (Self::Md5, _) => of_digest(&digest::<Md5>(&[salt, ":", key]), purpose),
            (Self::Sha256, _) => of_digest(&digest::<Sha256>(&[salt, ":", key]), purpose),
            (Self::Crc32, Purpose::Share) => crc32(&[key, salt]) % 100,
            (Self::Crc32, Purpose::Variant(sum)) => crc32(&[key, salt]) % sum.max(1),
            (Self::Rollout, _) => crc32(&[key, salt]),
            (Self::Flipper, _) => crc32(&[salt, key]) % Hash::BUCKETS,
            (Self::Unleash, Purpose::Share) => murmur3(0, &[salt, ":", key]) % 100,
            (Self::Unleash, Purpose::Variant(sum)) => {
                murmur3(UNLEASH_VARIANTS, &[salt, ":", key]) % sum.max(1)
            }
            // The very last place is left free, so that a bound can lie above all places.
            (Self::Flagd, _) => murmur3(0, &[salt, key]).min(u32::MAX - 1),
            (Self::Sha1, _) => launchdarkly(&digest::<Sha1>(&[salt, ".", key])),
            (Self::Fnv1a, _) => {
                let digits = digits(&fnv1a(&[salt, key])).unwrap_or_default();
                fnv1a(&[&digits]) % 10_000
            }
            (Self::GrowthbookV1, _) => fnv1a(&[key, salt]) % 1_000,
        }
    }

    /// The first place that is out of this share of the callers, from 0 to 100 percent.
    pub(in crate::builtin) fn share(self, percentage: f64) -> u32 {
        let below = |limit: f64| limit.clamp(0.0, f64::from(u32::MAX));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 => {
                below(percentage / 100.0 * f64::from(Hash::BUCKETS)).round() as u32
            }
            Self::Crc32 => below(percentage).ceil() as u32,
            Self::Rollout => below(f64::from(u32::MAX) / 100.0 * percentage).ceil() as u32,
            Self::Flipper => below(percentage * 1_000.0).ceil() as u32,
            Self::Unleash => below(percentage).floor() as u32,
            Self::Flagd | Self::Sha1 => self.end(percentage, 100.0),
            Self::Fnv1a | Self::GrowthbookV1 => {
                // A rule's coverage includes its limit, unlike a variant's range.
                let steps = self.steps();
                first_out(steps, |place| f64::from(place) / f64::from(steps) <= percentage / 100.0)
            }
        }
    }

    /// The first place behind a range of variants that ends after `sum` of `total` weights.
    pub(in crate::builtin) fn end(self, sum: f64, total: f64) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 2^32, saturating"
        )]
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 | Self::Rollout | Self::Flipper => {
                (sum / total * f64::from(Hash::BUCKETS)).round() as u32
            }
            // Whole numbers, of which the sum is what places are divided by.
            Self::Crc32 | Self::Unleash => sum as u32,
            Self::Flagd => (sum * 4_294_967_296.0 / total).ceil() as u32,
            Self::Sha1 if sum >= total => u32::MAX,
            Self::Sha1 => ((sum / total * 100_000.0) as f32 / 100_000.0).to_bits(),
            Self::Fnv1a | Self::GrowthbookV1 => {
                let steps = self.steps();
                // Weights that sum up to nearly 1 are taken as they are.
                let end = if (0.99..=1.01).contains(&total) { sum } else { sum / total };
                first_out(steps, |place| f64::from(place) / f64::from(steps) < end)
            }
        }
    }

    /// How many places GrowthBook has.
    const fn steps(self) -> u32 {
        if matches!(self, Self::GrowthbookV1) { 1_000 } else { 10_000 }
    }

    /// A place as people know it.
    pub(in crate::builtin) fn told(self, place: u32) -> String {
        match self {
            Self::Murmur3 | Self::Md5 | Self::Sha256 | Self::Flipper | Self::Crc32 | Self::Rollout => {
                place.to_string()
            }
            // Unleash counts from 1.
            Self::Unleash => place.saturating_add(1).to_string(),
            Self::Flagd => format!("{:.5}", f64::from(place) / 4_294_967_296.0),
            Self::Sha1 if place == u32::MAX => "1".to_owned(),
            Self::Sha1 => f32::from_bits(place).to_string(),
            Self::Fnv1a | Self::GrowthbookV1 => (f64::from(place) / f64::from(self.steps())).to_string(),
        }
    }
}

/// The first of so many places that is out; those that are in come first.
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

/// novi's own form of a digest.
fn of_digest(digest: &[u8], purpose: Purpose) -> u32 {
    let from = if purpose == Purpose::Share { 0 } else { 4 };
    let word = digest.get(from..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    u32::from_be_bytes(word) % Hash::BUCKETS
}

/// The bits of LaunchDarkly's bucket, from 0 to 1. Those of numbers that are not negative have the numbers' order.
fn launchdarkly(digest: &[u8]) -> u32 {
    // Fifteen hex digits are sixty bits.
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

/// FNV-1a of 32 bits. Of the code units of UTF-16, as GrowthBook's SDK for JavaScript has it; in ASCII they are the bytes.
fn fnv1a(parts: &[&str]) -> u32 {
    parts
        .iter()
        .flat_map(|part| part.encode_utf16())
        .fold(0x811c_9dc5, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193))
}
