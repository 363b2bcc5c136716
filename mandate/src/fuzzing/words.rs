//! The words of the vocabulary.

use std::fmt::Display;
use std::str::FromStr;

use crate::catalog::ResourceUri;
use crate::host::Host;
use crate::name::Name;
use crate::operation::{Method, PathTemplate};
use crate::reason::Reason;
use crate::scope::{MAX_SCOPES, Scope, ScopeSet};
use crate::spiffe::SpiffeId;

/// A word that is read is written as it was read, so that no two spellings name one thing. Hosts
/// are written in lower case, and sets of scopes in their order.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn words(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let host = text.parse::<Host>().is_ok_and(|host| {
        assert_eq!(host.as_str(), text.to_ascii_lowercase());
        stays::<Host>(host.as_str())
    });
    let scopes = ScopeSet::parse(text).is_ok_and(|scopes| {
        let mut words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        assert_eq!(scopes.to_string(), words.join(" "));
        assert!(scopes.len() <= MAX_SCOPES);
        assert_eq!(ScopeSet::parse(&scopes.to_string()), Ok(scopes));
        true
    });
    let scope = Scope::parse(text).is_ok_and(|scope| scope.as_str() == text);
    assert!(!scope || scopes, "one scope is a set of one");
    let read = [
        host,
        scopes,
        stays::<Name>(text),
        stays::<SpiffeId>(text),
        stays::<ResourceUri>(text),
        stays::<Method>(text),
        stays::<PathTemplate>(text),
        text.parse::<Reason>()
            .is_ok_and(|reason| reason.as_str() == text),
    ];
    read.contains(&true)
}

fn stays<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|word| {
        assert_eq!(word.to_string(), text);
        true
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let seeds = [
            ("good-name", "payout-agent"),
            ("good-host", "Mercury-Bank.internal"),
            ("good-spiffe", "spiffe://corp.example/ns/agents/sa/payout"),
            ("good-resource", "https://mercury-bank.internal/v1"),
            ("good-method", "DELETE"),
            ("good-template", "/accounts/{id}/payments/"),
            ("good-scopes", "payments:write accounts:read"),
            ("good-reason", "attenuation_violation"),
            ("bad-spaces", "accounts:read  payments:write"),
            ("bad-spiffe-dots", "spiffe://corp.example/../payout "),
            ("bad-unicode", "p\u{e4}yout"),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.as_bytes().to_vec()));
        caracal_seeds::hold("words", &seeds, super::words).unwrap();
    }
}
