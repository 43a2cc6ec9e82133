//! A host on a free port, clients of it, and answers that read well as snapshots.

mod answer;
mod documented;
mod events;
mod host;
mod line;
mod operation;
mod receiver;
mod spent;
mod things;

pub(crate) use answer::Answer;
pub(crate) use events::{Event, Events, told, transcript};
pub(crate) use host::{Key, TestHost, message, question, question_with};
pub(crate) use line::Line;
pub(crate) use operation::Operation;
pub(crate) use receiver::Receiver;
pub(crate) use spent::Spent;
pub(crate) use things::{Things, World};
