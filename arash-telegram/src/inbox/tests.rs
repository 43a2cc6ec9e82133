use std::sync::atomic::{AtomicBool, Ordering};

use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::inbox::{ForgottenUpdates, InboxStore, UpdateLease};
use arash_core::store::MemoryStore;
use arash_core::testing::ManualClock;
use arash_core::{Error, Result};
use async_trait::async_trait;
use tokio::task::JoinSet;

use super::*;

const BOT: BotId = BotId(7);

/// Storage that can be made to refuse everything.
#[derive(Clone, Default)]
struct Fickle {
    store: MemoryStore,
    refuses: Arc<AtomicBool>,
}

impl Fickle {
    fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    fn check(&self) -> Result<&MemoryStore> {
        if self.refuses.load(Ordering::SeqCst) {
            Err(Error::unavailable("SELECT /srv/secret"))
        } else {
            Ok(&self.store)
        }
    }
}

#[async_trait]
impl InboxStore for Fickle {
    async fn receive_updates(&self, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>> {
        self.check()?.receive_updates(bot, updates, lease).await
    }

    async fn claim_updates(&self, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>> {
        self.check()?.claim_updates(bot, lease, limit).await
    }

    async fn renew_updates(&self, bot: BotId, ids: &[UpdateId], until: Timestamp) -> Result<()> {
        self.check()?.renew_updates(bot, ids, until).await
    }

    async fn note_progress(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()> {
        self.check()?.note_progress(bot, id, progress).await
    }

    async fn release_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        self.check()?.release_updates(bot, ids).await
    }

    async fn finish_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        self.check()?.finish_updates(bot, ids).await
    }

    async fn waiting_updates(&self, bot: BotId) -> Result<u64> {
        self.check()?.waiting_updates(bot).await
    }

    async fn forget_updates(&self, before: Timestamp, limit: u32) -> Result<ForgottenUpdates> {
        self.check()?.forget_updates(before, limit).await
    }
}

/// A program with an inbox on this storage, which keeps what it has.
struct Program {
    intake: Arc<Intake>,
    taken: Arc<Mutex<Vec<Held>>>,
    _keeping: JoinSet<()>,
}

impl Program {
    fn start(inbox: Inbox) -> Self {
        let (intake, taken) = (Arc::new(Intake::new(inbox, BOT)), Arc::<Mutex<Vec<Held>>>::default());
        let mut keeping = JoinSet::new();
        keeping.spawn({
            let (intake, taken) = (Arc::clone(&intake), Arc::clone(&taken));
            async move { intake.keep(CancellationToken::new(), |held| taken.lock().unwrap().push(held)).await }
        });
        Self { intake, taken, _keeping: keeping }
    }

    fn taken(&self) -> Vec<i64> {
        self.taken.lock().unwrap().iter().map(|held| held.id.0).collect()
    }

