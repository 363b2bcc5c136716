//! What the access log may say of a decision: one line, because one host call carries it.
//!
//! `outcome=allow operation=read-account resource=bank application=payout mandate=mdt_1`, in that
//! order, what is not known left out; before it `mode=shadow` where nothing is enforced, behind the
//! outcome `reason=revoked` where it is a no. No value can hold a blank: names, reasons and ids of
//! mandates have alphabets without one, and an id that breaks that rule is left out.

use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;

use super::facts::Facts;
use crate::config::Mode;

/// Room for usual names, so that a line is written with one allocation.
const TYPICAL_BYTES: usize = 160;

/// Longest id of a mandate that is logged.
const MAX_ID_BYTES: usize = 64;

pub(super) fn of(
    mode: Mode,
    facts: &Facts<'_>,
    mandate: Option<&VerifiedMandate>,
    reason: Option<Reason>,
) -> String {
    let mut line = String::with_capacity(TYPICAL_BYTES);
    if mode == Mode::Shadow {
        line.push_str("mode=shadow ");
    }
    line.push_str(match reason {
        None => "outcome=allow",
        Some(_) => "outcome=deny",
    });
    let mut add = |key: &str, value: &str| {
        line.push_str(key);
        line.push_str(value);
    };
    if let Some(reason) = reason {
        add(" reason=", reason.as_str());
    }
    if let Some(target) = facts.target {
        add(" operation=", target.operation.name.as_str());
        add(" resource=", target.resource.name.as_str());
    }
    if let Some(claims) = mandate.map(VerifiedMandate::claims) {
        add(" application=", claims.client_id.as_str());
        let legal = |id: &str| id.len() <= MAX_ID_BYTES && id.bytes().all(|b| b.is_ascii_graphic());
        if legal(&claims.jti) {
            add(" mandate=", &claims.jti);
        }
    }
    line
}
