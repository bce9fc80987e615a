//! The hashes of rollouts, exactly as other systems have published them.

use md5::Md5;
use schemars::JsonSchema;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    activation::bucket::{Hash, Salted},
    builtin::audience::scalar::digits,
};

/// The hash of a rollout. With another hash every caller has another position.
///
/// `key` is the attribute of the caller. `salt` is the salt of the row, or else the name of the flag, except
/// where noted. To keep the same callers when migrating from another system, use its hash and its salt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
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
    /// hanoi: CRC32(key) modulo 100, in if below the percentage; for variants modulo the sum of the weights.
    /// No default salt; a salt follows the key
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
}

/// The purpose of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum Purpose {
    /// In or out.
    Share,
    /// The variant. The number is the sum of the weights, for hashes that divide by it.
    Variant(u32),
}

/// Seed of Unleash's variants, which makes them independent of the rollout.
const UNLEASH_VARIANTS: u32 = 86_028_157;

/// The divisor of LaunchDarkly, in single precision.
#[expect(clippy::cast_precision_loss, reason = "as published")]
const LAUNCHDARKLY_SCALE: f32 = 0x0FFF_FFFF_FFFF_FFFF_u64 as f32;

impl HashName {
    /// Returns `true` if the default salt is the name of the flag.
    pub(in crate::builtin) const fn is_salted(self) -> bool {
        !matches!(self, Self::Crc32 | Self::Rollout)
    }

    /// Returns `true` if variants depend on the sum of the weights, which must be integers then.
    pub(in crate::builtin) const fn divides_by_weights(self) -> bool {
        matches!(self, Self::Crc32 | Self::Unleash)
    }

    /// Returns `true` if the hash supports variants.
    pub(in crate::builtin) const fn has_variants(self) -> bool {
        !matches!(self, Self::Rollout | Self::Flipper)
    }

    /// The position of a key: an integer, or the bits of LaunchDarkly's float, which have the same order as
    /// the float.
    pub(in crate::builtin) fn place(self, salt: &str, key: &str, purpose: Purpose) -> u32 {
        let murmur3 = |seed, parts: &[&str]| {
            parts.iter().fold(Salted::seeded(seed), |hash, part| hash.fed(part.as_bytes())).finish()
        };
        match (self, purpose) {
            (Self::Murmur3, Purpose::Share) => Salted::new(salt).hash(key.as_bytes()).bucket(),
            (Self::Murmur3, Purpose::Variant(_)) => Salted::new(salt).hash(key.as_bytes()).variant_bucket(),
            (Self::Md5, _) => bucket_of_digest(&digest::<Md5>(&[salt, ":", key]), purpose),
            (Self::Sha256, _) => bucket_of_digest(&digest::<Sha256>(&[salt, ":", key]), purpose),
            (Self::Crc32, Purpose::Share) => crc32(&[key, salt]) % 100,
            (Self::Crc32, Purpose::Variant(sum)) => crc32(&[key, salt]) % sum.max(1),
            (Self::Rollout, _) => crc32(&[key, salt]),
            (Self::Flipper, _) => crc32(&[salt, key]) % Hash::BUCKETS,
            (Self::Unleash, Purpose::Share) => murmur3(0, &[salt, ":", key]) % 100,
            (Self::Unleash, Purpose::Variant(sum)) => {
                murmur3(UNLEASH_VARIANTS, &[salt, ":", key]) % sum.max(1)
            }
            // The last position is unused, so that a bound can be above all positions.
            (Self::Flagd, _) => murmur3(0, &[salt, key]).min(u32::MAX - 1),
            (Self::Sha1, _) => launchdarkly(&digest::<Sha1>(&[salt, ".", key])),
            (Self::Fnv1a, _) => {
                let digits = digits(&fnv1a(&[salt, key])).unwrap_or_default();
                fnv1a(&[&digits]) % 10_000
            }
            (Self::GrowthbookV1, _) => fnv1a(&[key, salt]) % 1_000,
        }
    }

    /// The first position that is out, for a percentage from 0 to 100.
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

    /// The end of a variant's range, which is at `sum` of `total` weights.
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
            // Integers, by whose sum the hash is divided.
            Self::Crc32 | Self::Unleash => sum as u32,
            Self::Flagd => (sum * 4_294_967_296.0 / total).ceil() as u32,
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

    /// The number of positions of GrowthBook.
    const fn steps(self) -> u32 {
        if matches!(self, Self::GrowthbookV1) { 1_000 } else { 10_000 }
    }

    /// Formats a position as the other system shows it.
    pub(in crate::builtin) fn format(self, place: u32) -> String {
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

/// The position of a digest, in novi's own form.
fn bucket_of_digest(digest: &[u8], purpose: Purpose) -> u32 {
    let from = if purpose == Purpose::Share { 0 } else { 4 };
    let word = digest.get(from..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    u32::from_be_bytes(word) % Hash::BUCKETS
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
