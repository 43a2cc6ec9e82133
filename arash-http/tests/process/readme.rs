//! What the README's first chapters say works: their blocks are run against a host that has just started.

use std::path::Path;

use tokio::process::Command;

use crate::program::{Host, program};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/examples/http_client.rs");

/// The fenced blocks of the chapter with this title, each with its language.
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
