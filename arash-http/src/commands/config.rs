//! `arash-http config check`: what is set, from where, and whether it can be used.

use arash_core::settings::Fault;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};
use serde_json::{Value, json};

use super::output::{Output, table};

/// Tells what is set, from where, and whether it can be used. Opens and asks nothing
#[derive(Args, Clone, Copy, Debug)]
pub struct ConfigCheck {
    #[command(flatten)]
    output: Output,
}

/// One setting as it was given.
struct Setting {
    name: String,
    /// What was given; of a secret, its length.
    value: Option<String>,
    /// What holds without it, in the words of the help.
    default: Option<String>,
    source: &'static str,
}

impl ConfigCheck {
    /// Tells of every setting that `command` knows and `matches` holds, and of what is wrong with them.
    pub fn run(self, command: &Command, matches: &ArgMatches, faults: &[Fault]) -> String {
        let settings: Vec<Setting> =
            command.get_arguments().filter_map(|argument| Setting::of(argument, matches)).collect();
        let value = json!({
            "usable": faults.is_empty(),
            "faults": faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "settings": settings.iter().map(Setting::to_json).collect::<Vec<_>>(),
        });
        self.output.write(&value, || {
            let row = |setting: &Setting| {
                let value = setting.value.as_ref().or(setting.default.as_ref()).cloned();
                [setting.name.clone(), value.unwrap_or_default(), setting.source.to_owned()]
            };
            let mut text = table(["SETTING", "VALUE", "FROM"], settings.iter().map(row));
            if faults.is_empty() {
                text.push_str("\n\nThe settings can be used.");
            }
            text
        })
    }
}

impl Setting {
    /// A setting is what can be given by environment.
    fn of(argument: &Arg, matches: &ArgMatches) -> Option<Self> {
        let name = argument.get_env()?.to_string_lossy().into_owned();
        let given = matches.get_raw(argument.get_id().as_str()).into_iter().flatten().next();
        let given = given.map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.trim().is_empty());
        let source = match matches.value_source(argument.get_id().as_str()) {
            Some(ValueSource::CommandLine) if given.is_some() => "flag",
            Some(ValueSource::EnvVariable) if given.is_some() => "environment",
            _ => "default",
        };
        let value = match given {
            Some(value) if argument.is_hide_env_values_set() => {
                Some(format!("*** ({} characters)", value.chars().count()))
            }
            Some(value) => Some(value),
            None => None,
        };
        Some(Self { name, value, default: default_of(argument), source })
    }

    fn to_json(&self) -> Value {
        json!({"name": self.name, "value": self.value, "default": self.default, "source": self.source})
    }
}

/// What the help says of the value of a setting that is not given.
fn default_of(argument: &Arg) -> Option<String> {
    let help = argument.get_help()?.to_string();
    Some(help.rsplit_once("[default: ")?.1.strip_suffix(']')?.to_owned())
}
