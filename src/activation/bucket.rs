//! Buckets: the position of a caller in a rollout, stable across machines and restarts.

/// A salt that is already hashed, so that an evaluation hashes only the key.
///
/// MurmurHash3 x86 32 with seed 0 of the bytes `salt:key`, by Austin Appleby, in the public domain
/// (<https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp>). Any change would move callers in
/// and out of rollouts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salted {
    state: u32,
    /// The bytes that do not fill a block of four: the last ones of `length`, modulo 4.
    tail: u32,
    length: u32,
}

/// The hash of a salt and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(u32);

impl Hash {
    /// The number of buckets: thousandths of a percent.
    pub(crate) const BUCKETS: u32 = 100_000;

    /// The bucket that decides about being in or out.
    pub(crate) const fn bucket(self) -> u32 {
        self.0 % Self::BUCKETS
    }

    /// The bucket that decides about the variant. It is mixed again; otherwise all callers of a 50 % rollout
    /// would get the first of two variants.
    pub(crate) const fn variant_bucket(self) -> u32 {
        // The golden ratio in 32 bits, which is not a fixed point of the mixing.
        finished(self.0 ^ 0x9e37_79b9) % Self::BUCKETS
    }
}

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

impl Salted {
    const EMPTY: Self = Self::seeded(0);

    /// MurmurHash3 with a seed, of no bytes yet.
    pub(crate) const fn seeded(seed: u32) -> Self {
        Self { state: seed, tail: 0, length: 0 }
    }

    pub(crate) fn new(salt: &str) -> Self {
        Self::EMPTY.fed(salt.as_bytes()).fed(b":")
    }

    /// The hash of the salt and a key.
    #[inline]
    pub(crate) fn hash(self, key: &[u8]) -> Hash {
        Hash(self.fed(key).finish())
    }

    /// Appends bytes.
    #[inline]
    pub(crate) fn fed(mut self, bytes: &[u8]) -> Self {
        // An incomplete block before these bytes shifts every block by the same number of bits.
        let mut shift = 8 * (self.length % 4);
        let (blocks, rest) = bytes.as_chunks::<4>();
        for block in blocks {
            self.feed_word(u32::from_le_bytes(*block), shift);
        }
        for byte in rest {
            self.tail |= u32::from(*byte) << shift;
            shift += 8;
            if shift == 32 {
                self.mix(self.tail);
                (self.tail, shift) = (0, 0);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "lengths count modulo 2^32, as in the original")]
        let length = bytes.len() as u32;
        self.length = self.length.wrapping_add(length);
        self
    }

    #[inline]
    fn feed_word(&mut self, word: u32, shift: u32) {
        let block = u64::from(word) << shift | u64::from(self.tail);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half; the upper one is the new tail")]
        self.mix(block as u32);
        self.tail = (block >> 32) as u32;
    }

    #[inline]
    fn mix(&mut self, block: u32) {
        self.state =
            (self.state ^ scrambled(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }

    /// The hash of all bytes.
    #[inline]
    pub(crate) const fn finish(self) -> u32 {
        // An empty tail scrambles to 0, which changes nothing.
        finished(self.state ^ scrambled(self.tail) ^ self.length)
    }
}

const fn scrambled(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

const fn finished(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn murmur3(text: &str) -> u32 {
        Salted::EMPTY.fed(text.as_bytes()).finish()
    }

    #[test]
    fn murmur3_matches_published_hashes() {
        for (text, hash) in [
            ("", 0),
            ("test", 0xba6b_d213),
            ("Hello, world!", 0xc036_3e43),
            ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
            ("flag-user", 2_410_693_464),
        ] {
            assert_eq!(murmur3(text), hash, "{text:?}");
        }
    }

    #[test]
    fn hashing_the_salt_first_gives_the_same_hash() {
        for salt in ["", "s", "sa", "sal", "salt", "a longer salt"] {
            for key in
                ["", "u", "us", "use", "user", "user-1", "ünïcode", "550e8400-e29b-41d4-a716-446655440000"]
            {
                let whole = murmur3(&format!("{salt}:{key}"));
                assert_eq!(Salted::new(salt).hash(key.as_bytes()), Hash(whole), "{salt:?} {key:?}");
            }
        }
    }

    #[test]
    fn variant_buckets_are_independent_of_buckets() {
        // Of the callers in the first half of the buckets, half must be in the first half of the variant
        // buckets.
        let salted = Salted::new("flag");
        let hashes = (0..100_000).map(|user| salted.hash(format!("user-{user}").as_bytes()));
        let inside: Vec<_> = hashes.filter(|hash| hash.bucket() < Hash::BUCKETS / 2).collect();
        let first = inside.iter().filter(|hash| hash.variant_bucket() < Hash::BUCKETS / 2).count();
        assert!(first.abs_diff(inside.len() / 2) < 500, "{first} of {}", inside.len());
    }
}
