use super::*;

#[test]
fn counts_brackets_in_code_only() {
    let deep = "[[[[[[[[[[";
    for source in [
        format!("# {deep}\n"),
        format!("x := \"{deep}\""),
        format!("x := `{deep}\n{deep}`"),
        format!("x := \"\\\"{deep}\""),
        "[{[{[{[{}]}]}]}]".to_owned(),
        "[][][][][][][][][][]".to_owned(),
    ] {
        assert_eq!(check(&source), Ok(()), "{source}");
    }
}

#[test]
fn refuses_depth_wherever_it_hides() {
    let deep = "[{[{[{[{[";
    for source in [
        format!("x := {deep}"),
        format!("# c\nx := {deep}"),
        format!("x := \"a\" {deep}"),
        format!("x := `\\` {deep}"),
        format!("x := \"\\\\\" {deep}"),
        format!("]]]]{deep}"),
        format!("x := \"open\n{deep}"),
        "(".repeat(25),
        format!("x := 1{}", " + 1".repeat(60)),
        format!("x := 1{}", "\n+ 1".repeat(60)),
        format!("x := 1{}", "\n-1".repeat(60)),
        format!("x := input{}", ".if".repeat(60)),
        format!("x := input{}", "[0]".repeat(60)),
        format!("x := 1{}", " in y".repeat(60)),
        format!("x := {}", "f(1 + 1 + ".repeat(16)),
        format!("x := {}1", "-".repeat(60)),
    ] {
        assert!(check(&source).is_err(), "{source}");
    }
}

#[test]
fn statements_do_not_add_up() {
    let rules = "allow if {\n\tinput.a.b[_].c == 1 + 2\n\tf(x)[y]\n\tnot g.h\n}\n".repeat(500);
    assert_eq!(check(&rules), Ok(()));
    let list = format!("x := {{{}}}", "\"a\",\n".repeat(5000));
    assert_eq!(check(&list), Ok(()));
}

#[test]
fn many_tokens_in_deep_literals_are_too_much_work() {
    let source = format!("x := [[[[[[[{}]]]]]]]", "1,".repeat(8000));
    let found = check(&source).unwrap_err();
    assert_eq!(found.code, "too_nested");
    assert!(found.message.contains("too much"), "{found}");
}

#[test]
fn names_line_and_column() {
    let found = check("a\n\n  ü[[[[[[[[[").unwrap_err();
    assert_eq!((found.line, found.column), (3, 12));
}
