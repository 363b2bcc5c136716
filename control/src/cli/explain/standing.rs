//! What has become of things since: whether they are revoked, suspended or over by now.

use std::collections::{BTreeMap, BTreeSet};

use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_store::model::{RevocationRecord, RevocationTarget, Suspension};
use caracal_store::{Listed, MAX_LISTED};
use serde::Serialize;
use serde_json::Value;

use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::listing::items;

/// What a thing is by now. Ordered: of a line, the last one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Now {
    /// Nothing is known against it.
    Good,
    /// The server does not list it (any more), and lists too much to be sure.
    Unknown,
    /// Its time is over.
    Over,
    /// Refused until it is resumed.
    Suspended,
    /// Ended for good.
    Revoked,
}

/// A thing that authority rests on, by the name that `caracal revoke` takes, and what it is by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Thing {
    pub(super) target: String,
    pub(super) now: Now,
}

/// Lists of what can be revoked: kind, path, and the member that names one.
const LISTS: [(&str, &str, &str); 4] = [
    ("application", "applications", "name"),
    ("grant", "grants", "id"),
    ("delegation", "delegations", "id"),
    ("session", "sessions", "id"),
];

/// What the management API knows at this moment.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Unix second.
    pub(super) now_s: u64,
    listed: BTreeMap<String, Now>,
    suspended: BTreeSet<String>,
    revoked: BTreeSet<String>,
    /// Revocations of all that was issued until some second: id and that second.
    until: Vec<(u64, u64)>,
    /// Whether older revocations were left out of the answer.
    is_cut: bool,
}

impl Standing {
    pub(super) async fn ask(context: &Context, now_s: u64) -> Result<Self, CliError> {
        let mut lists = Vec::new();
        for (kind, path, name) in LISTS {
            let answer = context.client.get(&context.zone_path(path)?).await?;
            lists.push((kind, name, answer));
        }
        let suspensions = context.zone_path("suspensions")?;
        let suspensions = context.client.get(&suspensions).await?;
        let revocations = context.zone_path("revocations")?;
        let revocations = context.client.get(&revocations).await?;
        Ok(Self::read(now_s, &lists, &suspensions, &revocations))
    }

    pub(super) fn read(
        now_s: u64,
        lists: &[(&str, &str, Value)],
        suspensions: &Value,
        revocations: &Value,
    ) -> Self {
        let mut standing = Self {
            now_s,
            ..Self::default()
        };
        for (kind, name, answer) in lists {
            for item in items::<Value>(answer) {
                let Some(id) = item.get(name).and_then(Value::as_str) else {
                    continue;
                };
                let ends = item.get("expires_at").and_then(Value::as_u64);
                let now = if item.get("revoked") == Some(&Value::Bool(true)) {
                    Now::Revoked
                } else if ends.is_some_and(|second| second <= now_s) {
                    Now::Over
                } else {
                    Now::Good
                };
                standing.listed.insert(format!("{kind}/{id}"), now);
            }
        }
        standing.suspended = items::<Listed<Suspension>>(suspensions)
            .map(|one| one.item.target.to_string())
            .collect();
        let mut count = 0_i64;
        for one in items::<Listed<RevocationRecord>>(revocations) {
            count = count.saturating_add(1);
            let RevocationRecord {
                target,
                id,
                issued_until,
                expires: _,
            } = one.item;
            if matches!(
                target,
                RevocationTarget::Zone | RevocationTarget::Resource(_)
            ) {
                standing.until.push((id, issued_until));
            } else {
                standing.revoked.insert(target.to_string());
            }
        }
        standing.is_cut = count >= MAX_LISTED;
        standing
    }

