//! MurmurHash3 x86 32 with seed 0 of `salt:key`, where the salt is hashed in advance.

/// How many buckets callers are divided among.
pub(super) const BUCKETS: u32 = 100_000;

/// The state after a salt and its colon: what was mixed in, and the up to three bytes that wait for a full
/// block.
#[derive(Clone, Copy)]
pub(super) struct Salt {
    state: u32,
    waiting: u32,
    waiting_bits: u32,
    length: u32,
}

impl Salt {
    /// Hashes a salt and the colon behind it.
    pub(super) fn new(salt: &str) -> Self {
        Self { state: 0, waiting: 0, waiting_bits: 0, length: 0 }.fed(salt.as_bytes()).fed(b":")
    }

    /// The bucket that decides who is in.
    #[inline]
    pub(super) fn bucket(self, key: &str) -> u32 {
        self.fed(key.as_bytes()).finished() % BUCKETS
    }

    /// The bucket that decides who gets which variant: mixed once more, so that it says nothing of who is in.
    #[inline]
    pub(super) fn variant_bucket(self, key: &str) -> u32 {
        avalanche(self.fed(key.as_bytes()).finished() ^ 0x9e37_79b9) % BUCKETS
    }

    #[inline]
    fn fed(mut self, bytes: &[u8]) -> Self {
        // Only the length modulo 2^32 counts, and no key is that long.
        self.length = self.length.wrapping_add(u32::try_from(bytes.len()).unwrap_or_default());
        let (blocks, rest) = bytes.as_chunks::<4>();
        for block in blocks {
            self.push(u32::from_le_bytes(*block), 32);
        }
        for byte in rest {
            self.push(u32::from(*byte), 8);
        }
        self
    }

    /// Takes up to 32 bits, and mixes a block as soon as there is one.
    #[inline]
    fn push(&mut self, value: u32, bits: u32) {
        let all = u64::from(value) << self.waiting_bits | u64::from(self.waiting);
        let (low, high) = ((all & 0xffff_ffff) as u32, (all >> 32) as u32);
        if self.waiting_bits + bits < 32 {
            self.waiting = low;
            self.waiting_bits += bits;
        } else {
            self.state =
                (self.state ^ scramble(low)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            self.waiting = high;
            self.waiting_bits = self.waiting_bits + bits - 32;
        }
    }

    #[inline]
    fn finished(self) -> u32 {
        avalanche(self.state ^ scramble(self.waiting) ^ self.length)
    }
}

#[inline]
const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[inline]
const fn avalanche(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}
