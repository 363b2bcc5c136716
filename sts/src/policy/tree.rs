//! The parsed tree, as the interpreter hands it out in JSON: what the checks read of it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A place in the source.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Span {
    pub(super) line: u32,
    pub(super) col: u32,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// Line and column.
    pub(super) const fn place(&self) -> (u32, u32) {
        (self.line, self.col)
    }

    /// The text of a statement. The interpreter's places leave out the quotes of a text at an end.
    pub(super) fn statement<'a>(&self, source: &'a str) -> &'a str {
        let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'`'));
        let bytes = source.as_bytes();
        let before = self.start.checked_sub(1);
        let start = before.filter(|at| is_quote(bytes.get(*at)));
        let end = self
            .end
            .saturating_add(usize::from(is_quote(bytes.get(self.end))));
        source
            .get(start.unwrap_or(self.start)..end)
            .unwrap_or_default()
    }

    /// The text that stands there.
    pub(super) fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) ast: Module,
}

#[derive(Debug, Deserialize)]
pub(super) struct Module {
    pub(super) package: Package,
    pub(super) imports: Vec<Import>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) span: Span,
    pub(super) refr: Expr,
}

#[derive(Debug, Deserialize)]
pub(super) struct Import {
    pub(super) span: Span,
    pub(super) refr: Expr,
    #[serde(default, rename = "as")]
    pub(super) alias: Option<Span>,
}

#[derive(Debug, Deserialize)]
pub(super) enum Rule {
    Spec {
        span: Span,
        head: Head,
        bodies: Vec<Body>,
    },
    Default {
        refr: Expr,
        value: Expr,
        args: Vec<Expr>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) enum Head {
    Compr {
        refr: Expr,
        assign: Option<Assign>,
    },
    Set {
        refr: Expr,
        key: Option<Expr>,
    },
    Func {
        refr: Expr,
        args: Vec<Expr>,
        assign: Option<Assign>,
    },
}

impl Head {
    pub(super) const fn refr(&self) -> &Expr {
        match self {
            Self::Compr { refr, .. } | Self::Set { refr, .. } | Self::Func { refr, .. } => refr,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Assign {
    pub(super) value: Expr,
}

#[derive(Debug, Deserialize)]
pub(super) struct Body {
    pub(super) span: Span,
    pub(super) assign: Option<Assign>,
    pub(super) query: Query,
}

#[derive(Debug, Deserialize)]
pub(super) struct Query {
    pub(super) stmts: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    pub(super) span: Span,
    pub(super) literal: Literal,
    #[serde(default)]
    pub(super) with_mods: Vec<With>,
}

#[derive(Debug, Deserialize)]
pub(super) struct With {
    pub(super) span: Span,
    pub(super) refr: Expr,
    #[serde(rename = "as")]
    pub(super) value: Expr,
}

#[derive(Debug, Deserialize)]
pub(super) enum Literal {
    SomeVars {},
    SomeIn {
        key: Option<Expr>,
        value: Expr,
        collection: Expr,
    },
    Expr {
        expr: Expr,
    },
    NotExpr {
        expr: Expr,
    },
    Every {
        key: Option<Span>,
        value: Span,
        domain: Expr,
        query: Query,
    },
}

#[derive(Debug, Deserialize)]
pub(super) enum Expr {
    String {
        span: Span,
        value: String,
    },
    RawString {
        span: Span,
        value: String,
    },
    Number {
        span: Span,
        #[serde(rename = "value")]
        _value: IgnoredAny,
    },
    Bool {
        span: Span,
        value: bool,
    },
    Null {
        span: Span,
    },
    Var {
        span: Span,
        value: String,
    },
    Array {
        span: Span,
        items: Vec<Expr>,
    },
    Set {
        span: Span,
        items: Vec<Expr>,
    },
    Object {
        span: Span,
        fields: Vec<(Span, Expr, Expr)>,
    },
    ArrayCompr {
        span: Span,
        term: Box<Expr>,
        query: Query,
    },
    SetCompr {
        span: Span,
        term: Box<Expr>,
        query: Query,
    },
    ObjectCompr {
        span: Span,
        key: Box<Expr>,
        value: Box<Expr>,
        query: Query,
    },
    Call {
        span: Span,
        fcn: Box<Expr>,
        params: Vec<Expr>,
    },
    #[serde(rename = "UnaryExpr")]
    Unary {
        span: Span,
        expr: Box<Expr>,
    },
    RefDot {
        span: Span,
        refr: Box<Expr>,
        field: (Span, String),
    },
    RefBrack {
        span: Span,
        refr: Box<Expr>,
        index: Box<Expr>,
    },
    #[serde(rename = "BinExpr")]
    SetOperation {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    #[serde(rename = "BoolExpr")]
    Comparison {
        span: Span,
        op: String,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    #[serde(rename = "ArithExpr")]
    Arithmetic {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    #[serde(rename = "AssignExpr")]
    Assignment {
        span: Span,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    Membership {
        span: Span,
        key: Option<Box<Expr>>,
        value: Box<Expr>,
        collection: Box<Expr>,
    },
}

/// One step of a reference.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// `.name` or `["name"]`.
    Name(&'a str, Span),
    /// `[anything else]`.
    Index(&'a Expr),
}

/// `root.a["b"][c]`.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub(super) root: &'a str,
    pub(super) root_span: Span,
    pub(super) steps: Vec<Step<'a>>,
    pub(super) span: Span,
}

impl Reference<'_> {
    /// `a.b.c` if every step is a name.
    pub(super) fn dotted(&self) -> Option<String> {
        let mut path = self.root.to_owned();
        for step in &self.steps {
            let Step::Name(name, _) = step else {
                return None;
            };
            path.push('.');
            path.push_str(name);
        }
        Some(path)
    }
}

impl Expr {
    pub(super) const fn span(&self) -> Span {
        match self {
            Self::String { span, .. }
            | Self::RawString { span, .. }
            | Self::Number { span, .. }
            | Self::Bool { span, .. }
            | Self::Null { span }
            | Self::Var { span, .. }
            | Self::Array { span, .. }
            | Self::Set { span, .. }
            | Self::Object { span, .. }
            | Self::ArrayCompr { span, .. }
            | Self::SetCompr { span, .. }
            | Self::ObjectCompr { span, .. }
            | Self::Call { span, .. }
            | Self::Unary { span, .. }
            | Self::RefDot { span, .. }
            | Self::RefBrack { span, .. }
            | Self::SetOperation { span, .. }
            | Self::Comparison { span, .. }
            | Self::Arithmetic { span, .. }
            | Self::Assignment { span, .. }
            | Self::Membership { span, .. } => *span,
        }
    }

    /// The text of a string literal.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String { value, .. } | Self::RawString { value, .. } => Some(value),
            _ => None,
        }
    }

    /// What kind of value a literal is; `None` where that depends on the evaluation.
    pub(super) fn literal_kind(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::String { .. } | Self::RawString { .. } => "a string",
            Self::Number { .. } => "a number",
            Self::Bool { .. } | Self::Comparison { .. } | Self::Membership { .. } => "a boolean",
            Self::Null { .. } => "null",
            Self::Array { .. } | Self::ArrayCompr { .. } => "an array",
            Self::Set { .. } | Self::SetCompr { .. } => "a set",
            Self::Object { .. } | Self::ObjectCompr { .. } => "an object",
            _ => return None,
        }))
    }

    /// This expression as a reference that starts at a name.
    pub(super) fn reference(&self) -> Option<Reference<'_>> {
        let mut steps = Vec::new();
        let mut at = self;
        loop {
            match at {
                Self::RefDot { refr, field, .. } => {
                    steps.push(Step::Name(&field.1, field.0));
                    at = refr;
                }
                Self::RefBrack { refr, index, .. } => {
                    steps.push(match index.as_ref() {
                        Self::String { value, span } | Self::RawString { value, span } => {
                            Step::Name(value, *span)
                        }
                        other => Step::Index(other),
                    });
                    at = refr;
                }
                Self::Var { value, span } => {
                    steps.reverse();
                    return Some(Reference {
                        root: value,
                        root_span: *span,
                        steps,
                        span: self.span(),
                    });
                }
                _ => return None,
            }
        }
    }

