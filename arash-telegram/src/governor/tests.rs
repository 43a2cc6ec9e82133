use std::sync::Arc;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;

const ANNA: ChatId = ChatId(1);
const BORIS: ChatId = ChatId(2);
const GROUP_CHAT: ChatId = ChatId(-1);

/// When finals go, in milliseconds from now on, if all are there at once.
async fn finals(governor: Governor, chats: impl IntoIterator<Item = ChatId>) -> Vec<u128> {
    let (governor, begun, mut waiting) = (Arc::new(governor), Instant::now(), JoinSet::new());
    for chat in chats {
        let governor = Arc::clone(&governor);
        waiting.spawn(async move {
            governor.wait(chat).await;
            begun.elapsed().as_millis()
        });
    }
    let mut times = waiting.join_all().await;
    times.sort_unstable();
    times
}

/// Most that go within any `window`.
fn most_within(window: Duration, times: &[u128]) -> usize {
    let within = |from: &u128| times.iter().filter(|at| (*from..from + window.as_millis()).contains(at)).count();
    times.iter().map(within).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_chat_gets_some_at_once_and_then_one_a_second() {
    let times = finals(Governor::new(), [ANNA; 6]).await;
    assert!(times[2] < 500 && (900..1_500).contains(&times[3]) && times[5] >= 2_900, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_never_gets_more_than_twenty_a_minute() {
    let times = finals(Governor::new(), [GROUP_CHAT; 60]).await;
    let most = most_within(Duration::from_secs(60), &times);
    assert!((18..=20).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn a_bot_never_sends_more_than_thirty_a_second() {
    let times = finals(Governor::new(), (1..=300).map(ChatId)).await;
    let most = most_within(Duration::from_secs(1), &times);
    assert!((25..=30).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn what_may_be_dropped_leaves_the_last_place_to_finals() {
    let governor = Governor::new();
    let sent = async |urgency| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        governor.lets(ANNA, urgency)
    };
    assert!(sent(Urgency::Typing).await);
    assert!(!sent(Urgency::Typing).await);
    assert!(sent(Urgency::Preview).await);
    assert!(!sent(Urgency::Preview).await);
    let begun = Instant::now();
    governor.wait(ANNA).await;
    assert!(begun.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_waits_exactly_as_long_as_told_and_others_do_not() {
    let governor = Governor::new();
    governor.refused(ANNA, Duration::from_secs(7));
    assert!(!governor.lets(ANNA, Urgency::Preview) && governor.lets(BORIS, Urgency::Preview));
    let begun = Instant::now();
    governor.wait(ANNA).await;
    let waited = begun.elapsed();
    assert!((7_000..7_200).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_while_he_waits_waits_on() {
    let governor = Arc::new(Governor::new());
    let begun = Instant::now();
    governor.refused(ANNA, Duration::from_secs(2));
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let governor = Arc::clone(&governor);
        async move { governor.wait(ANNA).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    governor.refused(ANNA, Duration::from_secs(9));
    waiting.join_all().await;
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_chats_refused_at_once_hold_the_whole_bot() {
    let governor = Governor::new();
    governor.refused(ANNA, Duration::from_secs(30));
    assert!(governor.lets(ChatId(3), Urgency::Preview));
    governor.refused(BORIS, Duration::from_secs(5));
    assert!(!governor.lets(ChatId(4), Urgency::Preview));
    let begun = Instant::now();
    governor.wait(ChatId(3)).await;
    assert!(begun.elapsed() >= Duration::from_secs(30), "held for the larger of the two: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_chats_refused_one_after_the_other_do_not() {
    let governor = Governor::new();
    governor.refused(ANNA, Duration::from_secs(30));
    tokio::time::sleep(Duration::from_secs(2)).await;
    governor.refused(BORIS, Duration::from_secs(30));
    assert!(governor.lets(ChatId(3), Urgency::Preview));
}

#[tokio::test(start_paused = true)]
async fn chats_that_rest_are_forgotten() {
    let governor = Governor::new();
    for number in 1..100 {
        let many = i64::from(u16::MAX);
        for chat in 0..100 {
            governor.lets(ChatId(number * many + chat), Urgency::Preview);
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let known = governor.with(|state, _| state.chats.len());
    assert!(known <= MANY_CHATS, "{known}");
}

#[tokio::test(start_paused = true)]
async fn what_ends_an_answer_goes_before_what_begins_one() {
    let (governor, begun, mut waiting) = (Arc::new(Governor::new()), Instant::now(), JoinSet::new());
    let waits = |is_end: bool, chat: i64| {
        let governor = Arc::clone(&governor);
        async move {
            if is_end {
                governor.wait(ChatId(chat)).await;
            } else {
                governor.wait_to_begin(ChatId(chat)).await;
            }
            (is_end, begun.elapsed())
        }
    };
    for chat in 1..=100 {
        waiting.spawn(waits(false, chat));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    waiting.spawn(waits(true, 1));
    let times = waiting.join_all().await;
    let ends = times.iter().filter(|(is_end, _)| *is_end).map(|(_, at)| at.as_millis()).collect::<Vec<_>>();
    assert!(ends[0] < 700, "{ends:?}");
    let begun: Vec<_> = times.iter().filter(|(is_end, _)| !is_end).map(|(_, at)| at.as_millis()).collect();
    assert!((25..=30).contains(&most_within(Duration::from_secs(1), &begun)));
}

#[tokio::test(start_paused = true)]
async fn previews_wait_for_those_who_have_no_answer_yet() {
    let governor = Governor::new();
    for _ in 0..10 {
        governor.wait_to_begin(ANNA).await;
        let waiting = Count::of(&governor.beginnings);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(!governor.lets(BORIS, Urgency::Preview));
        drop(waiting);
        assert!(governor.lets(BORIS, Urgency::Preview));
    }
}

#[tokio::test(start_paused = true)]
async fn of_what_waits_for_the_bot_a_group_gets_no_more_than_its_pace_allows() {
    let (governor, begun, mut waiting) = (Arc::new(Governor::new()), Instant::now(), JoinSet::new());
    governor.refused(ANNA, Duration::from_secs(40));
    governor.refused(BORIS, Duration::from_secs(40));
    for number in 0..28 {
        let governor = Arc::clone(&governor);
        waiting.spawn(async move {
            match number % 2 {
                0 => governor.wait(GROUP_CHAT).await,
                _ => governor.wait_to_begin(GROUP_CHAT).await,
            }
            begun.elapsed().as_millis()
        });
    }
    let mut times = waiting.join_all().await;
    times.sort_unstable();
    assert!(times[0] >= 40_000, "{times:?}");
    assert!(most_within(Duration::from_secs(60), &times) <= 20, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_does_not_wait_for_a_beginning_in_its_chat() {
    let governor = Arc::new(Governor::new());
    let other_end = Count::of(&governor.ends);
    let mut waiting = JoinSet::new();
    waiting.spawn({
        let governor = Arc::clone(&governor);
        async move { governor.wait_to_begin(ANNA).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    governor.wait(ANNA).await;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    drop(other_end);
    waiting.join_all().await;
}

/// Something that a bot wants to do, or hears.
#[derive(Clone, Debug)]
enum Act {
    End(i64),
    Begin(i64),
    Drop(i64),
    GiveUp(i64),
    Refuse(i64, u64),
}

fn act() -> impl Strategy<Value = Act> {
    // Few groups and many private chats, so that both limits count.
    let chat = || prop_oneof![-2..0_i64, 1..40_i64];
    prop_oneof![
        6 => chat().prop_map(Act::End),
        6 => chat().prop_map(Act::Begin),
        6 => chat().prop_map(Act::Drop),
        2 => chat().prop_map(Act::GiveUp),
        1 => (chat(), 0..70_u64).prop_map(|(chat, seconds)| Act::Refuse(chat, seconds)),
    ]
}

/// When something went, and where.
async fn go(governor: Arc<Governor>, act: Act) -> Option<(Instant, i64)> {
    let chat = match act {
        Act::End(chat) => {
            governor.wait(ChatId(chat)).await;
            chat
        }
        Act::Begin(chat) => {
            governor.wait_to_begin(ChatId(chat)).await;
            chat
        }
        Act::Drop(chat) => governor.lets(ChatId(chat), Urgency::Preview).then_some(chat)?,
        Act::GiveUp(chat) => {
            let wait = governor.wait(ChatId(chat));
            tokio::time::timeout(Duration::from_millis(700), wait).await.ok()?;
            chat
        }
        Act::Refuse(chat, seconds) => {
            governor.refused(ChatId(chat), Duration::from_secs(seconds));
            return None;
        }
    };
    Some((Instant::now(), chat))
}

/// All that went, in milliseconds.
async fn play(acts: Vec<(Act, u64)>) -> Vec<(u128, i64)> {
    let (governor, begun, mut playing) = (Arc::new(Governor::new()), Instant::now(), JoinSet::new());
    for (act, pause) in acts {
        playing.spawn(go(Arc::clone(&governor), act));
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    let went = playing.join_all().await;
    went.into_iter().flatten().map(|(at, chat)| ((at - begun).as_millis(), chat)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_mixture_exceeds_what_telegram_allows(
        acts in prop::collection::vec((act(), prop_oneof![4 => Just(0), 4 => 0..50_u64, 1 => 0..20_000_u64]), 1..250),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let went = runtime.block_on(play(acts));
        let times: Vec<_> = went.iter().map(|(at, _)| *at).collect();
        prop_assert!(most_within(Duration::from_secs(1), &times) <= 30);
        for group in [-2, -1] {
            let times: Vec<_> = went.iter().filter(|(_, chat)| *chat == group).map(|(at, _)| *at).collect();
            prop_assert!(most_within(Duration::from_secs(60), &times) <= 20, "{times:?}");
        }
    }
}
