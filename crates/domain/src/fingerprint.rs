//! The identity of a label set: FNV-1a 64, exactly as Prometheus and Alertmanager compute it.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::str::FromStr;

const OFFSET_BASIS: u64 = 14_695_981_039_346_656_037;
const PRIME: u64 = 1_099_511_628_211;
/// Separates names from values and pairs from pairs; it cannot occur in UTF-8.
const SEPARATOR: u8 = 0xFF;

/// The FNV-1a 64 hash of a label set, written as 16 hexadecimal digits.
///
/// A published format (invariant T2): tests compare it with values the real Alertmanager produced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Hashes label pairs that are already sorted by name.
    #[inline]
    pub fn of_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut hasher = Fingerprinter::default();
        for (name, value) in pairs {
            hasher.pair(name, value);
        }
        hasher.finish()
    }
}

/// A running fingerprint, for callers that produce the pairs one by one in name order.
pub struct Fingerprinter(u64);

impl Default for Fingerprinter {
    fn default() -> Self {
        Self(OFFSET_BASIS)
    }
}

impl Fingerprinter {
    /// Adds one pair.
    #[inline]
    pub fn pair(&mut self, name: &str, value: &str) {
        self.text(name);
        self.text(value);
    }

    /// Adds one text followed by the separator.
    #[inline]
    pub fn text(&mut self, text: &str) {
        let mut hash = self.0;
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        self.0 = (hash ^ u64::from(SEPARATOR)).wrapping_mul(PRIME);
    }

    /// The fingerprint of what was added.
    #[inline]
    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fingerprint: 16 hexadecimal digits are expected")]
pub struct NotAFingerprint(String);

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            return Err(NotAFingerprint(text.chars().take(64).collect()));
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAFingerprint(text.to_owned()))
    }
}

/// Builds the hasher for maps whose keys are fingerprints.
pub type FingerprintState = BuildHasherDefault<FingerprintHasher>;

/// A hasher for fingerprints: they are hashes already, only their bits need spreading.
#[derive(Clone, Copy, Default)]
pub struct FingerprintHasher(u64);

impl Hasher for FingerprintHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29);
    }
}
