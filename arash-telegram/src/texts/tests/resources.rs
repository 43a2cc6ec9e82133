//! The files of `locales/` side by side.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey};
use fluent_syntax::parser;

use crate::texts::language::Language;

/// What a message, or an attribute of one, needs to be told and chooses by.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    variables: BTreeSet<String>,
    choices: BTreeSet<String>,
}

const PLURALS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

impl Needs {
    fn of(pattern: &Pattern<&str>) -> Self {
        let mut needs = Self::default();
        needs.add(pattern);
        needs
    }

    fn add(&mut self, pattern: &Pattern<&str>) {
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { .. } => {}
                PatternElement::Placeable { expression: Expression::Inline(inline) } => self.add_inline(inline),
                PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
                    self.add_inline(selector);
                    for variant in variants {
                        let (VariantKey::Identifier { name: key } | VariantKey::NumberLiteral { value: key }) =
                            variant.key;
                        // Plurals are each language's own affair.
                        if !PLURALS.contains(&key) {
                            self.choices.insert(key.to_owned());
                        }
                        self.add(&variant.value);
                    }
                }
            }
        }
    }

    fn add_inline(&mut self, expression: &InlineExpression<&str>) {
        match expression {
            InlineExpression::VariableReference { id } => drop(self.variables.insert(id.name.to_owned())),
            InlineExpression::StringLiteral { .. } => {}
            other => panic!("what is this for? {other:?}"),
        }
    }
}

/// All messages of a language, and their attributes.
fn messages(language: Language) -> BTreeMap<String, Needs> {
    let resource = parser::parse(language.source()).unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
    let mut messages = BTreeMap::new();
    let mut add = |id: String, pattern: &Pattern<&str>| {
        assert!(messages.insert(id.clone(), Needs::of(pattern)).is_none(), "{language:?} has {id} twice");
    };
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                add(message.id.name.to_owned(), message.value.as_ref().unwrap());
                for attribute in &message.attributes {
                    add(format!("{}.{}", message.id.name, attribute.id.name), &attribute.value);
                }
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            other => panic!("{language:?}: {other:?}"),
        }
    }
    messages
}

#[test]
fn every_message_stands_in_each_language_with_the_same_variables() {
    let english = messages(Language::English);
    for language in Language::ALL {
        let others = messages(language);
        let ids = |messages: &BTreeMap<String, Needs>| messages.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&others), ids(&english), "{language:?}");
        for (id, needs) in &others {
            assert_eq!(needs, &english[id], "{language:?}: {id}");
        }
    }
}

#[test]
fn every_message_is_said_somewhere() {
    let code = [include_str!("../engine.rs"), include_str!("../said.rs"), include_str!("../wait.rs")];
    for id in
        messages(Language::English).keys().filter(|id| !id.starts_with("command-") || *id == "command-not-available")
    {
        assert!(code.iter().any(|code| code.contains(&format!("\"{id}\""))), "nobody says {id}");
    }
}

#[test]
fn plurals_have_all_forms_of_their_language() {
    for unit in ["days", "hours", "minutes", "seconds"] {
        for (language, forms) in
            [(Language::English, &["one", "other"][..]), (Language::Russian, &["one", "few", "many"])]
        {
            let resource = parser::parse(language.source()).unwrap();
            let message = resource.body.iter().find_map(|entry| match entry {
                Entry::Message(message) if message.id.name == unit => message.value.as_ref(),
                _ => None,
            });
            let [PatternElement::Placeable { expression: Expression::Select { variants, .. } }] =
                &message.unwrap().elements[..]
            else {
                panic!("{language:?}: {unit} does not count")
            };
            let keys: Vec<_> = variants
                .iter()
                .map(|variant| match variant.key {
                    VariantKey::Identifier { name } => name,
                    VariantKey::NumberLiteral { value } => value,
                })
                .collect();
            assert_eq!(keys, forms, "{language:?}: {unit}");
        }
    }
}
