//! The records that a ledger mostly holds, read in one pass.
//!
//! `serde_json` reads any spelling. Whether it was the canonical one shows only when the record is written once
//! more and compared, and that took a third of what a verifier spends on an entry. This reader takes no other
//! spelling, so what it has read needs no comparison: members in ascending order, no white space, no absent
//! member spelled out. Of the canonical spelling it takes the plain part alone, texts without escapes and no
//! arrays. What it declines is for the general way to judge, and to say what is wrong with it.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// Not plain. It may be canonical all the same.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in the plain part of the canonical form")]
pub(super) struct Declined;

impl serde::de::Error for Declined {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

/// Reads a value whose members are declared in ascending order, are left out where they are empty or false, and
/// hold no numbers but unsigned ones.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Declined> {
    // At once: to look for the ends of texts among bytes is enough then.
    let rest = std::str::from_utf8(bytes).map_err(|_| Declined)?;
    let mut reader = Reader { rest };
    let value = T::deserialize(&mut reader)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(Declined)
    }
}

/// What is left of the bytes.
struct Reader<'de> {
    rest: &'de str,
}

impl<'de> Reader<'de> {
    fn take(&mut self, literal: char) -> Result<(), Declined> {
        self.rest = self.rest.strip_prefix(literal).ok_or(Declined)?;
        Ok(())
    }

    /// A text in which every character stands for itself.
    fn text(&mut self) -> Result<&'de str, Declined> {
        self.take('"')?;
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        let end = self.rest.as_bytes().iter().position(special);
        let (text, rest) = end
            .and_then(|end| self.rest.split_at_checked(end))
            .ok_or(Declined)?;
        self.rest = rest;
        self.take('"')?;
        Ok(text)
    }

    /// Digits, with no zero before others. What may not follow them is noticed by whoever reads on.
    fn number(&mut self) -> Result<u64, Declined> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit());
        let end = end.unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).ok_or(Declined)?;
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(Declined);
        }
        self.rest = rest;
        digits.parse().map_err(|_| Declined)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Declined;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Declined> {
        Err(Declined)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Declined> {
        self.take('{')?;
        let members = Members {
            reader: self,
            last: None,
        };
        visitor.visit_map(members)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Declined> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.text()?))
    }

    /// What is absent is left out, so what is there is there: `null` is no value of any type.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        visitor.visit_some(self)
    }

    /// `false` is left out.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.rest = self.rest.strip_prefix("true").ok_or(Declined)?;
        visitor.visit_bool(true)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// The members of an object, in ascending order: so none twice.
struct Members<'r, 'de> {
    reader: &'r mut Reader<'de>,
    last: Option<&'de str>,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Declined;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Declined> {
        if let Some(rest) = self.reader.rest.strip_prefix('}') {
            self.reader.rest = rest;
            return Ok(None);
        }
        if self.last.is_some() {
            self.reader.take(',')?;
        }
        let name = self.reader.text()?;
        if self.last.is_some_and(|last| last >= name) {
            return Err(Declined);
        }
        self.last = Some(name);
        self.reader.take(':')?;
        let name: BorrowedStrDeserializer<'de, Declined> = BorrowedStrDeserializer::new(name);
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Declined> {
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests;
