//! Random policies and inputs, from a seed.

mod expression;
mod policy;
mod random;

pub use policy::{GeneratedPolicy, input, policy};
pub use random::Random;

/// Types of the expressions that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Number,
    Text,
    Boolean,
    Numbers,
    Texts,
    TextSet,
    Object,
}

const TYPES: [Type; 7] = [
    Type::Number,
    Type::Text,
    Type::Boolean,
    Type::Numbers,
    Type::Texts,
    Type::TextSet,
    Type::Object,
];
