/// A language that the bot speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Persian,
    Russian,
}

impl Language {
    /// All that there are.
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::English, Self::Persian, Self::Russian];

    /// The language for a user whose language is `locale`, a BCP 47 tag or what a client takes for one: the language
    /// counts, not the country or script. English, if that is none of these or was not told.
    pub(super) fn of(locale: Option<&str>) -> Self {
        let language = locale.unwrap_or_default().split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            // Dari is Persian, and who writes the one reads the other.
            "fa" | "prs" => Self::Persian,
            "ru" => Self::Russian,
            _ => Self::English,
        }
    }

    /// Its BCP 47 tag.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Persian => "fa",
            Self::Russian => "ru",
        }
    }

    /// Its sentences, in Fluent.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../../locales/en.ftl"),
            Self::Persian => include_str!("../../locales/fa.ftl"),
            Self::Russian => include_str!("../../locales/ru.ftl"),
        }
    }

    /// Whether it is written from right to left.
    pub(super) const fn is_right_to_left(self) -> bool {
        matches!(self, Self::Persian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_counts_and_not_the_country() {
        for (locale, expected) in [
            (None, Language::English),
            (Some(""), Language::English),
            (Some("en-GB"), Language::English),
            (Some("fa"), Language::Persian),
            (Some("fa-IR"), Language::Persian),
            (Some("FA_ir"), Language::Persian),
            (Some("fa-Arab-AF"), Language::Persian),
            (Some("prs"), Language::Persian),
            (Some("ru"), Language::Russian),
            (Some("ru-raw"), Language::Russian),
            (Some("pt-BR"), Language::English),
            (Some("fab"), Language::English),
            (Some("rue"), Language::English),
            (Some("-fa"), Language::English),
            (Some("\u{202e}fa"), Language::English),
        ] {
            assert_eq!(Language::of(locale), expected, "{locale:?}");
        }
    }
}
