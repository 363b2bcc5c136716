//! HTTP/2 frames (RFC 9113), as far as gRPC streams need them: what goes out is collected and written
//! at once, what comes in is read in place.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};

use crate::hostile::hpack;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Largest window that there is (§6.9.1): what comes in is never held up by this end.
const WINDOW: u32 = 0x7fff_ffff;
/// Window of a connection before anything was said about it.
const FIRST_WINDOW: u32 = 65_535;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Outbox(Vec<u8>);

impl Outbox {
    /// The client's first words.
    pub(super) fn greet(&mut self) {
        self.0.extend(PREFACE);
        // HEADER_TABLE_SIZE 0, ENABLE_PUSH 0, INITIAL_WINDOW_SIZE.
        let mut settings = Vec::new();
        for (name, value) in [(1_u16, 0_u32), (2, 0), (4, WINDOW)] {
            settings.extend(name.to_be_bytes());
            settings.extend(value.to_be_bytes());
        }
        self.frame(SETTINGS, 0, 0, &settings);
        self.frame(WINDOW_UPDATE, 0, 0, &(WINDOW - FIRST_WINDOW).to_be_bytes());
    }

    /// Opens a gRPC stream.
    pub(super) fn open(&mut self, stream: u32, path: &str) {
        let mut block = Vec::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "caracal-sts"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ] {
            hpack::write(&mut block, name.as_bytes(), value.as_bytes());
        }
        self.frame(HEADERS, END_HEADERS, stream, &block);
    }

    /// One gRPC message; returns what it takes of the windows.
    pub(super) fn message(&mut self, stream: u32, message: &[u8]) -> usize {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let size = message.len() + 5;
        self.head(size, DATA, 0, stream);
        self.0.push(0);
        self.0.extend(length.to_be_bytes());
        self.0.extend(message);
        size
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.head(payload.len(), kind, flags, stream);
        self.0.extend(payload);
    }

    fn head(&mut self, length: usize, kind: u8, flags: u8, stream: u32) {
        let length = u32::try_from(length).unwrap_or(0).to_be_bytes();
        self.0.extend(length.iter().skip(1));
        self.0.extend([kind, flags]);
        self.0.extend(stream.to_be_bytes());
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What a frame says.
#[derive(Debug)]
pub(super) enum Frame {
    /// Bytes of a stream, by their place in what was read.
    Data { stream: u32, payload: Range<usize> },
    /// This many bytes more may be sent, on a stream or (0) altogether.
    Window { stream: u32, more: i64 },
    /// What each stream may send at first, if the peer says so. To be acknowledged, as was done.
    Settings { window: Option<i64> },
    /// Nothing that anybody waits for.
    Other,
}

/// Reads the frame at the beginning of `bytes`, and answers it where HTTP/2 wants an answer. Returns the
/// frame and its length, or nothing when it is not all there.
pub(super) fn read(bytes: &[u8], out: &mut Outbox) -> Result<Option<(Frame, usize)>> {
    let Some((head, _)) = bytes.split_first_chunk::<9>() else {
        return Ok(None);
    };
    let [a, b, c, kind, flags, id @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c]))?;
    let end = 9 + length;
    let Some(payload) = bytes.get(9..end) else {
        return Ok(None);
    };
    let stream = u32::from_be_bytes(id);
    let frame = match kind {
        DATA => {
            ensure!(flags & (PADDED | END_STREAM) == 0, "a stream ended");
            let payload = 9..end;
            Frame::Data { stream, payload }
        }
        HEADERS => {
            ensure!(flags & END_HEADERS != 0, "headers in more than one frame");
            let fields = hpack::read(payload)?;
            let ok = |(name, value): &hpack::Field| name == b":status" && value == b"200";
            if flags & END_STREAM != 0 || !fields.iter().any(ok) {
                bail!("a feed ended: {}", readable(&fields));
            }
            Frame::Other
        }
        RST_STREAM => bail!("a stream was reset"),
        GOAWAY => bail!("the connection is closing"),
        SETTINGS if flags & ACK == 0 => {
            out.frame(SETTINGS, ACK, 0, &[]);
            let window = settings(payload).find(|(name, _)| *name == 4);
            let window = window.map(|(_, value)| i64::from(value));
            Frame::Settings { window }
        }
        PING if flags & ACK == 0 => {
            out.frame(PING, ACK, 0, payload);
            Frame::Other
        }
        WINDOW_UPDATE => {
            let more = payload.first_chunk().context("a window without a size")?;
            let more = i64::from(u32::from_be_bytes(*more));
            Frame::Window { stream, more }
        }
        _ => Frame::Other,
    };
    Ok(Some((frame, end)))
}

fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload.chunks_exact(6).filter_map(|setting| {
        let (name, value) = setting.split_first_chunk::<2>()?;
        let value = value.first_chunk::<4>()?;
        Some((u16::from_be_bytes(*name), u32::from_be_bytes(*value)))
    })
}

fn readable(fields: &[hpack::Field]) -> String {
    let texts = fields.iter().map(|(name, value)| {
        let text = String::from_utf8_lossy;
        format!("{}: {}", text(name), text(value))
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_and_half_of_it_does_not() {
        let mut out = Outbox::default();
        let taken = out.message(7, b"hello");
        let bytes = out.bytes().to_vec();
        let mut answers = Outbox::default();
        for end in 0..bytes.len() {
            let half = bytes.get(..end).unwrap();
            assert!(read(half, &mut answers).unwrap().is_none());
        }
        let (frame, length) = read(&bytes, &mut answers).unwrap().unwrap();
        assert_eq!((length, taken), (bytes.len(), 10));
        let Frame::Data { stream: 7, payload } = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(bytes.get(payload).unwrap(), b"\0\0\0\0\x05hello");
        assert!(answers.is_empty());
    }

    #[test]
    fn the_peers_window_is_found_in_its_settings_and_the_settings_are_acknowledged() {
        let mut hello = Outbox::default();
        hello.greet();
        let bytes = hello.bytes().get(PREFACE.len()..).unwrap();
        let mut answers = Outbox::default();
        let (frame, _) = read(bytes, &mut answers).unwrap().unwrap();
        let Frame::Settings { window } = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(window, Some(i64::from(WINDOW)));
        assert_eq!(answers.bytes(), [0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0]);
    }
}
