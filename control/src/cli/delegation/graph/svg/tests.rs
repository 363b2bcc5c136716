use super::super::tests::graph;
use super::*;

/// A graph of whatever texts, as no server lets through.
fn raw(edges: &[(&str, &str, &str)]) -> Graph {
    let mut graph = Graph {
        edges: BTreeMap::new(),
        fallen: BTreeMap::new(),
    };
    for (from, to, text) in edges {
        graph
            .edges
            .entry((*from).to_owned())
            .or_default()
            .push(Edge {
                id: (*text).to_owned(),
                to: (*to).to_owned(),
                resource: (*text).to_owned(),
                scopes: (*text).to_owned(),
                depth: 0,
                state: State::Live,
            });
    }
    graph
}

/// Elements with their texts, of a file in which they are closed in order.
fn elements(svg: &str) -> Vec<(String, String)> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        assert!(!text.contains('>'), "what is text has no brackets: {text}");
        let name = tag.split([' ', '/']).next().unwrap().to_owned();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed));
            continue;
        }
        if !tag.ends_with('/') {
            open.push(name.clone());
        }
        found.push((name, text.to_owned()));
    }
    assert_eq!(open, Vec::<String>::new());
    found
}

const EDGES: [(&str, &str, &str, u8); 5] = [
    ("boss", "payer", "pay", 1),
    ("payer", "boss", "report", 0),
    ("payer", "clerk", "read", 0),
    ("boss", "clerk", "gone", 0),
    ("boss", "payer", "call", 2),
];

#[test]
fn each_application_and_each_delegation_stands_in_it_once() {
    let svg = drawn(&graph(&EDGES, &[2]));
    for name in ["boss", "payer", "clerk"] {
        assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}");
    }
    for (number, edge) in (1..).zip(EDGES) {
        let title = format!("<title>delegation dlg_{number}");
        assert_eq!(svg.matches(&title).count(), 1, "{edge:?}");
    }
    assert_eq!(svg.matches("class=\"way\"").count(), EDGES.len());
    let names = svg.matches("class=\"name\"").count();
    assert_eq!(names, 3);
    elements(&svg);
}

#[test]
fn what_does_not_hold_is_marked_by_style_and_by_a_word() {
    let svg = drawn(&graph(&EDGES, &[2]));
    let group = |title: &str| {
        let from = svg.find(title).unwrap();
        let from = svg[..from].rfind("<g ").unwrap();
        svg[from..].split_once("</g>").unwrap().0
    };
    for (title, word) in [
        ("delegation dlg_2, suspended: payer may", "suspended"),
        ("delegation dlg_4, revoked: boss may", "revoked"),
        ("application clerk, revoked", "revoked"),
    ] {
        let group = group(title);
        assert!(group.starts_with("<g class=\"") && group.contains(&format!(" {word}\" role=")));
        assert!(group.contains(&format!(">{word}</text>")), "{group}");
    }
    assert!(!group("delegation dlg_1:").contains("class=\"mark\""));
    let summary = "3 applications, 5 delegations, 1 of them suspended, 1 of them revoked";
    assert!(svg.contains(&format!("<desc id=\"summary\">{summary}</desc>")));
    let text = graph(&EDGES, &[2]).drawn(super::super::Drawing::Text);
    assert!(!text.contains("gone"), "a terminal shows what holds");
}

#[test]
fn a_name_with_markup_in_it_is_text() {
    let evil = [
        "</text></svg><script>alert(1)</script>",
        "\"><image href=\"http://evil/\"/>",
        "' onload='x",
        "]]>&#60;&amp;<!--",
        "\u{0}\u{b}\u{fffe}",
    ];
    let plain = drawn(&raw(&[("a", "b", "c")]));
    let shape = |svg: &str| {
        let elements = elements(svg).into_iter();
        elements.map(|(name, _)| name).collect::<Vec<_>>()
    };
    for text in evil {
        let other = format!("{text}2");
        let svg = drawn(&raw(&[(text, &other, text)]));
        assert_eq!(shape(&svg), shape(&plain), "{text:?} made no element");
        let lines = svg.lines().filter(|line| !line.starts_with("<text"));
        assert!(
            lines.clone().all(|line| !line.contains("onload='")),
            "{svg}"
        );
        assert!(svg.chars().all(|char| char == '\n' || !char.is_control()));
        assert!(!svg.contains("http://evil/\""), "{svg}");
    }
}

#[test]
fn it_needs_nothing_beside_it_and_is_read_out() {
    let svg = drawn(&graph(&EDGES, &[]));
    for reference in ["href", "url(", "<script", "@import", "<foreignObject"] {
        assert!(!svg.contains(reference), "{reference}");
    }
    assert!(svg.contains("role=\"graphics-document document\" aria-labelledby=\"title summary\""));
    assert!(svg.contains("<title id=\"title\">Who may have whom act for it</title>"));
    assert!(svg.contains("@media (prefers-color-scheme: dark)"));
}

#[test]
fn nothing_is_drawn_as_nothing() {
    let svg = drawn(&graph(&[], &[]));
    assert!(svg.contains(NOTHING));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    elements(&svg);
}

#[test]
fn long_scopes_are_wrapped_and_no_line_is_wider_than_its_box() {
    let scopes = ["accounts:read"; 12].join(" ");
    let mut graph = raw(&[("a", "b", "bank")]);
    graph.edges.get_mut("a").unwrap()[0].scopes = scopes;
    let label = Label::of(&graph.edges["a"][0]);
    assert_eq!(label.lines.len(), 7, "{:?}", label.lines);
    assert!(label.size().0 < 300.0);
}
