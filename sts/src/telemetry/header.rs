//! What the collector is told with each call, such as who sends.

use std::str::FromStr;

use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};

/// One header of the calls to the collector. Its value is a secret and is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorHeader {
    name: AsciiMetadataKey,
    value: AsciiMetadataValue,
}

/// Why a text is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no header: write NAME=VALUE, percent-encoded where VALUE has a comma")]
pub struct CollectorHeaderError;

/// `NAME=VALUE`, as in `OTEL_EXPORTER_OTLP_HEADERS`: the value may be percent-encoded.
impl FromStr for CollectorHeader {
    type Err = CollectorHeaderError;

    fn from_str(text: &str) -> Result<Self, CollectorHeaderError> {
        let (name, value) = text.split_once('=').ok_or(CollectorHeaderError)?;
        let name = name.trim().to_ascii_lowercase();
        // gRPC's own, and those whose values would be binary.
        if name.starts_with("grpc-") || name.ends_with("-bin") {
            return Err(CollectorHeaderError);
        }
        let name = name.parse().map_err(|_| CollectorHeaderError)?;
        let value = percent_encoding::percent_decode_str(value.trim());
        let value = value.decode_utf8().map_err(|_| CollectorHeaderError)?;
        let mut value: AsciiMetadataValue = value.parse().map_err(|_| CollectorHeaderError)?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }
}

impl CollectorHeader {
    pub(super) fn add_to(&self, metadata: &mut MetadataMap) {
        metadata.insert(self.name.clone(), self.value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_the_standard_writes_it_and_its_value_is_not_shown() {
        let header: CollectorHeader = " Api-Key = a%2Cb%3D c".parse().unwrap();
        let mut metadata = MetadataMap::new();
        header.add_to(&mut metadata);
        assert_eq!(metadata.get("api-key").unwrap(), "a,b= c");
        assert!(!format!("{header:?}").contains("a,b"), "{header:?}");
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for text in [
            "",
            "key",
            "=v",
            "a b=c",
            "grpc-timeout=1",
            "x-bin=AA",
            "k=%0a",
            "k=%ff",
        ] {
            assert_eq!(
                text.parse::<CollectorHeader>(),
                Err(CollectorHeaderError),
                "{text}"
            );
        }
    }
}
