//! Values on the wire, through the official codec.

use std::{collections::BTreeMap, io::Cursor};

use bytes::Bytes;
use thrift::{
    TConfiguration,
    protocol::{
        TBinaryInputProtocol, TBinaryOutputProtocol, TInputProtocol, TListIdentifier, TMapIdentifier, TOutputProtocol,
        TType,
    },
};

use super::ThriftError;
use crate::secret::Secret;

/// The reading end: a complete message.
pub struct Input<'a> {
    pub(super) protocol: TBinaryInputProtocol<Cursor<&'a [u8]>>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

impl<'a> Input<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        // Lengths were verified by the scanner: none exceeds the message.
        let protocol = TBinaryInputProtocol::with_config(Cursor::new(message), true, TConfiguration::no_limits());
        Self { protocol }
    }
}

/// The writing end: a growing message.
pub struct Output<'a> {
    pub(super) protocol: TBinaryOutputProtocol<&'a mut Vec<u8>>,
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

/// A value on the wire.
pub trait Wire: Sized {
    /// Its type code.
    const TYPE: TType;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError>;

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError>;

    /// The value as the recordings of real FEs show it: names as in the IDL, unset fields left out.
    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value;
}

macro_rules! plain {
    ($($ty:ty: $code:ident, $read:ident, $write:ident;)*) => {$(
        impl Wire for $ty {
            const TYPE: TType = TType::$code;

            fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
                Ok(input.protocol.$read()?)
            }

            fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
                Ok(output.protocol.$write(*self)?)
            }

            #[cfg(test)]
            fn to_json(&self) -> serde_json::Value {
                serde_json::json!(self)
            }
        }
    )*};
}

plain! {
    bool: Bool, read_bool, write_bool;
    i16: I16, read_i16, write_i16;
    i32: I32, read_i32, write_i32;
    i64: I64, read_i64, write_i64;
    f64: Double, read_double, write_double;
}

/// Text of a C++ server may hold any bytes: what is no UTF-8 is replaced, the message survives.
impl Wire for String {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
        let bytes = input.protocol.read_bytes()?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        Ok(output.protocol.write_bytes(self.as_bytes())?)
    }

    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

impl Wire for Secret {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
        String::read(input).map(Self::new)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        Ok(output.protocol.write_bytes(self.expose().as_bytes())?)
    }

    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self.expose())
    }
}

impl Wire for Bytes {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
        Ok(input.protocol.read_bytes()?.into())
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        Ok(output.protocol.write_bytes(self)?)
    }

    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value {
        use base64::Engine;
        match std::str::from_utf8(self) {
            Ok(text) => serde_json::json!(text),
            Err(_) => serde_json::json!({"base64": base64::prelude::BASE64_STANDARD.encode(self)}),
        }
    }
}

fn expect(what: &str, expected: TType, found: TType) -> Result<(), ThriftError> {
    if expected == found {
        return Ok(());
    }
    Err(ThriftError::Malformed(format!("{what} of type {found:?} instead of {expected:?}")))
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: TType = TType::List;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
        let list = input.protocol.read_list_begin()?;
        // Grown element by element: the claimed size reserves nothing.
        let mut elements = Vec::new();
        if list.size > 0 {
            expect("list elements", T::TYPE, list.element_type)?;
        }
        for _ in 0..list.size {
            elements.push(T::read(input)?);
        }
        input.protocol.read_list_end()?;
        Ok(elements)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        let size = size(self.len())?;
        output.protocol.write_list_begin(&TListIdentifier::new(T::TYPE, size))?;
        for element in self {
            element.write(output)?;
        }
        Ok(output.protocol.write_list_end()?)
    }

    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value {
        self.iter().map(Wire::to_json).collect()
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    const TYPE: TType = TType::Map;

    fn read(input: &mut Input<'_>) -> Result<Self, ThriftError> {
        let map = input.protocol.read_map_begin()?;
        let mut entries = BTreeMap::new();
        if map.size > 0 {
            if let Some(key) = map.key_type {
                expect("map keys", K::TYPE, key)?;
            }
            if let Some(value) = map.value_type {
                expect("map values", V::TYPE, value)?;
            }
        }
        for _ in 0..map.size {
            let key = K::read(input)?;
            entries.insert(key, V::read(input)?);
        }
        input.protocol.read_map_end()?;
        Ok(entries)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        let size = size(self.len())?;
        output.protocol.write_map_begin(&TMapIdentifier::new(K::TYPE, V::TYPE, size))?;
        for (key, value) in self {
            key.write(output)?;
            value.write(output)?;
        }
        Ok(output.protocol.write_map_end()?)
    }

    #[cfg(test)]
    fn to_json(&self) -> serde_json::Value {
        let entries = self.iter().map(|(key, value)| {
            let key = key.to_json();
            (key.as_str().map_or_else(|| key.to_string(), str::to_owned), value.to_json())
        });
        serde_json::Value::Object(entries.collect())
    }
}

fn size(length: usize) -> Result<i32, ThriftError> {
    i32::try_from(length).map_err(|_| ThriftError::TooLarge { claimed: length as u64, limit: i32::MAX as u64 })
}
