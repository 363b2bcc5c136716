use super::*;
use proptest::prelude::*;

const SCOPES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn application(index: usize) -> Name {
    format!("app-{index}").parse().unwrap()
}

fn uri(index: usize) -> ResourceUri {
    format!("https://r{index}.internal").parse().unwrap()
}

/// Over five scopes at each of three resources: right number 5 * resource + scope.
fn chain(hops: Vec<Hop>) -> Chain {
    let scopes = SCOPES.map(|scope| Scope::parse(scope).unwrap());
    Chain {
        v: CHAIN_VERSION,
        rev: Version::default(),
        resources: (0..3).map(uri).collect(),
        scopes: vec![scopes.to_vec(); 3],
        hops,
    }
}

/// Verifies a chain under a token that says what the last hop holds at one resource.
fn verify(chain: &Chain) -> Result<(), ChainError> {
    let last = chain.hops.last().cloned().unwrap_or(hop(0, 1, 1, 1));
    let resource = chain
        .held(&last)
        .next()
        .map_or(uri(0), |(uri, _)| uri.clone());
    let scopes = chain.scopes_at(&resource);
    chain.verify(Leaf {
        session: &last.session,
        application: &last.application,
        resource: &resource,
        scopes: &scopes,
        expires: last.expires,
        passes_on: true,
    })
}

fn hop(index: usize, rights: u64, expires: u64, depth: u8) -> Hop {
    Hop {
        session: format!("ses_{index}"),
        application: application(index),
        by: String::new(),
        rights,
        expires,
        depth,
    }
}

/// All rights of the table.
const ALL: u64 = 0x7FFF;

/// Chains that attenuate at every hop.
fn attenuating() -> impl Strategy<Value = Chain> {
    let step = (any::<u64>(), 0..100_u64, 1..3_u8);
    proptest::collection::vec(step, 1..=MAX_HOPS).prop_map(|steps| {
        let mut held = hop(0, ALL, 1000, 24);
        let hops = steps
            .into_iter()
            .enumerate()
            .map(|(index, (rights, shorter, less))| {
                if index > 0 {
                    // Keep the lowest bit, so that no hop becomes empty.
                    held = hop(
                        index,
                        held.rights & (rights | 1),
                        held.expires.saturating_sub(shorter),
                        held.depth.saturating_sub(less),
                    );
                }
                held.clone()
            });
        chain(hops.collect())
    })
}

proptest! {
    #[test]
    fn a_chain_that_attenuates_everywhere_is_accepted(chain in attenuating()) {
        prop_assert_eq!(verify(&chain), Ok(()));
    }

    #[test]
    fn every_hop_is_a_subset_of_every_hop_before_it(chain in attenuating()) {
        for (index, parent) in chain.hops.iter().enumerate() {
            for child in chain.hops.iter().skip(index + 1) {
                prop_assert_eq!(attenuates(parent, child), Ok(()));
            }
        }
    }

    #[test]
    fn a_chain_that_widens_anywhere_is_refused(
        chain in attenuating(),
        at in any::<prop::sample::Index>(),
        dimension in 0..3_u8,
        amount in 1..64_u64,
    ) {
        prop_assume!(chain.hops.len() > 1);
        let mut chain = chain;
        let at = 1 + at.index(chain.hops.len() - 1);
        let parent = chain.hops[at - 1].clone();
        let child = &mut chain.hops[at];
        match dimension {
            0 => {
                let missing = ALL & !parent.rights;
                prop_assume!(missing != 0);
                child.rights |= missing & missing.wrapping_neg();
            }
            1 => child.expires = parent.expires + amount,
            _ => child.depth = parent.depth,
        }
        prop_assert!(verify(&chain).is_err());
    }

    #[test]
    fn the_compact_form_reads_back(chain in attenuating()) {
        let text = serde_json::to_string(&chain).unwrap();
        prop_assert_eq!(serde_json::from_str::<Chain>(&text).unwrap(), chain);
    }
}

#[test]
fn each_broken_law_has_its_own_name() {
    let root = || hop(0, 0b11, 100, 2);
    let cases = [
        (vec![], ChainError::Length),
        (
            (0..10)
                .map(|index| hop(index, 1, 100, 20 - u8::try_from(index).unwrap()))
                .collect(),
            ChainError::Length,
        ),
        (vec![hop(0, ALL + 1, 100, 2)], ChainError::Mask),
        (vec![hop(0, 0, 100, 2)], ChainError::Mask),
        (vec![root(), hop(1, 0b111, 100, 1)], ChainError::Right),
        // The same scope at another resource is another right.
        (vec![root(), hop(1, 0b1 << 5, 100, 1)], ChainError::Right),
        (vec![root(), hop(1, 0b11, 101, 1)], ChainError::Lifetime),
        (vec![root(), hop(1, 0b11, 100, 2)], ChainError::Depth),
        (
            vec![
                root(),
                Hop {
                    session: "ses_0".to_owned(),
                    ..hop(1, 1, 100, 1)
                },
            ],
            ChainError::Cycle,
        ),
    ];
    for (hops, error) in cases {
        assert_eq!(verify(&chain(hops)), Err(error));
    }
}

#[test]
fn the_token_cannot_claim_more_than_its_last_hop() {
    let chain = chain(vec![hop(0, 0b11, 100, 0)]);
    let (app, other_app) = (application(0), application(1));
    let (bank, other) = (uri(0), uri(1));
    let scopes = ScopeSet::parse("a b").unwrap();
    let leaf = Leaf {
        session: "ses_0",
        application: &app,
        resource: &bank,
        scopes: &scopes,
        expires: 100,
        passes_on: false,
    };
    assert_eq!(chain.verify(leaf), Ok(()));
    let (wider, narrower) = (
        ScopeSet::parse("a b c").unwrap(),
        ScopeSet::parse("a").unwrap(),
    );
    for claimed in [
        Leaf {
            session: "ses_1",
            ..leaf
        },
        Leaf {
            application: &other_app,
            ..leaf
        },
        Leaf {
            resource: &other,
            ..leaf
        },
        Leaf {
            scopes: &wider,
            ..leaf
        },
        Leaf {
            scopes: &narrower,
            ..leaf
        },
        Leaf {
            expires: 101,
            ..leaf
        },
        Leaf {
            scopes: &wider,
            passes_on: true,
            ..leaf
        },
    ] {
        assert_eq!(chain.verify(claimed), Err(ChainError::Leaf), "{claimed:?}");
    }
    let less = Leaf {
        scopes: &narrower,
        passes_on: true,
        ..leaf
    };
    assert_eq!(chain.verify(less), Ok(()), "the rest is to be passed on");
}

#[test]
fn unsorted_or_repeated_table_rows_are_refused() {
    let good = || chain(vec![hop(0, 1, 100, 0)]);
    let broken: [fn(&mut Chain); 6] = [
        |chain| chain.scopes[1].swap(0, 1),
        |chain| chain.scopes[0][1] = chain.scopes[0][0].clone(),
        |chain| chain.resources[1] = chain.resources[0].clone(),
        |chain| chain.resources.swap(1, 2),
        |chain| chain.scopes[2].clear(),
        |chain| chain.scopes.truncate(2),
    ];
    for (index, broken) in broken.into_iter().enumerate() {
        let mut chain = good();
        broken(&mut chain);
        assert_eq!(verify(&chain), Err(ChainError::Table), "{index}");
    }
}
