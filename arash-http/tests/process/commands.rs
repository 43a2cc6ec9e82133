//! The commands of the program beside serving: what they print for people and for machines, and how they end.

use std::path::Path;

use serde_json::{Value, json};

use crate::database::Database;
use crate::lifecycle::run;
use crate::program::{Host, program};

/// Runs `arash-http` with these arguments; it must end well.
async fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, complaint) = ended(folder, arguments).await;
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{arguments:?}: {said}");
    said
}

async fn ended(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = program(folder);
    command.args(arguments);
    run(command).await
}

async fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(folder, &[arguments, &["--json"]].concat()).await).unwrap()
}

#[tokio::test]
async fn the_schema_is_brought_up_to_date_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arash.db");
    assert_eq!(
        done(folder.path(), &["migrate", "--dry-run"]).await,
        "VERSION  NAME     STATE\n1        initial  missing\n"
    );
    assert!(!file.exists());
    assert_eq!(done(folder.path(), &["migrate"]).await, "VERSION  NAME     STATE\n1        initial  applied now\n");
    let initial = json!([{"version": 1, "name": "initial"}]);
    let expected = json!({"dry_run": true, "applied_before": initial, "missing": []});
    assert_eq!(json(folder.path(), &["migrate", "--dry-run"]).await, expected);
    assert_eq!(json(folder.path(), &["migrate"]).await["applied_now"], json!([]));
}

#[tokio::test]
async fn a_key_that_is_made_here_is_good_there_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(program(folder.path())).await;
    let team = json(folder.path(), &["team", "create", "Support", "--daily-quota", "2", "--models", "a/b,c/d"]).await;
    assert_eq!(
        (&team["name"], &team["daily_quota"], &team["allowed_models"]),
        (&json!("Support"), &json!(2), &json!(["a/b", "c/d"]))
    );
    // By name, as people know it.
    let arguments = ["key", "create", "bot", "--team", "Support", "--level", "team_lead", "--expires-in-days", "1"];
    let made = json(folder.path(), &arguments).await;
    let key = made["api_key"].as_str().unwrap();
    assert_eq!((key.len(), &made["key_info"]["access_level"]), (48, &json!("team_lead")));
    let (status, shown) = host.get(key, "/api/v1/team").await;
    assert_eq!((status, &shown["name"]), (200, &json!("Support")));
    // The same shapes as over HTTP.
    assert_eq!(shown, team);
    let keys = host.get(key, "/api/v1/team/api-keys").await.1["api_keys"].clone();
    assert_eq!(keys, json!([made["key_info"]]));
    assert_eq!(json(folder.path(), &["key", "list", "--team", "Support"]).await["api_keys"], keys);

    let id = made["key_info"]["id"].to_string();
    assert_eq!(done(folder.path(), &["key", "revoke", &id]).await, format!("API key {id} is revoked.\n"));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(host.get(key, "/api/v1/team").await.0, 401);
    // Who did it stands in the audit log: the program itself, by no key.
    let admin = host.printed_key().unwrap().to_owned();
    let audit = host.get(&admin, "/api/v1/admin/audit").await.1;
    let lines: Vec<_> = audit["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).take(3).collect();
    assert_eq!(lines, ["key.revoked", "key.created", "team.created"]);
    assert_eq!(audit["items"][0]["actor_key_id"], json!(null));
    host.stop("-TERM").await;
}

