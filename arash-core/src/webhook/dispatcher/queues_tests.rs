use proptest::prelude::*;

use super::*;
use crate::event::{EventKind, EventKinds};
use crate::id::EventId;
use crate::webhook::{Endpoint, Event, Sealed};

const LIMITS: Limits = Limits { running: 8, per_endpoint: 4, held: 20, held_bytes: 1_000 };
const NOW: Timestamp = Timestamp::from_millis(1_761_998_400_000);

fn claimed(team: i64, is_failing: bool, payload: &str) -> ClaimedEvent {
    let team_id = TeamId(team);
    let event = Event { id: EventId::new(), team_id, kind: EventKind::MessageCompleted, payload: payload.to_owned() };
    let endpoint = Endpoint {
        team_id,
        url: "https://example.com/".to_owned(),
        secret: Sealed(Vec::new()),
        secret_hint: String::new(),
        previous_secret: None,
        enabled: true,
        events: EventKinds::from_iter(EventKind::ALL),
        failing_since: is_failing.then_some(NOW),
        disabled_reason: None,
        updated_at: NOW,
    };
    ClaimedEvent { event, session_id: None, attempt: 1, fence: 1, endpoint, created_at: NOW }
}

fn leased(team: i64, is_failing: bool) -> Leased {
    Leased { claimed: claimed(team, is_failing, "{}"), until: NOW.plus(LONGEST_ATTEMPT * 2) }
}

fn sent(queues: &mut Queues) -> Vec<ClaimedEvent> {
    let sent = std::iter::from_fn(|| queues.next(NOW)).map(|next| match next {
        Next::Send(claimed) => *claimed,
        Next::GiveBack(claimed) => unreachable!("its lease lasts: {claimed:?}"),
    });
    sent.collect()
}

fn teams(sent: &[ClaimedEvent]) -> Vec<i64> {
    sent.iter().map(|claimed| claimed.event.team_id.0).collect()
}

#[test]
fn who_is_quick_gets_more_and_more_and_who_is_slow_one_by_one() {
    let mut queues = Queues::new(LIMITS);
    (0..12).for_each(|_| queues.add(leased(1, false)));
    let mut widths = Vec::new();
    let mut running = sent(&mut queues);
    while let Some(one) = running.first().cloned() {
        widths.push(running.len());
        for claimed in running.drain(..) {
            assert!(queues.ended(&claimed, Pace::Quick).is_empty());
        }
        assert_eq!(one.event.team_id, TeamId(1));
        running = sent(&mut queues);
    }
    assert_eq!(widths, [1, 2, 4, 4, 1]);
    (0..3).for_each(|_| queues.add(leased(1, false)));
    let running = sent(&mut queues);
    assert_eq!(running.len(), 3, "it is remembered");
    for claimed in running {
        queues.ended(&claimed, Pace::Slow);
    }
    (0..3).for_each(|_| queues.add(leased(1, false)));
    assert_eq!(sent(&mut queues).len(), 1);
}

#[test]
fn endpoints_take_turns() {
    let mut queues = Queues::new(Limits { per_endpoint: 8, ..LIMITS });
    for team in [1, 1, 1, 2, 3] {
        queues.add(leased(team, false));
    }
    let first = sent(&mut queues);
    assert_eq!(teams(&first), [1, 2, 3]);
    for claimed in &first {
        drop(queues.ended(claimed, Pace::Quick));
    }
    assert_eq!(teams(&sent(&mut queues)), [1, 1]);
}

#[test]
fn failing_endpoints_have_half_of_the_places() {
    let mut queues = Queues::new(LIMITS);
    (1..=6).for_each(|team| queues.add(leased(team, true)));
    (11..=16).for_each(|team| queues.add(leased(team, false)));
    assert!(!queues.has_room_for_failing());
    let running = sent(&mut queues);
    assert_eq!(teams(&running), [1, 2, 3, 4, 11, 12, 13, 14]);
    queues.ended(&running[4], Pace::Quick);
    assert_eq!(teams(&sent(&mut queues)), [15]);
    queues.ended(&running[0], Pace::Failed);
    assert_eq!(teams(&sent(&mut queues)), [16], "whose turn it was before");
    queues.ended(&running[5], Pace::Quick);
    assert_eq!(teams(&sent(&mut queues)), [5]);
}

#[test]
fn what_waits_for_an_endpoint_that_failed_is_given_back() {
    let mut queues = Queues::new(LIMITS);
    (0..3).for_each(|_| queues.add(leased(1, false)));
    queues.add(leased(2, false));
    let running = sent(&mut queues);
    assert_eq!(teams(&running), [1, 2]);
    assert_eq!(teams(&queues.ended(&running[0], Pace::Failed)), [1, 1]);
    assert_eq!((queues.running(), queues.waiting(), queues.room()), (1, 0, 19));
}

#[test]
fn what_could_outlast_its_lease_is_not_sent() {
    let mut queues = Queues::new(LIMITS);
    queues.add(leased(1, false));
    let late = NOW.plus(LONGEST_ATTEMPT + std::time::Duration::from_millis(1));
    assert!(matches!(queues.next(late), Some(Next::GiveBack(_))));
    assert!(queues.next(late).is_none());
    assert_eq!(queues.room(), 20);
}

#[test]
fn there_is_room_for_so_many_events_and_bytes() {
    let mut queues = Queues::new(LIMITS);
    let large = Leased { claimed: claimed(1, false, &"x".repeat(1_000)), until: NOW.plus(LONGEST_ATTEMPT) };
    (0..3).for_each(|_| queues.add(leased(1, false)));
    assert_eq!(queues.room(), 17);
    queues.add(large);
    assert_eq!(queues.room(), 0);
    assert_eq!(queues.empty().len(), 4);
    assert_eq!(queues.room(), 20);
}

proptest! {
    /// Whatever comes and goes in whatever order: the bounds hold, nothing is lost, and at the end nothing is left over.
    #[test]
    fn counts_are_kept(steps in prop::collection::vec((0_u8..6, 1_i64..6, any::<bool>()), 0..300)) {
        let mut queues = Queues::new(LIMITS);
        let (mut running, mut added, mut left) = (Vec::new(), 0, 0);
        for (step, team, is_failing) in steps {
            match step {
                0..=2 if queues.room() > 0 => {
                    queues.add(leased(team, is_failing));
                    added += 1;
                }
                3 => running.extend(sent(&mut queues)),
                _ if !running.is_empty() => {
                    let claimed = running.swap_remove(usize::try_from(team).unwrap() % running.len());
                    let pace = [Pace::Quick, Pace::Slow, Pace::Failed][usize::from(step) % 3];
                    left += 1 + queues.ended(&claimed, pace).len();
                }
                _ => {}
            }
            prop_assert!(running.len() <= LIMITS.running);
            prop_assert!(running.iter().filter(|claimed| super::is_failing(claimed)).count() <= LIMITS.running / 2);
            for team in 1..6 {
                prop_assert!(teams(&running).iter().filter(|&&one| one == team).count() <= LIMITS.per_endpoint);
            }
            prop_assert_eq!(queues.running(), running.len());
            prop_assert_eq!(queues.running() + queues.waiting() + left, added);
        }
        for claimed in running {
            queues.ended(&claimed, Pace::Quick);
        }
        while let [first, ..] = &*sent(&mut queues) {
            let first = first.clone();
            queues.ended(&first, Pace::Failed);
            queues.empty();
        }
    }
}