    /// The expressions right inside.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::String { .. }
            | Self::RawString { .. }
            | Self::Number { .. }
            | Self::Bool { .. }
            | Self::Null { .. }
            | Self::Var { .. } => Vec::new(),
            Self::Array { items, .. } | Self::Set { items, .. } => items.iter().collect(),
            Self::Object { fields, .. } => fields
                .iter()
                .flat_map(|(_, key, value)| [key, value])
                .collect(),
            Self::ArrayCompr { term, .. } | Self::SetCompr { term, .. } => vec![term],
            Self::ObjectCompr { key, value, .. } => vec![key, value],
            Self::Call { fcn, params, .. } => std::iter::once(fcn.as_ref()).chain(params).collect(),
            Self::Unary { expr, .. } => vec![expr],
            Self::RefDot { refr, .. } => vec![refr],
            Self::RefBrack { refr, index, .. } => vec![refr, index],
            Self::SetOperation { lhs, rhs, .. }
            | Self::Comparison { lhs, rhs, .. }
            | Self::Arithmetic { lhs, rhs, .. }
            | Self::Assignment { lhs, rhs, .. } => vec![lhs, rhs],
            Self::Membership {
                key,
                value,
                collection,
                ..
            } => key
                .iter()
                .map(AsRef::as_ref)
                .chain([value.as_ref(), collection.as_ref()])
                .collect(),
        }
    }

    /// The query of a comprehension.
    pub(super) const fn query(&self) -> Option<&Query> {
        match self {
            Self::ArrayCompr { query, .. }
            | Self::SetCompr { query, .. }
            | Self::ObjectCompr { query, .. } => Some(query),
            _ => None,
        }
    }
}
