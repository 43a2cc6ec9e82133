//! Links and images, as they begin and end.

use super::entity::EntityKind;
use super::link::{Destination, judge};
use super::writer::Writer;

/// The links and images around.
#[derive(Debug, Default)]
pub(super) struct Links {
    open: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    url: String,
    /// Whether Telegram gets it as a link. An image in a link is none.
    is_sent: bool,
    /// How much was written before it.
    start: usize,
}

impl Links {
    /// Whether no link is around.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Begins a link or an image.
    pub(super) fn start(&mut self, out: &mut Writer, url: &str) {
        let is_sent = self.open.is_empty() && matches!(judge(url), Destination::Url(_));
        out.open(EntityKind::TextLink { url: url.to_owned() });
        self.open.push(Link { url: url.to_owned(), is_sent, start: out.len() });
    }

    /// Ends the link or image around. Where nothing says what it is, its address does.
    pub(super) fn end(&mut self, out: &mut Writer) {
        let Some(Link { url, is_sent, start }) = self.open.pop() else { return };
        let destination = judge(&url);
        if out.len() == start && matches!(destination, Destination::Url(_)) {
            out.push(&url);
        }
        if is_sent {
            out.close();
        } else if let Some(start) = out.close_unformatted()
            && let Destination::Contact(address) = destination
            && !out.since(start).contains(address)
        {
            out.push(&format!(" ({address})"));
        }
    }
}
