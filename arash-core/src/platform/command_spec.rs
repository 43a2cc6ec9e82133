/// What a command is called and how it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// Its name without the slash: a letter, then up to 31 letters, digits or underscores, lower case.
    pub name: String,
    /// How its arguments are written, such as `[name]`; empty if it takes none.
    pub arguments: String,
    /// What it does, in one line.
    pub summary: String,
}

impl CommandSpec {
    /// The command `name`, which takes no arguments.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: String::new(), summary: summary.into() }
    }

    /// The same command with arguments, described as in `[name]`.
    pub fn arguments(mut self, arguments: impl Into<String>) -> Self {
        self.arguments = arguments.into();
        self
    }
}
