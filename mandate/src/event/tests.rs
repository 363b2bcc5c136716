use super::*;

fn chain() -> RecordedChain {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let hop = |application: &str, delegation: Option<&str>, depth| RecordedHop {
        application: application.to_owned(),
        delegation: delegation.map(str::to_owned),
        depth,
        expires: 1300,
        rights: 1 << 52,
        session: format!("ses_{application}"),
    };
    RecordedChain {
        from: texts(&["mdt_0"]),
        hops: vec![hop("boss", None, 5), hop("payout", Some("dlg_1"), 0)],
        table: vec![RecordedRow {
            resource: "https://bank.internal".to_owned(),
            scopes: texts(&["accounts:read", "payments:write"]),
        }],
        through: texts(&["grt_0"]),
        via: texts(&["dlg_0"]),
    }
}

fn full() -> Event {
    let emitter = Emitter {
        boot: "b".to_owned(),
        name: "sidecar/\"a\"\n".to_owned(),
        seq: 7,
    };
    let some = |text: &str| Some(text.to_owned());
    Event {
        application: some("payout"),
        chain: Some(Box::new(chain())),
        decision: Some(6),
        duration_us: Some(1_500),
        ended_by: Some(EndedBy::Proxy),
        status: HttpStatus::try_from(504).ok(),
        detail: some("grant ü \u{1}"),
        epoch: Some(9),
        grant: some("grt_1"),
        holder: some("spiffe://a/b"),
        host: some("bank.internal"),
        mandate: some("jti"),
        method: some("GET"),
        operation: some("read"),
        path: some("/accounts/1"),
        policy: some("sha256:00"),
        reason: Some(Reason::Revoked),
        request_id: some("r"),
        resource: some("https://bank.internal"),
        scope: some("accounts:read"),
        session: some("ses_1"),
        shadow: true,
        ..Event::new(
            "z",
            Component::Filter,
            Action::Request,
            Outcome::Deny,
            emitter,
            1,
        )
    }
}

/// The same without what became of the request.
fn decided() -> Event {
    Event {
        decision: None,
        duration_us: None,
        ended_by: None,
        status: None,
        ..full()
    }
}

#[test]
fn plain_serialization_is_the_canonical_form() {
    let event = full();
    // `serde_json::Value` keeps members in a BTreeMap, hence in the order that RFC 8785 asks.
    let sorted = serde_json::to_vec(&serde_json::to_value(&event).unwrap()).unwrap();
    assert_eq!(event.to_canonical().unwrap(), sorted);
}

#[test]
fn canonical_bytes_read_back_as_the_same_event() {
    let event = full();
    assert_eq!(
        Event::from_canonical(&event.to_canonical().unwrap()).unwrap(),
        event
    );
}

#[test]
fn the_same_event_in_another_spelling_is_refused() {
    let spaced = serde_json::to_string_pretty(&full()).unwrap();
    assert!(matches!(
        Event::from_canonical(spaced.as_bytes()),
        Err(EventError::NotCanonical)
    ));
}

#[test]
fn an_event_of_any_length_is_shortened_until_it_fits_and_no_further() {
    let mut event = full();
    event.shorten();
    assert_eq!(event, full(), "what fits stays as it is");
    event.path = Some("p".repeat(7000));
    let long = event.clone();
    event.shorten();
    assert_eq!(event, long, "it fits to the byte, not by estimate");
    for text in event.texts().into_iter().flatten() {
        *text = "\u{1}".repeat(MAX_EVENT_BYTES);
    }
    event.shorten();
    let bytes = event.to_canonical().unwrap();
    assert!(bytes.len() <= MAX_EVENT_BYTES);
    assert_eq!(Event::from_canonical(&bytes).unwrap(), event);
}

#[test]
fn only_a_shadow_decision_says_so_and_only_since_there_are_such() {
    let mut event = decided();
    event.shadow = false;
    event.chain = None;
    let enforced = String::from_utf8(event.to_canonical().unwrap()).unwrap();
    assert!(!enforced.contains("shadow"));
    event.v = 1;
    let first = event.to_canonical().unwrap();
    assert_eq!(Event::from_canonical(&first).unwrap(), event);
    for (v, shadow) in [(1, true), (0, false), (EVENT_VERSION + 1, false)] {
        let strange = Event {
            shadow,
            v,
            ..event.clone()
        };
        assert!(matches!(
            Event::from_canonical(&strange.to_canonical().unwrap()),
            Err(EventError::Version(_))
        ));
    }
    let spelled_out = enforced.replacen("\"time_ms\"", "\"shadow\":false,\"time_ms\"", 1);
    assert!(matches!(
        Event::from_canonical(spelled_out.as_bytes()),
        Err(EventError::NotCanonical)
    ));
}

#[test]
fn a_chain_stands_in_no_event_from_before_there_were_any() {
    let mut event = decided();
    for (v, is_read) in [(1, false), (2, false), (3, true)] {
        event.v = v;
        event.shadow = v == 3;
        let read = Event::from_canonical(&event.to_canonical().unwrap());
        assert_eq!(read.is_ok(), is_read, "version {v}");
    }
    event.chain = None;
    event.v = 2;
    let before = event.to_canonical().unwrap();
    assert_eq!(Event::from_canonical(&before).unwrap(), event);
}

#[test]
fn what_became_of_a_request_stands_in_no_event_from_before_that_was_told() {
    let with: [fn(&mut Event); 5] = [
        |event| event.decision = Some(6),
        |event| event.duration_us = Some(0),
        |event| event.ended_by = Some(EndedBy::Client),
        |event| event.status = HttpStatus::try_from(200).ok(),
        |event| event.action = Action::Response,
    ];
    for (v, is_read) in [(3, false), (4, true)] {
        for change in with {
            let mut event = decided();
            event.v = v;
            let before = event.to_canonical().unwrap();
            assert_eq!(Event::from_canonical(&before).unwrap(), event);
            change(&mut event);
            let read = Event::from_canonical(&event.to_canonical().unwrap());
            assert_eq!(read.is_ok(), is_read, "{event:?}");
        }
    }
}

#[test]
fn an_unknown_member_is_refused() {
    let text = String::from_utf8(full().to_canonical().unwrap()).unwrap();
    for place in ["{", "\"chain\":{", "\"hops\":[{", "\"table\":[{"] {
        let extra = text.replacen(place, &format!("{place}\"a\":1,"), 1);
        assert_ne!(extra, text);
        assert!(matches!(
            Event::from_canonical(extra.as_bytes()),
            Err(EventError::Malformed(_))
        ));
    }
}
