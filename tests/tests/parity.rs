//! The filter and Envoy's own `ext_authz` with the token service decide, answer and record the same.

use caracal_tests::client::{Connection, Request, tls};
use caracal_tests::hostile::site::BANK;
use caracal_tests::hostile::upstream::Upstream;
use caracal_tests::parity::{exception, report, run};
use caracal_tests::stack::envoy::{Mode, Role, without_filter};
use caracal_tests::stack::{Stack, ports};

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_and_the_token_service_decide_and_answer_the_same() {
    let compared = run().await.unwrap();
    println!("{}", report::table(&compared));
    assert_eq!(exception::problems(&compared), Vec::<String>::new());

    // A case or two may meet a machine that stands still.
    let again: Vec<_> = compared
        .iter()
        .filter(|compared| compared.tries > 1)
        .collect();
    assert!(
        again.len() <= compared.len() / 50,
        "differed at first: {again:#?}"
    );
    assert!(compared.len() >= 300, "{} cases", compared.len());
    let runs = || compared.iter().flat_map(|compared| &compared.runs);
    let passed = runs().filter(|run| run.passed == [true, true]).count();
    let refused = runs().filter(|run| run.passed == [false, false]).count();
    assert!(passed >= 200 && refused >= 500, "{passed} and {refused}");

    let (path, document, renewed) = report::document(&compared).unwrap();
    assert_eq!(
        renewed.as_ref(),
        Some(&document),
        "{} is out of date: run make parity",
        path.display()
    );
}

/// What a mistake makes of a configuration.
type Mistake = fn(&str) -> anyhow::Result<String>;

#[tokio::test]
async fn the_net_holds_where_ext_authz_fails_open_is_disabled_or_is_missing() {
    let stack = Stack::start().await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let nobody = ports::free().unwrap().to_string();
    let settings = [
        ("RESOURCE_DOMAINS", BANK.to_owned()),
        ("UPSTREAM_PORT", upstream.port.to_string()),
        ("STS_PORT", nobody),
    ];
    let mistakes: [(&str, Mistake, u16); 4] = [
        ("none", |text| Ok(text.to_owned()), 503),
        ("fails-open", fails_open, 403),
        ("disabled", disabled, 403),
        ("missing", missing, 403),
    ];
    let client = tls::Client::new(stack.identity("payout").unwrap()).unwrap();
    for (name, mistake, expected) in mistakes {
        let file = stack.render_in(Mode::Native, Role::Resource, name, &settings);
        let file = file.await.unwrap().edited(mistake).await.unwrap();
        let envoy = stack.run(file).await.unwrap();
        let mut connection = Connection::mutual(envoy.port(), &client).await.unwrap();
        let request = Request::get(BANK, "/accounts/42").mandate("a.b.c");
        let response = connection.send(&request).await.unwrap();
        assert_eq!(response.status, expected, "{name}");
        assert_eq!(upstream.take().bytes, 0, "{name}");
    }
}

fn replaced(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    anyhow::ensure!(
        text.contains(from),
        "the configuration does not say {from:?}"
    );
    Ok(text.replace(from, to))
}

fn fails_open(text: &str) -> anyhow::Result<String> {
    replaced(
        text,
        "failure_mode_allow: false",
        "failure_mode_allow: true",
    )
}

fn disabled(text: &str) -> anyhow::Result<String> {
    let route = "              - match: { prefix: \"/\" }\n";
    let off = "                typed_per_filter_config: { envoy.filters.http.ext_authz: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }\n";
    replaced(text, route, &[route, off].concat())
}

fn missing(text: &str) -> anyhow::Result<String> {
    let name = "- name: envoy.filters.http.ext_authz\n";
    let renamed = replaced(text, name, "- name: caracal\n")?;
    without_filter(&renamed)
}
