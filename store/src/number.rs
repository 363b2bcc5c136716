//! Unsigned numbers in a database that knows signed ones only.

use sqlx::Error;

/// What does not fit into the other kind of number.
#[derive(Debug, thiserror::Error)]
#[error("the number {0} is out of range")]
struct OutOfRange(i128);

/// A count, position or time for the database.
pub(crate) fn signed(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::Encode(Box::new(OutOfRange(number.into()))))
}

/// A count, position or time from the database.
pub(crate) fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| Error::Decode(Box::new(OutOfRange(number.into()))))
}

/// The bits of an id, which has no order, as a signed number.
pub(crate) const fn bits(id: u64) -> i64 {
    i64::from_ne_bytes(id.to_ne_bytes())
}

/// The reverse of [`bits`].
pub(crate) const fn id(bits: i64) -> u64 {
    u64::from_ne_bytes(bits.to_ne_bytes())
}

/// A watermark. Every second beyond the range means "whenever issued", and so does the end of the
/// range: it is 292 thousand million years away. The order of watermarks is kept.
pub(crate) fn watermark(second: u64) -> i64 {
    i64::try_from(second).unwrap_or(i64::MAX)
}

/// The reverse of [`watermark`].
pub(crate) fn second(watermark: i64) -> Result<u64, Error> {
    if watermark == i64::MAX {
        Ok(u64::MAX)
    } else {
        unsigned(watermark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_an_id_survives() {
        for value in [
            0,
            1,
            u64::MAX,
            1 << 63,
            (1 << 63) - 1,
            0xdead_beef_dead_beef,
        ] {
            assert_eq!(id(bits(value)), value);
        }
    }

    #[test]
    fn whenever_issued_survives_and_stays_the_highest_watermark() {
        assert_eq!(second(watermark(u64::MAX)).unwrap(), u64::MAX);
        assert_eq!(second(watermark(1_900_000_000)).unwrap(), 1_900_000_000);
        assert!(watermark(u64::MAX) > watermark(1_900_000_000));
    }

    #[test]
    fn numbers_that_do_not_fit_are_errors() {
        assert!(signed(u64::MAX).is_err());
        assert!(unsigned(-1).is_err());
        assert!(second(-1).is_err());
    }
}
