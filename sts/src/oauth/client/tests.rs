use super::workload::{self, Hints};
use crate::testing::{OTHER, PAYOUT, World, name};
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Application, Change};

#[tokio::test]
async fn a_workload_is_certain_if_a_certificate_says_it_or_there_is_one() {
    let world = World::bare().await;
    let twins = [
        "spiffe://d.example/ns/a/sa/one",
        "spiffe://d.example/ns/a/sa/two",
    ];
    let application = Application {
        name: name("twins"),
        spiffe_ids: twins.iter().map(|id| id.parse().unwrap()).collect(),
    };
    world.commit(Change::ApplicationCreated(application)).await;
    let account = |service_account: &str| {
        let account = serde_json::json!({"issuer": "https://k.example", "namespace": "a", "service_account": service_account});
        serde_json::from_value(account).unwrap()
    };
    let (one, three) = (account("one"), account("three"));
    let certificate = twins[1].parse().unwrap();
    let state = world.service().authority.read();
    let zone = state.zone(&world.zone).unwrap();
    for (application, certificate, account, expected) in [
        ("payout", None, None, Some(PAYOUT)),
        ("other", None, Some(&three), Some(OTHER)),
        ("twins", None, None, None),
        ("twins", None, Some(&one), Some(twins[0])),
        ("twins", None, Some(&three), None),
        ("twins", Some(&certificate), Some(&one), Some(twins[1])),
        ("nobody", None, None, None),
    ] {
        let hints = Hints {
            certificate,
            account,
        };
        let found = workload::of(&state, zone, &name(application), &hints, 0);
        assert_eq!(
            found.as_ref().map(SpiffeId::as_str),
            expected,
            "{application}"
        );
    }
    assert!(workload::is_of(
        &state,
        &world.zone,
        &name("payout"),
        &PAYOUT.parse().unwrap()
    ));
    assert!(!workload::is_of(
        &state,
        &world.zone,
        &name("other"),
        &PAYOUT.parse().unwrap()
    ));
}
