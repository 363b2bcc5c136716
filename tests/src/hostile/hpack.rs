//! HPACK (RFC 7541), as little as attacks need: fields are written as literals, so that every byte
//! arrives as it was given, and answers are read without a dynamic table.

use anyhow::{Context as _, Result, bail};

/// Name and value.
pub(crate) type Field = (Vec<u8>, Vec<u8>);

/// Appendix A, as far as answers use it for more than a name of no interest: `:status`.
const STATUSES: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];

/// Writes a field as a literal without indexing and without Huffman coding (§6.2.2).
pub(crate) fn write(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    for text in [name, value] {
        write_length(out, text.len());
        out.extend_from_slice(text);
    }
}

/// §5.1 with a prefix of seven bits.
fn write_length(out: &mut Vec<u8>, length: usize) {
    if length < 127 {
        out.push(u8::try_from(length).unwrap_or(126));
        return;
    }
    out.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        out.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
        rest /= 128;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

/// Reads a header block of a peer that was told to use no dynamic table.
pub(crate) fn read(block: &[u8]) -> Result<Vec<Field>> {
    let mut reader = Reader(block);
    let mut fields = Vec::new();
    while let Some(first) = reader.0.first().copied() {
        if first & 0x80 != 0 {
            let index = reader.integer(7)?;
            let status = index.checked_sub(8).and_then(|at| STATUSES.get(at));
            if let Some(status) = status {
                fields.push((b":status".to_vec(), status.as_bytes().to_vec()));
            }
        } else if first & 0xe0 == 0x20 {
            reader.integer(5)?;
        } else {
            let prefix = if first & 0x40 == 0 { 4 } else { 6 };
            let name = match reader.integer(prefix)? {
                0 => reader.text()?,
                8..=14 => b":status".to_vec(),
                // A name of the static table that nobody here asks for.
                index => format!("static-{index}").into_bytes(),
            };
            fields.push((name, reader.text()?));
        }
    }
    Ok(fields)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().context("the block ends early")?;
        self.0 = rest;
        Ok(*first)
    }

    fn integer(&mut self, prefix: u32) -> Result<usize> {
        let mask = (1_usize << prefix) - 1;
        let mut value = usize::from(self.byte()?) & mask;
        if value < mask {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 127) << shift;
            if byte & 128 == 0 {
                return Ok(value);
            }
        }
        bail!("an integer of more than four bytes")
    }

    fn text(&mut self) -> Result<Vec<u8>> {
        let coded = self.0.first().is_some_and(|byte| byte & 128 != 0);
        let length = self.integer(7)?;
        let (text, rest) = self
            .0
            .split_at_checked(length)
            .context("a text ends early")?;
        self.0 = rest;
        if coded {
            decode(text)
        } else {
            Ok(text.to_vec())
        }
    }
}

/// Appendix B: the code is canonical, so the symbols by the length of their code are all of it. Here
/// are those of printable ASCII.
const BY_LENGTH: [(u32, &[u8]); 11] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\"),
];

fn decode(text: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let (mut code, mut length) = (0_u32, 0_u32);
    let bits = text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1)));
    for bit in bits {
        code = code << 1 | bit;
        length += 1;
        if let Some(symbol) = symbol(code, length) {
            out.push(symbol);
            (code, length) = (0, 0);
        } else if length > 19 {
            bail!("a symbol that is not printable");
        }
    }
    // §5.2: what is left is the beginning of a code of ones.
    if length < 8 && code == (1 << length) - 1 {
        Ok(out)
    } else {
        bail!("padding of another form")
    }
}

fn symbol(code: u32, length: u32) -> Option<u8> {
    let mut first = 0_u32;
    let mut before = 0_u32;
    for (of_length, symbols) in BY_LENGTH {
        first <<= of_length - before;
        before = of_length;
        if of_length == length {
            let at = usize::try_from(code.checked_sub(first)?).ok()?;
            return symbols.get(at).copied();
        }
        first += u32::try_from(symbols.len()).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let long = vec![b'a'; 5000];
        let mut block = Vec::new();
        write(&mut block, b":path", b"/a\0b");
        write(&mut block, b"x", &long);
        let fields = read(&block).unwrap();
        assert_eq!(
            fields,
            [
                (b":path".to_vec(), b"/a\0b".to_vec()),
                (b"x".to_vec(), long)
            ]
        );
    }

    #[test]
    fn codes_begin_where_the_shorter_ones_end() {
        // '0' is the first of five bits, ' ' of six, ':' of seven, '&' of eight.
        for (code, length, expected) in [
            (0, 5, b'0'),
            (0x14, 6, b' '),
            (0x5c, 7, b':'),
            (0xf8, 8, b'&'),
        ] {
            assert_eq!(symbol(code, length), Some(expected));
        }
        assert_eq!(
            read(&[0x88]).unwrap(),
            [(b":status".to_vec(), b"200".to_vec())]
        );
    }
}
