use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::command::builtin::built_in_commands;
use crate::command::parser::is_command_name;
use crate::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec, Text, Texts};
use crate::error::{Error, Result};
use crate::platform::Platform;

/// All commands that an engine knows. Clones share them until one is changed.
#[derive(Clone, Default)]
pub struct CommandRegistry {
    // A few dozen at most: comparing names in a row is quicker than hashing one, and keeps their order.
    entries: Arc<Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    spec: CommandSpec,
    handler: Arc<dyn CommandHandler>,
}

impl CommandRegistry {
    /// The commands that come with the engine: `/start`, `/help`, `/status`, `/clear`, `/model` and `/models`.
    pub fn built_in() -> Self {
        let mut registry = Self::default();
        for handler in built_in_commands() {
            registry.insert(handler.spec(), handler);
        }
        registry
    }

    /// Adds a command; one of the same name is replaced and leaves its place in the order to the new one.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if its name is not a letter and up to 31 letters, digits or
    /// underscores, all in lower case.
    pub fn register(&mut self, handler: impl CommandHandler) -> Result<()> {
        let spec = handler.spec();
        check_name(&spec.name)?;
        self.insert(spec, Arc::new(handler));
        Ok(())
    }

    fn insert(&mut self, spec: CommandSpec, handler: Arc<dyn CommandHandler>) {
        let entries = Arc::make_mut(&mut self.entries);
        let entry = Entry { spec, handler };
        match entries.iter_mut().find(|known| known.spec.name == entry.spec.name) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    /// The command called `name`, without the slash, in any case.
    pub fn find(&self, name: &str) -> Option<&Arc<dyn CommandHandler>> {
        self.entry(name).map(|entry| &entry.handler)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.spec.name.eq_ignore_ascii_case(name))
    }

    /// What the commands are called and how they describe themselves, in the order of their registration.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &CommandSpec> {
        self.entries.iter().map(|entry| &entry.spec)
    }

    /// Checks the commands that the host of a platform answers by itself.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the name of one is none, or is that of a command of the engine
    /// or of another one.
    pub fn check_platform(&self, platform: &Platform) -> Result<()> {
        let mut names = HashSet::new();
        for name in platform.host_command_specs().iter().map(|spec| spec.name.as_str()) {
            check_name(name)?;
            if self.entry(name).is_some() || !names.insert(name) {
                let platform = platform.name();
                let message =
                    format!("platform {platform:?} has two commands called {name:?}: each needs its own name");
                return Err(Error::invalid("command", message));
            }
        }
        Ok(())
    }

    /// The commands that work on `platform`: the engine's in the order of their registration, then those that the host
    /// answers by itself.
    pub fn specs_on<'a>(&'a self, platform: &'a Platform) -> impl Iterator<Item = &'a CommandSpec> {
        self.specs().chain(platform.host_command_specs()).filter(|spec| platform.allows_command(&spec.name))
    }

    /// The same with summaries in the language `locale`: what `/help` lists, and what a host shows as a menu.
    pub fn specs_for(&self, platform: &Platform, texts: &dyn Texts, locale: Option<&str>) -> Vec<CommandSpec> {
        let translated = self.specs_on(platform).map(|command| {
            let summary = texts.say(&Text::CommandSummary { command }, locale);
            CommandSpec { summary, ..command.clone() }
        });
        translated.collect()
    }

    /// Runs `call`. A command that does not exist, or not on this platform, or that is the host's, is answered with a hint.
    ///
    /// # Errors
    /// What the command's handler returns.
    pub async fn run(&self, call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let Some(entry) = self.entry(call.name) else {
            let mut of_host = context.platform.host_command_specs().iter();
            if let Some(spec) = of_host.find(|spec| spec.name.eq_ignore_ascii_case(call.name)) {
                return Ok(self.not_available(&spec.name, &context));
            }
            let commands = self.specs_for(context.platform, context.texts, context.locale);
            let hint = Text::UnknownCommand { name: call.name, commands: &commands };
            return Ok(CommandReply::text(context.say(&hint)));
        };
        // The registered name, not the one that was typed: `/HELP` is `/help`.
        let name = entry.spec.name.as_str();
        if !context.platform.allows_command(name) {
            return Ok(self.not_available(name, &context));
        }
        entry.handler.run(call, context).await
    }

    fn not_available(&self, name: &str, context: &CommandContext<'_>) -> CommandReply {
        let commands = self.specs_for(context.platform, context.texts, context.locale);
        CommandReply::text(context.say(&Text::CommandNotAvailable { name, commands: &commands }))
    }
}

fn check_name(name: &str) -> Result<()> {
    if is_command_name(name) {
        return Ok(());
    }
    let accepted = "a letter and up to 31 letters, digits or underscores, in lower case";
    Err(Error::invalid("command", format!("{name:?} is not a name: {accepted}")))
}

impl fmt::Debug for CommandRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.specs().map(|spec| &spec.name)).finish()
    }
}
