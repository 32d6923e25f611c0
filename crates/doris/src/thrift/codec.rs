//! Values on the wire, through the official codec.

use std::{collections::BTreeMap, fmt};

#[cfg(any(test, feature = "recordings"))]
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Buf, Bytes, buf::Reader};
#[cfg(any(test, feature = "recordings"))]
use serde_json::Value;
use thrift::{
    TConfiguration,
    protocol::{
        TBinaryInputProtocol, TBinaryOutputProtocol, TInputProtocol, TListIdentifier, TMapIdentifier, TOutputProtocol,
        TType,
    },
};

use super::ThriftError;
use crate::secret::Secret;

/// The reading end: a complete message that the scanner has verified.
pub struct Input {
    pub(super) protocol: TBinaryInputProtocol<Reader<Bytes>>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input")
    }
}

impl Input {
    pub(super) fn new(message: Bytes) -> Self {
        // Lengths were verified by the scanner: none exceeds the message.
        let protocol = TBinaryInputProtocol::with_config(message.reader(), true, TConfiguration::no_limits());
        Self { protocol }
    }

    /// A text or binary, as a slice of the message.
    fn slice(&mut self) -> Result<Bytes, ThriftError> {
        let length = self.protocol.read_i32()?;
        let rest = self.protocol.transport.get_mut();
        match usize::try_from(length) {
            Ok(length) if length <= rest.len() => Ok(rest.split_to(length)),
            _ => Err(ThriftError::Malformed(format!("a text of {length} bytes where {} are left", rest.len()))),
        }
    }
}

/// The writing end: a growing message.
pub struct Output<'a> {
    pub(super) protocol: TBinaryOutputProtocol<&'a mut Vec<u8>>,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output")
    }
}

impl Output<'_> {
    fn slice(&mut self, bytes: &[u8]) -> Result<(), ThriftError> {
        size(bytes.len())?;
        Ok(self.protocol.write_bytes(bytes)?)
    }
}

/// A value on the wire.
pub trait Wire: Sized + fmt::Debug {
    /// Its type code.
    const TYPE: TType;

    fn read(input: &mut Input) -> Result<Self, ThriftError>;

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError>;

    /// The value as the recordings of real FEs show it: names as in the IDL, unset fields left out.
    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value;

    /// The value from what [`Wire::to_json`] shows. Unknown names are passed over.
    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError>;

    /// How the `Debug` of a message prints the value.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt(f)
    }
}

/// Prints a field as [`Wire::show`] does.
pub(crate) struct Shown<'a, T>(pub(crate) &'a T);

impl<T: Wire> fmt::Debug for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

macro_rules! plain {
    ($($ty:ty: $code:ident, $read:ident, $write:ident;)*) => {$(
        impl Wire for $ty {
            const TYPE: TType = TType::$code;

            fn read(input: &mut Input) -> Result<Self, ThriftError> {
                Ok(input.protocol.$read()?)
            }

            fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
                Ok(output.protocol.$write(*self)?)
            }

            #[cfg(any(test, feature = "recordings"))]
            fn to_json(&self) -> Value {
                (*self).into()
            }

            #[cfg(any(test, feature = "recordings"))]
            fn from_json(json: &Value) -> Result<Self, ThriftError> {
                serde_json::from_value(json.clone()).map_err(|_| unfit(json))
            }
        }
    )*};
}

plain! {
    bool: Bool, read_bool, write_bool;
    i32: I32, read_i32, write_i32;
    i64: I64, read_i64, write_i64;
}

/// Text of a C++ server may hold any bytes: what is no UTF-8 is replaced, the message survives.
impl Wire for String {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input) -> Result<Self, ThriftError> {
        Ok(Self::from_utf8_lossy(&input.slice()?).into_owned())
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        output.slice(self.as_bytes())
    }

    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value {
        self.as_str().into()
    }

    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError> {
        Ok(json.as_str().ok_or_else(|| unfit(json))?.to_owned())
    }
}

impl Wire for Secret {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input) -> Result<Self, ThriftError> {
        String::read(input).map(Self::new)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        output.slice(self.expose().as_bytes())
    }

    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value {
        self.expose().into()
    }

    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError> {
        String::from_json(json).map(Self::new)
    }
}

/// A slice of the message: nothing is copied, and the message lives as long as the slice.
impl Wire for Bytes {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input) -> Result<Self, ThriftError> {
        input.slice()
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), ThriftError> {
        output.slice(self)
    }

    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value {
        match std::str::from_utf8(self) {
            Ok(text) => text.into(),
            Err(_) => serde_json::json!({ "base64": BASE64_STANDARD.encode(&self[..]) }),
        }
    }

    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError> {
        match (json.as_str(), json.get("base64").and_then(Value::as_str)) {
            (Some(text), _) => Ok(Self::copy_from_slice(text.as_bytes())),
            (None, Some(encoded)) => BASE64_STANDARD.decode(encoded).map(Self::from).map_err(|_| unfit(json)),
            (None, None) => Err(unfit(json)),
        }
    }

    /// The size only: snapshot documents are large, and one of them holds the cluster's token.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.len())
    }
}

fn expect(what: &str, expected: TType, found: TType) -> Result<(), ThriftError> {
    if expected == found {
        return Ok(());
    }
    Err(ThriftError::Malformed(format!("{what} of type {found} instead of {expected}")))
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: TType = TType::List;

    fn read(input: &mut Input) -> Result<Self, ThriftError> {
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

    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value {
        self.iter().map(T::to_json).collect()
    }

    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError> {
        json.as_array().ok_or_else(|| unfit(json))?.iter().map(T::from_json).collect()
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Shown)).finish()
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    const TYPE: TType = TType::Map;

    fn read(input: &mut Input) -> Result<Self, ThriftError> {
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

    #[cfg(any(test, feature = "recordings"))]
    fn to_json(&self) -> Value {
        let key = |key: &K| match key.to_json() {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Value::Object(self.iter().map(|(k, v)| (key(k), v.to_json())).collect())
    }

    #[cfg(any(test, feature = "recordings"))]
    fn from_json(json: &Value) -> Result<Self, ThriftError> {
        let key = |name: &str| {
            let number = name.parse::<i64>().map_err(|_| unfit(json)).and_then(|number| K::from_json(&number.into()));
            K::from_json(&name.into()).or(number)
        };
        let entries = json.as_object().ok_or_else(|| unfit(json))?.iter();
        entries.map(|(name, value)| Ok((key(name)?, V::from_json(value)?))).collect()
    }
}

/// JSON of another shape than the value that it should be.
#[cfg(any(test, feature = "recordings"))]
pub(crate) fn unfit(json: &Value) -> ThriftError {
    ThriftError::Malformed(format!("unfit for the field: {json}"))
}

fn size(length: usize) -> Result<i32, ThriftError> {
    i32::try_from(length).map_err(|_| ThriftError::TooLarge { claimed: length as u64, limit: i32::MAX as u64 })
}
