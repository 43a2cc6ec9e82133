//! Images in a client's own request.

use arash_core::message::MessageKind;
use arash_core::settings::HttpSettings;
use arash_core::testing::ScriptedProvider;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, TestHost};

async fn show(host: &TestHost, part: Value) -> Answer {
    let content = json!([{"type": "text", "text": "Look"}, part]);
    let messages = json!([{"role": "user", "content": content}, {"role": "user", "content": "Well?"}]);
    host.complete(&host.admin, &json!({"model": "lab/small", "messages": messages})).await
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn data_url(bytes: usize) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(vec![0; bytes]))
}

#[tokio::test]
async fn an_image_reaches_the_model() {
    let provider = ScriptedProvider::default();
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let messages = json!([{"role": "user", "content": [image("https://example.com/a.png")]}]);
    assert_eq!(host.complete(&host.admin, &json!({"model": "lab/small", "messages": messages})).await.status, 200);
    let asked = provider.requests().remove(0);
    assert_eq!((asked.attachments.len(), asked.attachments[0].kind), (1, MessageKind::Image));
    assert!(asked.wire.unwrap().get("messages").unwrap().contains("https://example.com/a.png"));
}

#[tokio::test]
async fn images_may_be_switched_off_and_other_parts_stay() {
    let mut settings = HttpSettings::default();
    settings.has_images = false;
    let host = TestHost::with_settings(|builder| builder, settings).await;
    let parts = [
        image("https://x/y.png"),
        image(&data_url(8)),
        json!({"type": "input_image", "image_url": "u"}),
        json!({"type": "IMAGE", "source": {}}),
        json!({"image_url": {"url": "u"}}),
        json!({"type": "file", "file": {"file_data": "Data:Image/png;base64,AA=="}}),
    ];
    for part in parts {
        let answer = show(&host, part).await;
        assert_eq!((answer.status, answer.fields()), (400, vec!["messages[0].content[1]".to_owned()]));
        assert!(answer.detail().contains("ENABLE_IMAGE_PROCESSING"), "{}", answer.detail());
    }
    // However it is spelt.
    let escaped = r#"{"model":"lab/small","messages":[{"role":"user","content":[{"type":"im\u0061ge_url","image_url":{"url":"u"}}]}]}"#;
    assert_eq!(host.send(host.asking(&host.admin, &json!({})).body(escaped)).await.status, 400);
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    assert_eq!(show(&host, sound).await.status, 200);
}

#[tokio::test]
async fn images_have_a_largest_size_and_bodies_too() {
    let mut settings = HttpSettings::default();
    settings.max_image_mib = 1;
    let host = TestHost::with_settings(|builder| builder, settings).await;
    assert_eq!(show(&host, image(&data_url(1 << 20))).await.status, 200);
    let large = data_url((1 << 20) + 3);
    let spelt = [
        image(&large),
        image(&large.replace("data", "DATA")),
        json!({"type": "image_url", "image_url": large}),
        json!({"type": "file", "file": {"file_data": large}}),
    ];
    for part in spelt {
        let answer = show(&host, part).await;
        assert_eq!((answer.status, answer.fields()), (400, vec!["messages[0].content[1]".to_owned()]), "{answer}");
    }
    let answer = show(&host, image(&data_url(2 << 20))).await;
    assert_eq!((answer.status, answer.error()), (413, "payload_too_large".to_owned()));
}
