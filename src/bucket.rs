//! Buckets: a caller's place in a rollout, the same on every machine and every day.

/// A hash whose salt has been read already, so that a check reads the key alone.
///
/// MurmurHash3 x86 32 with seed 0 of the bytes `salt:key`, by Austin Appleby, in the public domain
/// (<https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp>). Changing any of this moves callers
/// in and out of features that are rolled out, so it stays as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salted {
    state: u32,
    /// The bytes of the salt that do not fill a block of four.
    tail: u32,
    tail_length: u32,
    length: u32,
}

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

impl Salted {
    /// How many buckets there are: thousandths of a percent.
    pub(crate) const BUCKETS: u32 = 100_000;

    pub(crate) fn new(salt: &str) -> Self {
        Self { state: 0, tail: 0, tail_length: 0, length: 0 }.fed(salt.as_bytes()).fed(b":")
    }

    /// The bucket of a key, below [`BUCKETS`](Self::BUCKETS).
    pub(crate) fn bucket(self, key: &str) -> u32 {
        self.fed(key.as_bytes()).hash() % Self::BUCKETS
    }

    fn fed(mut self, bytes: &[u8]) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "lengths count modulo 2^32, as in the original")]
        let length = bytes.len() as u32;
        self.length = self.length.wrapping_add(length);
        for byte in bytes {
            self.tail |= u32::from(*byte) << (8 * self.tail_length);
            self.tail_length += 1;
            if self.tail_length == 4 {
                self.state = (self.state ^ mixed(self.tail)).rotate_left(13);
                self.state = self.state.wrapping_mul(5).wrapping_add(0xe654_6b64);
                (self.tail, self.tail_length) = (0, 0);
            }
        }
        self
    }

    fn hash(self) -> u32 {
        // A tail of no bytes mixes to 0, which changes nothing.
        let mut hash = self.state ^ mixed(self.tail) ^ self.length;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

const fn mixed(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn murmur3(text: &str) -> u32 {
        Salted { state: 0, tail: 0, tail_length: 0, length: 0 }.fed(text.as_bytes()).hash()
    }

    #[test]
    fn hashes_are_the_published_ones() {
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
    fn a_salt_read_ahead_changes_nothing() {
        for salt in ["", "s", "sa", "sal", "salt", "a longer salt"] {
            for key in ["", "u", "user-1", "ünïcode"] {
                let whole = murmur3(&format!("{salt}:{key}"));
                assert_eq!(Salted::new(salt).bucket(key), whole % Salted::BUCKETS);
            }
        }
    }
}
