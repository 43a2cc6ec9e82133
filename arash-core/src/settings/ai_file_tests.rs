use std::time::Duration;

use proptest::prelude::*;

use crate::money::Price;
use crate::platform::Capability;
use crate::settings::ai_file::ai_file;
use crate::settings::resolve::Faults;
use crate::settings::{AiSettings, SettingsArgs, UpstreamKind};

const GOOD: &str = r#"
[[provider]]
name = "main"
kind = "openai"
url = "https://api.example/v1"
api_key = "sk-1"
timeout_seconds = 120
retries = 1
max_concurrent = 50
headers = { X-Title = "arash" }
transcription_model = "whisper-1"

[[provider]]
name = "house"
kind = "pipeline"
url = "https://ai.example/run"

[[model]]
id = "openai/gpt-5-chat"
provider = "main"
upstream_id = "gpt-5-chat-latest"
name = "Chat"
aliases = ["gpt5", "best"]
context_window = 400_000
prompt_price = 1_250_000
completion_price = 10_000_000
capabilities = ["text", "images", "tools"]
parameters = { temperature = 0.7, stop = ["\n"], reasoning = { effort = "low" } }
fallbacks = ["house/small"]
max_concurrent = 10

[[model]]
id = "house/small"
provider = "house"
"#;

fn read(text: &str) -> (AiSettings, Vec<String>) {
    let mut faults = Faults::default();
    let settings = ai_file(text, Duration::from_secs(60), &mut faults);
    (settings, faults.into_vec().iter().map(ToString::to_string).collect())
}

#[test]
fn all_that_a_file_can_say_is_read() {
    let (settings, faults) = read(GOOD);
    assert!(faults.is_empty(), "{faults:#?}");
    let [main, house] = &*settings.upstreams else { panic!("{settings:?}") };
    assert_eq!((&*main.name, main.kind, main.url.expose()), ("main", UpstreamKind::OpenAi, "https://api.example/v1"));
    assert_eq!((main.timeout, main.retries, main.max_concurrent), (Duration::from_secs(120), 1, Some(50)));
    assert_eq!((&*main.headers[0].0, main.headers[0].1.expose()), ("X-Title", "arash"));
    assert_eq!(main.transcription_model.as_deref(), Some("whisper-1"));
    assert_eq!((house.kind, house.timeout, house.retries), (UpstreamKind::Pipeline, Duration::from_secs(60), 2));
    let [chat, small] = &*settings.models else { panic!("{settings:?}") };
    assert_eq!((chat.info.id.as_str(), &*chat.info.name), ("openai/gpt-5-chat", "Chat"));
    assert_eq!((chat.info.aliases.len(), chat.info.context_window), (2, Some(400_000)));
    let price = Price { prompt_micros_per_million: 1_250_000, completion_micros_per_million: 10_000_000 };
    assert_eq!(chat.info.price, price);
    assert!(chat.info.supports(Capability::Images) && !chat.info.supports(Capability::Audio));
    assert_eq!(chat.parameters["reasoning"]["effort"], "low");
    assert_eq!((chat.upstream_id.as_ref().unwrap().as_str(), chat.max_concurrent), ("gpt-5-chat-latest", Some(10)));
    assert_eq!((&*small.info.name, &*small.upstream), ("Small", "house"));
    assert_eq!(settings.default_models(), ["openai/gpt-5-chat", "house/small"]);
}

const BAD: &str = r#"colour = "red"
[[provider]]
name = "main"
kind = "opnai"
url = "ftp://hunter2"
api_key = "hunter2 hunter2"
timeout_seconds = 0
retries = 3
max_concurrent = "many"
headers = { "a b" = "hunter2", X-Key = 7, X-Line = "hunter2\n" }
[[provider]]
name = "main"
kind = "openai"
api_key_env = "ARASH_TEST_NOT_SET"
nmae = "x"
[[model]]
id = "a"
provider = "other"
aliases = ["b", ""]
prompt_price = 1.25
capabilities = ["text", "smell"]
parameters = { model = "x", at = 2026-01-01 }
fallbacks = ["a", "c"]
[[model]]
id = "b"
provider = "main"
aliases = ["A"]
context_window = -1
[[model]]
name = "nothing"
provider = "main"
parameters = { stream = true }
"#;

