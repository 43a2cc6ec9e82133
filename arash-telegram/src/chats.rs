//! Chats that come and go: what becomes of what is said in them.

use std::collections::HashSet;

use arash_core::IncomingMessage;
use arash_core::platform::ModelId;
use arash_core::session::{SessionFilter, SessionKey, SessionPage};
use arash_core::turn::TurnRequest;
use teloxide::types::ChatId;

use crate::bot::{Bot, PLATFORM};
use crate::incoming::{Lane, Membership, Standing};

/// How many conversations are looked at for topics of a group that is gone, the newest first, and how many at a time.
/// Whoever takes the bot out of a group again and again shall not make much work of it; what is not found ends by itself.
const MOST_LOOKED_AT: usize = 10_000;
const LOOKED_AT_ONCE: u32 = 500;

impl Bot {
    /// What the bot has become in a chat.
    pub(crate) async fn membership(&self, membership: &Membership) {
        match membership.standing {
            Standing::Blocked | Standing::Left | Standing::Kicked => self.close_all(membership.lane).await,
            Standing::Unblocked | Standing::Added => {}
        }
    }

    /// Nothing can be said in a chat or topic any more: what is being said is stopped, and the conversation closed.
    pub(crate) async fn close(&self, lane: Lane) {
        self.remembered.forget(lane);
        if let Some(turn) = self.running.get(lane) {
            self.stop_turn(turn);
        }
        if let Err(error) = self.engine.delete_session(&key(lane)).await {
            tracing::debug!(%error, chat = lane.chat.0, "a conversation was not closed");
        }
    }

    /// Nothing can be said in a chat any more, nor in any of its topics.
    async fn close_all(&self, general: Lane) {
        let mut lanes: HashSet<Lane> = self.remembered.lanes_of(general.chat).into_iter().collect();
        lanes.extend(self.running.lanes_of(general.chat));
        lanes.insert(general);
        if general.is_group() {
            lanes.extend(self.topics_of(general.chat).await);
        }
        // All are stopped first: to close one waits until it has stopped.
        for turn in lanes.iter().filter_map(|&lane| self.running.get(lane)) {
            self.stop_turn(turn);
        }
        for lane in lanes {
            self.close(lane).await;
        }
    }

    /// The topics of a group in which something was said, of which this program may not know.
    async fn topics_of(&self, chat: ChatId) -> Vec<Lane> {
        let filter = SessionFilter { platform: Some(PLATFORM.to_owned()), ..SessionFilter::default() };
        let (mut found, mut page) = (Vec::new(), SessionPage { before: None, limit: LOOKED_AT_ONCE });
        for _ in 0..MOST_LOOKED_AT / LOOKED_AT_ONCE as usize {
            let sessions = match self.engine.sessions().list(&filter, page).await {
                Ok(sessions) => sessions,
                Err(error) => {
                    tracing::debug!(%error, chat = chat.0, "topics cannot be looked for");
                    break;
                }
            };
            let lanes = sessions.iter().filter_map(|session| Lane::parse(session.key.chat_id()));
            found.extend(lanes.filter(|lane| lane.chat == chat));
            let Some(last) = sessions.last().filter(|_| sessions.len() == LOOKED_AT_ONCE as usize) else { break };
            page.before = Some((last.last_activity_at, last.id));
        }
        found
    }

    /// A group has become another chat, which Telegram tells twice. What runs and what waits is answered there, the model
    /// that was chosen stays; the conversation begins anew.
    pub(crate) async fn migrate(&self, from: ChatId, to: ChatId) {
        self.moved.note(from, to);
        let (old, new) = (Lane::of_chat(from.0), Lane::of_chat(to.0));
        self.running.move_to(old, new);
        self.remembered.move_to(old, new);
        let Ok(conversation) = self.engine.sessions().get(&key(old)).await else { return };
        if let Some(model) = conversation.model
            && self.current_model(new).await.is_none()
            && let Err(error) = self.choose_model(new, conversation.user_id, &model, None).await
        {
            tracing::info!(%error, chat = to.0, "the model of a group that has moved was not kept");
        }
        // After the turn that runs in it.
        if let Err(error) = self.engine.delete_session(&key(old)).await {
            tracing::debug!(%error, chat = from.0, "a conversation was not closed");
        }
    }

    /// Makes a model the one that answers in a conversation; gives its name.
    pub(crate) async fn choose_model(
        &self,
        lane: Lane,
        user: String,
        model: &ModelId,
        language: Option<&str>,
    ) -> arash_core::Result<String> {
        let mut asked = IncomingMessage::text(PLATFORM, user, lane.to_string(), format!("/model {model}"));
        asked.locale = language.map(str::to_owned);
        let reply = self.engine.process(TurnRequest::new(asked)).await?;
        Ok(reply.receipt.model_name)
    }
}

/// The conversation of a chat or topic.
pub(crate) fn key(lane: Lane) -> SessionKey {
    SessionKey::public(PLATFORM, &lane.to_string())
}
