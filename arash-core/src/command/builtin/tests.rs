use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::command::parser::is_command_name;
use crate::command::{
    CommandCall, CommandContext, CommandHandler, CommandRegistry, CommandReply, CommandSpec, EnglishTexts, Parsed,
    SessionEffect, Text, Texts, parse,
};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, SessionId, TeamId};
use crate::message::{Message, Role};
use crate::platform::{ModelCatalogue, ModelId, ModelInfo, Platform};
use crate::session::{History, Session, SessionKey};
use crate::team::{AccessLevel, ApiKey, KeyDigest, KeyOwner, NewApiKey, NewTeam, Principal, Team};

/// A chat on a platform with three models, as a command finds it.
struct Chat {
    platform: Platform,
    session: Session,
    catalogue: ModelCatalogue,
    commands: CommandRegistry,
    texts: Arc<dyn Texts>,
    principal: Option<Arc<Principal>>,
    locale: Option<&'static str>,
}

impl Chat {
    fn new() -> Self {
        let now = Timestamp::default();
        let said = [(Role::User, "hi"), (Role::Assistant, "hello")];
        let session = Session {
            id: SessionId::new(),
            key: SessionKey::private("internal", TeamId(7), "chat-1"),
            team_id: Some(TeamId(7)),
            user_id: "user-1".to_owned(),
            model: None,
            version: 1,
            fence: 0,
            message_count: 1,
            stored_messages: 2,
            created_at: now,
            last_activity_at: now,
            expires_at: now,
            history: History::new(said.map(|(role, text)| Message::new(role, text, now))),
        };
        let mut catalogue = ModelCatalogue::default();
        catalogue.insert(ModelInfo::new("openai/gpt-5-chat").alias("gpt5"));
        Self {
            platform: Platform::private("internal").models(["a/one", "openai/gpt-5-chat", "a/three"]).max_history(12),
            session,
            catalogue,
            commands: CommandRegistry::built_in(),
            texts: Arc::new(EnglishTexts),
            principal: None,
            locale: None,
        }
    }

    /// The same chat with a caller whose team may use only these models.
    fn with_team_models(mut self, models: &[&str]) -> Self {
        let now = Timestamp::default();
        let team = NewTeam {
            name: "team".to_owned(),
            description: None,
            monthly_quota: None,
            daily_quota: None,
            allowed_models: Some(models.iter().map(|&model| ModelId::from(model)).collect()),
        };
        let key = NewApiKey {
            team_id: TeamId(7),
            digest: KeyDigest::of("key"),
            key_prefix: "k".to_owned(),
            name: "key".to_owned(),
            access_level: AccessLevel::User,
            monthly_quota: None,
            daily_quota: None,
            created_by: None,
            description: None,
            expires_at: None,
        };
        let (team, key) = (Team::from_new(TeamId(7), team, now), ApiKey::from_new(ApiKeyId(1), key, now));
        self.principal = Some(Arc::new(Principal::new(KeyOwner { key, team })));
        self
    }

    async fn run(&self, typed: &str) -> Result<CommandReply> {
        let Ok(Parsed::Command(call)) = parse(typed) else { panic!("{typed:?} is no command") };
        let context = CommandContext {
            session: &self.session,
            platform: &self.platform,
            user_id: "user-1",
            principal: self.principal.as_ref(),
            catalogue: &self.catalogue,
            commands: &self.commands,
            texts: &*self.texts,
            locale: self.locale,
        };
        self.commands.run(call, context).await
    }

    async fn answer(&self, typed: &str) -> String {
        let reply = self.run(typed).await.unwrap();
        assert_eq!(reply.effect, None, "{typed}");
        reply.text
    }
}

#[tokio::test]
async fn start_and_help_list_the_commands_in_order() {
    let list = "/start - Say hello\n/help - List the commands\n/status - Show how this conversation stands\n\
                /clear - Forget this conversation\n/model [name] - Show or change the model\n/models - List the models";
    let chat = Chat::new();
    let welcome = chat.answer("/start").await;
    assert_eq!(welcome, format!("Hello! Write me a message and I will answer.\n\nI also know:\n{list}"));
    let help = chat.answer("/HELP@arash_bot please").await;
    assert_eq!(help, format!("Write me a message and I will answer.\n\nCommands:\n{list}"));
}

/// Says summaries in capital letters.
struct Shouting;

impl Texts for Shouting {
    fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String {
        let said = EnglishTexts.say(text, locale);
        if matches!(text, Text::CommandSummary { .. }) { said.to_uppercase() } else { said }
    }
}

