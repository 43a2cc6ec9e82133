//! Where everything is kept: one address, or the parts that make one.

use std::net::Ipv6Addr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::secret::Secret;
use crate::settings::resolve::Faults;
use crate::settings::value::{choice, number, present, present_secret};
use crate::settings::{DatabaseSettings, Fault, SettingsArgs};
use crate::store::{Durability, SqlOptions};

/// How a connection is encrypted, as PostgreSQL's own programs call it.
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

impl SettingsArgs {
    pub(super) fn database(&self, faults: &mut Faults) -> DatabaseSettings {
        let url = match (present_secret(self.database_url.as_ref()), self.parts_given().as_slice()) {
            (None, []) => "sqlite://arash.db".to_owned(),
            (Some(url), []) => faults.keep(database_url(url), String::new()),
            (None, [given, ..]) => self.url_of_parts(given, faults),
            (Some(url), given) => {
                let accepted =
                    format!("DATABASE_URL or the parts of an address, not both; there is {}", given.join(" and "));
                faults.push(Fault::secret("DATABASE_URL", url, accepted));
                String::new()
            }
        };
        let durability = faults.read(self.durability.as_deref(), Durability::default(), durability);
        DatabaseSettings { url: Secret::from(url), options: SqlOptions::default().durability(durability) }
    }

    fn parts_given(&self) -> Vec<&'static str> {
        let parts = [
            ("DB_HOST", present(self.db_host.as_deref())),
            ("DB_PORT", present(self.db_port.as_deref())),
            ("DB_USER", present(self.db_user.as_deref())),
            ("DB_PASSWORD", present_secret(self.db_password.as_ref())),
            ("DB_NAME", present(self.db_name.as_deref())),
            ("DB_SSLMODE", present(self.db_sslmode.as_deref())),
        ];
        parts.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect()
    }

    /// The address of a PostgreSQL server out of its parts, of which at least `given` is there.
    fn url_of_parts(&self, given: &str, faults: &mut Faults) -> String {
        let mut needed = |variable, value: Option<&str>, what: &str, read: fn(&'static str, &str) -> _| {
            let missing = || Fault::missing(variable, format!("{what}, as there is {given}"));
            let read = present(value).ok_or_else(missing).and_then(|value| read(variable, value));
            faults.keep(read, String::new())
        };
        let host = needed("DB_HOST", self.db_host.as_deref(), "the host of the PostgreSQL server", host);
        let user = needed("DB_USER", self.db_user.as_deref(), "the user at the PostgreSQL server", name);
        let database = needed("DB_NAME", self.db_name.as_deref(), "the name of the PostgreSQL database", name);
        let port = faults.read(self.db_port.as_deref(), 5432_u16, |value| number("DB_PORT", value, &(1..=65_535)));
        let ssl_mode = faults.read(self.db_sslmode.as_deref(), "prefer", ssl_mode);
        // Spaces around a password may belong to it.
        let password = self.db_password.as_ref().filter(|password| !password.expose().trim().is_empty());
        let password = password.map(|password| format!(":{}", encode(password.expose()))).unwrap_or_default();
        format!("postgres://{user}{password}@{host}:{port}/{database}?sslmode={ssl_mode}")
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn database_url(url: &str) -> Result<String, Fault> {
    let is_postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    if url.starts_with("sqlite:") || (is_postgres(url) && reqwest::Url::parse(url).is_ok()) {
        return Ok(url.to_owned());
    }
    let accepted =
        "an address of SQLite such as sqlite://arash.db, or of PostgreSQL such as postgres://user:password@host/name";
    // An address of a database may hold its password.
    Err(Fault::secret("DATABASE_URL", url, accepted))
}

/// A name, an IP address (IPv6 with or without brackets), or the folder of the server's socket.
fn host(variable: &'static str, value: &str) -> Result<String, Fault> {
    let bare = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    if value.starts_with('/') && !value.chars().any(char::is_control) {
        return Ok(encode(value));
    }
    let is_name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let accepted = "a host name, an IP address or the folder of a socket, without a port";
    if is_name { Ok(value.to_owned()) } else { Err(Fault::given(variable, value, accepted)) }
}

/// The name of a user or a database. In an address dots alone would mean a folder.
fn name(variable: &'static str, value: &str) -> Result<String, Fault> {
    let is_usable = !value.chars().any(char::is_control) && value.chars().any(|c| c != '.');
    let accepted = "a name without control characters, and not of dots alone";
    if is_usable { Ok(encode(value)) } else { Err(Fault::given(variable, value, accepted)) }
}

fn ssl_mode(value: &str) -> Result<&'static str, Fault> {
    let known = SSL_MODES.into_iter().find(|mode| mode.eq_ignore_ascii_case(value));
    known.ok_or_else(|| Fault::given("DB_SSLMODE", value, SSL_MODES.join(", ")))
}

