//! What the bot says, in three languages: the sentences stand in `locales/`, in Fluent, and are compiled in.
//!
//! The engine's own texts come through [`FluentTexts`], the host's through [`Said`]. A sentence's variables are names,
//! which stay what they are ([`name`]), and numbers, written as the language writes them ([`number`]).
//!
//! A language more is a file in `locales/` and a line in each `match` of [`language`] and [`sentence`]; the tests say what
//! is missing.

mod engine;
mod failure;
mod language;
mod name;
mod number;
mod said;
mod sentence;
#[cfg(test)]
mod tests;
mod wait;

pub use engine::FluentTexts;
pub(crate) use said::{Said, UnsupportedKind, say};
