use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::tool::schema::ArgumentSchema;
use crate::tool::{Tool, ToolSpec, Toolbox};

/// Longest name of a tool, in bytes: what the services of the field accept.
const MAX_NAME_BYTES: usize = 64;

/// All tools that an engine knows, by name.
#[derive(Clone, Default)]
pub struct ToolRegistry {
    tools: BTreeMap<String, Arc<RegisteredTool>>,
}

/// A tool with what it said of itself.
pub(super) struct RegisteredTool {
    pub(super) spec: ToolSpec,
    pub(super) schema: ArgumentSchema,
    pub(super) tool: Box<dyn Tool>,
}

impl ToolRegistry {
    /// Adds a tool.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when its name is not 1 to 64 letters, digits, `_` and `-` of
    /// ASCII, or is taken, or when its schema is not a JSON Schema of an object that holds all it refers to.
    pub fn register(&mut self, tool: impl Tool) -> Result<()> {
        let spec = tool.spec();
        let name = spec.name.clone();
        if !is_tool_name(&name) {
            let accepted = format!("1 to {MAX_NAME_BYTES} letters, digits, _ and -");
            return Err(Error::invalid("tool", format!("{name:?} is not a name: {accepted}")));
        }
        if self.tools.contains_key(&name) {
            return Err(Error::invalid("tool", format!("there are two tools called {name:?}")));
        }
        let schema = ArgumentSchema::compile(&name, &spec.parameters)?;
        self.tools.insert(name, Arc::new(RegisteredTool { spec, schema, tool: Box::new(tool) }));
        Ok(())
    }

    /// What the tools are called and how they describe themselves, in the order of their names.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &ToolSpec> {
        self.tools.values().map(|registered| &registered.spec)
    }

    /// The tools that models may call on `platform`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it allows one that there is not.
    pub fn toolbox(&self, platform: &Platform) -> Result<Toolbox> {
        let find = |name: &String| {
            self.tools.get(name).map(Arc::clone).ok_or_else(|| {
                let known: Vec<_> = self.tools.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let platform = platform.name();
                Error::invalid("tools", format!("platform {platform:?} allows {name:?}; the tools there are: {known}"))
            })
        };
        Ok(Toolbox::new(platform.allowed_tools().iter().map(find).collect::<Result<_>>()?))
    }
}

impl fmt::Debug for ToolRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

/// Whether services accept this as the name of a tool.
pub(super) fn is_tool_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A name that services accept, made of one that a model wrote.
pub(super) fn sound_name(name: &str) -> String {
    let sound: String = name
        .chars()
        .take(MAX_NAME_BYTES)
        .map(|letter| if u8::try_from(letter).is_ok_and(is_name_byte) { letter } else { '_' })
        .collect();
    if sound.is_empty() { "_".to_owned() } else { sound }
}
