//! The envelope: a text, an empty line, signature lines (C2SP signed-note, "Format").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::PublicKey;

/// Starts every signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";
/// The format asks for at least 16; more than this is no honest note.
const MAX_SIGNATURES: usize = 100;
/// Far above any checkpoint, so that hostile input costs little.
pub(crate) const MAX_NOTE_BYTES: usize = 64 * 1024;

/// Why a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the form text, empty line, signature lines.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A signature claims to be by a known key and is not: the note must not be used at all.
    #[error("the signature of {0:?} does not verify")]
    BadSignature(String),
    /// No signature by the known key.
    #[error("no signature by {0:?}")]
    Unsigned(String),
}

/// A known key, and what its signatures are over.
pub trait Verifier {
    /// What a good signature tells beside that it is good. The greatest counts, should one key have
    /// signed twice.
    type Evidence: Ord;

    /// The key's name.
    fn name(&self) -> &str;

    /// The key's id, which with the name tells its signature lines.
    fn id(&self) -> [u8; 4];

    /// What the signature tells; `None` if it is not this key's over the text.
    fn verify(&self, text: &str, signature: &[u8]) -> Option<Self::Evidence>;
}

/// A note that was read and not verified.
#[derive(Debug)]
pub struct Note<'a> {
    text: &'a str,
    lines: Vec<SignatureLine<'a>>,
}

/// One signature line, not verified.
#[derive(Debug)]
struct SignatureLine<'a> {
    line: &'a str,
    name: &'a str,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

/// A verified signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature<'a, E> {
    /// What it tells.
    pub evidence: E,
    /// Its line, without the end.
    pub line: &'a str,
}

impl<'a> Note<'a> {
    /// Reads the form. The text must be ignored until a signature is verified.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Malformed("too long"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it holds a control character"));
        }
        // The last empty line counts: the text may hold empty lines of its own.
        let (text, rest) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError::Malformed("there is no empty line"))?;
        let text = note
            .get(..=text.len())
            .ok_or(NoteError::Malformed("there is no text"))?;
        let lines = rest
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("the last line has no end"))?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(NoteError::Malformed("too many signatures"));
        }
        let lines = lines
            .split('\n')
            .map(SignatureLine::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { text, lines })
    }

    /// What is signed, with the end of its last line.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The signature of a known key, if there is one. Lines of other keys are ignored; a line of
    /// this key that does not verify is fatal, whatever else is there (C2SP signed-note,
    /// "Signatures").
    pub fn signature<V: Verifier>(
        &self,
        verifier: &V,
    ) -> Result<Option<Signature<'a, V::Evidence>>, NoteError> {
        let mut found = None;
        for line in self.lines.iter().filter(|line| line.is_by(verifier)) {
            let evidence = verifier
                .verify(self.text, &line.signature)
                .ok_or_else(|| NoteError::BadSignature(verifier.name().to_owned()))?;
            let line = line.line;
            found = found.max(Some(Signature { evidence, line }));
        }
        Ok(found)
    }

    /// The signature of a known key, which has to be there.
    pub fn require<V: Verifier>(
        &self,
        verifier: &V,
    ) -> Result<Signature<'a, V::Evidence>, NoteError> {
        self.signature(verifier)?
            .ok_or_else(|| NoteError::Unsigned(verifier.name().to_owned()))
    }
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a signature line is not readable");
        let Some((name, blob)) = line
            .strip_prefix(SIGNATURE_PREFIX)
            .and_then(|l| l.split_once(' '))
        else {
            return Err(malformed);
        };
        let blob = STANDARD.decode(blob).map_err(|_| malformed.clone())?;
        match blob.split_first_chunk::<4>() {
            Some((key_id, signature)) if is_key_name(name) && !signature.is_empty() => Ok(Self {
                line,
                name,
                key_id: *key_id,
                signature: signature.to_vec(),
            }),
            _ => Err(malformed),
        }
    }

    fn is_by(&self, verifier: &impl Verifier) -> bool {
        self.name == verifier.name() && self.key_id == verifier.id()
    }
}

/// A signature line, with its end.
pub(super) fn signature_line(key: &PublicKey, signature: &[u8]) -> String {
    let blob = STANDARD.encode([&key.id(), signature].concat());
    format!("{SIGNATURE_PREFIX}{} {blob}\n", key.name())
}

/// Whether a text can be the name of a key: not empty, no white space, no plus sign.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}
