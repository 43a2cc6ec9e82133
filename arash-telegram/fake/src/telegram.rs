//! The server as tests hold it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use poem::Server;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::clock::Timestamp;
use crate::faults::Fault;
use crate::messages::Message;
use crate::people::{Bot, Chat, ChatKind, Command, Group, Person, Status, User};
use crate::record::Call;
use crate::transport::{BotApi, Connections, CuttableAcceptor};
use crate::updates;
use crate::world::{Shared, World};

/// How long [`FakeTelegram::until`] waits for what is expected.
const PATIENCE: Duration = Duration::from_secs(20);
const FIRST_USER: i64 = 1_000_001;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The token of the bot.
    pub token: String,
    /// The name of the bot, without the `@`.
    pub username: String,
    /// Whether the bot is shown only what concerns it in groups.
    pub has_privacy: bool,
    /// The port on this machine; 0 is any that is free.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        let token = "7000000001:AAFakeSecretOfNobodyAtAll_123456789".to_owned();
        Self { token, username: "arash_test_bot".to_owned(), has_privacy: true, port: 0 }
    }
}

/// A Bot API server that runs in this process. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeTelegram {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl FakeTelegram {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Settings::default()).await
    }

    /// Starts a server with settings of one's own.
    ///
    /// # Errors
    /// When the port is taken, or the token has no number before its colon.
    pub async fn start_with(settings: Settings) -> io::Result<Self> {
        let id = settings.token.split(':').next().and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| io::Error::other("a token is a number, a colon and letters"))?;
        let Settings { token, username, has_privacy, port } = settings;
        let bot = Bot { id, token, username, has_privacy, is_revoked: false };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(World::new(bot)));
        let connections = Connections::default();
        let acceptor = CuttableAcceptor::new(listener, address, connections.clone());
        let endpoint = BotApi { shared: Arc::clone(&shared), connections };
        let stop = shared.stop.clone().cancelled_owned();
        let server = Server::new_with_acceptor(acceptor);
        shared.tasks.spawn(server.run_with_graceful_shutdown(endpoint, stop, Some(Duration::ZERO)));
        shared.tasks.spawn(updates::deliver(Arc::clone(&shared)));
        Ok(Self { shared, address })
    }

    /// Where the Bot API is, as `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token of the bot.
    pub fn token(&self) -> String {
        self.shared.look(|world| world.bot.token.clone())
    }

    /// Who the bot is: its id.
    pub fn bot_id(&self) -> i64 {
        self.shared.look(|world| world.bot.id)
    }

    /// The token is no longer good: every call is refused with 401.
    pub fn revoke_token(&self) {
        self.shared.change(|world| world.bot.is_revoked = true);
    }

    /// The time on the server.
    pub fn now(&self) -> Timestamp {
        self.shared.look(World::now)
    }

    /// Turns the server's clock on.
    pub fn turn_clock(&self, forward: Duration) {
        self.shared.change(|world| world.clock.turn(forward));
    }

    /// Stops the server's clock, so that only [`FakeTelegram::turn_clock`] moves it on: what depends on how quickly things
    /// happen, as flood control does, is then the same every time.
    pub fn stop_clock(&self) {
        self.shared.change(|world| world.clock.stop());
    }

    /// A new person, who has not yet written to the bot.
    pub fn person(&self, name: &str) -> Person {
        self.person_speaking(name, None)
    }

    /// A new person whose app is in this language, as `fa`.
    pub fn person_speaking<'a>(&self, name: &str, language: impl Into<Option<&'a str>>) -> Person {
        new_person(&self.shared, name, language.into())
    }

    /// A new group with these people, of which the first made it, and the bot.
    pub fn group(&self, title: &str, people: &[&Person]) -> Group {
        gather(&self.shared, title, people, ChatKind::Group)
    }

    /// A new supergroup.
    pub fn supergroup(&self, title: &str, people: &[&Person]) -> Group {
        new_supergroup(&self.shared, title, people)
    }

    /// Plans a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|world| world.faults.plan(fault));
    }

    /// Forgets all faults that were planned.
    pub fn mend(&self) {
        self.shared.change(|world| world.faults.mend());
    }

    /// Switches flood control, which is on, off or on.
    pub fn control_floods(&self, is_controlled: bool) {
        self.shared.change(|world| world.flood.is_controlled = is_controlled);
    }

    /// From now on each new update is told to the webhook so many times more, although it was taken.
    pub fn repeat_updates(&self, times: usize) {
        self.shared.change(|world| world.updates.repeats = times);
    }

    /// The bot is told of something in a chat in a form that Telegram never has: `make` makes it of the number that is
    /// next. It is confirmed as if it had that number.
    pub fn tell(&self, chat_id: i64, make: impl FnOnce(i64) -> Value) {
        self.shared.change(|world| {
            let now = world.now();
            world.updates.push_as_made(now, chat_id, make);
        });
    }

    /// How many updates the bot has not confirmed.
    pub fn pending_updates(&self) -> usize {
        self.shared.look(|world| world.updates.pending(world.now()))
    }

    /// The commands that the bot offers in a scope, as `default` or `chat:42`, and a language, empty for all.
    pub fn commands(&self, scope: &str, language: &str) -> Vec<Command> {
        self.shared.look(|world| world.commands.of(scope, language).to_vec())
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.look(|world| world.record.calls().to_vec())
    }

    /// The calls of one method so far.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.method.eq_ignore_ascii_case(method)).collect()
    }

    /// All messages of a chat, deleted ones too.
    pub fn history(&self, chat_id: i64) -> Vec<Message> {
        self.shared.look(|world| world.messages.of_chat(chat_id).cloned().collect())
    }

    /// What a file holds.
    pub fn file(&self, file_id: &str) -> Option<Vec<u8>> {
        self.shared.look(|world| world.files.bytes(file_id).map(|bytes| bytes.to_vec()))
    }

    /// Looks again with every change until there is something to see; none if it does not come within 20 seconds.
    pub async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.shared.changes();
        let waiting = async {
            loop {
                if let Some(seen) = look(self) {
                    return seen;
                }
                // Time passes as well: what is shown for a while goes without a change.
                let _ = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.ok()
    }
}

/// A new person, who has not yet written to the bot.
pub(crate) fn new_person(shared: &Arc<Shared>, name: &str, language: Option<&str>) -> Person {
    let (name, language) = (name.to_owned(), language.map(str::to_owned));
    let id = shared.change(|world| {
        let id = FIRST_USER + world.users.len() as i64;
        world.chats.insert(id, Chat::new(id, ChatKind::Private, &name));
        world.users.insert(id, User { id, name, language });
        id
    });
    Person::new(shared, id)
}

/// A new supergroup with these people, of which the first made it, and the bot.
pub(crate) fn new_supergroup(shared: &Arc<Shared>, title: &str, people: &[&Person]) -> Group {
    gather(shared, title, people, ChatKind::Supergroup)
}

fn gather(shared: &Arc<Shared>, title: &str, people: &[&Person], kind: ChatKind) -> Group {
    let creator = people.first().map_or(0, |person| person.id());
    let id = shared.change(|world| {
        let number = 5_000_000 + world.chats.len() as i64;
        let id = if kind == ChatKind::Supergroup { -1_000_000_000_000 - number } else { -number };
        let mut chat = Chat::new(id, kind, title);
        chat.bot = Status::Left;
        chat.members = people.iter().map(|person| (person.id(), Status::Member)).collect();
        chat.members.insert(creator, Status::Creator);
        world.chats.insert(id, chat);
        world.set_bot(creator, id, Status::Member);
        id
    });
    Group { shared: Arc::clone(shared), id, creator }
}
