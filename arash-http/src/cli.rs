//! The command line.

use arash_core::settings::SettingsArgs;
use arash_http::commands::{ConfigCheck, KeyCommand, Migrate, SecretsCommand, TeamCommand, WebhookCommand};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
/// arash over HTTP: an AI chatbot engine as a REST API.
///
/// Without any setting it answers on http://127.0.0.1:3000 with the offline assistant and keeps everything
/// in the file arash.db. The first start prints an admin API key, once.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 1 a fault or a second signal to stop, 2 a wrong command line or setting."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers requests until it is told to stop (SIGTERM or SIGINT). This is what happens without a command
    Serve,
    Migrate(Migrate),
    #[command(subcommand)]
    Team(TeamCommand),
    #[command(subcommand)]
    Key(KeyCommand),
    #[command(subcommand)]
    Secrets(SecretsCommand),
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Looks at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints the OpenAPI document as JSON
    Openapi,
    /// Prints what makes a shell complete this program's command line
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    Check(ConfigCheck),
}

/// The script that makes `shell` complete the command line.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "arash-http", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_shows_no_secret_that_is_set() {
        let command = Cli::command();
        let mut secrets = 0;
        for argument in command.get_arguments() {
            let name = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            if ["_URL", "_KEY", "_KEYS", "_PASSWORD", "_TOKEN", "_ENDPOINT"].iter().any(|ending| name.ends_with(ending))
            {
                assert!(argument.is_hide_env_values_set(), "{name}");
                secrets += 1;
            }
        }
        assert_eq!(secrets, 11);
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [["arash-http", "--api-port=8", "serve"], ["arash-http", "serve", "--api-port=8"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap().settings.api_port.as_deref(), Some("8"));
        }
    }
}
