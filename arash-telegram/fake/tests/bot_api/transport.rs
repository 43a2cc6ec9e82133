//! How calls come in and answers go out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Stage;

async fn body(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn parameters_come_in_every_form_and_by_every_method() {
    let stage = Stage::new().await;
    let chat = stage.ann.chat_id();
    let url = format!("{}/sendMessage", stage.base);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let multipart = format!(
        "--x\r\ncontent-disposition: form-data; name=\"chat_id\"\r\n\r\n{chat}\r\n\
         --x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nmulti+part\r\n--x--\r\n"
    );
    let requests = [
        stage.client.get(format!("{url}?chat_id={chat}&text=que%20ry")),
        stage.client.post(&url).header(form.0, form.1).body(format!("chat_id={chat}&text=fo+rm")),
        stage.client.put(&url).header("content-type", "multipart/form-data; boundary=x").body(multipart),
        stage
            .client
            .request(Method::DELETE, &url)
            .header("content-type", "application/json; charset=utf-8")
            .body(json!({ "chat_id": chat.to_string(), "text": "js on" }).to_string()),
    ];
    for request in requests {
        let (status, body) = body(request).await;
        assert_eq!((status, &body["ok"]), (200, &json!(true)), "{body}");
    }
    let seen: Vec<_> = stage.ann.messages_of_bot().iter().map(|message| message.text().to_owned()).collect();
    assert_eq!(seen, ["que ry", "fo rm", "multi+part", "js on"]);
}

#[tokio::test]
async fn names_of_methods_are_in_any_letters_and_unknown_ones_are_not_found() {
    let stage = Stage::new().await;
    let me = stage.ok("GETme", json!({})).await;
    assert_eq!((&me["username"], &me["can_read_all_group_messages"]), (&json!("arash_test_bot"), &json!(false)));
    assert_eq!(stage.refusal("getYou", json!({})).await, "Not Found: method not found");
}

#[tokio::test]
async fn only_the_token_of_the_bot_is_taken() {
    let stage = Stage::new().await;
    for (path, status, words) in [
        ("bot42:else/getMe", 401, "Unauthorized"),
        ("botnonsense/getMe", 401, "Unauthorized: invalid token specified"),
        ("file/bot42:else/photos/file_0.jpg", 401, "Unauthorized"),
        ("nowhere", 404, "Not Found"),
    ] {
        let answer = body(stage.client.get(format!("{}/{path}", stage.telegram.url()))).await;
        assert_eq!(answer, (status, json!({ "ok": false, "error_code": status, "description": words })), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let stage = Stage::new().await;
    for broken in ["[1]", "{", "\u{1}"] {
        let request = stage.client.post(format!("{}/getMe", stage.base)).header("content-type", "application/json");
        assert_eq!(body(request.body(broken)).await.0, 400);
    }
}
