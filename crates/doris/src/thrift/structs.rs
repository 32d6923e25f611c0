//! Structs and enums, declared with their field ids next to their names.

/// Declares structs: `Name { 1 req id: i64, 2 opt name: String, 3 opt kind as "type": Kind }`. Optional fields are
/// `Option`; a required field that is missing is an error. Unknown fields are passed over. `as` gives the IDL's name
/// where it differs. `Debug` prints the fields that are set: binaries as their size, secrets not at all.
macro_rules! thrift_struct {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $id:literal $presence:ident $field:ident $(as $idl:literal)?: $ty:ty),* $(,)?
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $crate::thrift::thrift_struct!(@type $presence $ty),)*
        }

        impl $crate::thrift::Wire for $name {
            const TYPE: thrift::protocol::TType = thrift::protocol::TType::Struct;

            fn read(input: &mut $crate::thrift::Input) -> Result<Self, $crate::thrift::ThriftError> {
                #[allow(unused_imports, reason = "structs without fields read none")]
                use $crate::thrift::Wire;
                $(let mut $field: Option<$ty> = None;)*
                input.begin_struct()?;
                while let Some((id, ty)) = input.next_field()? {
                    match id {
                        $($id if ty == <$ty as Wire>::TYPE => $field = Some(<$ty as Wire>::read(input)?),)*
                        $($id => {
                            let idl = $crate::thrift::thrift_struct!(@idl $field $($idl)?);
                            return Err(input.wrong_type(stringify!($name), idl, <$ty as Wire>::TYPE, ty));
                        })*
                        _ => input.skip(ty)?,
                    }
                }
                Ok(Self {
                    $($field: $crate::thrift::thrift_struct!(@take $presence $name $field $($idl)?),)*
                })
            }

            fn write(&self, output: &mut $crate::thrift::Output<'_>) -> Result<(), $crate::thrift::ThriftError> {
                output.begin_struct()?;
                $(if let Some(value) = $crate::thrift::thrift_struct!(@get $presence self $field) {
                    output.field($id, value)?;
                })*
                output.end_struct()
            }

            #[cfg(any(test, feature = "recordings"))]
            fn from_json(json: &serde_json::Value) -> Result<Self, $crate::thrift::ThriftError> {
                if !json.is_object() {
                    return Err($crate::thrift::unfit(json));
                }
                $(let $field: Option<$ty> = json
                    .get($crate::thrift::thrift_struct!(@idl $field $($idl)?))
                    .filter(|value| !value.is_null())
                    .map($crate::thrift::Wire::from_json)
                    .transpose()?;)*
                Ok(Self {
                    $($field: $crate::thrift::thrift_struct!(@take $presence $name $field $($idl)?),)*
                })
            }

            #[cfg(any(test, feature = "recordings"))]
            fn to_json(&self) -> serde_json::Value {
                let mut fields = serde_json::Map::new();
                $(if let Some(value) = $crate::thrift::thrift_struct!(@get $presence self $field) {
                    let idl = $crate::thrift::thrift_struct!(@idl $field $($idl)?);
                    fields.insert(idl.to_owned(), $crate::thrift::Wire::to_json(value));
                })*
                fields.into()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = f.debug_struct(stringify!($name));
                $(if let Some(value) = $crate::thrift::thrift_struct!(@get $presence self $field) {
                    out.field(stringify!($field), &$crate::thrift::Shown(value));
                })*
                out.finish()
            }
        }

        #[cfg(test)]
        impl $crate::thrift::Sample for $name {
            fn sample(entropy: &mut $crate::thrift::Entropy) -> Self {
                Self { $($field: $crate::thrift::Sample::sample(entropy),)* }
            }
        }
    )*};
    (@idl $field:ident) => { stringify!($field) };
    (@idl $field:ident $idl:literal) => { $idl };
    (@get req $self:ident $field:ident) => { Some(&$self.$field) };
    (@get opt $self:ident $field:ident) => { $self.$field.as_ref() };
    (@type req $ty:ty) => { $ty };
    (@type opt $ty:ty) => { Option<$ty> };
    // The text of Java's Thrift, which an FE puts into its PROTOCOL_ERROR.
    (@take req $name:ident $field:ident $($idl:literal)?) => {
        $field.ok_or_else(|| $crate::thrift::ThriftError::Malformed(format!(
            "Required field '{}' was not found in serialized data! Struct: T{}",
            $crate::thrift::thrift_struct!(@idl $field $($idl)?),
            stringify!($name),
        )))?
    };
    (@take opt $name:ident $field:ident $($idl:literal)?) => { $field };
}

