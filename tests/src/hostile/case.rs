//! What a case is: a request in one or both protocols, and what has to become of it.

use caracal_mandate::reason::Reason;

use super::class::Class;
use super::http2::Frames;

/// Where a case is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The resource side, twice: on the configuration that is shipped, and on one whose hardening
    /// was taken off.
    Resource,
    /// The agent's sidecar, on the configuration that is shipped.
    Agent,
    /// The egress gateway, on the configuration that is shipped.
    Gateway,
}

/// What has to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Refused: by the filter, for this reason, or by Envoy before the filter sees it.
    Refused(Reason),
    /// Refused by Envoy: nothing of it gets as far as a filter.
    ByEnvoy,
    /// Refused, or let through in this form, by what Envoy takes as HTTP in this protocol.
    EnvoyOr(Vec<String>),
    /// The head is let through, and the content then breaks the framing: Envoy gives it up, and the
    /// upstream never gets a whole request.
    CutOff,
    /// Let through: what reaches the upstream are these request lines and no other.
    Allowed(Vec<String>),
}

impl Expect {
    pub(super) fn line(line: &str) -> Self {
        Self::Allowed(vec![line.to_owned()])
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Message {
    /// The same request in both protocols.
    Both(Request),
    /// Bytes of an HTTP/1.1 connection.
    Http1(Vec<u8>),
    /// Frames of an HTTP/2 connection.
    Http2(Frames),
}

/// One hostile request.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its class.
    pub class: Class,
    /// Its name, unique in its class.
    pub name: String,
    /// Where it is sent.
    pub at: At,
    /// What is sent.
    pub message: Message,
    /// What has to become of it.
    pub expect: Expect,
}

impl Case {
    /// A case at the resource side.
    pub fn new(class: Class, name: &str, message: impl Into<Message>, expect: Expect) -> Self {
        Self {
            class,
            name: name.to_owned(),
            at: At::Resource,
            message: message.into(),
            expect,
        }
    }

    /// The same elsewhere.
    #[must_use]
    pub fn at(self, at: At) -> Self {
        Self { at, ..self }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Both(request)
    }
}

impl From<Frames> for Message {
    fn from(frames: Frames) -> Self {
        Self::Http2(frames)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Http1(bytes)
    }
}

/// A request whose parts can be anything. It starts as an honest one.
#[derive(Debug, Clone)]
pub struct Request {
    method: Vec<u8>,
    target: Vec<u8>,
    host: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    content: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &str, host: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            host: host.into(),
            fields: Vec::new(),
            content: None,
        }
    }

    #[must_use]
    pub(crate) fn method(self, method: impl AsRef<[u8]>) -> Self {
        let method = method.as_ref().to_vec();
        Self { method, ..self }
    }

    #[must_use]
    pub(crate) fn target(self, target: impl AsRef<[u8]>) -> Self {
        let target = target.as_ref().to_vec();
        Self { target, ..self }
    }

    #[must_use]
    pub(crate) fn host(self, host: impl AsRef<[u8]>) -> Self {
        let host = host.as_ref().to_vec();
        Self { host, ..self }
    }

    #[must_use]
    pub(crate) fn field(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let field = (name.as_ref().to_vec(), value.as_ref().to_vec());
        self.fields.push(field);
        self
    }

    #[must_use]
    pub(crate) fn mandate(self, token: &str) -> Self {
        self.field("authorization", format!("Bearer {token}"))
    }

    #[must_use]
    pub(crate) fn content(self, content: &str) -> Self {
        let content = Some(content.as_bytes().to_vec());
        Self { content, ..self }
    }

    /// As HTTP/1.1.
    #[must_use]
    pub fn http1(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(
            [
                &self.method[..],
                b" ",
                &self.target,
                b" HTTP/1.1\r\nhost: ",
                &self.host,
            ]
            .concat(),
        );
        out.extend(b"\r\n");
        for (name, value) in &self.fields {
            out.extend([&name[..], b": ", value, b"\r\n"].concat());
        }
        if let Some(content) = &self.content {
            out.extend(format!("content-length: {}\r\n", content.len()).as_bytes());
        }
        out.extend(b"\r\n");
        out.extend(self.content.iter().flatten());
        out
    }

    /// As HTTP/2. Field names are sent in lower case, as RFC 9113 §8.2 has it.
    #[must_use]
    pub fn http2(&self) -> Frames {
        let pseudo = [
            (&b":method"[..], &self.method[..]),
            (b":scheme", b"https"),
            (b":authority", &self.host),
            (b":path", &self.target),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_vec(), value.to_vec()));
        let fields = self.fields.iter().cloned();
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value));
        Frames {
            fields: pseudo.into_iter().chain(fields).collect(),
            content: self.content.clone(),
            trailers: Vec::new(),
        }
    }
}
