//! Rego's tokens, as far as nesting depends on them.

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, number or text.
    Operand,
    /// A word that begins something new.
    Keyword,
    /// Something that makes one expression of two.
    Operator,
    /// `.`
    Dot,
    /// `,` `;` `:`
    Separator,
    /// An opening bracket.
    Open {
        /// `[` or `{`.
        is_literal: bool,
        /// No white space before it, so that after an operand it is a reference or a call.
        glued: bool,
    },
    /// A closing bracket.
    Close,
}

/// Words after which nothing hangs together with what was before; none of them can be an operand.
/// `in` is an operator, and `contains` may be a function's name.
const KEYWORDS: [&[u8]; 10] = [
    b"as", b"default", b"else", b"every", b"if", b"import", b"not", b"package", b"some", b"with",
];

/// Walks over the bytes.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
    line_start: usize,
    /// Start of the token that was returned last.
    start: usize,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(source: &'a str) -> Self {
        Self {
            bytes: source.as_bytes(),
            at: 0,
            line: 1,
            line_start: 0,
            start: 0,
        }
    }

    /// Line and column of the last token, from 1.
    pub(super) fn place(&self) -> (u32, u32) {
        let before = self.bytes.get(self.line_start..self.start);
        let before = String::from_utf8_lossy(before.unwrap_or_default());
        let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX);
        (self.line, column.saturating_add(1))
    }

    pub(super) fn next_token(&mut self) -> Option<Token> {
        let mut glued = true;
        loop {
            let byte = self.peek()?;
            self.start = self.at;
            match byte {
                b'\n' => {
                    self.newline();
                    glued = false;
                }
                b' ' | b'\t' | b'\r' => {
                    self.advance();
                    glued = false;
                }
                b'#' => {
                    self.skip_while(|byte| byte != b'\n');
                    glued = false;
                }
                _ => break,
            }
        }
        let byte = self.peek()?;
        self.advance();
        Some(match byte {
            b'"' => self.text(),
            b'`' => self.raw_text(),
            b'.' => Token::Dot,
            b',' | b';' => Token::Separator,
            b':' => {
                if self.peek() == Some(b'=') {
                    self.advance();
                    Token::Operator
                } else {
                    Token::Separator
                }
            }
            b'[' | b'{' | b'(' => Token::Open {
                is_literal: byte != b'(',
                // `{` after an operand opens a block, never a reference.
                glued: glued && byte != b'{',
            },
            b']' | b'}' | b')' => Token::Close,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
            _ => Token::Operator,
        })
    }

    fn word(&mut self) -> Token {
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        let word = self.bytes.get(self.start..self.at).unwrap_or_default();
        if word == b"in" {
            Token::Operator
        } else if KEYWORDS.contains(&word) {
            Token::Keyword
        } else {
            Token::Operand
        }
    }

    /// `"..."`, in which a backslash takes the next character with it. The lexer ends an unclosed
    /// text at the line's end with an error, so the rest is code again.
    fn text(&mut self) -> Token {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => break,
                b'"' => {
                    self.advance();
                    break;
                }
                b'\\' => {
                    self.advance();
                    if self.peek() != Some(b'\n') {
                        self.advance();
                    }
                }
                _ => self.advance(),
            }
        }
        Token::Operand
    }

    /// `` `...` ``, in which nothing is special.
    fn raw_text(&mut self) -> Token {
        let (line, line_start) = (self.line, self.line_start);
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.newline(),
                b'`' => {
                    self.advance();
                    return Token::Operand;
                }
                _ => self.advance(),
            }
        }
        (self.line, self.line_start) = (line, line_start);
        Token::Operand
    }

    fn newline(&mut self) {
        self.advance();
        self.line = self.line.saturating_add(1);
        self.line_start = self.at;
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.advance();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }
}
