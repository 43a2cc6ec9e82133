//! The messages that an answer is shown in.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{ApiError, Upload};
use crate::incoming::Lane;
use crate::markdown::Formatted;
use crate::outgoing::{Content, Outgoing};

/// Stands where an answer will be.
const PLACEHOLDER: &str = "…";
/// How many messages of an answer may take the place of one that was deleted.
const MOST_REPLACED: u32 = 2;
/// A draft that shows the same is shown again after this time: it would be gone ten seconds later.
const DRAFT_TIME: Duration = Duration::from_secs(20);

/// The messages of one answer. Each begins as a placeholder whose number is noted before anything else becomes of it, so
/// that whatever is shown is shown by edits, which may be repeated.
pub(crate) struct Messages<'a> {
    outgoing: &'a Outgoing,
    place: Lane,
    /// What the first of them answers.
    reply_to: Option<i32>,
    shown: Vec<Shown>,
    draft: Option<Draft>,
    /// How many of them took the place of one that was deleted.
    replaced: u32,
}

/// What is shown of an answer before there is any message of it.
struct Draft {
    id: i32,
    /// What it shows, and since when.
    shown: Option<(Formatted, Instant)>,
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
        Self { outgoing, place, reply_to, shown, draft: None, replaced: 0 }
    }

    /// Shows what is written as the draft `id`, as long as Telegram takes drafts and there is no message.
    pub(crate) fn use_draft(&mut self, id: Option<i32>) {
        let id = id.filter(|_| self.shown.is_empty());
        self.draft = id.map(|id| Draft { id, shown: None });
    }

    /// Whether there is no message before the answer is final.
    pub(crate) fn is_draft(&self) -> bool {
        self.draft.is_some()
    }

    /// Their numbers, to be noted.
    pub(crate) fn ids(&self) -> Vec<i32> {
        self.shown.iter().map(|shown| shown.message_id).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Where they are.
    pub(crate) fn place(&self) -> Lane {
        self.place
    }

    /// From now on they are in another chat, in which none of them is yet.
    pub(crate) fn move_to(&mut self, place: Lane) {
        self.place = place;
        // Numbers of messages are another chat's.
        self.reply_to = None;
        self.shown.clear();
    }

    /// Adds a message that shows `content` for now.
    pub(crate) async fn open(&mut self, content: Content) -> Result<(), ApiError> {
        let sent = self.outgoing.place(self.place, self.replied(), &content).await?;
        self.shown.push(Shown { message_id: sent.message_id, content: Some(content) });
        Ok(())
    }

    /// Shows one more of `parts` that is not shown yet, if there is room for it now.
    pub(crate) async fn preview(&mut self, parts: &[Content]) -> Result<Step, ApiError> {
        if let (Some(draft), Some(last)) = (&mut self.draft, parts.last()) {
            match draft.show(self.outgoing, self.place, &last.text).await {
                Err(refused) if refused.code().is_some_and(|code| code != 429) => {
                    tracing::debug!(%refused, "there are no drafts here");
                    self.draft = None;
                }
                shown => return shown,
            }
        }
        let Some((number, part)) = self.difference(parts) else { return Ok(Step::Complete) };
        let replied = self.replied();
        if let Some(shown) = self.shown.get_mut(number) {
            if !self.outgoing.try_edit(self.place, shown.message_id, part).await? {
                return Ok(Step::Dropped);
            }
            shown.content = Some(part.clone());
        } else {
            // With nothing in it: died before it is noted, it is nobody's.
            let Some(sent) = self.outgoing.try_place(self.place, replied, &placeholder()).await? else {
                return Ok(Step::Dropped);
            };
            self.shown.push(Shown { message_id: sent.message_id, content: Some(placeholder()) });
        }
        Ok(Step::Changed)
    }

    /// Shows one more of `parts` for sure: a message that is missing is opened, one that differs is edited.
    pub(crate) async fn finish(&mut self, parts: &[Content]) -> Result<Step, ApiError> {
        let Some((number, part)) = self.difference(parts) else { return Ok(Step::Complete) };
        let Some(shown) = self.shown.get_mut(number) else {
            self.open(placeholder()).await?;
            return Ok(Step::Changed);
        };
        match self.outgoing.edit(self.place, shown.message_id, part).await {
            Ok(()) => shown.content = Some(part.clone()),
            // Somebody deleted it: another one takes its place.
            Err(gone) if gone.is_message_gone() && self.replaced < MOST_REPLACED => {
                self.replaced += 1;
                let sent = self.outgoing.place(self.place, None, &placeholder()).await?;
                *shown = Shown { message_id: sent.message_id, content: None };
            }
            // Somebody deletes whatever comes: what is to be said is said once.
            Err(gone) if gone.is_message_gone() && part.rich.is_none() => {
                let sent = self.outgoing.say(self.place, None, part).await?;
                *shown = Shown { message_id: sent.message_id, content: Some(part.clone()) };
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

    /// Says `content` once in the place of all of them.
    pub(crate) async fn replace(&mut self, content: Content) -> Result<(), ApiError> {
        self.truncate(0).await;
        let sent = self.outgoing.say(self.place, None, &content).await?;
        self.shown.push(Shown { message_id: sent.message_id, content: Some(content) });
        Ok(())
    }

    /// Sends a file below them.
    pub(crate) async fn send_document(&self, document: Upload) -> Result<(), ApiError> {
        self.outgoing.send_document(self.place, document).await
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

impl Draft {
    /// Shows `text`, which is one step: never all of it, because a draft fades by itself.
    async fn show(&mut self, outgoing: &Outgoing, place: Lane, text: &Formatted) -> Result<Step, ApiError> {
        let is_shown = self.shown.as_ref().is_some_and(|(shown, at)| shown == text && at.elapsed() < DRAFT_TIME);
        if is_shown {
            return Ok(Step::Changed);
        }
        if !outgoing.try_draft(place, self.id, text).await? {
            return Ok(Step::Dropped);
        }
        self.shown = Some((text.clone(), Instant::now()));
        Ok(Step::Changed)
    }
}

/// The first thing that is shown of an answer.
pub(crate) fn placeholder() -> Content {
    Content::plain(PLACEHOLDER)
}
