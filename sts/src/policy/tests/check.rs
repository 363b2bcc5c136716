use super::*;

async fn found(body: &str) -> Vec<Diagnostic> {
    let source = format!("package caracal.policy\n{body}\n");
    let checked = PolicyRunner::default().check(source.as_str().into()).await;
    checked.unwrap().diagnostics
}

/// What is refused, and for what.
const REFUSED: &[(&str, &str)] = &[
    ("allows := true", "no_allow"),
    ("allow if x", "rego"),
    ("allow := \"open", "rego"),
    ("allow := \"yes\"", "result_shape"),
    ("allow := 1", "result_shape"),
    ("allow contains \"x\"", "result_shape"),
    ("allow(x) if x == 1", "result_shape"),
    ("allow.x := true", "result_shape"),
    ("allow := true\ndeny := true", "result_shape"),
    ("allow := true\ndeny if input.zone == \"a\"", "result_shape"),
    ("allow := true\ndeny contains 1", "result_shape"),
    ("allow := true\ndeny := [1]", "result_shape"),
    ("allow := true\nmax_lifetime := 0", "result_shape"),
    ("allow := true\nmax_lifetime := 1.5", "result_shape"),
    ("allow := true\nmax_lifetime := \"60\"", "result_shape"),
    ("allow := true\nmax_lifetime := count([])", "result_shape"),
    ("allow := true\nscopes := \"a\"", "result_shape"),
    ("default allow := true", "default_allow"),
    ("allow := true\ndenny contains \"x\"", "misspelt_result"),
    ("allow if input.aplication.name == \"a\"", "unknown_input"),
    (
        "allow if input.application[\"nme\"] == \"a\"",
        "unknown_input",
    ),
    (
        "allow if { app := input.application; app.nme == \"a\" }",
        "unknown_input",
    ),
    (
        "import input.application as app\nallow if app.nme == \"a\"",
        "unknown_input",
    ),
    ("allow if input.scopes.x", "unknown_input"),
    (
        "allow if object.get(input.request, \"hst\", \"\") == \"a\"",
        "unknown_input",
    ),
    (
        "allow if { some s in input.scopes; s.name == \"a\" }",
        "unknown_input",
    ),
    (
        "allow if http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200",
        "unknown_function",
    ),
    ("allow if time.now_ns() > 0", "unknown_function"),
    ("allow if io.jwt.decode(\"x\")", "unknown_function"),
    ("allow if startswith(input.zone)", "arguments"),
    (
        "allow if { startswith(input.zone, \"a\", x); x }",
        "arguments",
    ),
    ("allow if regex.match(`(?=a)`, input.zone)", "pattern"),
    ("allow if glob.match(\"[ab]\", [], input.zone)", "pattern"),
    ("allow if sprintf(\"%x\", [1]) == \"1\"", "format"),
    ("allow if data.users[input.zone]", "no_data"),
    (
        "allow if f with input as {}\nf if input.zone == \"a\"",
        "with",
    ),
    ("import data.users\nallow := true", "import"),
    ("import future.keywords.not\nallow := true", "import"),
    (
        "allow if not startswith(input.request.path, \"/a\")",
        "not_of_undefined",
    ),
    ("allow if { x := input.zone in {\"a\"}; x }", "in_as_value"),
    ("allow if 1, \"a\" in [\"a\"]", "in_with_key"),
    (
        "allow if every x in input.scopes { input.zone == \"a\" }",
        "unused_variable",
    ),
    ("allow if a\na if b\nb if a", "recursion"),
    ("allow := true\ncount := 1", "reserved_name"),
    ("allow := [[[[[[[[[[1]]]]]]]]]]", "too_nested"),
];

#[tokio::test]
async fn what_could_open_or_fail_later_is_refused_at_once() {
    for (body, code) in REFUSED {
        let found = found(body).await;
        let errors: Vec<_> = found.iter().filter(|found| found.is_error()).collect();
        assert!(
            errors.iter().any(|found| found.code == *code),
            "{body}: {found:?}"
        );
        assert!(errors.iter().all(|found| !found.help.is_empty()));
    }
}

#[tokio::test]
async fn what_people_write_is_taken_without_a_word() {
    let fine = include_str!("usual.rego");
    let fine = fine.strip_prefix("package caracal.policy\n").unwrap();
    assert_eq!(found(fine).await, Vec::new());
}

#[tokio::test]
async fn a_finding_says_where_and_what_to_do() {
    let found = found("allow if {\n  input.aplication.name == \"a\"\n}").await;
    assert_eq!(
        found[0].to_string(),
        "3:9: error[unknown_input]: input has no member \"aplication\", so this is never defined; did you mean \
         input.application? Its members are application, delegation, grant, now, operation, request, resource, \
         scopes, session, subject, zone"
    );
}

#[tokio::test]
async fn what_is_not_followed_is_a_warning() {
    let codes = |found: Vec<Diagnostic>| {
        found
            .into_iter()
            .map(|found| found.code)
            .collect::<Vec<_>>()
    };
    let passed_on = "allow if f(input.application)\nf(x) if x.nme == \"a\"";
    assert_eq!(codes(found(passed_on).await), ["unchecked_input"]);
    assert_eq!(
        codes(found("allow := true\nhelper := 1").await),
        ["unused_rule"]
    );
}

#[tokio::test]
async fn a_bomb_is_refused_before_it_goes_off() {
    for bomb in [
        format!("allow := {}{}", "[".repeat(31), "]".repeat(31)),
        format!("allow if 1 == (1{})", "\n+ 1".repeat(15_000)),
        format!("allow := true\nx := [[[[[[[{}]]]]]]]", "1,".repeat(20_000)),
        (0..1000).fold("allow if r0\n".to_owned(), |all, at| {
            format!("{all}r{at} if r{}\n", at + 1)
        }) + "r1000 := true",
    ] {
        let found = found(&bomb).await;
        assert!(
            ["too_nested", "rule_depth"].contains(&found[0].code),
            "{}",
            found[0]
        );
    }
    let long = format!("allow := true\n{}", "#\n".repeat(40_000));
    assert_eq!(found(&long).await[0].code, "too_long");
    let package = PolicyRunner::default()
        .check("package other\nallow := true".into())
        .await;
    assert_eq!(package.unwrap().diagnostics[0].code, "package");
}
