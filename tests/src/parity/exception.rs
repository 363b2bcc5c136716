//! Where Envoy itself makes it impossible that both answer the same. The test holds this list to be
//! exact: a case that differs and is not here fails, and so does one that is here and does not differ.

use super::Compared;
use super::case::{AWAY, Case};

/// A case that differs, and why it has to.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// Class.
    pub class: &'static str,
    /// Name of the case; none for all of the class.
    pub name: Option<&'static str>,
    /// Why.
    pub why: &'static str,
}

/// All of them.
pub const ALL: &[Exception] = &[
    broken("chunk extension with a bare LF"),
    broken("chunk size in 0x"),
    broken("chunk size beyond 64 bits"),
    broken("chunk without its line end"),
    connect("upgrade and CONNECT", "CONNECT to the bank"),
    connect("upgrade and CONNECT", "CONNECT to the authority"),
    connect("upgrade and CONNECT", "CONNECT in HTTP/2"),
    connect(
        "at the agent's sidecar",
        "CONNECT, as a proxy's clients send it",
    ),
    connect("at the gateway", "CONNECT, as a proxy's clients send it"),
    Exception {
        class: AWAY,
        name: None,
        why: "When ext_authz gets no answer, Envoy refuses by itself: 503 without a reason and a body, for an ambiguous request too. Nothing passes on either side.",
    },
];

const fn broken(name: &'static str) -> Exception {
    Exception {
        class: "request smuggling",
        name: Some(name),
        why: "Envoy finds the content broken while ext_authz still waits, and nothing goes on; with the filter the head is already on its way, and is cut off. No whole request arrives on either side.",
    }
}

const fn connect(class: &'static str, name: &'static str) -> Exception {
    Exception {
        class,
        name: Some(name),
        why: "No route takes CONNECT, and Envoy does not ask ext_authz about a request without a route. The net refuses it: 403 without a reason, and no entry in the ledger.",
    }
}

impl Exception {
    fn covers(&self, case: &Case) -> bool {
        self.class == case.class && self.name.is_none_or(|name| name == case.name)
    }
}

/// Whether a case is one that has to differ.
pub(super) fn is_listed(case: &Case) -> bool {
    ALL.iter().any(|exception| exception.covers(case))
}

/// What is wrong: differences that are not listed, listed ones that are none, and whatever passes on one
/// side alone, for which there is no excuse.
#[must_use]
pub fn problems(all: &[Compared]) -> Vec<String> {
    let mut problems = Vec::new();
    for compared in all {
        let listed = is_listed(&compared.case);
        for run in &compared.runs {
            let place = format!(
                "{}: {} ({} h{})",
                compared.case.class, compared.case.name, run.way, run.protocol
            );
            let [filter, native] = run.passed;
            if filter != native {
                problems.push(format!("{place}: passes on one side alone"));
            }
            if let (Some(differs), false) = (&run.differs, listed) {
                problems.push(format!("{place}: {differs}"));
            }
        }
    }
    for exception in ALL {
        let differs = |compared: &&Compared| {
            exception.covers(&compared.case)
                && compared.runs.iter().any(|run| run.differs.is_some())
        };
        if !all.iter().any(|compared| differs(&compared)) {
            problems.push(format!("listed and the same: {exception:?}"));
        }
    }
    problems
}
