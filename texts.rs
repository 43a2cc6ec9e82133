use crate::error::Result;
use super::*;
pub enum Text<'a> { X(&'a str) }
pub trait Texts: Send+Sync+'static { fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String; }
pub struct EnglishTexts;
impl Texts for EnglishTexts { fn say(&self, _: &Text<'_>, _: Option<&str>) -> String { String::new() } }
#[derive(Clone, Default, Debug)] pub struct CommandRegistry;
impl CommandRegistry { pub fn built_in() -> Self { Self } pub fn register(&mut self, _: impl CommandHandler) -> Result<()> { Ok(()) }
 pub async fn run(&self, _: CommandCall<'_>, _: CommandContext<'_>) -> Result<CommandReply> { Ok(CommandReply::text("")) } }
