//! What somebody asked in a chat, and what has to be seen of the answers there.

use arash_fake_telegram::{FakeTelegram, Message, Person, UserFile};

use crate::random::Random;
use crate::upstream::{answer_to, long_question, question};

const PLACEHOLDER: &str = "…";
const NOTHING_TO_STOP: &str = "There is nothing to stop: I am not writing an answer.";
const STOPPED: &str = "Stopped.";
const IN_FILE: &str = "The answer is long: all of it is in this file.";
/// What apps cut in two.
const LONGEST_TEXT: usize = 4_096;

/// One chat of a person with the bot.
pub(crate) struct Conversation {
    pub(crate) person: Person,
    number: usize,
    asked: Vec<Asked>,
    /// How often an answer was told to stop, and how often by a command.
    stops: (usize, usize),
}

/// Something that is to be answered.
struct Asked {
    /// The answers, one after the other; of several such lists one. An app sends some questions in parts, and a part
    /// that comes too late is a question of its own.
    answers: Vec<Vec<String>>,
    /// The text, if that can be asked again.
    text: Option<String>,
    is_command: bool,
}

impl Asked {
    fn of(text: String) -> Self {
        Self { answers: vec![vec![answer_to(&text)]], text: Some(text), is_command: false }
    }
}

/// What was seen of the answers in a chat.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What the model said there in the end, in its order.
    pub(crate) answers: Vec<String>,
    /// How many commands were answered.
    pub(crate) commands: usize,
}

impl Conversation {
    pub(crate) fn new(person: Person, number: usize) -> Self {
        Self { person, number, asked: Vec::new(), stops: (0, 0) }
    }

    /// Whether some of its answers may end before their end.
    pub(crate) fn has_stops(&self) -> bool {
        self.stops.0 > 0
    }

    fn name(&self) -> String {
        format!("q{}.{}", self.number, self.asked.len())
    }

    /// Asks something whose answer takes so long.
    pub(crate) fn ask(&mut self, wait: std::time::Duration) {
        let text = question(&self.name(), wait);
        self.say(text);
    }

    /// Asks something whose answer has so many letters.
    pub(crate) fn ask_for_letters(&mut self, wait: std::time::Duration, letters: usize) {
        let text = long_question(&self.name(), wait, letters);
        self.say(text);
    }

    fn say(&mut self, text: String) {
        self.person.say(&text);
        self.asked.push(Asked::of(text));
    }

    /// Does one of all the things that people do.
    pub(crate) fn do_something(&mut self, wait: std::time::Duration, random: &mut Random) {
        let last = self.asked.last().and_then(|asked| asked.text.clone());
        match random.below(12) {
            0 | 1 => self.ask_for_letters(wait, 3_000 + random.below(7_000) as usize),
            2 => self.ask_for_letters(wait, 22_000),
            3 => self.ask_in_two_messages(wait),
            4 => self.send_album(wait),
            5 => self.command(),
            6 if last.is_some() => {
                self.person.say("/retry");
                self.asked.extend(last.map(Asked::of));
            }
            _ => self.ask(wait),
        }
    }

    /// Asks something, or stops what is being written.
    pub(crate) fn ask_or_stop(&mut self, wait: std::time::Duration, random: &mut Random) {
        match random.below(4) {
            0 => {
                self.person.say("/stop");
                self.stops = (self.stops.0 + 1, self.stops.1 + 1);
            }
            1 => {
                let button = self.person.messages_of_bot().into_iter().rev().find(|it| !it.keyboard.is_null());
                // It may be gone by now.
                let is_pressed = button.is_some_and(|message| self.person.press(message.id, "Stop").is_ok());
                self.stops.0 += usize::from(is_pressed);
            }
            2 => self.ask_for_letters(wait, 5_000),
            _ => self.ask(wait),
        }
    }

    fn ask_in_two_messages(&mut self, wait: std::time::Duration) {
        let name = self.name();
        let mut first = question(&format!("{name}a"), wait);
        while first.len() < LONGEST_TEXT - 10 {
            first.push_str(" and so on");
        }
        first.push_str(&".".repeat(LONGEST_TEXT - first.len()));
        let rest = question(&format!("{name}b"), wait);
        self.person.say(&format!("{first}{rest}"));
        let apart = vec![answer_to(&first), answer_to(&rest)];
        // The second name stands behind the points without a space between.
        let together = vec![answer_to(&first)];
        self.asked.push(Asked { answers: vec![together, apart], text: None, is_command: false });
    }

