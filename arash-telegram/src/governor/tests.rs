use std::sync::Arc;

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
