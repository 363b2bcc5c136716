//! The headers of a checked request, however Envoy sends them.

use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;

use crate::authorize::Credential;

/// Prefix of our own headers, which no client may send on.
const INTERNAL: &str = "x-caracal-";

/// The headers: a map in which Envoy joined repeated ones with commas, or, with
/// `encode_raw_headers`, the list as it came.
pub(super) struct Headers<'a>(&'a HttpRequest);

impl<'a> Headers<'a> {
    pub(super) const fn of(request: &'a HttpRequest) -> Self {
        Self(request)
    }

    /// `x-request-id`, if there is one and only one.
    pub(super) fn request_id(&self) -> Option<&'a str> {
        self.single("x-request-id").ok().flatten()
    }

    /// `traceparent`, if there is one and only one.
    pub(super) fn traceparent(&self) -> Option<&'a str> {
        self.single("traceparent").ok().flatten()
    }

    /// The one bearer token of the request (RFC 6750 §2.1).
    pub(super) fn credential(&self) -> Credential<'a> {
        let value = match self.single("authorization") {
            Ok(Some(value)) => value,
            Ok(None) => return Credential::None,
            Err(Repeated) => return Credential::Malformed,
        };
        // A comma is what two headers look like after they were joined; no token has one.
        match value.split_once(' ') {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer")
                    && !token.is_empty()
                    && !token.contains([',', ' ', '\t']) =>
            {
                Credential::Bearer(token)
            }
            _ => Credential::Malformed,
        }
    }

    /// The names of our own headers in the request.
    pub(super) fn internal(&self) -> Vec<String> {
        let map = self.0.headers.keys();
        let list = self.list().iter().map(|header| &header.key);
        let mut names: Vec<_> = map
            .chain(list)
            .map(|name| name.to_ascii_lowercase())
            .filter(|name| name.starts_with(INTERNAL))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn list(&self) -> &'a [HeaderValue] {
        self.0.header_map.as_ref().map_or(&[], |map| &map.headers)
    }

    fn single(&self, name: &str) -> Result<Option<&'a str>, Repeated> {
        let in_map = self
            .0
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| Ok(value.as_str()));
        let in_list = self
            .list()
            .iter()
            .filter(|header| header.key.eq_ignore_ascii_case(name))
            .map(value);
        let mut values = in_map.chain(in_list);
        let first = values.next().transpose()?;
        if values.next().is_some() {
            Err(Repeated)
        } else {
            Ok(first)
        }
    }
}

/// The header is there more than once, or is not text.
struct Repeated;

fn value(header: &HeaderValue) -> Result<&str, Repeated> {
    if header.raw_value.is_empty() {
        Ok(&header.value)
    } else if header.value.is_empty() {
        std::str::from_utf8(&header.raw_value).map_err(|_| Repeated)
    } else {
        Err(Repeated)
    }
}
