//! Files, both ways.

use std::time::Duration;

use arash_fake_telegram::{FileKind, UserFile};
use serde_json::{Value, json};

use crate::support::Stage;

/// A call with fields and files as multipart.
async fn upload(stage: &Stage, method: &str, fields: &[(&str, String)], files: &[(&str, &str, &[u8])]) -> (u16, Value) {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    for (name, file, bytes) in files {
        let head = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n");
        body.extend(head.bytes().chain(bytes.iter().copied()).chain(*b"\r\n"));
    }
    body.extend(*b"--x--\r\n");
    let request = stage.client.post(format!("{}/{method}", stage.base));
    let answer = request.header("content-type", "multipart/form-data; boundary=x").body(body).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn download(stage: &Stage, path: &str) -> (u16, Vec<u8>) {
    let url = format!("{}/file/bot{}/{path}", stage.telegram.url(), stage.telegram.token());
    let answer = stage.client.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_bot_downloads_what_people_send_for_an_hour() {
    let stage = Stage::new().await;
    stage.ann.send(UserFile::photo(*b"picture").caption("Look @someone"));
    stage.ann.send(UserFile::document("notes.txt", "text/plain", *b"notes"));
    stage.ann.send(UserFile::voice(*b"voice", 3));
    let updates = stage.new_updates().await;
    let photo = updates[0]["message"]["photo"].as_array().unwrap();
    assert!(photo[0]["file_size"] != photo[1]["file_size"] && photo[0]["width"].as_u64() < photo[1]["width"].as_u64());
    assert_eq!(updates[0]["message"]["caption_entities"][0]["type"], "mention");
    let document = &updates[1]["message"]["document"];
    assert_eq!((&document["file_name"], &document["mime_type"]), (&json!("notes.txt"), &json!("text/plain")));
    let voice = &updates[2]["message"]["voice"];
    assert_eq!((&voice["duration"], &voice["mime_type"]), (&json!(3), &json!("audio/ogg")));
    for (file, bytes) in [(&photo[1], &b"picture"[..]), (document, b"notes"), (voice, b"voice")] {
        let told = stage.ok("getFile", json!({ "file_id": file["file_id"] })).await;
        assert_eq!(told["file_size"], json!(bytes.len()));
        let path = told["file_path"].as_str().unwrap();
        assert_eq!(download(&stage, path).await, (200, bytes.to_vec()));
        stage.telegram.turn_clock(Duration::from_secs(3600));
        assert_eq!(download(&stage, path).await.0, 404);
    }
    assert_eq!(stage.refusal("getFile", json!({ "file_id": "x" })).await, "Bad Request: invalid file_id");
    assert_eq!(stage.refusal("getFile", json!({})).await, "Bad Request: file_id not specified");
}

#[tokio::test]
async fn a_file_over_20_mb_is_not_given_out() {
    let stage = Stage::new().await;
    stage.ann.send(UserFile::document("a.bin", "application/octet-stream", vec![0; 20 * 1024 * 1024]));
    stage.ann.send(UserFile::document("b.bin", "application/octet-stream", vec![0; 20 * 1024 * 1024 + 1]));
    let updates = stage.new_updates().await;
    stage.ok("getFile", json!({ "file_id": updates[0]["message"]["document"]["file_id"] })).await;
    let large = json!({ "file_id": updates[1]["message"]["document"]["file_id"] });
    assert_eq!(stage.refusal("getFile", large).await, "Bad Request: file is too big");
}

#[tokio::test]
async fn a_bot_sends_files_and_sends_them_again_by_id() {
    let stage = Stage::new().await;
    let chat = ("chat_id", stage.ann.chat_id().to_string());
    let caption = ("caption", "<b>Notes</b>".to_owned());
    let fields = [chat.clone(), caption, ("parse_mode", "HTML".to_owned())];
    let (status, body) = upload(&stage, "sendDocument", &fields, &[("document", "notes.md", b"# Notes")]).await;
    assert_eq!((status, &body["result"]["caption"]), (200, &json!("Notes")), "{body}");
    let id = body["result"]["document"]["file_id"].as_str().unwrap();
    assert_eq!(stage.telegram.file(id).unwrap(), b"# Notes");
    let again = stage.ok("sendDocument", json!({ "chat_id": stage.ann.chat_id(), "document": id })).await;
    assert_eq!(again["document"], body["result"]["document"]);
    let file = stage.ann.messages_of_bot()[0].file().unwrap().clone();
    assert_eq!((file.kind, file.name.as_str(), file.size), (FileKind::Document, "notes.md", 7));
    let wrong = json!({ "chat_id": stage.ann.chat_id(), "photo": id });
    assert_eq!(stage.refusal("sendPhoto", wrong).await, "Bad Request: can't use file of type Document as Photo");
    let edit = json!({ "chat_id": stage.ann.chat_id(), "message_id": again["message_id"], "text": "x" });
    let words = "Bad Request: there is no text in the message to edit";
    assert_eq!(stage.refusal("editMessageText", edit).await, words);
    for (fields, files, words) in [
        (vec![chat.clone()], vec![], "there is no photo in the request"),
        (vec![chat.clone()], vec![("photo", "x.jpg", &b""[..])], "file must be non-empty"),
        (
            vec![chat.clone(), ("caption", "x".repeat(1025))],
            vec![("photo", "x.jpg", &b"x"[..])],
            "message caption is too long",
        ),
        (vec![chat.clone(), ("photo", "https://a.b/c.jpg".to_owned())], vec![], "failed to get HTTP URL content"),
    ] {
        let (status, body) = upload(&stage, "sendPhoto", &fields, &files).await;
        assert_eq!((status, body["description"].as_str().unwrap()), (400, format!("Bad Request: {words}").as_str()));
    }
}

#[tokio::test]
async fn albums_go_both_ways_and_share_their_number() {
    let stage = Stage::new().await;
    stage.ann.send_album(vec![UserFile::photo(*b"1").caption("both"), UserFile::photo(*b"2")]);
    let updates = stage.new_updates().await;
    assert_eq!(updates[0]["message"]["media_group_id"], updates[1]["message"]["media_group_id"]);
    assert_eq!((&updates[0]["message"]["caption"], &updates[1]["message"]["caption"]), (&json!("both"), &json!(null)));
    let media = json!([{ "type": "photo", "media": "attach://a", "caption": "both" }, { "type": "photo", "media": "attach://b" }]);
    let fields = [("chat_id", stage.ann.chat_id().to_string()), ("media", media.to_string())];
    let (status, body) = upload(&stage, "sendMediaGroup", &fields, &[("a", "a.jpg", b"a"), ("b", "b.jpg", b"b")]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["result"][0]["media_group_id"], body["result"][1]["media_group_id"]);
    let photo = body["result"][0]["photo"][1]["file_id"].clone();
    let refused = |media: Value| json!({ "chat_id": stage.ann.chat_id(), "media": media });
    let one = json!({ "type": "photo", "media": photo });
    for (media, words) in [
        (json!([]), "there are no messages to send"),
        (json!(vec![one.clone(); 11]), "too many messages to send as an album"),
        (
            json!([one, { "type": "document", "media": photo }]),
            "can't use the media of the specified type in the album",
        ),
        (json!([{ "type": "photo", "media": "attach://z" }]), "there is no photo in the request"),
        (json!({}), "expected an Array of InputMedia"),
    ] {
        assert_eq!(stage.refusal("sendMediaGroup", refused(media)).await, format!("Bad Request: {words}"));
    }
    assert_eq!(stage.ann.messages_of_bot().len(), 2);
}