    fn is_open(&self) -> bool {
        self.intake.is_open.initialized()
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn update(id: i32) -> Box<RawValue> {
    raw(&format!(r#"{{"update_id":{id}}}"#))
}

/// Lets time pass for both, who sleeps and who reads the time.
async fn pass(clock: &ManualClock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_costs_nothing_that_can() {
    let intake = Intake::new(Inbox::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock)), BOT);
    let long = format!(r#"{{"update_id":2,"message":"{}"}}"#, "x".repeat(2 << 20));
    let deep = format!(r#"{{"update_id":3,"message":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let odd = ["[]", "7", "{}", r#"{"update_id":-1}"#, r#"{"update_id":1e30}"#, r#"{"update_id":5000000000}"#];
    let odd = odd.iter().map(|json| raw(json));
    let batch: Vec<_> = [update(1), raw(&long), raw(&deep)].into_iter().chain(odd).chain([update(4)]).collect();
    let held = intake.store(&batch).await.unwrap();
    assert_eq!(held.iter().map(|held| held.id.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(intake.store(&batch).await.unwrap().len(), 0, "a second time nothing is new");
}

#[tokio::test(start_paused = true)]
async fn what_storage_refuses_is_told_until_it_is_done() {
    let store = Fickle::default();
    store.refuse(true);
    let program = Program::start(Inbox::new(Arc::new(store.clone()), Arc::new(SystemClock)));
    sleep(Duration::from_secs(1)).await;
    assert!(!program.is_open(), "what was left behind is not known");
    let told = || program.intake.fault().unwrap_or_default();
    assert_eq!(told(), "storage cannot be used: updates that wait are not taken up");
    store.refuse(false);
    sleep(Duration::from_secs(2)).await;
    assert!(program.is_open());
    assert_eq!(program.intake.fault(), None);
    let _held = program.intake.store(&[update(1)]).await.unwrap();
    store.refuse(true);
    program.intake.store(&[update(2)]).await.unwrap_err();
    let mut finishing = JoinSet::new();
    let intake = Arc::clone(&program.intake);
    finishing.spawn(async move { intake.finish(&[UpdateId(1)]).await });
    sleep(RENEWAL).await;
    let all = "what Telegram sends is not stored, updates that wait are not taken up, updates in work are not kept from \
               others, answered updates are not marked as done";
    assert_eq!(told(), format!("storage cannot be used: {all}"));
    store.refuse(false);
    finishing.join_all().await;
    assert_eq!(program.intake.store(&[update(2)]).await.unwrap().len(), 1);
    sleep(RENEWAL).await;
    assert_eq!(program.intake.fault(), None);
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_let_in_before_what_a_dead_program_had() {
    let (store, clock) = (Arc::new(MemoryStore::new()), ManualClock::new(SystemClock.now()));
    let inbox = || Inbox::new(Arc::<MemoryStore>::clone(&store), Arc::new(clock.clone()));
    let dead = Intake::new(inbox(), BOT);
    dead.store(&[update(1), update(2)]).await.unwrap();
    let program = Program::start(inbox());
    pass(&clock, 14).await;
    assert_eq!((program.is_open(), program.taken()), (false, vec![]));
    pass(&clock, 2).await;
    assert_eq!((program.is_open(), program.taken()), (true, vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn others_that_live_are_not_waited_for_longer_than_a_lease() {
    let (store, clock) = (Arc::new(MemoryStore::new()), ManualClock::new(SystemClock.now()));
    let inbox = || Inbox::new(Arc::<MemoryStore>::clone(&store), Arc::new(clock.clone()));
    let other = Program::start(inbox());
    sleep(Duration::from_millis(1)).await;
    assert!(other.is_open(), "nobody has anything");
    let _held = other.intake.store(&[update(1)]).await.unwrap();
    let program = Program::start(inbox());
    pass(&clock, 14).await;
    assert!(!program.is_open());
    pass(&clock, 3).await;
    assert_eq!((program.is_open(), program.taken()), (true, vec![]), "the other one still has it");
}

#[tokio::test(start_paused = true)]
async fn of_a_chat_in_which_many_wait_most_wait_in_storage_and_come_back_in_their_order() {
    const MANY: i32 = 1_200;
    let (store, clock) = (Arc::new(MemoryStore::new()), ManualClock::new(SystemClock.now()));
    let intake = Arc::new(Intake::new(Inbox::new(store, Arc::new(clock.clone())), BOT));
    let seated = Arc::new(Mutex::new(std::collections::VecDeque::new()));
    let take = {
        let (intake, seated) = (Arc::clone(&intake), Arc::clone(&seated));
        move |held| seated.lock().unwrap().extend(intake.seat(ChatId(5), held))
    };
    let _keeping = {
        let (mut keeping, intake, take) = (JoinSet::new(), Arc::clone(&intake), take.clone());
        keeping.spawn(async move { intake.keep(CancellationToken::new(), take).await });
        keeping
    };
    sleep(Duration::from_millis(1)).await;
    let batches: Vec<Vec<_>> = (1..=MANY).map(update).collect::<Vec<_>>().chunks(100).map(<[_]>::to_vec).collect();
    for batch in batches {
        intake.store(&batch).await.unwrap().into_iter().for_each(&take);
    }
    let places = intake.places.available_permits();
    assert!(places > MAX_HELD - 300, "{places}");
    let mut answered = Vec::new();
    for _ in 0..4 * MANY {
        let next = seated.lock().unwrap().pop_front();
        if let Some(held) = next {
            answered.push(held.id.0);
            intake.finish(&[held.id]).await;
        }
        clock.advance(Duration::from_millis(10));
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(answered, (1..=i64::from(MANY)).collect::<Vec<_>>());
    assert_eq!(intake.places.available_permits(), MAX_HELD);
}
