//! The side of the people over HTTP: a page on which one chats with the bot, and what it is made of.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /user/chats` | the chats: id, title, kind |
//! | `GET /user/messages?chat&after` | the messages of a chat, once its revision is no longer `after` |
//! | `POST /user/people?name&language` | a new person |
//! | `POST /user/groups?title&people` | a new supergroup; `people` are ids with commas between them |
//! | `POST /user/say?person&chat&topic&reply_to` | says the body |
//! | `POST /user/edit?person&chat&message` | makes the body of a message |
//! | `POST /user/send?person&chat&kind&name&mime&caption` | sends the body as a file |
//! | `POST /user/press?person&chat&message&button` | presses a button; tells the number of the press |
//! | `GET /user/answer?query` | what the bot answered to a press, or null |
//! | `GET /user/file?id` | what a file holds |
//!
//! `chat` is the one with the bot if it is not said. What cannot be done is 400 with a sentence.

mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use poem::http::header::CONTENT_TYPE;
use poem::http::{Method, StatusCode};
use poem::{Request, RequestBody, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::files::FileKind;
use crate::people::{Impossible, Person, Spot, UserFile};
use crate::telegram::{new_person, new_supergroup};
use crate::world::Shared;

const PAGE: &str = include_str!("page.html");
/// For how long a look at the messages waits for something new.
const LONGEST_LOOK: Duration = Duration::from_secs(20);
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Answers a request of the people's side.
pub(crate) async fn answer(shared: &Arc<Shared>, request: &Request, body: &mut RequestBody) -> Response {
    let query = request.original_uri().query().unwrap_or_default();
    let query = Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
    let body = match body.take() {
        Ok(body) => body.into_bytes_limit(MAX_BODY_BYTES).await.unwrap_or_default().to_vec(),
        Err(_) => Vec::new(),
    };
    let path = request.original_uri().path();
    let done = match (request.method(), path.strip_prefix("/user/").unwrap_or_default()) {
        (&Method::GET, "") if path == "/" => {
            return Response::builder().header(CONTENT_TYPE, "text/html; charset=utf-8").body(PAGE);
        }
        (&Method::GET, "file") => return file(shared, &query),
        (&Method::GET, "chats") => Ok(shared.look(view::chats)),
        (&Method::GET, "messages") => messages(shared, &query).await,
        (&Method::GET, "answer") => Ok(shared.look(|world| view::answer(world, query.text("query")))),
        (&Method::POST, name) => act(shared, name, &query, body),
        _ => Err(Impossible("there is nothing here".to_owned())),
    };
    let (status, told) = match done {
        Ok(told) => (StatusCode::OK, told),
        Err(fault) => (StatusCode::BAD_REQUEST, json!({ "error": fault.to_string() })),
    };
    Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(told.to_string())
}

struct Query(HashMap<String, String>);

impl Query {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn optional(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok()
    }

    fn number(&self, name: &str) -> Result<i64, Impossible> {
        self.optional(name).ok_or_else(|| Impossible(format!("{name} is a number, and is missing")))
    }
}

fn act(shared: &Arc<Shared>, name: &str, query: &Query, body: Vec<u8>) -> Result<Value, Impossible> {
    match name {
        "people" => {
            let language = Some(query.text("language")).filter(|language| !language.is_empty());
            return Ok(json!(new_person(shared, query.text("name"), language).id()));
        }
        "groups" => {
            let people = query.text("people").split(',').filter_map(|id| id.trim().parse().ok());
            let people: Vec<Person> = people.map(|id| Person::new(shared, id)).collect();
            let people: Vec<&Person> = people.iter().collect();
            return Ok(json!(new_supergroup(shared, query.text("title"), &people).id()));
        }
        _ => {}
    }
    let person = person(shared, query)?;
    let said = || String::from_utf8_lossy(&body).into_owned();
    match name {
        "say" | "edit" if body.is_empty() => Err(Impossible("a message is not empty".to_owned())),
        "say" => Ok(json!(match query.optional("reply_to") {
            Some(message) => person.reply(message, &said()),
            None => person.say(&said()),
        })),
        "edit" => person.edit(query.number("message")?, &said()).map(|()| Value::Null),
        "press" => person.press(query.number("message")?, query.text("button")).map(Value::from),
        "send" => {
            let kind = FileKind::named(query.text("kind")).unwrap_or(FileKind::Document);
            let file = UserFile::new(kind, query.text("name"), body).caption(query.text("caption"));
            Ok(json!(person.send(file.mime(query.text("mime")))))
        }
        _ => Err(Impossible("there is nothing here".to_owned())),
    }
}

/// Who acts, and where.
fn person(shared: &Arc<Shared>, query: &Query) -> Result<Person, Impossible> {
    let id = query.number("person")?;
    let chat_id = query.optional("chat").unwrap_or(id);
    shared.look(|world| {
        let is_there = world.chats.get(&chat_id).is_some_and(|chat| chat_id == id || chat.members.contains_key(&id));
        is_there.then_some(()).ok_or_else(|| Impossible(format!("{id} is not in the chat {chat_id}")))
    })?;
    Ok(Person::new(shared, id).at(Spot { chat_id, topic_id: query.optional("topic") }))
}

async fn messages(shared: &Shared, query: &Query) -> Result<Value, Impossible> {
    let (chat_id, after) = (query.number("chat")?, query.text("after").to_owned());
    let mut changes = shared.changes();
    let news = async {
        while shared.revision().to_string() == after {
            let _ = changes.changed().await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(LONGEST_LOOK, news) => {}
        () = shared.stop.cancelled() => {}
    }
    let revision = shared.revision();
    Ok(shared.look(|world| view::messages(world, chat_id, revision)))
}

fn file(shared: &Shared, query: &Query) -> Response {
    let file = shared.look(|world| {
        let file = world.files.attachment(query.text("id"))?;
        Some((file.mime.clone(), world.files.bytes(query.text("id"))?))
    });
    match file {
        // As something to save: what somebody sent is not run as a page of this server.
        Some((mime, bytes)) => Response::builder()
            .header(CONTENT_TYPE, mime)
            .header("content-disposition", "attachment")
            .header("x-content-type-options", "nosniff")
            .body(bytes.to_vec()),
        None => StatusCode::NOT_FOUND.into(),
    }
}
