//! What clients were told, and whether the database agrees.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::database::{Contents, StoredMessage, Usage};

/// What became of a question, as its client knows.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It was answered by this turn.
    Answered { turn: String, answer: String },
    /// It was told to have failed.
    Failed,
    /// It was told not to have been taken.
    Refused,
    /// The answer was cut off, or told to be unknown.
    Unsure,
}

impl Outcome {
    /// What the body of an answer tells.
    pub(crate) fn answered(reply: &Value) -> Self {
        Self::Answered { turn: turn_of(reply), answer: reply["response"].as_str().unwrap().to_owned() }
    }
}

/// A question, no other like it, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) chat: String,
    pub(crate) question: String,
    pub(crate) outcome: Outcome,
}

fn turn_of(reply: &Value) -> String {
    reply["data"]["turn_id"].as_str().unwrap().replace('-', "")
}

struct Told {
    question: String,
    turn: String,
    answer: String,
}

/// All that clients were told.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What each chat was told, in its order.
    told: BTreeMap<String, Vec<Told>>,
    /// The turns of commands that were told.
    commands: Vec<String>,
    failed: usize,
    /// Questions that may have been answered or not.
    unsure: BTreeSet<String>,
    /// How often one was left unsure; asked again, it may have been answered after all.
    cut_off: usize,
    /// The last question of each chat.
    last: BTreeMap<String, String>,
    /// Daily quotas, by scope.
    limits: HashMap<String, u64>,
}

impl Ledger {
    pub(crate) fn limit(&mut self, scope: String, daily: u64) {
        self.limits.insert(scope, daily);
    }

    pub(crate) fn note(&mut self, heard: impl IntoIterator<Item = Heard>) {
        for Heard { chat, question, outcome } in heard {
            self.last.insert(chat.clone(), question.clone());
            match outcome {
                Outcome::Answered { turn, answer } => {
                    self.unsure.remove(&question);
                    self.told.entry(chat).or_default().push(Told { question, turn, answer });
                }
                Outcome::Failed => {
                    self.unsure.remove(&question);
                    self.failed += 1;
                }
                Outcome::Refused => {}
                Outcome::Unsure => {
                    self.unsure.insert(question);
                    self.cut_off += 1;
                }
            }
        }
    }

    /// A command was answered by this turn.
    pub(crate) fn command(&mut self, reply: &Value) {
        self.commands.push(turn_of(reply));
    }

    pub(crate) fn answers(&self) -> usize {
        self.told.values().map(Vec::len).sum()
    }

    /// The last question of this chat, if its answer was cut off.
    pub(crate) fn unsure_of(&self, chat: &str) -> Option<String> {
        self.last.get(chat).filter(|question| self.unsure.contains(*question)).cloned()
    }

    /// Nothing that was told is missing, nothing is there twice, and all sums are those of their rows.
    pub(crate) fn check(&self, found: &Contents) {
        self.every_answer_has_one_record(&found.usage);
        every_ended_turn_has_its_record(found);
        hours_are_the_sums_of_their_records(found);
        self.quotas_hold_what_was_answered(found);
        self.every_session_is_whole(found);
    }

    fn every_answer_has_one_record(&self, usage: &[Usage]) {
        let all: HashSet<_> = usage.iter().map(|row| &row.turn).collect();
        assert_eq!(all.len(), usage.len(), "a turn is recorded twice");
        let (successes, failures): (Vec<_>, Vec<_>) = usage.iter().partition(|row| row.is_success);
        let (commands, answers): (Vec<_>, Vec<_>) = successes.into_iter().partition(|row| row.kind == "command");
        let turns = |rows: Vec<&Usage>| rows.into_iter().map(|row| row.turn.clone()).collect::<HashSet<_>>();
        let (commands, answers) = (turns(commands), turns(answers));
        assert!(self.commands.iter().all(|turn| commands.contains(turn)), "a command has no record");
        let mut told_turns = HashSet::new();
        for told in self.told.values().flatten() {
            assert!(answers.contains(&told.turn), "the answer to {:?} has no record", told.question);
            assert!(told_turns.insert(&told.turn), "the turn of {:?} was told twice", told.question);
        }
        let untold = answers.len() - told_turns.len();
        assert!(untold <= self.unsure.len(), "{untold} records that nobody was told of");
        let failures = failures.len();
        let known = self.failed..=self.failed + self.cut_off;
        assert!(known.contains(&failures), "{failures} records of failures, {known:?} were expected");
    }

