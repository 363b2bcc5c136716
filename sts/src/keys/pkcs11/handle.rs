//! What stands in the database for a key that is in a token.

/// First byte of a handle: `3 || length of the token's label (1) || label || object id (16)`.
const HANDLE: u8 = 3;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    token: String,
    id: [u8; 16],
}

impl Handle {
    pub(in crate::keys) fn new(token: &str, id: [u8; 16]) -> Self {
        let token = token.to_owned();
        Self { token, id }
    }

    /// Label of the token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `CKA_ID` of both halves.
    pub(super) const fn id(&self) -> &[u8; 16] {
        &self.id
    }

    pub(in crate::keys) fn to_row(&self) -> Vec<u8> {
        // A label has at most 32 bytes (PKCS#11 3.0, CK_TOKEN_INFO).
        let length = u8::try_from(self.token.len()).unwrap_or(u8::MAX);
        [&[HANDLE, length], self.token.as_bytes(), &self.id].concat()
    }

    pub(in crate::keys) fn of_row(row: &[u8]) -> Option<Self> {
        let (&[HANDLE, length], rest) = row.split_first_chunk()? else {
            return None;
        };
        let (token, id) = rest.split_at_checked(length.into())?;
        Some(Self {
            token: std::str::from_utf8(token).ok()?.to_owned(),
            id: id.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_survives_its_row_and_nothing_else_is_one() {
        let handle = Handle::new("caracal", [9; 16]);
        let row = handle.to_row();
        assert_eq!(Handle::of_row(&row), Some(handle));
        for length in 0..row.len() {
            assert_eq!(Handle::of_row(&row[..length]), None);
        }
        assert_eq!(Handle::of_row(&[2; 40]), None);
    }
}
