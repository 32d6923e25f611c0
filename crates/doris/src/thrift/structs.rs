//! Structs and enums, declared with their field ids next to their names.

/// Declares structs: `Name { 1 req id: i64, 2 opt name: String }`. Optional fields are `Option`; a required field that is
/// missing is an error. Unknown fields are passed over. `3 opt kind as "type": ..` where the IDL's name is no Rust name.
macro_rules! thrift_struct {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $id:literal $presence:ident $field:ident $(as $idl:literal)?: $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $crate::thrift::thrift_struct!(@type $presence $ty),)*
        }

        impl $crate::thrift::Wire for $name {
            const TYPE: thrift::protocol::TType = thrift::protocol::TType::Struct;

            fn read(input: &mut $crate::thrift::Input<'_>) -> Result<Self, $crate::thrift::ThriftError> {
                #[allow(unused_imports, reason = "structs without fields read none")]
                use $crate::thrift::Wire;
                $(let mut $field: Option<$ty> = None;)*
                while let Some((id, ty)) = input.next_field()? {
                    match id {
                        $($id if ty == <$ty as Wire>::TYPE => $field = Some(<$ty as Wire>::read(input)?),)*
                        $($id => return Err(input.wrong_type(stringify!($name), stringify!($field), ty)),)*
                        _ => input.skip(ty)?,
                    }
                }
                Ok(Self { $($field: $crate::thrift::thrift_struct!(@take $presence $name $field),)* })
            }

            fn write(&self, output: &mut $crate::thrift::Output<'_>) -> Result<(), $crate::thrift::ThriftError> {
                output.begin_struct(stringify!($name))?;
                $($crate::thrift::thrift_struct!(@write $presence self output $id $field $ty);)*
                output.end_struct()
            }

            #[cfg(test)]
            fn to_json(&self) -> serde_json::Value {
                let mut fields = serde_json::Map::new();
                $($crate::thrift::thrift_struct!(@json $presence self fields $field [$($idl)? $field]);)*
                serde_json::Value::Object(fields)
            }
        }
    )*};
    (@json req $self:ident $fields:ident $field:ident $name:tt) => {
        $fields.insert($crate::thrift::thrift_struct!(@idl $name), $self.$field.to_json())
    };
    (@json opt $self:ident $fields:ident $field:ident $name:tt) => {
        if let Some(value) = &$self.$field {
            $fields.insert($crate::thrift::thrift_struct!(@idl $name), value.to_json());
        }
    };
    (@idl [$idl:literal $field:ident]) => { $idl.to_owned() };
    (@idl [$field:ident]) => { stringify!($field).to_owned() };
    (@type req $ty:ty) => { $ty };
    (@type opt $ty:ty) => { Option<$ty> };
    (@take req $name:ident $field:ident) => {
        $field.ok_or_else(|| $crate::thrift::ThriftError::Malformed(
            concat!("required field ", stringify!($field), " of ", stringify!($name), " is missing").to_owned(),
        ))?
    };
    (@take opt $name:ident $field:ident) => { $field };
    (@write req $self:ident $output:ident $id:literal $field:ident $ty:ty) => {
        $output.field(stringify!($field), $id, &$self.$field)?
    };
    (@write opt $self:ident $output:ident $id:literal $field:ident $ty:ty) => {
        if let Some(value) = &$self.$field {
            $output.field(stringify!($field), $id, value)?;
        }
    };
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

            fn read(input: &mut $crate::thrift::Input<'_>) -> Result<Self, $crate::thrift::ThriftError> {
                <i32 as $crate::thrift::Wire>::read(input).map(Self)
            }

            fn write(&self, output: &mut $crate::thrift::Output<'_>) -> Result<(), $crate::thrift::ThriftError> {
                $crate::thrift::Wire::write(&self.0, output)
            }

            #[cfg(test)]
            fn to_json(&self) -> serde_json::Value {
                serde_json::json!(self.0)
            }
        }
    };
}

pub(crate) use {thrift_enum, thrift_struct};

use thrift::protocol::{TFieldIdentifier, TInputProtocol, TOutputProtocol, TStructIdentifier, TType};

use super::{Input, Output, ThriftError, Wire};

impl Input<'_> {
    /// The next field of the struct being read; `None` at its end.
    pub(crate) fn next_field(&mut self) -> Result<Option<(i16, TType)>, ThriftError> {
        let field = self.protocol.read_field_begin()?;
        if field.field_type == TType::Stop {
            return Ok(None);
        }
        let id = field.id.ok_or_else(|| ThriftError::Malformed("a field without an id".to_owned()))?;
        Ok(Some((id, field.field_type)))
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, ty: TType) -> Result<(), ThriftError> {
        Ok(self.protocol.skip(ty)?)
    }

    pub(crate) fn wrong_type(&self, name: &str, field: &str, found: TType) -> ThriftError {
        ThriftError::Malformed(format!("field {field} of {name} has type {found:?}"))
    }
}

impl Output<'_> {
    pub(crate) fn begin_struct(&mut self, name: &str) -> Result<(), ThriftError> {
        Ok(self.protocol.write_struct_begin(&TStructIdentifier::new(name))?)
    }

    pub(crate) fn end_struct(&mut self) -> Result<(), ThriftError> {
        self.protocol.write_field_stop()?;
        Ok(self.protocol.write_struct_end()?)
    }

    pub(crate) fn field<T: Wire>(&mut self, name: &str, id: i16, value: &T) -> Result<(), ThriftError> {
        self.protocol.write_field_begin(&TFieldIdentifier::new(name, T::TYPE, id))?;
        value.write(self)?;
        Ok(self.protocol.write_field_end()?)
    }
}
