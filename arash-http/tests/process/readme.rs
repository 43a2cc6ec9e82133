//! What the README's chapters say works: every block of them is run against a host that has just started.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::program::{Host, PATIENCE, client, program};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/examples/http_client.rs");

/// The fenced blocks of a chapter, each with its language.
fn blocks(title: &str) -> Vec<(String, String)> {
    let readme = std::fs::read_to_string(README).unwrap();
    let chapter = readme.split("\n## ").find(|chapter| chapter.starts_with(title)).unwrap();
    let fences = chapter.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap());
    fences.map(|(language, text)| (language.to_owned(), text.to_owned())).collect()
}

/// Runs a block as somebody would who has the key and the program; gives what it printed.
async fn run(interpreter: &[&str], text: &str, folder: &Path, key: &str) -> String {
    let mut command = Command::new(interpreter[0]);
    command.args(&interpreter[1..]).arg(text).current_dir(folder).env("ARASH_KEY", key);
    let programs = Path::new(env!("CARGO_BIN_EXE_arash-http")).parent().unwrap().display();
    command.env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()));
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn the_first_chapter_of_the_readme_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(program(folder.path())).await;
    let key = host.printed_key().unwrap().to_owned();
    let mut said = Vec::new();
    for (language, text) in blocks("A first chat") {
        let text = text.replace("http://127.0.0.1:3000", &host.address);
        let text: String =
            text.lines().filter(|line| !line.starts_with("export ARASH_KEY")).collect::<Vec<_>>().join("\n");
        match language.as_str() {
            "sh" => said.push(run(&["bash", "-euo", "pipefail", "-c"], &text, folder.path(), &key).await),
            "python" => said.push(run(&["python3", "-c"], &text, folder.path(), &key).await),
            "rust" => {
                let example = std::fs::read_to_string(EXAMPLE).unwrap();
                assert!(example.contains(text.trim()), "the example has other lines than the README");
            }
            other => panic!("nobody runs {other}"),
        }
    }
    let [curl, stream, python, admin, local] = said.as_slice() else { panic!("{} blocks", said.len()) };
    for text in [curl, stream, python] {
        assert!(text.contains("Sara"), "{text}");
    }
    assert!(stream.contains("event: delta") && stream.contains("event: done"), "{stream}");
    assert!(admin.contains("\"api_key\":\"sk_live_"), "{admin}");
    assert!(local.contains("API key (shown once): sk_live_") && local.contains("Second team, first key"), "{local}");
    host.stop("-TERM").await;
}

#[tokio::test]
async fn the_chapter_of_webhooks_does_what_it_says() {
    let blocks = blocks("Webhooks");
    let of = |wanted: &str| {
        let found = blocks.iter().filter(|(language, _)| language == wanted).map(|(_, text)| text.clone());
        found.collect::<Vec<_>>()
    };
    let (shell, python, json) = (of("sh"), of("python"), of("json"));
    let ([put, tried], [receiver], [event]) = (&shell[..], &python[..], &json[..]) else { panic!("{blocks:?}") };
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["event"], "message.completed");

    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("WEBHOOK_ALLOW_PRIVATE", "true").env("WEBHOOK_ALLOW_HTTP", "true");
    let host = Host::start(command).await;
    let key = host.printed_key().unwrap().to_owned();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let here = |text: &str| {
        let text = text.replace("http://127.0.0.1:3000", &host.address);
        text.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}")).replace("8000)", &format!("{port})"))
    };
    let shell = ["bash", "-euo", "pipefail", "-c"];
    let made: Value = serde_json::from_str(&run(&shell, &here(put), folder.path(), &key).await).unwrap();
    let mut receiving = Command::new("python3");
    receiving.arg("-c").arg(here(receiver)).env("WEBHOOK_SECRET", made["webhook_secret"].as_str().unwrap());
    receiving.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut receiving = receiving.spawn().unwrap();
    let mut lines = BufReader::new(receiving.stdout.take().unwrap()).lines();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let said = run(&shell, &here(tried), folder.path(), &key).await;
    for words in [r#""status_code":204,"success":true}"#, r#""event":"webhook.test""#, r#""redelivered":0"#] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(host.chat(&key, "Hello").await.0, 200);
    for event in ["webhook.test", "message.completed"] {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        assert_eq!(line.as_deref(), Some(event));
    }
    // What somebody else made up is not taken.
    let forged = client().post(format!("http://127.0.0.1:{port}/")).body("{}");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    host.stop("-TERM").await;
}

#[tokio::test]
async fn the_chapter_on_openai_clients_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(program(folder.path())).await;
    let key = host.printed_key().unwrap().to_owned();
    let mut said = String::new();
    for (language, text) in blocks("Any OpenAI client") {
        let text = text.replace("http://127.0.0.1:3000", &host.address);
        match language.as_str() {
            "sh" => said += &run(&["bash", "-euo", "pipefail", "-c"], &text, folder.path(), &key).await,
            // The SDK is not installed here.
            "python" => assert!(text.contains(&format!("base_url=\"{}/v1\"", host.address)), "{text}"),
            other => panic!("nobody runs {other}"),
        }
    }
    for part in ["Nice to meet you, Sara.", "data: [DONE]", "\"object\":\"list\""] {
        assert!(said.contains(part), "{said}");
    }
    host.stop("-TERM").await;
}