    /// One thing, such as `grant` and its id.
    pub(super) fn of(&self, kind: &str, id: &str) -> Thing {
        let target = format!("{kind}/{id}");
        let listed = self.listed.get(&target).copied();
        let now = if self.revoked.contains(&target) || listed == Some(Now::Revoked) {
            Now::Revoked
        } else if self.suspended.contains(&target) {
            Now::Suspended
        } else {
            // No table lists mandates, and the newest sessions alone are listed. Revocations name both.
            let unlisted = if matches!(kind, "mandate" | "session") && !self.is_cut {
                Now::Good
            } else {
                Now::Unknown
            };
            listed.unwrap_or(unlisted)
        };
        Thing { target, now }
    }

    /// What ended everything that was issued for a resource, or in the zone, until a second at or after
    /// this one.
    pub(super) fn ended_since(&self, zone: &str, resource: &str, second: u64) -> Vec<Thing> {
        let whole = RevocationId::new(RevocationKind::Zone, zone, zone);
        let there = RevocationId::new(RevocationKind::Resource, zone, resource);
        let hit = |id: RevocationId| {
            let mut until = self.until.iter();
            until.any(|(hit, until)| *hit == id.0 && second <= *until)
        };
        let things = [
            (whole, "zone".to_owned()),
            (there, format!("resource {resource}")),
        ];
        things
            .into_iter()
            .filter(|(id, _)| hit(*id))
            .map(|(_, target)| Thing {
                target,
                now: Now::Revoked,
            })
            .collect()
    }

    /// Whether something holds until a second.
    pub(super) fn until(&self, second: u64) -> Now {
        if second <= self.now_s {
            Now::Over
        } else {
            Now::Good
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing() -> Standing {
        let lists = [
            (
                "application",
                "name",
                json!({"items": [{"name": "a", "revoked": true}, {"name": "b"}]}),
            ),
            (
                "grant",
                "id",
                json!({"items": [{"id": "g", "revoked": false, "expires_at": 50},
                {"id": "h", "revoked": false, "expires_at": null}]}),
            ),
        ];
        let suspensions = json!({"items": [
            {"target": {"kind": "application", "id": "a"}, "id": 1, "seq": 1},
            {"target": {"kind": "application", "id": "b"}, "id": 1, "seq": 1}]});
        let zone = RevocationId::new(RevocationKind::Zone, "z", "z").0;
        let revocations = json!({"items": [
            {"target": {"kind": "mandate", "id": "m"}, "id": 1, "issued_until": u64::MAX,
                "expires": 90, "seq": 3},
            {"target": {"kind": "zone"}, "id": zone, "issued_until": 40, "expires": 90, "seq": 2}]});
        Standing::read(50, &lists, &suspensions, &revocations)
    }

    #[test]
    fn a_thing_is_what_the_strictest_list_says() {
        let standing = standing();
        for (kind, id, now) in [
            ("application", "a", Now::Revoked),
            ("application", "b", Now::Suspended),
            ("grant", "g", Now::Over),
            ("grant", "h", Now::Good),
            ("grant", "i", Now::Unknown),
            ("session", "s", Now::Good),
            ("mandate", "m", Now::Revoked),
            ("mandate", "n", Now::Good),
        ] {
            assert_eq!(standing.of(kind, id).now, now, "{kind}/{id}");
        }
    }

    #[test]
    fn the_end_of_a_zone_is_the_end_of_what_it_had_issued_until_then() {
        let standing = standing();
        let targets = |second| {
            let things = standing.ended_since("z", "https://r", second);
            things
                .into_iter()
                .map(|thing| thing.target)
                .collect::<Vec<_>>()
        };
        assert_eq!(targets(40), ["zone"]);
        assert_eq!(targets(41), Vec::<String>::new());
    }

    #[test]
    fn nothing_is_said_to_be_good_for_want_of_older_revocations() {
        let one = json!({"target": {"kind": "mandate", "id": "m"}, "id": 1, "issued_until": 1,
            "expires": 9, "seq": 1});
        let many = vec![one; usize::try_from(MAX_LISTED).unwrap()];
        let nothing = json!({"items": []});
        let standing = Standing::read(50, &[], &nothing, &json!({ "items": many }));
        assert_eq!(standing.of("mandate", "n").now, Now::Unknown);
    }
}
