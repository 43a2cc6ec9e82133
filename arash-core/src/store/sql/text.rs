//! The texts of statements: one for both engines, or one for each.

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement. Its values are `$1`, `$2`, …
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    /// The same text for both engines.
    pub(super) const fn both(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    /// A text for each engine.
    pub(super) const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }

    /// A statement that only a database with several writers needs; an empty text is never sent.
    pub(super) const fn postgres(text: &'static str) -> Self {
        Self { sqlite: "", postgres: text }
    }

    /// A statement that only a database with one program makes sense of.
    pub(super) const fn sqlite(text: &'static str) -> Self {
        Self { sqlite: text, postgres: "" }
    }

    pub(super) const fn text(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// Names constant statements, `NAME = both(…);` and the like, and lists them, so that a test can prepare every one.
macro_rules! statements {
    ($($name:ident = $how:ident($($sql:expr),+ $(,)?);)*) => {
        $(const $name: crate::store::sql::text::Sql = crate::store::sql::text::Sql::$how($($sql),+);)*

        #[cfg(test)]
        pub(super) const STATEMENTS: &[crate::store::sql::text::Sql] = &[$($name),*];
    };
}
pub(super) use statements;
