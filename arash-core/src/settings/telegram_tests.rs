use super::*;
use crate::ai::OFFLINE_MODEL;
use crate::settings::Settings;

fn resolved(args: SettingsArgs) -> Settings {
    args.resolve().unwrap()
}

fn lines(args: SettingsArgs) -> Vec<String> {
    args.resolve().err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The platform `telegram` that comes of these settings.
fn platform(args: SettingsArgs) -> Platform {
    resolved(args).platforms().into_iter().find(|platform| platform.name() == "telegram").unwrap()
}

fn with_token(token: &str) -> SettingsArgs {
    SettingsArgs { telegram_bot_token: Some(token.into()), ..SettingsArgs::default() }
}

#[test]
fn without_any_setting_there_is_no_bot() {
    let telegram = resolved(SettingsArgs::default()).telegram;
    let TelegramSettings { is_enabled, token, platform, commands, webhook_url, api_url, has_drafts, has_rich_messages } =
        telegram;
    assert_eq!((is_enabled, token, commands, webhook_url), (false, None, None, None));
    assert_eq!(api_url.expose(), "https://api.telegram.org");
    assert!(!has_drafts && !has_rich_messages);
    let expected =
        PlatformSettings { models: vec![OFFLINE_MODEL.into()], rate_limit: 20, max_history: 10, admin_users: vec![] };
    assert_eq!(platform, expected);
}

#[test]
fn what_old_apps_do_not_show_is_switched_on() {
    let on = || Some("true".to_owned());
    let settings = resolved(SettingsArgs { telegram_drafts: on(), ..SettingsArgs::default() }).telegram;
    assert_eq!((settings.has_drafts, settings.has_rich_messages), (true, false));
    let settings = resolved(SettingsArgs { telegram_rich_messages: on(), ..SettingsArgs::default() }).telegram;
    assert_eq!((settings.has_drafts, settings.has_rich_messages), (false, true));
    let given = SettingsArgs { telegram_rich_messages: Some("some".to_owned()), ..SettingsArgs::default() };
    assert_eq!(lines(given), ["TELEGRAM_RICH_MESSAGES: \"some\" cannot be used; accepted: true, false"]);
}

#[test]
fn a_token_has_an_id_and_a_secret() {
    for token in ["1:hunter2", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", " 42:TEST_ "] {
        let settings = resolved(with_token(token)).telegram;
        assert_eq!(settings.token, Some(token.trim().into()), "{token}");
        assert!(!format!("{settings:?}").contains(token.trim()));
    }
    for token in [
        "hunter2",
        "your-token-here",
        "123456:your-token-here",
        "123456:YOUR_BOT_TOKEN",
        "123456:",
        ":hunter2",
        "bot123456:hunter2",
        "123456:hunter2:3",
        "123456:../hunter2",
        "123456:hunter2 3",
        "12345678901234567890:hunter2",
    ] {
        let line = format!(
            "TELEGRAM_BOT_TOKEN: the value given (***, {} characters) cannot be used; \
             accepted: the token of a bot, from @BotFather, as in 123456:ABC…, and no placeholder",
            token.len()
        );
        assert_eq!(lines(with_token(token)), [line], "{token}");
    }
}

#[test]
fn a_bot_that_is_to_run_needs_a_token() {
    let run = |args| SettingsArgs { run_telegram_bot: Some("true".to_owned()), ..args };
    let missing = lines(run(SettingsArgs::default()));
    let expected = "TELEGRAM_BOT_TOKEN: not set; accepted: the token of a bot, from @BotFather, as in 123456:ABC…, \
                    as RUN_TELEGRAM_BOT is true";
    assert_eq!(missing, [expected]);
    assert_eq!(lines(run(with_token("wrong"))).len(), 1, "one fault is told once");
    assert!(resolved(run(with_token("1:hunter2"))).telegram.is_enabled);
}

#[test]
fn models_are_those_that_were_set_or_the_default_of_the_api() {
    let models = |default: &str, list: &str, internal: &str| {
        let [default, list, internal] = [default, list, internal].map(|value| Some(value.to_owned()));
        let args = SettingsArgs {
            telegram_default_model: default,
            telegram_models: list,
            internal_models: internal,
            ..SettingsArgs::default()
        };
        platform(args).available_models().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(models("", "", "a, b"), "a");
    assert_eq!(models("c", "", "a, b"), "c");
    assert_eq!(models("", r#"["c", "d"]"#, "a"), "c d");
    assert_eq!(models("d", "c, d", "a"), "d c");
}

#[test]
fn commands_are_limited_to_known_ones() {
    let given = |list: &str| SettingsArgs { telegram_commands: Some(list.to_owned()), ..SettingsArgs::default() };
    let commands = |list: &str| resolved(given(list)).telegram.commands;
    assert_eq!(commands(""), None);
    assert_eq!(commands("[]"), Some(vec![]));
    assert_eq!(commands("/Help, stop,help,/stats"), Some(["help", "stop", "stats"].map(str::to_owned).to_vec()));
    let line = "TELEGRAM_COMMANDS: \"/fly\" cannot be used; \
                accepted: start, help, status, clear, model, models, stop, retry, stats";
    assert_eq!(lines(given("help, /fly")), [line]);
    let listed = |list: &str| {
        let names = CommandRegistry::built_in();
        names.specs_on(&platform(given(list))).map(|spec| spec.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed(""), "start help status clear model models stop retry");
    assert_eq!(listed("retry, /help, stats"), "help retry", "what administrators have is not told to all");
    assert!(CommandRegistry::built_in().check_platform(&platform(given(""))).is_ok());
}

#[test]
fn administrators_are_told_by_number() {
    let given = |list: &str| SettingsArgs { telegram_admin_users: Some(list.to_owned()), ..SettingsArgs::default() };
    for list in ["12, 0034", "[12,34]", r#"["12", 34 ]"#] {
        assert_eq!(resolved(given(list)).telegram.platform.admin_users, ["12", "34"], "{list}");
    }
    assert!(platform(given("12")).is_admin_user("12"));
    assert_eq!(resolved(given("[]")).telegram.platform.admin_users, [""; 0]);
    for (list, wrong) in [("@sara", "@sara"), ("12,,34", ""), ("[12", "[12"), ("-5", "-5"), ("1e3", "1e3")] {
        let line = format!(
            "TELEGRAM_ADMIN_USERS: {wrong:?} cannot be used; accepted: a whole number from 1 to 4503599627370495"
        );
        assert_eq!(lines(given(list)), [line], "{list}");
    }
}

#[test]
fn updates_come_by_https_or_from_this_machine() {
    let given = |url: &str| SettingsArgs { telegram_webhook_url: Some(url.into()), ..SettingsArgs::default() };
    for (url, expected) in [
        ("https://bot.example", "https://bot.example"),
        ("https://bot.example:8443/hooks/", "https://bot.example:8443/hooks"),
        ("http://127.0.0.1:3001", "http://127.0.0.1:3001"),
        ("http://[::1]:3001/", "http://[::1]:3001"),
        ("http://localhost", "http://localhost"),
    ] {
        assert_eq!(resolved(given(url)).telegram.webhook_url, Some(expected.into()), "{url}");
    }
    for url in [
        "http://bot.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://localhost",
        "bot.example",
        "https://bot.example?a=b",
        "https://bot.example/#a",
        "https://me:hunter2@bot.example",
        "https://",
    ] {
        let lines = lines(given(url));
        assert!(lines.len() == 1 && lines[0].starts_with("TELEGRAM_WEBHOOK_URL: the value given (***"), "{lines:?}");
    }
}

#[test]
fn the_bot_api_may_be_a_server_of_ones_own() {
    let given = |url: &str| SettingsArgs { telegram_api_url: Some(url.into()), ..SettingsArgs::default() };
    assert_eq!(resolved(given("http://fake:8081/base/")).telegram.api_url.expose(), "http://fake:8081/base");
    for url in ["fake:8081", "ws://fake", "https://fake/?a"] {
        let lines = lines(given(url));
        assert!(lines.len() == 1 && lines[0].starts_with("TELEGRAM_API_URL: the value given (***"), "{lines:?}");
    }
}
