use std::fmt;

use reqwest::Response;
use serde_json::Value;

use super::answer::redact;

/// A server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// A stream of events that is being read; dropped, the connection is closed.
#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    unread: String,
    /// How many comments came so far.
    pub(crate) comments: usize,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status().as_u16(), 200);
        Self { response, unread: String::new(), comments: 0 }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn turn_id(&self) -> String {
        self.header("x-turn-id").unwrap().to_owned()
    }

    /// The next event; `None` after the last one. Comments are counted on the way.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        Some(parse(&self.next_block().await?))
    }

    /// The data of the next event, of those that have nothing else.
    pub(crate) async fn next_data(&mut self) -> Option<String> {
        let block = self.next_block().await?;
        Some(block.strip_prefix("data: ").unwrap_or_else(|| panic!("no data in {block:?}")).to_owned())
    }

    /// The next event as it came.
    pub(crate) async fn next_block(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                if !block.starts_with(':') {
                    return Some(block.trim_end().to_owned());
                }
                self.comments += 1;
            }
            let Some(chunk) = self.response.chunk().await.unwrap() else {
                assert_eq!(self.unread, "", "no event is cut off");
                return None;
            };
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// All that is left.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// One line each: `id`, `event`, `data`, in this order.
fn parse(block: &str) -> Event {
    let mut lines = block.lines();
    let mut field = |name: &str| {
        let line = lines.next().unwrap_or_else(|| panic!("no {name} in {block:?}"));
        line.strip_prefix(name).unwrap_or_else(|| panic!("no {name} in {block:?}")).to_owned()
    };
    let (id, name, data) = (field("id: "), field("event: "), field("data: "));
    assert_eq!(lines.next(), None, "{block:?}");
    Event { id, name, data: serde_json::from_str(&data).unwrap() }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = self.data.clone();
        redact(&mut data);
        write!(f, "{} {} {data}", self.id, self.name)
    }
}

/// One event a line; what differs from run to run is replaced by its kind.
pub(crate) fn transcript(events: &[Event]) -> String {
    events.iter().map(Event::to_string).collect::<Vec<_>>().join("\n")
}

/// The text that these events tell.
pub(crate) fn told(events: &[Event]) -> String {
    events.iter().filter(|event| event.name == "delta").map(|event| event.data["text"].as_str().unwrap()).collect()
}
