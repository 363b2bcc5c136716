//! One HTTP/2 request in frames made by hand (RFC 9113), so that any field can be sent.

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::hpack::{self, Field};
use super::wire::{Answer, Stream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Largest frame that every peer takes (§4.2).
const FRAME: usize = 16_384;

/// A request: its field section, content, and trailers.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    /// Fields, in order, as they are sent.
    pub fields: Vec<Field>,
    /// Content.
    pub content: Option<Vec<u8>>,
    /// Trailers.
    pub trailers: Vec<Field>,
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    out.extend(length.iter().skip(1));
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

fn section(out: &mut Vec<u8>, fields: &[Field], end_stream: bool) {
    let mut block = Vec::new();
    for (name, value) in fields {
        hpack::write(&mut block, name, value);
    }
    let mut kind = HEADERS;
    let mut chunks = block.chunks(FRAME).peekable();
    while let Some(chunk) = chunks.next() {
        let mut flags = if chunks.peek().is_none() {
            END_HEADERS
        } else {
            0
        };
        if kind == HEADERS && end_stream {
            flags |= END_STREAM;
        }
        frame(out, kind, flags, 1, chunk);
        kind = CONTINUATION;
    }
}

impl Frames {
    fn bytes(&self) -> Vec<u8> {
        let mut out = PREFACE.to_vec();
        // SETTINGS_HEADER_TABLE_SIZE 0: answers come without a dynamic table.
        frame(&mut out, SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
        let bare = self.content.is_none() && self.trailers.is_empty();
        section(&mut out, &self.fields, bare);
        if let Some(content) = &self.content {
            let flags = if self.trailers.is_empty() {
                END_STREAM
            } else {
                0
            };
            frame(&mut out, DATA, flags, 1, content);
        }
        if !self.trailers.is_empty() {
            section(&mut out, &self.trailers, true);
        }
        out
    }
}

/// Sends it and reads the answer; a reset of the stream or the connection is one too. What has come
/// until this ends, or is given up, is in `answer`.
pub(super) async fn talk(
    stream: &mut Box<dyn Stream>,
    request: &Frames,
    answer: &mut Option<Answer>,
) -> Result<()> {
    let _ = stream.write_all(&request.bytes()).await;
    let _ = stream.flush().await;
    loop {
        let mut head = [0_u8; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0_u8; usize::try_from(length)?];
        stream.read_exact(&mut payload).await?;
        let is_last = flags & END_STREAM != 0 && u32::from_be_bytes(id) == 1;
        match kind {
            HEADERS if u32::from_be_bytes(id) == 1 => {
                if flags & END_HEADERS == 0 {
                    bail!("an answer of more than one frame");
                }
                match answer {
                    // An interim answer is none.
                    None => *answer = Some(read(&payload)?).filter(|head| head.status >= 200),
                    Some(answer) => answer.fields.extend(fields(&payload)?),
                }
            }
            DATA => answer
                .iter_mut()
                .for_each(|answer| answer.body.extend(&payload)),
            RST_STREAM | GOAWAY => {
                answer.get_or_insert_default();
                return Ok(());
            }
            SETTINGS | PING if flags & ACK == 0 => {
                let mut out = Vec::new();
                let echo = if kind == PING { &payload[..] } else { &[] };
                frame(&mut out, kind, ACK, 0, echo);
                stream.write_all(&out).await?;
                stream.flush().await?;
            }
            _ => {}
        }
        if is_last && matches!(kind, HEADERS | DATA) && answer.is_some() {
            return Ok(());
        }
    }
}

fn fields(block: &[u8]) -> Result<Vec<(String, String)>> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let fields = hpack::read(block)?.into_iter();
    Ok(fields
        .map(|(name, value)| (text(name), text(value)))
        .collect())
}

fn read(block: &[u8]) -> Result<Answer> {
    let answer = Answer {
        fields: fields(block)?,
        ..Answer::default()
    };
    Ok(Answer {
        status: answer.field(":status").context("no :status")?.parse()?,
        reason: answer.field("x-caracal-reason").map(str::to_owned),
        ..answer
    })
}
