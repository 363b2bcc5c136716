//! The envelope: a text, an empty line, signature lines (C2SP signed-note, "Format").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::CheckpointVerifier;

/// Starts every signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";
/// The format asks for at least 16; more than this is no honest note.
const MAX_SIGNATURES: usize = 100;
/// Far above any checkpoint, so that hostile input costs little.
const MAX_NOTE_BYTES: usize = 64 * 1024;

/// Why a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the form text, empty line, signature lines.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A signature claims to be by the known key and is not: the note must not be used at all.
    #[error("the signature of {0:?} does not verify")]
    BadSignature(String),
    /// No signature by the known key.
    #[error("no signature by {0:?}")]
    Unsigned(String),
}

/// One signature line, not yet verified.
struct SignatureLine<'a> {
    name: &'a str,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

/// Returns the text of a note that carries a good signature by the verifier's key.
///
/// Lines of other keys are ignored, a bad line of the known key is fatal ("Verification").
pub(super) fn open<'a>(note: &'a str, verifier: &CheckpointVerifier) -> Result<&'a str, NoteError> {
    let (text, lines) = split(note)?;
    let mut signed = false;
    for line in &lines {
        if line.name == verifier.name() && line.key_id == verifier.key_id() {
            if !verifier.verify_bytes(text.as_bytes(), &line.signature) {
                return Err(NoteError::BadSignature(verifier.name().to_owned()));
            }
            signed = true;
        }
    }
    if signed {
        Ok(text)
    } else {
        Err(NoteError::Unsigned(verifier.name().to_owned()))
    }
}

/// Puts one signature line under a text.
pub(super) fn seal(text: &str, name: &str, key_id: [u8; 4], signature: &[u8]) -> String {
    let blob = STANDARD.encode([&key_id, signature].concat());
    format!("{text}\n{SIGNATURE_PREFIX}{name} {blob}\n")
}

/// Whether a text can be the name of a key: not empty, no white space, no plus sign.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn split(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
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
    let lines = lines
        .split('\n')
        .map(signature_line)
        .collect::<Result<Vec<_>, _>>()?;
    if lines.len() > MAX_SIGNATURES {
        return Err(NoteError::Malformed("too many signatures"));
    }
    Ok((text, lines))
}

fn signature_line(line: &str) -> Result<SignatureLine<'_>, NoteError> {
    let malformed = NoteError::Malformed("a signature line is not readable");
    let Some((name, blob)) = line
        .strip_prefix(SIGNATURE_PREFIX)
        .and_then(|l| l.split_once(' '))
    else {
        return Err(malformed);
    };
    let blob = STANDARD.decode(blob).map_err(|_| malformed.clone())?;
    match blob.split_first_chunk::<4>() {
        Some((key_id, signature)) if is_key_name(name) && !signature.is_empty() => {
            Ok(SignatureLine {
                name,
                key_id: *key_id,
                signature: signature.to_vec(),
            })
        }
        _ => Err(malformed),
    }
}
