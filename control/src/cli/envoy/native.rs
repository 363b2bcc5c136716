//! The same configurations with Envoy's own `ext_authz` where the filter is.

use crate::cli::error::CliError;

/// What stands in place of the filter and of its net.
const EXT_AUTHZ: &str = include_str!("../../../../envoy/ext_authz.yaml");

/// Where the filter begins, and what follows the net behind it.
const BEGIN: &str = "          # 1. The filter decides.";
const END: &str = "          - name: envoy.filters.http.router\n";

/// What the access log says of the decision: the filter's own line, and the mark of a yes.
const LINES: [(&str, &str); 2] = [
    (
        "%FILTER_STATE(wasm.caracal.request:PLAIN)%",
        "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:caracal.decision)%",
    ),
    (
        "          # The decision's mark is a secret: %FILTER_STATE% of it must never be logged.\n",
        "",
    ),
];

/// A template without the filter. All of the rest stays as it is.
pub(super) fn template(text: &str) -> Result<String, CliError> {
    let broken = || CliError::Failure("the template has no filter to replace".to_owned());
    let (before, rest) = text.split_once(BEGIN).ok_or_else(broken)?;
    let (_, after) = rest.split_once(END).ok_or_else(broken)?;
    let mut native = [before, EXT_AUTHZ, END, after].concat();
    for (from, to) in LINES {
        if !native.contains(from) {
            return Err(broken());
        }
        native = native.replace(from, to);
    }
    Ok(native)
}

#[cfg(test)]
mod tests {
    use super::super::template::placeholders;
    use super::super::{AGENT, GATEWAY, RESOURCE};
    use super::*;

    #[test]
    fn nothing_of_the_filter_is_left_and_nothing_else_is_gone() {
        for text in [AGENT, RESOURCE, GATEWAY] {
            let native = template(text).unwrap();
            assert!(!native.contains("wasm."), "no filter, no filter state");
            assert_eq!(native.matches("filters.http.ext_authz.v3").count(), 1);
            let names: Vec<_> = placeholders(&native)
                .map(|one| one.unwrap().name.to_owned())
                .collect();
            for gone in ["ALLOW_MARK", "MODE", "RBAC_RULES", "FILTER_WASM", "ZONE"] {
                assert!(names.iter().all(|name| name != gone), "{gone}");
            }
            let begin = text.find(BEGIN).unwrap();
            for line in text[..begin]
                .lines()
                .filter(|line| !line.contains("FILTER_STATE"))
            {
                assert!(native.contains(line), "{line}");
            }
        }
    }

    #[test]
    fn a_template_without_a_filter_is_none() {
        assert!(template("http_filters:\n").is_err());
    }
}
