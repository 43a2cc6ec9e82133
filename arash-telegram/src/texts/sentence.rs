use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentValue;
use fluent_bundle::{FluentArgs, FluentResource};

use super::language::Language;
use super::name::shown;
use super::number::written;

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English));
static PERSIAN: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Persian));
static RUSSIAN: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Russian));

/// A sentence of `locales/` that is being said: its id, and what it speaks of.
pub(super) struct Sentence<'a> {
    id: &'a str,
    language: Language,
    variables: FluentArgs<'a>,
}

impl<'a> Sentence<'a> {
    pub(super) fn new(id: &'a str, language: Language) -> Self {
        Self { id, language, variables: FluentArgs::new() }
    }

    /// The variable `key` is a name, which stays what it is.
    pub(super) fn name(mut self, key: &'static str, name: &'a str) -> Self {
        self.variables.set(key, shown(name, self.language));
        self
    }

    /// The variable `key` is a number, written and counted as the language does.
    pub(super) fn number(mut self, key: &'static str, number: u64) -> Self {
        self.variables.set(key, number);
        self
    }

    /// The variable `key` chooses between forms of the sentence.
    pub(super) fn choice(mut self, key: &'static str, choice: &'static str) -> Self {
        self.variables.set(key, choice);
        self
    }

    /// The variable `key` is said in the same language already.
    pub(super) fn part(mut self, key: &'static str, part: String) -> Self {
        self.variables.set(key, part);
        self
    }

    /// Its words. In English if the language had none, which a test rules out.
    pub(super) fn finish(self) -> String {
        let said = find(self.id, None, self.language, &self.variables);
        let said = said.or_else(|| find(self.id, None, Language::English, &self.variables));
        said.unwrap_or_else(|| self.id.to_owned())
    }
}

/// The words of the sentence `id`, or of its `attribute`; `None` where the language has none.
pub(super) fn words(id: &str, attribute: Option<&str>, language: Language) -> Option<String> {
    find(id, attribute, language, &FluentArgs::new())
}

fn find(id: &str, attribute: Option<&str>, language: Language, variables: &FluentArgs<'_>) -> Option<String> {
    let bundle = match language {
        Language::English => &*ENGLISH,
        Language::Persian => &*PERSIAN,
        Language::Russian => &*RUSSIAN,
    };
    let message = bundle.get_message(id)?;
    let pattern = match attribute {
        Some(attribute) => message.get_attribute(attribute)?.value(),
        None => message.value()?,
    };
    // What Fluent finds wrong depends on the files and on ids alone, all of which the tests say.
    let mut faults = Vec::new();
    let said = bundle.format_pattern(pattern, Some(variables), &mut faults).into_owned();
    debug_assert!(faults.is_empty(), "{id}: {faults:?}");
    Some(said)
}

fn bundle(language: Language) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language.tag().parse().unwrap_or_default()]);
    // Names bring the marks that they need; more would come between a slash and a command.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match language {
        Language::English => |value, _| number(value, Language::English),
        Language::Persian => |value, _| number(value, Language::Persian),
        Language::Russian => |value, _| number(value, Language::Russian),
    }));
    // Of a file with faults, which the tests rule out, what is sound is still said.
    let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(sound, _)| sound);
    bundle.add_resource_overriding(resource);
    bundle
}

fn number(value: &FluentValue<'_>, language: Language) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(written(number.value as u64, language)),
        _ => None,
    }
}
