use std::collections::HashSet;
use std::sync::Arc;

use crate::message::{Message, Role};
use crate::session::History;

/// How much of a conversation may be sent upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextWindow {
    /// Most messages of a turn's beginning: earlier ones and the new one. What is said in the turn after it, tools that
    /// are called and their results, comes on top.
    pub messages: usize,
    /// Most tokens of all messages; `None` where nobody knows.
    pub tokens: Option<u64>,
}

/// What cannot be left out is more than the window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextOverflow {
    /// The tokens of what cannot be left out.
    pub needed: u64,
    /// The tokens that there are.
    pub limit: u64,
}

impl ContextWindow {
    /// What is sent of `history` and `turn`, oldest first: the newest of it that fits.
    ///
    /// `turn` is the new message of the user and what the model called since then, with the results. The new message and
    /// the last of these calls are never left out; the earlier calls are only when all of `history` is. Calls and their
    /// results are never torn apart: what has lost its other half is left out too. `tokens` counts a message.
    ///
    /// # Errors
    /// [`ContextOverflow`] when what cannot be left out does not fit.
    pub fn context(
        &self,
        history: &History,
        turn: &[Arc<Message>],
        tokens: impl Fn(&Message) -> u64,
    ) -> Result<Vec<Arc<Message>>, ContextOverflow> {
        let (newest, since) = turn.split_at(turn.len().min(1));
        let (since, history) = (exchanges(since.iter()), exchanges(history.iter()));
        let cost = |said: &[&Arc<Message>]| said.iter().map(|message| tokens(message)).sum::<u64>();
        let limit = self.tokens.unwrap_or(u64::MAX);
        let needed = newest.iter().chain(since.last().into_iter().flatten().copied()).collect::<Vec<_>>();
        let needed = cost(&needed);
        if needed > limit {
            return Err(ContextOverflow { needed, limit });
        }
        let mut room = limit - needed;
        let mut fits = |said: &Vec<&Arc<Message>>| {
            let cost = cost(said);
            let fits = cost <= room;
            room = room.saturating_sub(cost);
            fits
        };
        let older = since.iter().rev().skip(1);
        let kept_since = since.len().min(1) + older.take_while(|said| fits(said)).count();
        let mut places = self.messages.saturating_sub(1);
        let is_whole = kept_since == since.len();
        let fits_too = |said: &&Vec<&Arc<Message>>| {
            let is_placed = is_whole && said.len() <= places;
            places = places.saturating_sub(said.len());
            is_placed && fits(said)
        };
        let kept = history.iter().rev().take_while(fits_too).count();
        let history = history.iter().skip(history.len() - kept).flatten();
        let since = since.iter().skip(since.len() - kept_since).flatten();
        Ok(history.copied().chain(newest).chain(since.copied()).map(Arc::clone).collect())
    }
}

/// What can only be kept or left out together: a message, or calls with all of their results. Results without their call,
/// and calls of which a result is missing, are in none.
fn exchanges<'a>(messages: impl Iterator<Item = &'a Arc<Message>>) -> Vec<Vec<&'a Arc<Message>>> {
    let mut exchanges: Vec<Vec<&Arc<Message>>> = Vec::new();
    for message in messages {
        match exchanges.last_mut().filter(|_| message.role == Role::Tool) {
            Some(last) => last.push(message),
            None => exchanges.push(vec![message]),
        }
    }
    exchanges.retain(|said| is_whole(said));
    exchanges
}