/// Declares an enum as an open newtype: values that this program does not know survive.
macro_rules! thrift_enum {
    ($(#[$doc:meta])* $name:ident { $($value_name:ident = $value:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i32);

        impl $name {
            $(pub const $value_name: Self = Self($value);)*

            /// Doris's name of the value, where it has one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($value_name)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), " {}"), self.0),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl $crate::thrift::Wire for $name {
            const TYPE: thrift::protocol::TType = thrift::protocol::TType::I32;

            fn read(input: &mut $crate::thrift::Input) -> Result<Self, $crate::thrift::ThriftError> {
                <i32 as $crate::thrift::Wire>::read(input).map(Self)
            }

            fn write(&self, output: &mut $crate::thrift::Output<'_>) -> Result<(), $crate::thrift::ThriftError> {
                $crate::thrift::Wire::write(&self.0, output)
            }

            #[cfg(any(test, feature = "recordings"))]
            fn to_json(&self) -> serde_json::Value {
                self.0.into()
            }

            #[cfg(any(test, feature = "recordings"))]
            fn from_json(json: &serde_json::Value) -> Result<Self, $crate::thrift::ThriftError> {
                <i32 as $crate::thrift::Wire>::from_json(json).map(Self)
            }
        }

        #[cfg(test)]
        impl $crate::thrift::Sample for $name {
            fn sample(entropy: &mut $crate::thrift::Entropy) -> Self {
                Self($crate::thrift::Sample::sample(entropy))
            }
        }
    };
}

pub(crate) use {thrift_enum, thrift_struct};

use thrift::protocol::{TFieldIdentifier, TInputProtocol, TOutputProtocol, TStructIdentifier, TType};

use super::{Input, Output, ThriftError, Wire};

impl Input {
    /// Enters a struct; [`Input::next_field`] leaves it.
    pub(crate) fn begin_struct(&mut self) -> Result<(), ThriftError> {
        self.protocol.read_struct_begin()?;
        Ok(())
    }

    /// The next field of the struct being read; `None` at its end.
    pub(crate) fn next_field(&mut self) -> Result<Option<(i16, TType)>, ThriftError> {
        let field = self.protocol.read_field_begin()?;
        if field.field_type == TType::Stop {
            self.protocol.read_struct_end()?;
            return Ok(None);
        }
        let id = field.id.ok_or_else(|| ThriftError::Malformed("a field without an id".to_owned()))?;
        Ok(Some((id, field.field_type)))
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, ty: TType) -> Result<(), ThriftError> {
        Ok(self.protocol.skip(ty)?)
    }

    pub(crate) fn wrong_type(&self, name: &str, field: &str, expected: TType, found: TType) -> ThriftError {
        ThriftError::Malformed(format!("field {field} of {name} has type {found} instead of {expected}"))
    }
}

impl Output<'_> {
    pub(crate) fn begin_struct(&mut self) -> Result<(), ThriftError> {
        Ok(self.protocol.write_struct_begin(&TStructIdentifier::new(""))?)
    }

    pub(crate) fn end_struct(&mut self) -> Result<(), ThriftError> {
        self.protocol.write_field_stop()?;
        Ok(self.protocol.write_struct_end()?)
    }

    pub(crate) fn field<T: Wire>(&mut self, id: i16, value: &T) -> Result<(), ThriftError> {
        self.protocol.write_field_begin(&TFieldIdentifier::new::<Option<String>, String, i16>(None, T::TYPE, id))?;
        value.write(self)?;
        Ok(self.protocol.write_field_end()?)
    }
}
