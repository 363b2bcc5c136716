use super::*;
use crate::scope::ScopeSet;

fn operation(name: &str, method: &str, path: &str) -> Operation {
    Operation {
        name: name.parse().unwrap(),
        method: method.parse().unwrap(),
        path: path.parse().unwrap(),
        scopes: ScopeSet::parse("bank:read").unwrap(),
        irreversible: false,
    }
}

fn bank(operations: Vec<Operation>) -> Resource {
    Resource {
        name: "bank".parse().unwrap(),
        uri: "https://bank.internal".parse().unwrap(),
        hosts: vec!["bank.internal".parse().unwrap()],
        operations,
        application: None,
    }
}

fn found(entry: &CatalogEntry, method: &str, path: &str) -> Option<String> {
    let path = NormalPath::parse(path.as_bytes()).unwrap();
    entry
        .operation(method, &path)
        .map(|operation| operation.name.to_string())
}

#[test]
fn the_more_specific_operation_wins_in_any_order_of_registration() {
    let specific = operation("own", "GET", "/accounts/own");
    let general = operation("any", "GET", "/accounts/{id}");
    for operations in [
        vec![specific.clone(), general.clone()],
        vec![general, specific],
    ] {
        let entry = CatalogEntry::new(bank(operations));
        assert_eq!(
            found(&entry, "GET", "/accounts/own").as_deref(),
            Some("own")
        );
        assert_eq!(found(&entry, "GET", "/accounts/7").as_deref(), Some("any"));
    }
}

#[test]
fn an_earlier_literal_beats_a_later_one() {
    let entry = CatalogEntry::new(bank(vec![
        operation("late", "GET", "/{a}/b"),
        operation("early", "GET", "/a/{b}"),
    ]));
    assert_eq!(found(&entry, "GET", "/a/b").as_deref(), Some("early"));
    assert_eq!(found(&entry, "GET", "/x/b").as_deref(), Some("late"));
}

#[test]
fn a_path_that_some_servers_take_for_a_more_specific_operation_is_neither() {
    let entry = CatalogEntry::new(bank(vec![
        operation("any", "GET", "/accounts/{id}"),
        operation("summary", "GET", "/accounts/summary"),
        operation("payments", "GET", "/accounts/{id}/payments"),
        operation("cafe", "GET", "/accounts/caf%C3%A9"),
    ]));
    for path in [
        "/accounts/caf%c3%a9",
        "/accounts/Summary",
        "/accounts/SUMMARY",
        "/accounts/summary.json",
        "/accounts/summary.",
        "/accounts/summary%20",
    ] {
        assert_eq!(found(&entry, "GET", path), None, "{path}");
    }
    for (path, name) in [
        ("/accounts/summary", "summary"),
        ("/accounts/summary2", "any"),
        ("/accounts/summar", "any"),
        ("/accounts/42.json", "any"),
        ("/accounts/%c3%a9", "any"),
        ("/accounts/caf%C3%A9", "cafe"),
        ("/accounts/Summary/payments", "payments"),
    ] {
        assert_eq!(found(&entry, "GET", path).as_deref(), Some(name), "{path}");
    }
}

#[test]
fn operations_that_differ_in_case_or_suffix_alone_are_both_found() {
    let entry = CatalogEntry::new(bank(vec![
        operation("lower", "GET", "/a"),
        operation("upper", "GET", "/A"),
        operation("file", "GET", "/a.json"),
    ]));
    for (path, name) in [("/a", "lower"), ("/A", "upper"), ("/a.json", "file")] {
        assert_eq!(found(&entry, "GET", path).as_deref(), Some(name), "{path}");
    }
}

#[test]
fn another_method_or_path_is_no_operation() {
    let entry = CatalogEntry::new(bank(vec![operation("any", "GET", "/accounts/{id}")]));
    assert_eq!(found(&entry, "DELETE", "/accounts/7"), None);
    assert_eq!(found(&entry, "GET", "/accounts/7/"), None);
    assert_eq!(found(&entry, "GET", "/"), None);
}

#[test]
fn removing_a_resource_frees_its_hosts() {
    let mut catalog = Catalog::default();
    catalog.insert(bank(vec![]));
    assert!(catalog.by_host("bank.internal").is_some());
    let mut renamed = bank(vec![]);
    renamed.hosts = vec!["bank2.internal".parse().unwrap()];
    catalog.insert(renamed);
    assert!(catalog.by_host("bank.internal").is_none());
    assert!(catalog.by_host("bank2.internal").is_some());
    catalog.remove(&"bank".parse().unwrap());
    assert!(catalog.is_empty() && catalog.by_host("bank2.internal").is_none());
}

#[test]
fn refuses_resources_whose_operations_cannot_be_told_apart() {
    let twins = vec![
        operation("a", "GET", "/x/{id}"),
        operation("b", "GET", "/x/{other}"),
    ];
    assert!(matches!(
        bank(twins).validate(),
        Err(ResourceError::Ambiguous(..))
    ));
    let namesakes = vec![operation("a", "GET", "/x"), operation("a", "PUT", "/x")];
    assert!(matches!(
        bank(namesakes).validate(),
        Err(ResourceError::DuplicateOperation(..))
    ));
}

#[test]
fn refuses_an_operation_that_needs_no_scope() {
    let mut open = operation("a", "GET", "/x");
    open.scopes = ScopeSet::default();
    assert!(matches!(
        bank(vec![open]).validate(),
        Err(ResourceError::NoScope(..))
    ));
}

#[test]
fn resource_identifiers_have_one_spelling() {
    for text in [
        "https://bank.internal",
        "https://bank.internal/payments",
        "http://bank:8080",
    ] {
        assert!(text.parse::<ResourceUri>().is_ok(), "{text:?}");
    }
    for text in [
        "bank.internal",
        "HTTPS://bank.internal",
        "https://Bank.internal",
        "https://bank.internal/",
        "https://bank.internal:443",
        "http://bank.internal:80",
        "https://bank.internal#x",
        "https://bank.internal?x",
        "https://u@bank.internal",
        "https://bank.internal/a/../b",
        "https://",
    ] {
        assert!(text.parse::<ResourceUri>().is_err(), "{text:?}");
    }
}