    fn send_album(&mut self, wait: std::time::Duration) {
        let text = question(&self.name(), wait);
        let photo = || UserFile::photo(&b"\xff\xd8\xff photo"[..]);
        self.person.send_album(vec![photo().caption(&text), photo(), photo()]);
        let late = |count: usize| [vec![answer_to(&text)], vec![answer_to(""); count]].concat();
        self.asked.push(Asked { answers: vec![late(0), late(1), late(2)], text: None, is_command: false });
    }

    fn command(&mut self) {
        self.person.say("/models");
        let said = vec!["Models:".to_owned()];
        self.asked.push(Asked { answers: vec![said], text: None, is_command: true });
    }

    /// What is seen, if that is the answer to all that was asked, in its order, each once.
    pub(crate) fn seen(&self, telegram: &FakeTelegram) -> Result<Seen, String> {
        let messages: Vec<Message> = self.person.messages_of_bot();
        let finals = messages.iter().filter(|message| message.text() != PLACEHOLDER).collect::<Vec<_>>();
        if let Some(open) = finals.iter().find(|message| !message.keyboard.is_null()) {
            return Err(format!("{:?} can still be stopped", start(open.text())));
        }
        let nothing = finals.iter().filter(|message| message.text() == NOTHING_TO_STOP).count();
        if nothing > self.stops.1 {
            return Err(format!("{nothing} times there was nothing to stop"));
        }
        let said: Vec<_> = finals.into_iter().filter(|message| message.text() != NOTHING_TO_STOP).collect();
        let mut seeing = Seeing { telegram, rest: &said, is_stopped: self.has_stops(), seen: Seen::default() };
        for asked in &self.asked {
            seeing.take_one_of(&asked.answers, asked.is_command)?;
        }
        match seeing.rest.first() {
            Some(more) => Err(format!("nobody asked for {:?}", start(more.text()))),
            None => Ok(seeing.seen),
        }
    }
}

/// Goes through the messages of a chat.
struct Seeing<'a> {
    telegram: &'a FakeTelegram,
    rest: &'a [&'a Message],
    /// Whether answers may be stopped.
    is_stopped: bool,
    seen: Seen,
}

impl Seeing<'_> {
    fn take_one_of(&mut self, lists: &[Vec<String>], is_command: bool) -> Result<(), String> {
        let before = self.rest;
        // The longest that fits: a shorter one may be its beginning.
        for list in lists.iter().rev() {
            let taken = list.iter().map(|answer| self.take(answer, is_command)).collect::<Option<Vec<_>>>();
            if let Some(taken) = taken {
                if is_command {
                    self.seen.commands += 1;
                } else {
                    self.seen.answers.extend(taken);
                }
                return Ok(());
            }
            self.rest = before;
        }
        let found: Vec<_> = self.rest.iter().take(4).map(|message| start(message.text())).collect();
        Err(format!("{:?} is not to be seen, but {found:?}", start(&lists[0][0])))
    }

    /// Takes the messages of this answer; what the model said of it.
    fn take(&mut self, answer: &str, is_command: bool) -> Option<String> {
        let (first, rest) = self.rest.split_first()?;
        if is_command {
            self.rest = rest;
            return first.text().starts_with(answer).then(|| answer.to_owned());
        }
        if let Some(start) = first.text().strip_suffix(IN_FILE) {
            self.rest = rest;
            return self.take_document(answer, start);
        }
        let (mut shown, expected) = (String::new(), letters(answer));
        while let Some((next, rest)) = self.rest.split_first() {
            let (text, is_end) = match next.text().strip_suffix(STOPPED) {
                Some(text) if self.is_stopped => (text, true),
                _ => (next.text(), false),
            };
            shown.push_str(&letters(text));
            if !expected.starts_with(&shown) {
                return None;
            }
            self.rest = rest;
            if is_end || shown == expected {
                return Some(if is_end { String::new() } else { answer.to_owned() });
            }
        }
        None
    }

    /// The document that stands below the start of an answer. Who dies before it is known to be there sends it again.
    fn take_document(&mut self, answer: &str, start: &str) -> Option<String> {
        let mut count = 0;
        while let Some((next, rest)) = self.rest.split_first() {
            let Some(file) = next.file() else { break };
            let bytes = self.telegram.file(file.ids.last()?)?;
            if bytes != answer.as_bytes() {
                break;
            }
            (self.rest, count) = (rest, count + 1);
        }
        (count > 0 && letters(answer).starts_with(&letters(start))).then(|| answer.to_owned())
    }
}

/// What is left where messages are cut.
fn letters(text: &str) -> String {
    text.split_whitespace().collect()
}

fn start(text: &str) -> String {
    text.chars().take(60).collect()
}
