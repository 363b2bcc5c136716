//! Requests near the catalogue: honest ones, and mutations of them.

use std::fmt;

use super::catalogue::{HOST, ROUTES};

/// One request.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Method.
    pub method: Vec<u8>,
    /// Host.
    pub host: Vec<u8>,
    /// Target.
    pub target: Vec<u8>,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, target) = (self.method.escape_ascii(), self.target.escape_ascii());
        write!(f, "{method} {target} at {}", self.host.escape_ascii())
    }
}

/// What is put into paths: encodings, separators, and what some server cuts or folds.
const PIECES: &[&[u8]] = &[
    b"%2e",
    b"%2E",
    b"%2e%2e",
    b"%2f",
    b"%2F",
    b"%5c",
    b"%00",
    b"%09",
    b"%0a",
    b"%0d%0a",
    b"%20",
    b"%22",
    b"%23",
    b"%25",
    b"%252e",
    b"%252f",
    b"%3b",
    b"%3f",
    b"%3d",
    b"%41",
    b"%61",
    b"%7e",
    b"%7b",
    b"%7C",
    b"%c3%a9",
    b"%C3%A9",
    b"%c3",
    b"%c0%ae",
    b"%e2%84%aa",
    b"%ff",
    b"%",
    b"%2",
    b"%zz",
    b"%u0041",
    b"/",
    b"//",
    b"/./",
    b"/../",
    b"..",
    b".",
    b";",
    b";x=1",
    b"\\",
    b"#",
    b"?",
    b"?a=b",
    b"+",
    b" ",
    b"\t",
    b"\0",
    b"\xc3\xa9",
    b".json",
];

/// Values of parameters: ordinary ones, and the literals that stand beside them.
const VALUES: &[&[u8]] = &[
    b"1",
    b"0",
    b"42",
    b"a",
    b"a.b",
    b"a-b_c~d",
    b"a:b@c",
    b"a,b=c",
    b"a+b",
    b"(a)",
    b"a!$&'*",
    b"...",
    b".a",
    b"%20",
    b"a%20b",
    b"caf%C3%A9",
    b"caf%c3%a9",
    b"%7Bmap%7D",
    b"%5B1%5D",
    b"%E2%84%AA",
    b"me",
    b"Me",
    b"ME",
    b"me.json",
    b"latest",
    b"Latest",
    b"latest.",
    b"base",
    b"base%20",
    b"root",
    b"self",
    b"index.html",
    b"INDEX",
    b"layers",
];

const SUFFIXES: &[&[u8]] = &[
    b"/", b"//", b".", b".json", b"%20", b"%00", b";", b"?", b"?x=/../", b"#", b"/.", b"/..",
];

const METHODS: &[&[u8]] = &[
    b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"get", b"PATCH", b"OPTIONS",
];

/// A generator that gives the same requests for the same seed.
#[derive(Debug)]
pub struct Generator(u64);

impl Generator {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, all: &[&'a [u8]]) -> &'a [u8] {
        let at = self.below(all.len());
        all.get(at).copied().unwrap_or_default()
    }

    /// The next request.
    pub fn request(&mut self) -> Generated {
        let at = self.below(ROUTES.len());
        let (method, template) = ROUTES.get(at).copied().unwrap_or(("GET", "/"));
        let mut target = self.filled(template);
        // Half of them are honest but for the values of their parameters.
        let mutations = [0, 0, 0, 0, 1, 1, 2, 3]
            .get(self.below(8))
            .copied()
            .unwrap_or(0);
        for _ in 0..mutations {
            self.mutate(&mut target);
        }
        if self.one_in(8) {
            target.extend(b"?q=");
            target.extend(self.pick(VALUES));
        }
        let mut method = method.as_bytes().to_vec();
        if self.one_in(24) {
            method = self.pick(METHODS).to_vec();
        }
        let mut host = HOST.as_bytes().to_vec();
        match self.below(40) {
            0 => host.extend(b":8080"),
            1 => host.make_ascii_uppercase(),
            2 => host.push(b'.'),
            _ => {}
        }
        Generated {
            method,
            host,
            target,
        }
    }

    fn filled(&mut self, template: &str) -> Vec<u8> {
        let mut target = Vec::new();
        for segment in template.split('/').skip(1) {
            target.push(b'/');
            if segment.starts_with('{') {
                target.extend(self.pick(VALUES));
            } else {
                target.extend(segment.as_bytes());
            }
        }
        target
    }

    fn mutate(&mut self, target: &mut Vec<u8>) {
        let at = self.below(target.len() + 1);
        match self.below(8) {
            0 | 1 => {
                let piece = self.pick(PIECES);
                drop(target.splice(at..at, piece.iter().copied()));
            }
            2 => {
                // A byte spelled as its encoding.
                if let Some(byte) = target.get(at).copied() {
                    let text = format!("%{byte:02x}");
                    drop(target.splice(at..=at, text.into_bytes()));
                }
            }
            3 => {
                if let Some(byte) = target.get_mut(at) {
                    *byte ^= 0x20;
                }
            }
            4 => {
                if at < target.len() {
                    target.remove(at);
                }
            }
            5 => target.extend(self.pick(SUFFIXES)),
            6 => self.replace_segment(target),
            _ => {
                if let Some(byte) = target.get_mut(at) {
                    *byte = u8::try_from(self.next() % 256).unwrap_or(0);
                }
            }
        }
    }

    /// Puts the literal of another route, or any value, for a segment.
    fn replace_segment(&mut self, target: &mut Vec<u8>) {
        let mut segments: Vec<_> = target
            .split(|byte| *byte == b'/')
            .map(<[u8]>::to_vec)
            .collect();
        let at = 1 + self.below(segments.len().saturating_sub(1));
        let value = self.pick(VALUES).to_vec();
        if let Some(segment) = segments.get_mut(at) {
            *segment = value;
        }
        *target = segments.join(&b'/');
    }
}
