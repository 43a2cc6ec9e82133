//! The secrets of webhooks lie in no file and stand in no line and no answer.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::lifecycle::run;
use crate::program::{Host, answer, client, program};
use crate::upstream::{Play, Upstream};

const ADMIN: &str = "the-key-of-the-tests-of-webhooks-which-is-long";
const OWN: &str = "my-own-webhook-secret-c0ffee4711";
const WEBHOOK: &str = "admin/1/webhook";

async fn send(host: &Host, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let address = format!("{}/api/v1/{path}", host.address);
    let request = client().request(method.parse().unwrap(), address).bearer_auth(ADMIN);
    answer(request.header("Content-Type", "application/json").body(body.to_string())).await
}

async fn new_secret(host: &Host) -> String {
    let (status, made) = send(host, "PUT", WEBHOOK, &json!({"webhook_secret": null})).await;
    assert_eq!(status, 200, "{made}");
    made["webhook_secret"].as_str().unwrap().to_owned()
}

/// All forms in which a secret could lie somewhere.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
    let mut forms = vec![secret.as_bytes().to_vec(), encoded.as_bytes().to_vec()];
    forms.extend(STANDARD.decode(encoded));
    forms
}

/// Each file with one of these in it, by its name.
fn holding(folder: &Path, secrets: &[String]) -> Vec<String> {
    let forms: Vec<_> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] });
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    };
    files.filter(|path| holds(path)).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
}

fn command(folder: &Path) -> Command {
    let mut command = program(folder);
    command.env("INTERNAL_API_KEY", ADMIN).env("LOG_LEVEL", "trace").env("LOG_FILE", "logs/arash.log");
    command.env("WEBHOOK_ALLOW_PRIVATE", "true").env("WEBHOOK_ALLOW_HTTP", "true");
    command
}

#[tokio::test]
async fn no_file_line_or_answer_has_a_webhooks_secret() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Upstream::start(Play::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    let host = Host::start(command(folder.path())).await;
    let (status, _) = send(&host, "PUT", WEBHOOK, &json!({"webhook_url": receiver.url(), "webhook_secret": OWN})).await;
    assert_eq!(status, 200);
    let mut secrets = vec![OWN.to_owned(), new_secret(&host).await];
    let mut told = Vec::new();
    let chat = json!({"user_id": "u", "chat_id": "c", "text": "Hello"});
    for (method, path, body, expected) in [
        ("POST", "admin/1/webhook/test", Value::Null, 200),
        ("POST", "chat", chat, 200),
        ("PUT", WEBHOOK, json!({"webhook_secret": OWN, "events": []}), 422),
        ("PUT", WEBHOOK, json!({"webhook_secret": format!("{OWN} {OWN}")}), 422),
        ("PUT", WEBHOOK, json!({"webhook_secret": [OWN]}), 422),
        ("PUT", WEBHOOK, json!({"webhook_secret": OWN}), 200),
        ("GET", WEBHOOK, Value::Null, 200),
        ("GET", "admin/1/webhook/deliveries", Value::Null, 200),
        ("GET", "admin/audit", Value::Null, 200),
    ] {
        let (status, answer) = send(&host, method, path, &body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        told.push(answer.to_string());
    }
    secrets.push(new_secret(&host).await);
    let keys = std::fs::read_to_string(folder.path().join("arash.db.keys")).unwrap();
    secrets.push(keys.lines().last().unwrap().split_once(':').unwrap().1.to_owned());
    // While it runs there is a log of writes beside the database; after a kill there still is.
    assert_eq!(holding(folder.path(), &secrets), ["arash.db.keys"]);
    let (_, said) = host.stop("-KILL").await;
    told.push(said);
    assert_eq!(holding(folder.path(), &secrets), ["arash.db.keys"]);
    for secret in &secrets {
        assert!(told.iter().all(|text| !text.contains(secret)), "{secret}");
    }
    assert!(receiver.requests().iter().all(|request| !secrets.iter().any(|secret| request.head.contains(secret))));
}

#[tokio::test]
async fn a_delivery_is_verified_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Upstream::start(Play::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    let host = Host::start(command(folder.path())).await;
    send(&host, "PUT", WEBHOOK, &json!({"webhook_url": receiver.url()})).await;
    let secret = new_secret(&host).await;
    let (_, tested) = send(&host, "POST", "admin/1/webhook/test", &Value::Null).await;
    assert_eq!(tested["success"], json!(true), "{tested}");
    host.stop("-TERM").await;
    let sent = receiver.requests().pop().unwrap();
    std::fs::write(folder.path().join("body"), &sent.body).unwrap();
    std::fs::write(folder.path().join("secret"), format!("{secret}\n")).unwrap();
    let value = |name| sent.header(name)[0].to_owned();
    let standard = ["--id".to_owned(), value("webhook-id"), "--timestamp".to_owned(), value("webhook-timestamp")];
    for (signature, more) in [("x-webhook-signature", &[][..]), ("webhook-signature", &standard[..])] {
        let verify = |body: &str| {
            let mut command = program(folder.path());
            command.args(["webhook", "verify", "--signature", &value(signature)]).args(more).arg(body);
            command
        };
        let mut by_environment = verify("body");
        by_environment.env("WEBHOOK_SECRET", &secret);
        let mut by_file = verify("body");
        by_file.args(["--secret-file", "secret"]);
        for command in [by_environment, by_file] {
            assert_eq!(run(command).await, (Some(0), "The signature is good.\n".to_owned(), String::new()));
        }
        let mut of_another_body = verify("secret");
        of_another_body.env("WEBHOOK_SECRET", &secret);
        let (code, said, complaint) = run(of_another_body).await;
        assert_eq!((code, said.as_str()), (Some(1), ""));
        assert!(complaint.contains("is not good") && !complaint.contains(&secret), "{complaint}");
        let (code, _, complaint) = run(verify("body")).await;
        assert_eq!(code, Some(2), "{complaint}");
        assert!(complaint.contains("set WEBHOOK_SECRET, or give --secret-file"), "{complaint}");
    }
}