fn is_whole(said: &[&Arc<Message>]) -> bool {
    let Some((first, results)) = said.split_first() else { return false };
    let called: HashSet<&str> = first.tool_calls.iter().map(|call| call.id.as_str()).collect();
    let answered: HashSet<&str> = results.iter().filter_map(|result| result.tool_call_id.as_deref()).collect();
    first.role != Role::Tool
        && called == answered
        && called.len() == first.tool_calls.len()
        && answered.len() == results.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;
    use crate::message::ToolCall;

    fn said(role: Role, text: &str) -> Message {
        Message::new(role, text, Timestamp::default())
    }

    fn calling(ids: &[u8]) -> Message {
        let call = |id: &u8| ToolCall { id: id.to_string(), name: "clock".to_owned(), arguments: "{}".to_owned() };
        Message::calling("", ids.iter().map(call).collect(), Timestamp::default())
    }

    fn result(id: u8, text: &str) -> Message {
        Message::tool_result(id.to_string(), text, Timestamp::default())
    }

    fn cost(message: &Message) -> u64 {
        message.text.len() as u64 + 1
    }

    /// Any messages in any order: results without calls, calls without results.
    fn any_messages() -> impl Strategy<Value = Vec<Message>> {
        let message = prop_oneof![
            "[a-z]{0,9}".prop_map(|text| said(Role::User, &text)),
            "[a-z]{0,9}".prop_map(|text| said(Role::Assistant, &text)),
            prop::collection::vec(0_u8..3, 1..3).prop_map(|ids| calling(&ids)),
            (0_u8..3, "[a-z]{0,9}").prop_map(|(id, text)| result(id, &text)),
        ];
        prop::collection::vec(message, 0..30)
    }

    /// Turns as they are: a question, some rounds of calls with all their results, an answer.
    fn whole_turns() -> impl Strategy<Value = Vec<Message>> {
        let rounds = prop::collection::vec((1_u8..4, "[a-z]{0,9}"), 0..3);
        let turn = (rounds, "[a-z]{0,9}").prop_map(|(rounds, text)| {
            let mut turn = vec![said(Role::User, &text)];
            for (calls, text) in rounds {
                turn.push(calling(&(0..calls).collect::<Vec<_>>()));
                turn.extend((0..calls).map(|id| result(id, &text)));
            }
            turn.push(said(Role::Assistant, &text));
            turn
        });
        prop::collection::vec(turn, 0..8).prop_map(|turns| turns.concat())
    }

    fn shared(messages: Vec<Message>) -> Vec<Arc<Message>> {
        messages.into_iter().map(Arc::new).collect()
    }

    /// What holds of every context, whatever it was made of.
    fn check(context: &[Arc<Message>], window: ContextWindow, turn: &[Arc<Message>]) {
        let mut open: HashSet<&str> = HashSet::new();
        for message in context {
            match &message.tool_call_id {
                Some(id) => assert!(open.remove(id.as_str()), "a result follows its call"),
                None => assert!(open.is_empty(), "calls are followed by all of their results"),
            }
            open.extend(message.tool_calls.iter().map(|call| call.id.as_str()));
        }
        assert!(open.is_empty(), "calls are followed by all of their results");
        assert!(context.iter().map(|message| cost(message)).sum::<u64>() <= window.tokens.unwrap_or(u64::MAX));
        let newest = context.iter().position(|message| Arc::ptr_eq(message, &turn[0]));
        assert!(newest.is_some_and(|place| place < window.messages.max(1)), "{newest:?} in {window:?}");
    }

    proptest! {
        #[test]
        fn any_history_makes_a_sound_context(
            history in any_messages(), since in any_messages(), messages in 0_usize..12, tokens in prop::option::of(0_u64..120),
        ) {
            let turn = shared([vec![said(Role::User, "new")], since].concat());
            let window = ContextWindow { messages, tokens };
            match window.context(&History::new(history), &turn, cost) {
                Ok(context) => check(&context, window, &turn),
                Err(overflow) => prop_assert!(overflow.needed > tokens.unwrap() && overflow.limit == tokens.unwrap()),
            }
        }

        #[test]
        fn a_context_is_the_newest_that_fits(history in whole_turns(), messages in 1_usize..20, tokens in 4_u64..150) {
            let turn = shared(vec![said(Role::User, "new")]);
            let window = ContextWindow { messages, tokens: Some(tokens) };
            let context = window.context(&History::new(history.clone()), &turn, cost).unwrap();
            check(&context, window, &turn);
            let kept: Vec<_> = context[..context.len() - 1].iter().map(|message| (**message).clone()).collect();
            prop_assert!(history.ends_with(&kept), "nothing is left out in between");
            // What comes before it, as far as it hangs together, is too much.
            let shared = shared(history);
            let all = exchanges(shared.iter());
            let mut length = 0;
            let older = all.iter().rev().find(|said| { length += said.len(); length > kept.len() });
            if let Some(older) = older {
                let costs = |said: &mut dyn Iterator<Item = &Message>| said.map(cost).sum::<u64>();
                let more = costs(&mut older.iter().map(|message| &***message)) + costs(&mut context.iter().map(|m| &**m));
                prop_assert!(more > tokens || older.len() + context.len() > messages);
            }
        }

        #[test]
        fn without_tools_the_window_is_a_number_of_messages(count in 0_usize..60, limit in 1_usize..20) {
            let history = History::new((0..count).map(|number| said(Role::User, &number.to_string())));
            let turn = shared(vec![said(Role::User, &count.to_string())]);
            let context = ContextWindow { messages: limit, tokens: None }.context(&history, &turn, cost).unwrap();
            prop_assert_eq!(context.len(), limit.min(count + 1));
            let first = count + 1 - context.len();
            for (place, said) in context.iter().enumerate() {
                prop_assert_eq!(said.text.to_string(), (first + place).to_string());
            }
        }
    }

    #[test]
    fn what_the_turn_called_goes_before_what_was_said_earlier() {
        let history = History::new([said(Role::User, "old"), said(Role::Assistant, "answer")]);
        let turn = [said(Role::User, "new"), calling(&[1]), result(1, "one"), calling(&[2]), result(2, "two")];
        let turn = shared(turn.to_vec());
        let texts = |tokens: u64| {
            let window = ContextWindow { messages: 2, tokens: Some(tokens) };
            let context = window.context(&history, &turn, cost)?;
            Ok(context.iter().map(|message| message.text.to_string()).collect::<Vec<_>>().join(","))
        };
        assert_eq!(texts(100).unwrap(), "answer,new,,one,,two", "one earlier message, and all that is called since");
        assert_eq!(texts(20).unwrap(), "new,,one,,two");
        assert_eq!(texts(13).unwrap(), "new,,two");
        assert_eq!(texts(8), Err(ContextOverflow { needed: 9, limit: 8 }));
    }
}
