//! Maps in the order in which Java's hash maps are iterated, which is the order of the FE's documents.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// A JSON object whose keys have an order: on writing the FE's, on reading the document's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JavaMap<V>(Vec<(String, V)>);

impl<V> Default for JavaMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// `String.hashCode`.
pub(crate) fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// `Long.hashCode`.
fn java_long_hash(value: i64) -> i32 {
    let bits = (value ^ ((value as u64) >> 32) as i64) as u64;
    bits as u32 as i32
}

/// The number of buckets of a `HashMap` that grew to `len` entries: 16 at first, twice as many when three quarters are
/// exceeded.
fn buckets_of(len: usize) -> usize {
    let mut buckets = 16_usize;
    while len > buckets / 4 * 3 {
        buckets *= 2;
    }
    buckets
}

/// The bucket of a hash: `HashMap` mixes the upper half into the lower one.
fn bucket(hash: i32, buckets: usize) -> usize {
    let hash = hash as u32;
    usize::try_from(hash ^ (hash >> 16)).unwrap_or(0) & (buckets - 1)
}

/// Things in the order of a `HashMap` or `HashSet`, by their hashes, given in the order of their insertion.
pub(crate) fn java_hash_order<T>(mut entries: Vec<(i32, T)>) -> Vec<T> {
    let buckets = buckets_of(entries.len());
    // Stable: entries of one bucket stay in the order of their insertion.
    entries.sort_by_key(|(hash, _)| bucket(*hash, buckets));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

impl<V> JavaMap<V> {
    /// Keys that are texts, given in the order of their insertion.
    pub(crate) fn of_strings(entries: impl IntoIterator<Item = (String, V)>) -> Self {
        Self::ordered(entries.into_iter().map(|(key, value)| (java_string_hash(&key), key, value)).collect())
    }

    /// Keys that are numbers, given in the order of their insertion.
    pub(crate) fn of_longs(entries: impl IntoIterator<Item = (i64, V)>) -> Self {
        Self::ordered(entries.into_iter().map(|(key, value)| (java_long_hash(key), key.to_string(), value)).collect())
    }

    /// Keys in the order in which they are given (`LinkedHashMap`, `TreeMap`).
    pub(crate) fn linked(entries: impl IntoIterator<Item = (String, V)>) -> Self {
        Self(entries.into_iter().collect())
    }

    fn ordered(entries: Vec<(i32, String, V)>) -> Self {
        Self(java_hash_order(entries.into_iter().map(|(hash, key, value)| (hash, (key, value))).collect()))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &V)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves only what the test wants.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&str, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| wanted(key, value));
    }
}

impl<V: Serialize> Serialize for JavaMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for JavaMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = JavaMap<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, V)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    match entries.iter_mut().find(|(k, _)| *k == key) {
                        Some((_, old)) => *old = value,
                        None => entries.push((key, value)),
                    }
                }
                Ok(JavaMap(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}