    fn quotas_hold_what_was_answered(&self, found: &Contents) {
        let mut expected = BTreeMap::new();
        for row in found.usage.iter().filter(|row| row.is_success && row.kind != "command") {
            for (scope, period) in
                [(&row.team, "daily"), (&row.key, "daily"), (&row.team, "monthly"), (&row.key, "monthly")]
            {
                *expected.entry((scope.as_str(), period)).or_default() += 1;
            }
        }
        let used = found.buckets.iter().filter(|bucket| bucket.used > 0);
        let used: BTreeMap<_, u64> = used.map(|it| ((it.scope.as_str(), it.period.as_str()), it.used)).collect();
        assert_eq!(used, expected, "quotas hold something else than what was answered");
        for bucket in found.buckets.iter().filter(|bucket| bucket.period == "daily") {
            let (taken, limit) = (bucket.used + bucket.leased, self.limits.get(&bucket.scope));
            assert!(limit.is_none_or(|limit| taken <= *limit), "{taken} of {limit:?} are taken by {}", bucket.scope);
        }
    }

    fn every_session_is_whole(&self, found: &Contents) {
        let mut chats: BTreeMap<&str, Vec<&StoredMessage>> = BTreeMap::new();
        for message in &found.messages {
            chats.entry(&message.chat).or_default().push(message);
        }
        for (chat, users, all) in &found.sessions {
            let said = chats.get(chat.as_str()).map_or(0, Vec::len) as u64;
            assert_eq!((said, said), (*all, users * 2), "{chat}: its counts are not those of its messages");
        }
        let records = found.usage.iter().filter(|row| row.is_success && row.kind != "command");
        let records: BTreeSet<_> = records.map(|row| row.turn.as_str()).collect();
        let turns: BTreeSet<_> = found.messages.iter().map(|message| message.turn.as_str()).collect();
        assert_eq!(turns, records, "the turns of the sessions are not those of the records");
        for (chat, messages) in &chats {
            self.whole_turns(chat, messages);
        }
        let lost = self.told.keys().find(|chat| !chats.contains_key(chat.as_str()));
        assert!(lost.is_none(), "the session {lost:?} is lost");
    }

    /// One chat: question and answer by turns, what was told in its order, and else only what was cut off.
    fn whole_turns(&self, chat: &str, messages: &[&StoredMessage]) {
        let nothing = Vec::new();
        let mut told = self.told.get(chat).unwrap_or(&nothing).iter().peekable();
        let mut seen = HashSet::new();
        for pair in messages.chunks(2) {
            let [asked, answered] = pair else { panic!("{chat}: half a turn") };
            assert_eq!((&*asked.role, &*answered.role), ("user", "assistant"), "{chat}: the order is broken");
            assert_eq!(asked.turn, answered.turn, "{chat}: two turns are mixed");
            assert!(seen.insert(&asked.text), "{chat}: {:?} is there twice", asked.text);
            match told.next_if(|told| told.question == asked.text) {
                Some(told) => assert_eq!((&told.turn, &told.answer), (&asked.turn, &answered.text), "{chat}"),
                None => assert!(self.unsure.contains(&asked.text), "{chat}: {:?} stands there", asked.text),
            }
        }
        assert!(told.peek().is_none(), "{chat}: {:?} is lost", told.peek().map(|told| &told.question));
    }
}

fn every_ended_turn_has_its_record(found: &Contents) {
    let records: BTreeMap<_, _> = found.usage.iter().map(|row| (row.turn.as_str(), row.is_success)).collect();
    let ended = found.turns.iter().filter(|(_, state)| state != "started");
    let ended: BTreeMap<_, _> = ended.map(|(turn, state)| (turn.as_str(), state == "completed")).collect();
    assert_eq!(ended, records, "ended turns and usage records are not the same, or not the same success");
}

fn hours_are_the_sums_of_their_records(found: &Contents) {
    let sorted = |rows: &[Vec<String>]| rows.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&found.hours), sorted(&found.hours_of_usage), "hours are not the sums of their records");
}
