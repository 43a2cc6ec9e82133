//! The messages that an answer is shown in.

use crate::api::ApiError;
use crate::incoming::Lane;
use crate::outgoing::{Content, Outgoing};

/// Stands where an answer will be.
const PLACEHOLDER: &str = "…";

/// The messages of one answer. Each begins as a placeholder whose number is noted before anything else becomes of it, so
/// that whatever is shown is shown by edits, which may be repeated.
pub(crate) struct Messages<'a> {
    outgoing: &'a Outgoing,
    place: Lane,
    /// What the first of them answers.
    reply_to: Option<i32>,
    shown: Vec<Shown>,
}

struct Shown {
    message_id: i32,
    /// `None` where that is not known.
    content: Option<Content>,
}

/// What an attempt to show something came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Everything is shown.
    Complete,
    /// One message more was changed; there may be others.
    Changed,
    /// There is no room for it now.
    Dropped,
}

impl<'a> Messages<'a> {
    /// Goes on with the messages that were noted.
    pub(crate) fn new(outgoing: &'a Outgoing, place: Lane, reply_to: Option<i32>, noted: &[i32]) -> Self {
        let shown = noted.iter().map(|&message_id| Shown { message_id, content: None }).collect();
        Self { outgoing, place, reply_to, shown }
    }

    /// Their numbers, to be noted.
    pub(crate) fn ids(&self) -> Vec<i32> {
        self.shown.iter().map(|shown| shown.message_id).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Adds a message that shows `content` for now.
    pub(crate) async fn open(&mut self, content: Content) -> Result<(), ApiError> {
        let sent = self.outgoing.place(self.place, self.replied(), &content).await?;
        self.shown.push(Shown { message_id: sent.message_id, content: Some(content) });
        Ok(())
    }

    /// Shows one more of `parts` that is not shown yet, if there is room for it now.
    pub(crate) async fn preview(&mut self, parts: &[Content]) -> Result<Step, ApiError> {
        let Some((number, part)) = self.difference(parts) else { return Ok(Step::Complete) };
        let replied = self.replied();
        if let Some(shown) = self.shown.get_mut(number) {
            if !self.outgoing.try_edit(self.place, shown.message_id, part).await? {
                return Ok(Step::Dropped);
            }
            shown.content = Some(part.clone());
        } else {
            let Some(sent) = self.outgoing.try_place(self.place, replied, part).await? else {
                return Ok(Step::Dropped);
            };
            self.shown.push(Shown { message_id: sent.message_id, content: Some(part.clone()) });
        }
        Ok(Step::Changed)
    }

    /// Shows one more of `parts` for sure: a message that is missing is opened, one that differs is edited.
    pub(crate) async fn finish(&mut self, parts: &[Content]) -> Result<Step, ApiError> {
        let Some((number, part)) = self.difference(parts) else { return Ok(Step::Complete) };
        let Some(shown) = self.shown.get_mut(number) else {
            self.open(Content::plain(PLACEHOLDER)).await?;
            return Ok(Step::Changed);
        };
        match self.outgoing.edit(self.place, shown.message_id, part).await {
            Ok(()) => shown.content = Some(part.clone()),
            // Somebody deleted it: another one takes its place.
            Err(gone) if gone.is_message_gone() => {
                let sent = self.outgoing.place(self.place, None, &Content::plain(PLACEHOLDER)).await?;
                *shown = Shown { message_id: sent.message_id, content: None };
            }
            Err(error) => return Err(error),
        }
        Ok(Step::Changed)
    }

    /// Takes away what is more than `count`.
    pub(crate) async fn truncate(&mut self, count: usize) {
        while self.shown.len() > count {
            if let Some(shown) = self.shown.pop() {
                self.outgoing.delete(self.place, shown.message_id).await;
            }
        }
    }

    fn difference<'p>(&self, parts: &'p [Content]) -> Option<(usize, &'p Content)> {
        let shows = |number: usize| self.shown.get(number).and_then(|shown| shown.content.as_ref());
        parts.iter().enumerate().find(|(number, part)| shows(*number) != Some(*part))
    }

    /// What the next message answers.
    fn replied(&self) -> Option<i32> {
        self.reply_to.filter(|_| self.shown.is_empty())
    }
}

/// The first thing that is shown of an answer.
pub(crate) fn placeholder() -> Content {
    Content::plain(PLACEHOLDER)
}
