//! A bot that runs: what its parts share, and what it does with what comes in.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arash_core::id::{BotId, TurnId, UpdateId};
use arash_core::{Engine, Error, ErrorKind, IncomingMessage};
use teloxide::payloads::GetChatMember;
use teloxide::types::UserId;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Progress, Question, Running, Unanswered};
use crate::api::BotApi;
use crate::attachments::{Fetched, FileMemory};
use crate::chats::key;
use crate::health::Health;
use crate::inbox::Intake;
use crate::incoming::{Ask, BotInfo, Lane, Media, Origin};
use crate::keyboards::Changes;
use crate::lane::{Job, Task};
use crate::moved::Moved;
use crate::notices::Notices;
use crate::outgoing::{Content, Outgoing};
use crate::remembered::Remembered;
use crate::replies::Replies;
use crate::texts::{Said, say};

/// The name of the platform that Telegram's messages belong to.
pub(crate) const PLATFORM: &str = "telegram";

/// How long it may take to fetch all that is attached to one question.
const FETCH_TIME: Duration = Duration::from_secs(60);

/// One bot.
pub(crate) struct Bot {
    pub(crate) info: BotInfo,
    pub(crate) engine: Engine,
    pub(crate) api: Arc<BotApi>,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) intake: Intake,
    pub(crate) running: Running,
    pub(crate) notices: Notices,
    pub(crate) file_memory: FileMemory,
    pub(crate) replies: Replies,
    pub(crate) changes: Changes,
    pub(crate) health: Arc<Health>,
    /// The newest question of each chat, and the messages that answered it.
    pub(crate) remembered: Remembered,
    /// Groups that have become other chats.
    pub(crate) moved: Moved,
    /// Who administers it, by their numbers as users.
    pub(crate) admins: Vec<i64>,
    /// Whether answers in private chats are shown as drafts while they are written.
    pub(crate) has_drafts: bool,
    /// Whether answers of models become rich messages; no more once Telegram turns out to know none.
    pub(crate) has_rich_messages: AtomicBool,
    /// The largest picture that is taken, in bytes; `None` if none is.
    pub(crate) image_limit: Option<usize>,
    pub(crate) started: Instant,
    /// What is said to administrators, for which nobody waits.
    pub(crate) reports: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Bot {
    /// Its number, as the inbox and idempotency keys have it.
    pub(crate) fn id(&self) -> BotId {
        self.intake.bot()
    }

    /// Whether it takes up nothing new.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until it takes up nothing new.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Makes a turn, to its end.
    pub(crate) async fn perform(&self, job: &Job) -> Result<(), Unanswered> {
        match &job.task {
            Task::Ask(ask) => self.ask(ask, &job.progress).await,
            Task::Retry(call) => match self.remembered.question(self.moved.place(call.origin.lane)) {
                Some(ask) => {
                    let mut again = Ask::clone(&ask);
                    again.origin.clone_from(&call.origin);
                    self.ask(&again, &job.progress).await
                }
                None => self.retry_from_history(&call.origin, &job.progress).await,
            },
        }
    }

    async fn ask(&self, ask: &Ask, progress: &Progress) -> Result<(), Unanswered> {
        let lane = self.moved.place(ask.origin.lane);
        let text = ask.prompt(&self.remembered.answer(lane)).into_owned();
        let mut question = self.question(&ask.origin, text, progress);
        // What was begun before has passed its limit.
        if !ask.media.is_empty()
            && progress.messages.is_empty()
            && let Err(limited) = self.engine.check_rate_limit(PLATFORM, question.user()).await
            && limited.kind() == ErrorKind::RateLimited
        {
            return self.refuse(question, limited).await;
        }
        let mut typing = pin!(self.type_on(lane));
        let fetched = tokio::select! {
            biased;
            fetched = self.fetch_in_time(lane, &ask.media) => fetched,
            gone = &mut typing => return Err(gone.into()),
        };
        // The memory is theirs until the answer is made.
        let (attachments, _memory) = match fetched {
            Ok(fetched) => fetched,
            Err(said) => return self.tell(&ask.origin, progress, &said).await,
        };
        question.attach(attachments);
        if !ask.is_command {
            self.remembered.ask(lane, ask.clone());
        }
        self.answer(question, typing).await
    }

    /// Fetches what is attached, as long as nobody stops it and it does not take too long.
    async fn fetch_in_time(&self, lane: Lane, media: &[Media]) -> Result<Fetched<'_>, Said<'static>> {
        let (_fetching, stopped) = self.running.prepare(lane);
        tokio::select! {
            biased;
            fetched = timeout(FETCH_TIME, self.attachments(media)) => {
                fetched.unwrap_or(Err(Said::AttachmentUnavailable))
            }
            () = stopped.cancelled() => Err(Said::Stopped),
        }
    }

    /// The last question, where this program does not remember it: without what was attached.
    async fn retry_from_history(&self, origin: &Origin, progress: &Progress) -> Result<(), Unanswered> {
        let lane = self.moved.place(origin.lane);
        match self.last_question(lane).await {
            Some(text) => self.answer(self.question(origin, text, progress), self.type_on(lane)).await,
            None => self.tell(origin, progress, &Said::NothingToRetry).await,
        }
    }

    /// What somebody wrote, for the engine.
    fn question(&self, origin: &Origin, text: String, progress: &Progress) -> Question {
        let (user, place) = (origin.user_id.to_string(), self.moved.place(origin.lane));
        let mut message = IncomingMessage::text(PLATFORM, user, place.to_string(), text);
        message.locale.clone_from(&origin.language);
        message.message_id = Some(origin.message_id.0.to_string());
        Question::new(origin, place, message, progress.clone())
    }

    /// Says one sentence, as the whole answer to an update.
    pub(crate) async fn tell(&self, origin: &Origin, progress: &Progress, said: &Said<'_>) -> Result<(), Unanswered> {
        let content = Content::plain(say(said, origin.language.as_deref()));
        self.show(origin, progress, content).await
    }

    /// What a person is told when answering broke within this program.
    pub(crate) async fn tell_of_defect(&self, origin: &Origin, progress: &Progress) {
        self.failed(&Error::internal("answering a message panicked"));
        let broken = self.running.take_broken(UpdateId(origin.update_id));
        drop(self.tell(origin, broken.as_ref().unwrap_or(progress), &Said::Defect).await);
    }

    /// Tells administrators of a failure, of each kind once an hour.
    pub(crate) fn failed(&self, error: &Error) {
        let Some(count) = self.notices.tells_of_failure(error) else { return };
        let said = Said::Failures { kind: error.kind(), count: count + 1 };
        let content = Content::plain(say(&said, None));
        for &admin in &self.admins {
            let (outgoing, content) = (Arc::clone(&self.outgoing), content.clone());
            // Whoever asked does not wait for a chat that Telegram holds back.
            self.reports.spawn(async move {
                if let Err(error) = outgoing.say(Lane::of_chat(admin), None, &content).await {
                    tracing::debug!(%error, "an administrator cannot be told");
                }
            });
        }
    }

    /// Whether this is an administrator of a group in which the bot is not shown mentions.
    pub(crate) async fn hides_mentions_from(&self, origin: &Origin) -> bool {
        if !origin.lane.is_group() || self.info.can_read_all_group_messages {
            return false;
        }
        // Administrators of the bot, those who speak for the group, and its own.
        if self.admins.contains(&origin.user_id) || origin.user_id == origin.lane.chat.0 {
            return true;
        }
        let Ok(user) = u64::try_from(origin.user_id) else { return false };
        let ask = GetChatMember::new(origin.lane.chat, UserId(user));
        self.api.call(&ask).await.is_ok_and(|member| member.is_privileged())
    }

    /// Stops an answer; whether there was one to stop.
    pub(crate) fn stop_turn(&self, turn: TurnId) -> bool {
        self.engine.stop_any(turn).is_ok() || self.running.stop_preparing(turn)
    }

    /// The last thing that was asked in a conversation.
    async fn last_question(&self, lane: Lane) -> Option<String> {
        use arash_core::message::Role;
        use arash_core::session::MessagePage;
        let newest = MessagePage { before: None, limit: 20 };
        let messages = self.engine.sessions().messages(&key(lane), newest).await.ok()?;
        messages.iter().find(|stored| stored.message.role == Role::User).map(|stored| stored.message.text.to_string())
    }
}

/// How long running answers may take after the bot was told to stop. What is cut off then can still be recorded within
/// half a minute.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(25);
