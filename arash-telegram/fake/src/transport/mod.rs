//! How calls come in and answers go out: `/bot<token>/<method>` and `/file/bot<token>/<path>`.

mod call;
mod connection;
mod methods;
mod parameters;
mod refusal;

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use poem::http::StatusCode;
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::web::RemoteAddr;
use poem::{Endpoint, Request, Response};
use serde_json::{Map, json};

pub(crate) use call::call_from_webhook;
pub(crate) use connection::{Connections, CuttableAcceptor};
pub(crate) use parameters::{Parameters, Upload};
pub use refusal::{Outcome, Refusal};

use crate::faults::Failure;
use crate::page;
use crate::world::Shared;
use call::Reply;

/// What the download of a file is called where faults are planned.
const FILE: &str = "file";

/// Answers every request.
#[derive(Debug)]
pub(crate) struct BotApi {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connections: Connections,
}

impl Endpoint for BotApi {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (request, mut body) = request.split();
        let path = request.original_uri().path().to_owned();
        if path == "/" || path.starts_with("/user/") {
            return Ok(page::answer(&self.shared, &request, &mut body).await);
        }
        if let Some((token, path)) = split(&path, "/file/bot") {
            return Ok(self.download(&token, &path, request.remote_addr()));
        }
        let Some((token, method)) = split(&path, "/bot") else {
            return Ok(answer(&Err(Refusal::new(404, "Not Found"))));
        };
        if let Err(refusal) = self.check(&token) {
            return Ok(answer(&Err(refusal)));
        }
        let parameters = match Parameters::read(&request, &mut body).await {
            Ok(parameters) => parameters,
            Err(refusal) => return Ok(answer(&Err(refusal))),
        };
        match call::call(&self.shared, &method, &parameters).await {
            Reply::Outcome(outcome) => Ok(answer(&outcome)),
            Reply::Slow(outcome, delay) => {
                tokio::time::sleep(delay).await;
                Ok(answer(&outcome))
            }
            Reply::BadGateway => Ok(bad_gateway()),
            Reply::Nothing => {
                self.connections.cut(request.remote_addr());
                Ok(Response::builder().finish())
            }
        }
    }
}

impl BotApi {
    fn check(&self, token: &str) -> Result<(), Refusal> {
        let is_token = token.split_once(':').is_some_and(|(id, _)| id.parse::<u64>().is_ok_and(|id| id > 0));
        if !is_token {
            return Err(Refusal::new(401, "Unauthorized: invalid token specified"));
        }
        let is_mine = self.shared.look(|world| world.bot.token == token);
        if is_mine { Ok(()) } else { Err(Refusal::new(401, "Unauthorized")) }
    }

    fn download(&self, token: &str, path: &str, from: &RemoteAddr) -> Response {
        if let Err(refusal) = self.check(token) {
            return answer(&Err(refusal));
        }
        match self.shared.change(|world| world.faults.strike(FILE, None, &Map::new())) {
            Some(Failure::Refuse(refusal)) => return answer(&Err(refusal)),
            Some(Failure::BadGateway) => return bad_gateway(),
            Some(Failure::Reset | Failure::LoseReply) => {
                self.connections.cut(from);
                return Response::builder().finish();
            }
            Some(Failure::Slow(_)) | None => {}
        }
        let file = self.shared.look(|world| {
            if world.bot.is_revoked {
                return Err(Refusal::new(401, "Unauthorized"));
            }
            world.files.download(path, world.now()).ok_or_else(|| Refusal::new(404, "Not Found"))
        });
        match file {
            Ok(bytes) => Response::builder().header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec()),
            Err(refusal) => answer(&Err(refusal)),
        }
    }
}

/// The token and what follows it in a path that begins so.
fn split(path: &str, beginning: &str) -> Option<(String, String)> {
    let (token, rest) = path.strip_prefix(beginning)?.split_once('/')?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned);
    Some((decoded(token)?, decoded(rest)?))
}

fn answer(outcome: &Outcome) -> Response {
    let answer = Response::builder().header(CONTENT_TYPE, "application/json");
    match outcome {
        Ok(result) => answer.body(json!({ "ok": true, "result": result }).to_string()),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut answer = answer.status(status);
            if let Some(seconds) = refusal.retry_after() {
                answer = answer.header(RETRY_AFTER, seconds.to_string());
            }
            answer.body(refusal.to_json().to_string())
        }
    }
}

/// What the proxy in front of the server says when it is not there.
fn bad_gateway() -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\
                \r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n";
    Response::builder().status(StatusCode::BAD_GATEWAY).header(CONTENT_TYPE, "text/html").body(page)
}
