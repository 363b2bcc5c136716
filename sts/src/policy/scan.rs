//! A scan before the parser: what it could not bear is refused first.
//!
//! The parser's time doubles with each level of array, object and set literals: 4000 tokens under 6
//! levels take 0.12 s, under 12 levels 7.7 s, and no timer reaches into it. And it recurses over
//! what it has read, down to the release of the tree, so that a sum of 30 000 terms ends the whole
//! process with an overflow of its stack. Both are counted here on the bytes, in one pass.

mod token;

use super::diagnostic::Diagnostic;
use token::{Token, Tokens};

/// Deepest nesting of `[` and `{` together.
pub(super) const MAX_LITERALS: u32 = 8;

/// Deepest nesting of `(`.
pub(super) const MAX_PARENTHESES: u32 = 24;

/// Deepest tree of one statement: open brackets, and the operators before them.
pub(super) const MAX_DEPTH: u32 = 48;

/// Tokens, each counted twice for each literal around it. 10^6 took the parser 0.25 s.
pub(super) const MAX_WORK: u64 = 1_000_000;

/// One open bracket, or the outermost level.
#[derive(Clone, Copy)]
struct Level {
    is_literal: bool,
    /// Operators, references and calls that hang together, so far.
    chain: u32,
}

/// Refuses sources that nest too deep.
pub(super) fn check(source: &str) -> Result<(), Diagnostic> {
    let mut scan = Scan::default();
    let mut tokens = Tokens::new(source);
    while let Some(token) = tokens.next_token() {
        scan.take(token)
            .map_err(|too_much| too_much.at(tokens.place()))?;
    }
    Ok(())
}

enum TooMuch {
    Literals,
    Parentheses,
    Depth,
    Work,
}

impl TooMuch {
    fn at(&self, place: (u32, u32)) -> Diagnostic {
        let (what, max) = match self {
            Self::Literals => ("arrays, sets, objects and blocks", u64::from(MAX_LITERALS)),
            Self::Parentheses => ("parentheses", u64::from(MAX_PARENTHESES)),
            Self::Depth => ("one expression", u64::from(MAX_DEPTH)),
            Self::Work => {
                let message = "there is too much inside nested arrays, sets and objects";
                let help = "name the inner parts in rules of their own";
                return Diagnostic::error("too_nested", place, message, help);
            }
        };
        let message = format!("{what} nested deeper than {max}");
        let help = "name the inner parts in rules of their own";
        Diagnostic::error("too_nested", place, message, help)
    }
}

struct Scan {
    levels: Vec<Level>,
    literals: u32,
    /// Sum of the levels' chains.
    chains: u32,
    work: u64,
    /// The last token ended an operand: another operand is another statement.
    after_operand: bool,
    /// The last token was a dot: even a keyword is a name now.
    after_dot: bool,
}

impl Default for Scan {
    fn default() -> Self {
        let outermost = Level {
            is_literal: false,
            chain: 0,
        };
        Self {
            levels: vec![outermost],
            literals: 0,
            chains: 0,
            work: 0,
            after_operand: false,
            after_dot: false,
        }
    }
}

impl Scan {
    fn take(&mut self, token: Token) -> Result<(), TooMuch> {
        self.work = self.work.saturating_add(1 << self.literals.min(32));
        if self.work > MAX_WORK {
            return Err(TooMuch::Work);
        }
        let was_dot = std::mem::replace(&mut self.after_dot, token == Token::Dot);
        match token {
            Token::Keyword if !was_dot => {
                self.unchain();
                self.after_operand = false;
            }
            Token::Operand | Token::Keyword => {
                if self.after_operand {
                    self.unchain();
                }
                self.after_operand = true;
            }
            Token::Operator | Token::Dot => {
                self.chain();
                self.after_operand = false;
            }
            Token::Separator => {
                self.unchain();
                self.after_operand = false;
            }
            Token::Open { is_literal, glued } => self.open(is_literal, glued)?,
            Token::Close => self.close(),
        }
        let brackets = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        if self.chains.saturating_add(brackets) > MAX_DEPTH {
            return Err(TooMuch::Depth);
        }
        Ok(())
    }

    fn open(&mut self, is_literal: bool, glued: bool) -> Result<(), TooMuch> {
        if self.after_operand {
            if glued {
                self.chain();
            } else {
                self.unchain();
            }
        }
        self.after_operand = false;
        self.levels.push(Level {
            is_literal,
            chain: 0,
        });
        if is_literal {
            self.literals = self.literals.saturating_add(1);
            if self.literals > MAX_LITERALS {
                return Err(TooMuch::Literals);
            }
        }
        let open = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        // The outermost level is no bracket.
        if open.saturating_sub(1).saturating_sub(self.literals) > MAX_PARENTHESES {
            return Err(TooMuch::Parentheses);
        }
        Ok(())
    }

    fn close(&mut self) {
        // A bracket too many closes nothing; the parser will say so.
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            self.chains = self.chains.saturating_sub(level.chain);
            if level.is_literal {
                self.literals = self.literals.saturating_sub(1);
            }
        }
        self.after_operand = true;
    }

    fn chain(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.chain = level.chain.saturating_add(1);
            self.chains = self.chains.saturating_add(1);
        }
    }

    fn unchain(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.chains = self.chains.saturating_sub(level.chain);
            level.chain = 0;
        }
    }
}

#[cfg(test)]
mod tests;
