//! Reads the name that a user gives in a message, and whether one asks for it; English and Persian.

/// Words that begin an introduction, and what the name after them must be like.
struct Opening {
    words: &'static [&'static str],
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Any word that is not an ordinary one: "call me sara".
    Word,
    /// With a capital, because much else may follow: "I am Sara", "I am tired".
    Capital,
    /// Up to the verb at the end, if there is one: «اسم من سارا است».
    UpToVerb,
    /// Up to the verb, which must be there: «من سارا هستم».
    BeforeVerb,
}

const OPENINGS: [Opening; 10] = [
    Opening { words: &["my", "name", "is"], form: Form::Word },
    Opening { words: &["my", "name's"], form: Form::Word },
    Opening { words: &["call", "me"], form: Form::Word },
    Opening { words: &["i", "am"], form: Form::Capital },
    Opening { words: &["i'm"], form: Form::Capital },
    Opening { words: &["اسم", "من"], form: Form::UpToVerb },
    Opening { words: &["نام", "من"], form: Form::UpToVerb },
    Opening { words: &["اسمم"], form: Form::UpToVerb },
    Opening { words: &["نامم"], form: Form::UpToVerb },
    Opening { words: &["من"], form: Form::BeforeVerb },
];

const VERBS: [&str; 6] = ["است", "هست", "هستم", "میباشد", "میباشم", "ام"];

/// Words that follow an opening without being a name.
const NO_NAMES: [&str; 53] = [
    "a",
    "an",
    "the",
    "not",
    "no",
    "what",
    "when",
    "if",
    "at",
    "on",
    "in",
    "by",
    "as",
    "back",
    "later",
    "now",
    "again",
    "tomorrow",
    "and",
    "or",
    "but",
    "so",
    "very",
    "just",
    "maybe",
    "here",
    "sorry",
    "unknown",
    "چیست",
    "چیه",
    "چی",
    "چه",
    "کی",
    "کیستم",
    "کیست",
    "که",
    "را",
    "رو",
    "و",
    "در",
    "از",
    "به",
    "با",
    "این",
    "آن",
    "خوب",
    "خسته",
    "آماده",
    "اینجا",
    "نیستم",
    "نیست",
    "هم",
    "مشکلی",
];

/// Questions for one's own name.
const QUESTIONS: [&str; 20] = [
    "what is my name",
    "what's my name",
    "whats my name",
    "what my name is",
    "know my name",
    "remember my name",
    "tell me my name",
    "say my name",
    "who am i",
    "who i am",
    "اسم من چی",
    "اسم من را می",
    "اسم من رو می",
    "اسم منو می",
    "نام من چی",
    "نام من را می",
    "اسمم چی",
    "نامم چی",
    "من کی هستم",
    "من کیستم",
];

const MAX_NAME_WORDS: usize = 3;
const MAX_NAME_CHARS: usize = 60;

/// The name that `text` gives, the last one if there are more.
pub(super) fn given_name(text: &str) -> Option<String> {
    text.split_inclusive(['.', ',', '!', '?', ';', '\n', '،', '؟', '؛'])
        .rev()
        .filter(|clause| !clause.ends_with(['?', '؟']))
        .find_map(name_in)
}

/// Whether `text` asks what the user's name is.
pub(super) fn asks_for_name(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(|word| folded(word).collect()).collect();
    let text = words.join(" ");
    QUESTIONS.iter().any(|question| text.contains(question))
}

fn name_in(clause: &str) -> Option<String> {
    let words: Vec<&str> = clause.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    OPENINGS.iter().find_map(|opening| {
        let length = opening.words.len();
        let mut windows = words.windows(length).enumerate();
        let (start, _) = windows.find(|(_, found)| found.iter().zip(opening.words).all(|(word, it)| is(word, it)))?;
        let name = name_at(words.get(start + length..)?, opening.form)?.join(" ");
        (name.chars().count() <= MAX_NAME_CHARS).then_some(name)
    })
}

/// The words at the beginning of `rest` that are a name.
fn name_at<'a>(rest: &'a [&'a str], form: Form) -> Option<&'a [&'a str]> {
    let verb = rest.iter().position(|word| VERBS.iter().any(|verb| is(word, verb)));
    let length = match form {
        Form::Capital if !rest.first()?.starts_with(char::is_uppercase) => return None,
        Form::Word | Form::Capital => 1 + rest.iter().skip(1).take_while(|word| goes_on(word)).count(),
        Form::UpToVerb => verb.unwrap_or_else(|| rest.iter().take_while(|word| !is_ordinary(word)).count()),
        Form::BeforeVerb => verb?,
    };
    let name = rest.get(..length)?;
    let is_name = (1..=MAX_NAME_WORDS).contains(&length)
        && name.iter().all(|word| word.starts_with(char::is_alphabetic) && !is_ordinary(word));
    is_name.then_some(name)
}

/// Whether a further word belongs to the name: it has a capital, or is of a script without capitals.
fn goes_on(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() && !first.is_lowercase()) && !is_ordinary(word)
}

fn is_ordinary(word: &str) -> bool {
    NO_NAMES.iter().any(|other| is(word, other))
}

/// The word without the quotes, brackets and stops around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is(word: &str, other: &str) -> bool {
    folded(word).eq(other.chars())
}

/// A word's letters as they are compared: small, with Persian forms of Arabic letters and no joiners.
fn folded(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|c| *c != '\u{200c}').map(|c| match c {
        'ي' => 'ی',
        'ك' => 'ک',
        '’' => '\'',
        other => other.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_introductions() {
        for (text, name) in [
            ("My name is Sara.", "Sara"),
            ("hello, my name is sara and I like tea", "sara"),
            ("My name’s Jean-Luc Picard, captain", "Jean-Luc Picard"),
            ("Hi! I am Ali", "Ali"),
            ("I'm O'Neil.", "O'Neil"),
            ("please call me \"Mina\"!", "Mina"),
            ("I am Ali. No, call me Reza.", "Reza"),
            ("my name is سارا احمدی", "سارا احمدی"),
            ("سلام، اسم من سارا است", "سارا"),
            ("اسم من سارا احمدی هست و معلم هستم", "سارا احمدی"),
            ("من علی هستم.", "علی"),
            ("اسمم مريم", "مريم"),
            ("نام من رضا می‌باشد", "رضا"),
        ] {
            assert_eq!(given_name(text).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn other_sentences_give_no_name() {
        for text in [
            "",
            "I am tired",
            "I'm here",
            "call me back later",
            "What is my name?",
            "my name is",
            "my name is not important",
            "my name is Sara?",
            "اسم من چیست؟",
            "اسم من چیه",
            "من کی هستم",
            "من خسته هستم",
            "من در تهران هستم",
            "این کتاب من است",
            "my name is 12",
        ] {
            assert_eq!(given_name(text), None, "{text}");
        }
        assert_eq!(given_name(&format!("my name is {}", "x".repeat(10_000))), None);
    }

    #[test]
    fn questions_for_the_name_are_known() {
        for text in [
            "What is my name?",
            "so what's  my\nname",
            "Do you remember my name",
            "WHO AM I",
            "اسم من چیست؟",
            "اسم من چيه",
            "من کی هستم؟",
            "اسمم چی بود؟",
        ] {
            assert!(asks_for_name(text), "{text}");
        }
        for text in ["my name is Sara", "what is your name?", "اسم من سارا است", ""] {
            assert!(!asks_for_name(text), "{text}");
        }
    }
}
