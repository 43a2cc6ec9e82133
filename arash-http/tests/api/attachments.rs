use arash_core::message::AttachmentSource;
use arash_core::settings::HttpSettings;
use arash_core::testing::ScriptedProvider;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, Key, TestHost, message};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

async fn attach(host: &TestHost, key: &Key, attachments: Value) -> Answer {
    let mut body = message("c", "");
    body["attachments"] = attachments;
    host.post(key, "/api/v1/chat", &body).await
}

#[tokio::test]
async fn an_image_reaches_the_model_with_the_type_that_it_has() {
    let provider = ScriptedProvider::default();
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let image = json!([{"kind": "image", "media_type": "image/gif", "data": STANDARD.encode(PNG)}]);
    let answer = attach(&host, &key, image).await;
    assert_eq!(answer.status, 200, "{answer}");
    let requests = provider.requests();
    let sent = &requests[0].attachments[0];
    assert_eq!(sent.media_type.as_deref(), Some("image/png"));
    assert_eq!(sent.source, AttachmentSource::Inline(PNG.into()));
}

#[tokio::test]
async fn every_attachment_at_fault_is_named() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let faults = [
        (json!([{"kind": "image"}]), "attachments.0"),
        (json!([{"kind": "image", "data": "AAAA", "url": "https://x"}]), "attachments.0"),
        (json!([{"kind": "image", "url": "file:///etc/passwd"}]), "attachments.0.url"),
        (json!([{"kind": "image", "data": "%%%"}]), "attachments.0.data"),
        (json!([{"kind": "image", "data": ""}]), "attachments.0.data"),
        (json!([{"kind": "image", "data": STANDARD.encode("<svg/>")}]), "attachments.0.data"),
        (json!([{"kind": "video", "url": "https://x"}]), "attachments.0.kind"),
        (json!([{"kind": "image", "url": "https://x", "size": 1}]), "attachments.0.size"),
    ];
    for (attachments, field) in faults {
        let answer = attach(&host, &key, attachments).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{answer}");
    }
    let many = attach(&host, &key, json!([{"kind": "image"}, {"kind": "audio", "url": "https://x"}, {}])).await;
    assert_eq!(many.fields(), ["attachments.2.kind", "attachments.0", "attachments.2"]);
    let eleven: Vec<Value> = (0..11).map(|_| json!({"kind": "image", "url": "https://x"})).collect();
    assert_eq!(attach(&host, &key, eleven.into()).await.fields(), ["attachments"]);
}

#[tokio::test]
async fn images_have_a_largest_size_and_bodies_too() {
    let mut settings = HttpSettings::default();
    settings.max_image_mib = 1;
    let host = TestHost::with_settings(|builder| builder, settings).await;
    let key = host.user("Team").await;
    let image = |bytes: usize| {
        let mut content = PNG.to_vec();
        content.resize(bytes, 0);
        json!([{"kind": "image", "data": STANDARD.encode(content)}])
    };
    assert_eq!(attach(&host, &key, image(1 << 20)).await.status, 200);
    let answer = attach(&host, &key, image((1 << 20) + 1)).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["attachments.0.data".to_owned()]));
    let answer = attach(&host, &key, image(2 << 20)).await;
    assert_eq!((answer.status, answer.at("/error")), (413, json!("payload_too_large")));
}

#[tokio::test]
async fn images_may_be_switched_off_and_other_files_stay() {
    let mut settings = HttpSettings::default();
    settings.has_images = false;
    let host = TestHost::with_settings(|builder| builder, settings).await;
    let key = host.user("Team").await;
    for image in
        [json!({"kind": "image", "data": STANDARD.encode(PNG)}), json!({"kind": "image", "url": "https://x/y.png"})]
    {
        let answer = attach(&host, &key, json!([{"kind": "audio", "data": "AAAA"}, image])).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["attachments.1.kind".to_owned()]));
        assert!(answer.text.contains("ENABLE_IMAGE_PROCESSING"), "{answer}");
    }
    let answer = attach(&host, &key, json!([{"kind": "audio", "data": "AAAA"}])).await;
    assert_eq!(answer.status, 200, "{answer}");
}