#[test]
fn every_fault_is_told_with_its_place_and_no_secret() {
    let (_, faults) = read(BAD);
    for (line, given) in [
        (1, "\"colour\" cannot be used; accepted: the fields provider, model"),
        (4, "kind: \"opnai\" cannot be used; accepted: offline, pipeline, openai"),
        (5, "url: the value given (***, 13 characters)"),
        (6, "api_key: the value given (***, 15 characters)"),
        (7, "timeout_seconds: \"0\" cannot be used; accepted: a whole number from 1 to 3600"),
        (8, "retries: \"3\""),
        (9, "max_concurrent: \"many\""),
        (10, "headers.X-Key: what is there cannot be used; accepted: a text in quotes"),
        (10, "headers: \"a b\" cannot be used; accepted: the name of a header"),
        (10, "headers.X-Line: the value given"),
        (12, "name: \"main\" cannot be used; accepted: a name that no other provider has"),
        (11, "url: not set"),
        (14, "api_key_env: \"ARASH_TEST_NOT_SET\""),
        (15, "\"nmae\" cannot be used; accepted: the fields name, kind, url"),
        (18, "provider: \"other\" cannot be used; accepted: main, main"),
        (19, "aliases: what is there cannot be used; accepted: a list of texts, none empty"),
        (
            20,
            "prompt_price: \"1.25\" cannot be used; accepted: millionths of a dollar for a million tokens, such as 1250000 for 1.25; at most 1000000000000",
        ),
        (21, "capabilities: "),
        (22, "parameters: "),
        (23, "fallbacks: \"a itself\""),
        (23, "fallbacks: \"c\" cannot be used; accepted: the id of another model of the file"),
        (25, "id: \"a\" cannot be used; accepted: ids, names and aliases that no other model has"),
        (28, "context_window: \"-1\""),
        (29, "id: not set"),
        (32, "parameters: \"stream\" cannot be used; accepted: parameters that the engine does not set itself"),
    ] {
        let begin = format!("AI_PROVIDERS: line {line}");
        let is_it = |fault: &&String| fault.starts_with(&begin) && fault.contains(given);
        assert!(faults.iter().any(|fault| is_it(&fault)), "{line}: {given}\n{faults:#?}");
    }
    assert_eq!(faults.len(), 25, "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.contains("hunter2") && !fault.contains('\n')), "{faults:#?}");
}

#[test]
fn a_key_in_the_wrong_place_is_not_shown_and_an_empty_one_is_none() {
    let file = "[[provider]]\nname = \"a\"\nkind = \"openai\"\nurl = \"http://x\"\n";
    for (line, told) in [
        ("api_key_env = \"sk-hunter2\"", "api_key_env: the value given (***, 10 characters)"),
        ("api_key_env = \"gsk_hunter2\"\napi_key = \"hunter2\"", "api_key_env: the value given (***, 11 characters)"),
        ("api_key = \"\"", "api_key: the value given (***, 0 characters)"),
        ("headers = { Content-Length = \"hunter2\" }", "headers: \"Content-Length\" cannot be used"),
    ] {
        let (_, faults) = read(&format!("{file}{line}\n"));
        assert!(faults.len() == 1 && faults[0].contains(told) && !faults[0].contains("hunter2"), "{faults:?}");
    }
}

#[test]
fn faults_of_grammar_come_alone() {
    let (_, faults) = read("[[provider]]\nname = \"a\nkind = hunter2 hunter2\n");
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault.contains("accepted: TOML (") && !fault.contains("hunter2")), "{faults:#?}");
    assert!(faults[0].starts_with("AI_PROVIDERS: line 2: "), "{faults:#?}");
    let (_, faults) = read("provider = 7\nmodel = [1]\n");
    assert_eq!(faults.len(), 2, "{faults:#?}");
}

#[test]
fn a_file_may_only_describe_the_models_of_the_one_upstream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.toml");
    let given = |text: &str, url: Option<&str>, models: &str| {
        std::fs::write(&path, text).unwrap();
        SettingsArgs {
            ai_providers: Some(path.to_str().unwrap().to_owned()),
            ai_service_url: url.map(Into::into),
            internal_models: Some(models.to_owned()),
            ..SettingsArgs::default()
        }
        .resolve()
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let model = "[[model]]\nid = \"m/one\"\nprompt_price = 5\n";
    let settings = given(model, Some("https://ai.example/run"), "").unwrap();
    assert_eq!(settings.ai.models[0].upstream, "pipeline");
    assert_eq!(settings.internal.models, ["m/one".into()]);
    given(model, Some("https://ai.example/run"), "any, other").unwrap();

    let settings = given(GOOD, None, "").unwrap();
    assert_eq!(settings.internal.models, ["openai/gpt-5-chat".into(), "house/small".into()]);
    let faults = given(GOOD, None, "house/small, other").unwrap_err();
    let line = "INTERNAL_MODELS: \"other\" cannot be used; accepted: models that AI_PROVIDERS describes: \
                openai/gpt-5-chat, house/small";
    assert_eq!(faults, [line]);
    let faults = given(GOOD, Some("https://ai.example/run"), "").unwrap_err();
    assert!(faults.len() == 1 && faults[0].contains("as there is AI_SERVICE_URL"), "{faults:?}");
    let missing = SettingsArgs { ai_providers: Some("/nowhere/a.toml".to_owned()), ..SettingsArgs::default() };
    let faults: Vec<_> = missing.resolve().unwrap_err().iter().map(ToString::to_string).collect();
    let line =
        "AI_PROVIDERS: \"/nowhere/a.toml\" cannot be used; accepted: a TOML file that can be read (entity not found)";
    assert_eq!(faults, [line]);
}

proptest! {
    #[test]
    fn any_text_is_judged_without_a_panic_and_in_one_line(text in any::<String>(), value in any::<String>()) {
        let quoted = serde_json::Value::from(value).to_string();
        let file = format!("[[provider]]\nname = {quoted}\nkind = {quoted}\nurl = {quoted}\n[[model]]\nid = {quoted}\n");
        for text in [text, file] {
            for line in read(&text).1 {
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}
