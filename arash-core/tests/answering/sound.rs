//! What was said in sound is remembered as what the user said, and written down once a turn.

use std::time::Duration;

use arash_core::ai::ChatDelta;
use arash_core::message::{Attachment, AttachmentSource, MessageKind};
use arash_core::testing::{Script, ScriptedProvider, Step};
use bytes::Bytes;

use crate::stores::{self, TestStore};
use crate::talk::said;
use crate::test_tools::{TestTool, conversation, lines, with_tools};

crate::on_each_store! {
    what_was_heard_is_part_of_the_message
}

fn attached(kind: MessageKind) -> Attachment {
    Attachment { kind, media_type: None, source: AttachmentSource::Inline(Bytes::from_static(b"content")) }
}

async fn what_was_heard_is_part_of_the_message(store: TestStore) {
    let heard = |text: &str| Step::Give(ChatDelta::Heard(text.to_owned()));
    let provider = ScriptedProvider::new([
        Script::new([heard("I am \0Sara"), heard(" "), heard("from Shiraz"), Step::call("c1", "weather", "{}")]),
        Script::saying("Hello Sara."),
        Script::saying("Sara."),
    ]);
    let engine = with_tools(&store, &provider, [TestTool::saying("weather", "sunny")]).build().await.unwrap();
    let mut message = said("Listen:");
    message.attachments = vec![attached(MessageKind::Audio), attached(MessageKind::Image)];
    let reply = engine.process(message).await.unwrap();
    let requests = provider.requests();
    assert_eq!(requests[0].attachments.len(), 2);
    let kinds: Vec<_> = requests[1].attachments.iter().map(|attached| attached.kind).collect();
    assert_eq!(kinds, [MessageKind::Image], "sound is not written down again");
    let told = "user Listen:\n\nI am Sara\n\nfrom Shiraz";
    assert_eq!(lines(&requests[1].messages)[0], told);
    let session = engine.session_key(&reply.receipt.session_id).unwrap();
    assert_eq!(conversation(&engine, &session).await[0], told);
    engine.process(said("Who am I?")).await.unwrap();
    assert_eq!(lines(&provider.requests()[2].messages)[0], told);
    engine.shutdown(Duration::from_secs(5)).await;
}