fn durability(value: &str) -> Result<Durability, Fault> {
    let choices: [(&[&str], Durability); 2] = [(&["full"], Durability::Full), (&["process"], Durability::Process)];
    choice("DURABILITY", value, &choices)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use sqlx::postgres::PgConnectOptions;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a setting that is given is a Some")]
    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn parts(host: &str) -> SettingsArgs {
        SettingsArgs { db_host: text(host), db_user: text("arash"), db_name: text("chats"), ..SettingsArgs::default() }
    }

    fn address(args: SettingsArgs) -> String {
        args.resolve().unwrap().database.url.expose().to_owned()
    }

    fn lines(args: SettingsArgs) -> Vec<String> {
        args.resolve().err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_taken_as_it_is() {
        for url in [
            "sqlite://arash.db",
            "sqlite:/var/lib/arash/arash.db?mode=rwc",
            "postgres://arash:se%2Fcret@db.example:6543/chats?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgresql://arash@[::1]/chats",
            "postgres:///chats?host=/run/postgresql",
        ] {
            let args = SettingsArgs { database_url: Some(url.into()), ..SettingsArgs::default() };
            assert_eq!(address(args), url);
        }
    }

    #[test]
    fn an_address_of_something_else_is_refused_and_not_shown() {
        for url in
            ["mysql://arash:hunter2@db/arash", "arash.db", "postgres:hunter2", "postgres://arash:hunt/er2@db/arash"]
        {
            let args = SettingsArgs { database_url: Some(url.into()), ..SettingsArgs::default() };
            let line = format!(
                "DATABASE_URL: the value given (***, {} characters) cannot be used; accepted: an address of SQLite such \
                 as sqlite://arash.db, or of PostgreSQL such as postgres://user:password@host/name",
                url.len(),
            );
            assert_eq!(lines(args), [line]);
        }
    }

    #[test]
    fn parts_make_an_address() {
        assert_eq!(address(parts("db.example")), "postgres://arash@db.example:5432/chats?sslmode=prefer");
        let args = SettingsArgs {
            db_port: text("6543"),
            db_password: Some(" p@ss:w/o?r#d%41 ".into()),
            db_sslmode: text("Verify-Full"),
            ..parts("10.0.0.7")
        };
        let expected = "postgres://arash:%20p%40ss%3Aw%2Fo%3Fr%23d%2541%20@10.0.0.7:6543/chats?sslmode=verify-full";
        assert_eq!(address(args), expected);
    }

    #[test]
    fn the_driver_understands_every_kind_of_host_and_every_mode() {
        for (host, expected) in
            [("db", "db"), ("::1", "[::1]"), ("[2001:db8::7]", "[2001:db8::7]"), ("10.0.0.7", "10.0.0.7")]
        {
            let options = PgConnectOptions::from_str(&address(parts(host))).unwrap();
            assert_eq!((options.get_host(), options.get_port()), (expected, 5432));
            assert_eq!((options.get_username(), options.get_database()), ("arash", Some("chats")));
        }
        let options = PgConnectOptions::from_str(&address(parts("/run/my sql"))).unwrap();
        assert_eq!(options.get_socket().unwrap().to_str(), Some("/run/my sql"));
        for mode in SSL_MODES {
            let url = address(SettingsArgs { db_sslmode: text(mode), ..parts("db") });
            assert!(PgConnectOptions::from_str(&url).is_ok(), "{mode}");
        }
    }

    #[test]
    fn parts_that_are_missing_are_all_named() {
        let args = SettingsArgs { db_password: Some("hunter2".into()), ..SettingsArgs::default() };
        let expected = [
            "DB_HOST: not set; accepted: the host of the PostgreSQL server, as there is DB_PASSWORD",
            "DB_USER: not set; accepted: the user at the PostgreSQL server, as there is DB_PASSWORD",
            "DB_NAME: not set; accepted: the name of the PostgreSQL database, as there is DB_PASSWORD",
        ];
        assert_eq!(lines(args), expected);
        let args = SettingsArgs { db_name: None, ..parts("db") };
        assert_eq!(
            lines(args),
            ["DB_NAME: not set; accepted: the name of the PostgreSQL database, as there is DB_HOST"]
        );
    }

    #[test]
    fn parts_that_cannot_be_used_are_all_named() {
        let args = SettingsArgs {
            db_user: text("a\nb"),
            db_name: text(".."),
            db_port: text("0"),
            db_sslmode: text("full"),
            durability: text("some"),
            ..parts("db:5432")
        };
        let expected = [
            r#"DB_HOST: "db:5432" cannot be used; accepted: a host name, an IP address or the folder of a socket, without a port"#,
            r#"DB_USER: "a\nb" cannot be used; accepted: a name without control characters, and not of dots alone"#,
            r#"DB_NAME: ".." cannot be used; accepted: a name without control characters, and not of dots alone"#,
            r#"DB_PORT: "0" cannot be used; accepted: a whole number from 1 to 65535"#,
            r#"DB_SSLMODE: "full" cannot be used; accepted: disable, allow, prefer, require, verify-ca, verify-full"#,
            r#"DURABILITY: "some" cannot be used; accepted: full, process"#,
        ];
        assert_eq!(lines(args), expected);
    }

    #[test]
    fn an_address_and_its_parts_do_not_go_together() {
        let args = SettingsArgs {
            database_url: Some("sqlite://arash.db".into()),
            db_host: text("db"),
            db_password: Some("hunter2".into()),
            ..SettingsArgs::default()
        };
        let line = "DATABASE_URL: the value given (***, 17 characters) cannot be used; accepted: DATABASE_URL or the parts \
                    of an address, not both; there is DB_HOST and DB_PASSWORD";
        assert_eq!(lines(args), [line]);
        // What is empty is not given.
        let args = SettingsArgs {
            database_url: Some("sqlite://arash.db".into()),
            db_host: text(""),
            db_password: Some(" ".into()),
            ..SettingsArgs::default()
        };
        assert_eq!(address(args), "sqlite://arash.db");
    }

    #[test]
    fn durability_is_full_unless_it_is_told_otherwise() {
        for (given, expected) in [("", Durability::Full), ("full", Durability::Full), ("Process", Durability::Process)]
        {
            let args = SettingsArgs { durability: text(given), ..SettingsArgs::default() };
            assert_eq!(args.resolve().unwrap().database.options.durability, expected, "{given}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let args = SettingsArgs { db_password: Some("hunter2".into()), ..parts("db") };
        assert!(!format!("{args:?}").contains("hunter2"));
        assert!(!format!("{:?}", args.resolve().unwrap()).contains("hunter2"));
        let args = SettingsArgs { database_url: Some("postgres://a:hunter2@db/c".into()), ..SettingsArgs::default() };
        assert!(!format!("{:?}", args.resolve().unwrap()).contains("hunter2"));
    }

    proptest! {
        /// Whatever they hold, they come out of the address as they went in.
        #[test]
        fn any_password_and_any_name_is_encoded(user in "\\P{Cc}{1,20}", password in any::<String>(), database in "\\P{Cc}{1,20}") {
            prop_assume!([&user, &password, &database].iter().all(|text| text.chars().any(char::is_alphanumeric)));
            let args = SettingsArgs {
                db_user: Some(user.clone()),
                db_password: Some(password.clone().into()),
                db_name: Some(database.clone()),
                ..parts("db")
            };
            let url = reqwest::Url::parse(&address(args)).unwrap();
            let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decode(url.username()), user.trim());
            prop_assert_eq!(decode(url.password().unwrap()), password);
            prop_assert_eq!(decode(url.path().trim_start_matches('/')), database.trim());
            prop_assert_eq!((url.host_str(), url.port()), (Some("db"), Some(5432)));
        }
    }
}