#[tokio::test]
async fn people_get_tables_on_both_engines() {
    for database in [Database::sqlite(), Database::postgres().await] {
        let folder = database.folder();
        let url = database.url();
        let words =
            |text: &str| text.lines().map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>();
        for name in ["پشتیبانی", "Sales"] {
            done(folder, &["team", "create", name, "--database-url", url]).await;
        }
        let teams = done(folder, &["team", "list", "--database-url", url]).await;
        assert_eq!(words(&teams), ["ID", "1", "2"]);
        assert!(teams.contains("پشتیبانی"), "{teams}");
        let made = done(folder, &["key", "create", "first", "--team", "1", "--test", "--database-url", url]).await;
        assert!(made.starts_with("API key (shown once): sk_test_"), "{made}");
        let keys = done(folder, &["key", "list", "--database-url", url]).await;
        let secret = made.lines().next().unwrap().rsplit(' ').next().unwrap();
        assert!(!keys.contains(secret) && keys.contains(&secret[..12]), "{keys}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_by_words_and_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), &["team", "create", "Support"]).await;
    for (arguments, code, words) in [
        (&["team", "create", "Support"][..], 1, "there is a team called \"Support\""),
        (&["key", "create", "x", "--team", "Nobody"], 1, "there is no team \"Nobody\""),
        (&["key", "create", "x", "--team", "7"], 1, "there is no team 7"),
        (&["key", "revoke", "7"], 1, "there is no API key 7"),
        (&["migrate", "--database-url", "sqlite:///no/such/folder/arash.db"], 1, "cannot be opened"),
        (&["team", "create", " "], 2, "name must have 1 to 255 characters"),
        (&["key", "create", "x", "--team", "1", "--expires-in-days", "0"], 2, "expires_in_days must be 1 to 36500"),
        (&["key", "create", "x", "--team", "1", "--level", "king"], 2, "[possible values: user, team_lead, admin]"),
        (&["key", "create", "x"], 2, "--team <TEAM>"),
        (&["fly"], 2, "unrecognized subcommand 'fly'"),
        (&["team", "list", "--api-port", "x"], 2, "API_PORT: \"x\" cannot be used"),
    ] {
        let (ended_with, said, complaint) = ended(folder.path(), arguments).await;
        assert_eq!((ended_with, said.as_str()), (Some(code), ""), "{arguments:?}: {complaint}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn settings_are_checked_without_being_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["config", "check", "--json", "--log-level", "warn"]).env("AI_API_KEY", "se cret");
    command.env("DATABASE_URL", "postgres://arash:hunter2@nowhere.example/arash");
    let (code, said, complaint) = run(command).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    let setting = |name: &str| told["settings"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(
        setting("LOG_LEVEL"),
        &json!({"name": "LOG_LEVEL", "value": "warn", "default": "info", "source": "flag"})
    );
    assert_eq!(
        setting("API_PORT"),
        &json!({"name": "API_PORT", "value": "0", "default": "3000", "source": "environment"})
    );
    let host = json!({"name": "API_HOST", "value": null, "default": "127.0.0.1", "source": "default"});
    assert_eq!(setting("API_HOST"), &host);
    assert_eq!(setting("AI_API_KEY")["value"], "*** (7 characters)");
    assert!(!said.contains("hunter2") && !said.contains("cret") && !complaint.contains("cret"), "{said}{complaint}");
    // The pipeline was not asked for, so its key is not looked at.
    assert_eq!((code, &told["usable"]), (Some(0), &json!(true)), "{complaint}");

    let (code, said, complaint) =
        ended(folder.path(), &["config", "check", "--api-port", "x", "--durability", "y"]).await;
    assert_eq!(code, Some(2));
    assert!(said.starts_with("SETTING") && !said.contains("can be used"), "{said}");
    assert!(complaint.contains("API_PORT") && complaint.contains("DURABILITY"), "{complaint}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn shells_get_their_completions_and_everybody_help() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(done(folder.path(), &["completions", shell]).await.contains("arash-http"), "{shell}");
    }
    let help = done(folder.path(), &["--help"]).await;
    for word in [
        "serve",
        "migrate",
        "team",
        "key",
        "secrets",
        "webhook",
        "config",
        "openapi",
        "completions",
        "Exit codes",
        "DATABASE_URL",
    ] {
        assert!(help.contains(word), "{word}");
    }
    assert!(done(folder.path(), &["key", "create", "--help"]).await.contains("--expires-in-days"));
}
