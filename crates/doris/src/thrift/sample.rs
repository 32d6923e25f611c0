//! Arbitrary messages out of arbitrary bytes, for property tests: shorter bytes give simpler messages, so that proptest
//! shrinks them.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::secret::Secret;

/// A finite supply of decisions; everything is zero, empty and unset once it is used up.
#[derive(Debug)]
pub(crate) struct Entropy {
    bytes: std::vec::IntoIter<u8>,
}

impl Entropy {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into_iter() }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }
}

/// A type of which arbitrary values can be made.
pub(crate) trait Sample {
    fn sample(entropy: &mut Entropy) -> Self;
}

impl Sample for bool {
    fn sample(entropy: &mut Entropy) -> Self {
        entropy.byte() % 2 == 1
    }
}

impl Sample for i32 {
    fn sample(entropy: &mut Entropy) -> Self {
        match entropy.byte() {
            250 => i32::MIN,
            251 => i32::MAX,
            252 => -1,
            byte => i32::from(byte),
        }
    }
}

impl Sample for i64 {
    fn sample(entropy: &mut Entropy) -> Self {
        match entropy.byte() {
            250 => i64::MIN,
            251 => i64::MAX,
            252 => -1,
            253 => 1 << 53,
            byte => i64::from(byte),
        }
    }
}

impl Sample for String {
    fn sample(entropy: &mut Entropy) -> Self {
        let length = entropy.byte() % 8;
        (0..length).map(|_| ['a', 'z', '\0', 'ä', '表', '🦀', '"', '\\'][usize::from(entropy.byte() % 8)]).collect()
    }
}

impl Sample for Secret {
    fn sample(entropy: &mut Entropy) -> Self {
        Self::new(String::sample(entropy))
    }
}

impl Sample for Bytes {
    fn sample(entropy: &mut Entropy) -> Self {
        let length = entropy.byte() % 16;
        (0..length).map(|_| entropy.byte()).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(entropy: &mut Entropy) -> Self {
        (entropy.byte() > 85).then(|| T::sample(entropy))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(entropy: &mut Entropy) -> Self {
        let length = entropy.byte() % 4;
        (0..length).map(|_| T::sample(entropy)).collect()
    }
}

impl<K: Sample + Ord, V: Sample> Sample for BTreeMap<K, V> {
    fn sample(entropy: &mut Entropy) -> Self {
        let length = entropy.byte() % 4;
        (0..length).map(|_| (K::sample(entropy), V::sample(entropy))).collect()
    }
}