#[tokio::test]
async fn commands_of_the_host_are_listed_and_are_not_the_engines_to_answer() {
    let mut chat = Chat::new();
    let own = [CommandSpec::new("stop", "Stop the answer"), CommandSpec::new("retry", "Answer again")];
    chat.platform = chat.platform.commands(["/help", "stop"]).host_commands(own);
    let list = "/help - List the commands\n/stop - Stop the answer";
    assert_eq!(chat.answer("/help").await, format!("Write me a message and I will answer.\n\nCommands:\n{list}"));
    for (typed, name) in [("/stop", "stop"), ("/STOP@bot now", "stop"), ("/retry", "retry")] {
        let hint = format!("/{name} does not work here.\n\nThese commands work:\n{list}");
        assert_eq!(chat.answer(typed).await, hint, "{typed}");
    }
    assert!(chat.answer("/stats").await.starts_with("There is no command /stats."));
    chat.texts = Arc::new(Shouting);
    assert!(chat.answer("/help").await.ends_with("STOP THE ANSWER"));
}

#[test]
fn commands_of_the_host_have_names_of_their_own() {
    let check = |names: &[&str]| {
        let own = names.iter().map(|&name| CommandSpec::new(name, "own"));
        CommandRegistry::built_in().check_platform(&Platform::public("telegram").models(["m"]).host_commands(own))
    };
    assert!(check(&["stop", "retry"]).is_ok());
    for (names, said) in [
        (&["Stop"][..], "\"Stop\" is not a name"),
        (&["/stop"], "\"/stop\" is not a name"),
        (&["stop", "help"], "platform \"telegram\" has two commands called \"help\""),
        (&["stop", "stop"], "platform \"telegram\" has two commands called \"stop\""),
    ] {
        let error = check(names).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn help_lists_only_what_works_on_the_platform() {
    let mut chat = Chat::new();
    chat.platform = chat.platform.commands(["models", "help"]);
    let help = chat.answer("/Help").await;
    assert!(help.ends_with("Commands:\n/help - List the commands\n/models - List the models"), "{help}");
    assert!(chat.answer("/start").await.starts_with("/start does not work here."));
    assert!(!chat.answer("/models").await.contains("/model."), "it does not point to what does not work");
}

#[tokio::test]
async fn status_tells_how_the_conversation_stands() {
    let mut chat = Chat::new();
    chat.session.model = Some(ModelId::from("openai/gpt-5-chat"));
    assert_eq!(
        chat.answer("/status").await,
        "Session: internal_7_chat-1\nModel: GPT-5 Chat\nYour messages: 1\nIn memory: 2 of 12"
    );
}

#[tokio::test]
async fn clear_asks_for_the_conversation_to_be_forgotten() {
    let reply = Chat::new().run("/clear").await.unwrap();
    assert_eq!(reply.effect, Some(SessionEffect::Clear));
    assert_eq!(reply.text, "The conversation is cleared. I remember nothing of it.");
}

#[tokio::test]
async fn model_alone_tells_the_current_and_the_available_ones() {
    let mut chat = Chat::new();
    chat.session.model = Some(ModelId::from("a/three"));
    assert_eq!(
        chat.answer("/model").await,
        "Three answers.\n\nYou can choose:\nOne - a/one\nGPT-5 Chat - openai/gpt-5-chat\nThree - a/three (current)\
         \n\nTo choose one, write its name after /model."
    );
    let chat = chat.with_team_models(&["a/one"]);
    assert_eq!(chat.answer("/model").await, "One answers. It is the only model that you can use here.");
}

#[tokio::test]
async fn a_model_is_chosen_by_id_name_or_alias() {
    let chat = Chat::new().with_team_models(&["openai/gpt-5-chat"]);
    let chosen = SessionEffect::UseModel(ModelId::from("openai/gpt-5-chat"));
    for typed in [
        "/model openai/gpt-5-chat",
        "/model GPT-5 Chat",
        "/model  gpt-5 chat ",
        "/model gpt5",
        "/MODEL@bot \"GPT-5 Chat\"",
        "/model 'gpt5'",
    ] {
        let reply = chat.run(typed).await.unwrap();
        assert_eq!(reply.effect, Some(chosen.clone()), "{typed}");
        assert_eq!(reply.text, "From now on GPT-5 Chat answers.");
    }
}

#[tokio::test]
async fn a_model_of_another_team_or_of_no_one_is_not_chosen() {
    let chat = Chat::new().with_team_models(&["openai/gpt-5-chat"]);
    let others = "\n\nYou can choose:\nGPT-5 Chat - openai/gpt-5-chat";
    assert_eq!(chat.answer("/model a/one").await, format!("Your team may not use One.{others}"));
    assert_eq!(chat.answer("/model gpt-6").await, format!("There is no model \"gpt-6\" here.{others}"));
    assert_eq!(chat.answer("/model gpt5 please").await, format!("There is no model \"gpt5 please\" here.{others}"));
    let long = chat.answer(&format!("/model {}", "آ".repeat(1_000))).await;
    assert_eq!(long, format!("There is no model \"{}\" here.{others}", "آ".repeat(80)));
}

#[tokio::test]
async fn models_lists_what_the_team_may_use() {
    let chat = Chat::new();
    assert_eq!(
        chat.answer("/models").await,
        "Models:\nOne - a/one (current)\nGPT-5 Chat - openai/gpt-5-chat\nThree - a/three\
         \n\nTo choose one, write its name after /model."
    );
    let chat = chat.with_team_models(&["a/three", "b/elsewhere"]);
    assert_eq!(chat.answer("/models").await, "Models:\nThree - a/three (current)");
    assert_eq!(chat.with_team_models(&[]).answer("/models").await, "There is no model here that you can use.");
}

#[tokio::test]
async fn an_unknown_command_is_answered_with_a_hint() {
    let mut chat = Chat::new();
    chat.platform = chat.platform.commands(["help"]);
    assert_eq!(
        chat.answer("/Weather tomorrow").await,
        "There is no command /Weather.\n\nThese commands work:\n/help - List the commands\
         \n\nTo begin a message with a slash, write two: //"
    );
}

/// A command of a host's own: repeats its arguments, or fails.
struct Echo(&'static str);

#[async_trait]
impl CommandHandler for Echo {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new(self.0, "Repeat").arguments("text")
    }

    async fn run(&self, call: CommandCall<'_>, _context: CommandContext<'_>) -> Result<CommandReply> {
        if call.rest.is_empty() {
            return Err(Error::internal("nothing to repeat"));
        }
        Ok(CommandReply::text(call.arguments().collect::<Vec<_>>().join("|")))
    }
}

#[tokio::test]
async fn a_command_of_ones_own_joins_or_replaces() {
    let mut chat = Chat::new();
    let before = chat.commands.clone();
    chat.commands.register(Echo("echo_2")).unwrap();
    chat.commands.register(Echo("help")).unwrap();
    assert_eq!(chat.answer("/Echo_2 a 'b c'").await, "a|b c");
    assert_eq!(chat.answer("/help me").await, "me");
    assert_eq!(chat.run("/help").await.unwrap_err().kind(), ErrorKind::Internal);
    let names: Vec<_> = chat.commands.specs().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["start", "help", "status", "clear", "model", "models", "echo_2"]);
    assert_eq!(before.specs().len(), 6, "a clone is not changed by it");
    assert_eq!(format!("{before:?}"), r#"["start", "help", "status", "clear", "model", "models"]"#);
}

#[test]
fn names_that_cannot_be_typed_are_refused() {
    let mut registry = CommandRegistry::default();
    for name in ["", "Weather", "1a", "_a", "a-b", "a b", "/a", "آب", "a23456789012345678901234567890123"] {
        let error = registry.register(Echo(name)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
    assert_eq!(registry.specs().len(), 0);
    assert!(CommandRegistry::built_in().specs().all(|spec| is_command_name(&spec.name)));
    assert!(CommandRegistry::built_in().find("CLEAR").is_some());
}

/// Speaks some Persian.
struct Persian;

impl Texts for Persian {
    fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String {
        match (locale, text) {
            (Some("fa"), Text::CommandSummary { command }) if command.name == "help" => "فهرست فرمان‌ها".to_owned(),
            (Some("fa"), Text::Cleared) => "گفتگو پاک شد.".to_owned(),
            _ => EnglishTexts.say(text, locale),
        }
    }
}

#[tokio::test]
async fn texts_follow_the_language_of_the_user() {
    let mut chat = Chat { texts: Arc::new(Persian), locale: Some("fa"), ..Chat::new() };
    assert_eq!(chat.run("/clear").await.unwrap().text, "گفتگو پاک شد.");
    assert!(chat.answer("/help").await.contains("/help - فهرست فرمان‌ها\n/status - Show"));
    chat.locale = Some("de");
    assert!(chat.answer("/help").await.contains("/help - List the commands"));
}
