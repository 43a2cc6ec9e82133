//! The keys that secrets in the database are sealed with: made, missed, changed while the service runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::database::Database;
use crate::lifecycle::run;
use crate::program::{Host, answer, client, program};

const ADMIN: &str = "the-key-of-the-tests-of-sealing-which-is-long";

fn host_in(folder: &Path) -> Command {
    let mut command = program(folder);
    command.env("INTERNAL_API_KEY", ADMIN);
    command
}

/// Runs `arash-http` with these arguments; the exit code and all that it said.
async fn command(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = host_in(folder);
    command.args(arguments);
    let (code, said, complaint) = run(command).await;
    (code, said + &complaint)
}

async fn put(host: &Host, body: &Value) -> (u16, Value) {
    let request = client().put(format!("{}/api/v1/admin/1/webhook", host.address)).bearer_auth(ADMIN);
    answer(request.header("Content-Type", "application/json").body(body.to_string())).await
}

/// Whether the webhook's secret opens, so that something can be signed with it and another one take its place.
async fn is_readable(host: &Host) -> bool {
    put(host, &json!({"webhook_url": "https://example.com", "webhook_secret": null})).await.0 == 200
}

/// Starts the program, which must refuse to; the line that it says.
async fn refused(command: Command) -> String {
    let (code, said, complaint) = run(command).await;
    assert_eq!((code, said.as_str()), (Some(2), ""), "{complaint}");
    let mut lines = complaint.lines().filter(|line| line.starts_with("arash-http: "));
    let line = lines.next().unwrap_or_else(|| panic!("{complaint}")).to_owned();
    assert_eq!(lines.next(), None, "{complaint}");
    line
}

#[tokio::test]
async fn a_key_file_is_made_beside_the_database_and_missed_when_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arash.db.keys");
    let first = Host::start(host_in(folder.path())).await;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(is_readable(&first).await);
    let (_, said) = first.stop("-TERM").await;
    let keys = std::fs::read_to_string(&file).unwrap();
    let key = keys.lines().last().unwrap();
    assert!(key.starts_with("1:") && !said.contains(&key[2..]), "{said}");

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let line = refused(host_in(folder.path())).await;
    assert!(line.contains("arash.db.keys cannot be used: others may read it (mode 644)"), "{line}");
    std::fs::remove_file(&file).unwrap();
    let line = refused(host_in(folder.path())).await;
    assert!(line.contains("sealed with the key 1, but there are no keys") && line.contains("SECRET_KEYS"), "{line}");
    assert!(!file.exists(), "no other one is made");

    // Given by setting it is as good.
    let mut command = host_in(folder.path());
    command.env("SECRET_KEYS", key);
    let host = Host::start(command).await;
    assert!(is_readable(&host).await);
    let (_, said) = host.stop("-TERM").await;
    assert!(!file.exists() && !said.contains(&key[2..]), "{said}");
}

#[tokio::test]
async fn a_key_is_changed_while_the_service_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arash.db.keys");
    let host = Host::start(host_in(folder.path())).await;
    assert!(is_readable(&host).await);
    let (code, said) = command(folder.path(), &["secrets", "new-key", "--json"]).await;
    let made: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &made["id"]), (Some(0), &json!(2)));
    // Those that run know only the first key.
    let (code, said) = command(folder.path(), &["secrets", "reseal"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nothing has started with the key 2 yet"), "{said}");
    assert!(is_readable(&host).await);
    host.stop("-TERM").await;

    let host = Host::start(host_in(folder.path())).await;
    let (code, said) = command(folder.path(), &["secrets", "reseal", "--json"]).await;
    assert_eq!(
        (code, serde_json::from_str::<Value>(&said).unwrap()),
        (Some(0), json!({"key": 2, "resealed": 2, "retired": [1], "unreadable_teams": []}))
    );
    assert!(is_readable(&host).await);
    let (_, said) = command(folder.path(), &["secrets", "reseal"]).await;
    assert_eq!(said, "Sealed anew with key 2: 0. Keys that are not needed any more: none.\n");
    host.stop("-TERM").await;
    // The old one may go.
    let keys = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, keys.lines().filter(|line| !line.starts_with("1:")).collect::<Vec<_>>().join("\n")).unwrap();
    let host = Host::start(host_in(folder.path())).await;
    assert!(is_readable(&host).await);
    host.stop("-TERM").await;
}

#[tokio::test]
async fn what_is_sealed_with_a_lost_key_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(host_in(folder.path())).await;
    assert!(is_readable(&host).await);
    host.stop("-TERM").await;
    std::fs::remove_file(folder.path().join("arash.db.keys")).unwrap();
    let line = refused(host_in(folder.path())).await;
    assert!(line.contains("secrets give-up-lost"), "{line}");
    let (code, said) = command(folder.path(), &["secrets", "give-up-lost"]).await;
    assert_eq!(code, Some(0), "{said}");
    let teams = "Teams of which a secret cannot be opened, which need another one: 1.\n";
    assert!(said.starts_with("Sealed anew with key 2: ") && said.ends_with(teams), "{said}");
    let host = Host::start(host_in(folder.path())).await;
    let (_, webhook) = host.get(ADMIN, "/api/v1/admin/1/webhook").await;
    assert_eq!(webhook["webhook_enabled"], json!(false));
    assert!(is_readable(&host).await);
    let (_, audit) = host.get(ADMIN, "/api/v1/admin/audit?limit=2").await;
    let after = &audit["items"][1]["after"];
    assert_eq!(after["webhook_enabled"], json!(false));
    assert!(after["webhook_secret"].as_str().unwrap().starts_with("whsec_…"), "{after}");
    host.stop("-TERM").await;
}

#[tokio::test]
async fn nodes_have_the_same_keys_or_do_not_start() {
    let database = Database::postgres().await;
    let node = |keys: &str| {
        let mut command = host_in(database.folder());
        command.env("DATABASE_URL", database.url()).env("SECRET_KEYS", keys);
        command
    };
    let key = |id: u32, letter: &str| format!("{id}:{}A=", letter.repeat(42));
    let (one, two) = (key(1, "B"), key(2, "C"));
    let first = Host::start(node(&one)).await;
    assert!(is_readable(&first).await);
    for other in [&two, &key(1, "D")] {
        let line = refused(node(other)).await;
        assert!(line.contains("were sealed with keys that are missing here: 1"), "{line}");
    }
    // A second key is given to all behind the first, then before it; nobody fails meanwhile.
    let second = Host::start(node(&format!("{one},{two}"))).await;
    let third = Host::start(node(&format!("{two},{one}"))).await;
    assert!(is_readable(&third).await && is_readable(&second).await);
    let line = refused(node(&one)).await;
    assert!(line.contains("missing here: 2"), "{line}");
    for host in [first, second, third] {
        host.stop("-TERM").await;
    }
    assert!(!database.file("arash.keys").exists());
}

#[tokio::test]
async fn with_keys_given_a_new_one_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = host_in(folder.path());
    let key = format!("7:{}A=", "B".repeat(42));
    command.args(["secrets", "new-key"]).env("SECRET_KEYS", &key);
    let (code, said, complaint) = run(command).await;
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let made = said.trim_end().strip_prefix("New key (put it in front of SECRET_KEYS): 8:").unwrap();
    assert_eq!(made.len(), 44);
    assert!(!folder.path().join("arash.db.keys").exists());
}
