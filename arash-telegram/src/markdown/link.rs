//! Which links Telegram takes.

/// Longest address that a link may have, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// What becomes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination<'a> {
    /// Telegram opens it.
    Url(&'a str),
    /// Telegram does not open it, but a reader may want it: a mail address, a telephone number.
    Contact(&'a str),
    /// Telegram would refuse it: a path, a script, a host of this machine.
    Refused,
}

/// Judges where a link leads to.
pub(super) fn judge(url: &str) -> Destination<'_> {
    let is_clean = url.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
    let Some((scheme, rest)) = url.split_once(':') else { return Destination::Refused };
    if !is_clean || url.len() > MAX_URL_BYTES || rest.is_empty() {
        return Destination::Refused;
    }
    let is_known = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(has_public_host),
        "tg" | "ton" => rest.strip_prefix("//").is_some_and(has_plain_host),
        "mailto" | "tel" => return Destination::Contact(rest.split_once('?').map_or(rest, |(address, _)| address)),
        _ => false,
    };
    if is_known { Destination::Url(url) } else { Destination::Refused }
}

/// The part of an address that names the host, with what else stands before the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Telegram takes a host with a dot in it, or an address of IP version 6; `localhost` is none.
fn has_public_host(rest: &str) -> bool {
    let authority = authority(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return host.contains(']') && host.contains(':');
    }
    let (host, port) = host.split_once(':').unwrap_or((host, "80"));
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_') || letter > '\u{7f}';
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && host.chars().all(is_name)
        && host.trim_matches('.').contains('.')
        && !host.contains("..")
}

/// In a link into Telegram the host is a command.
fn has_plain_host(rest: &str) -> bool {
    let host = authority(rest);
    !host.is_empty() && host.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_telegram_opens() {
        for url in [
            "https://example.org",
            "HTTP://Example.org:8080/a?b=c#d",
            "https://user@example.org/",
            "https://fa.wikipedia.org/wiki/تهران",
            "https://پارسی.ایران/",
            "http://[2001:db8::1]/x",
            "http://127.0.0.1:80",
            "tg://resolve?domain=telegram",
            "ton://transfer/abc",
        ] {
            assert_eq!(judge(url), Destination::Url(url));
        }
    }

    #[test]
    fn links_that_it_refuses() {
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL_BYTES));
        for url in [
            "",
            "/docs/start.md",
            "#top",
            "example.org",
            "http://localhost:3000",
            "http://",
            "https://.",
            "https:///path",
            "https://a..b",
            "http://example.org:99999",
            "https://exa mple.org",
            "https://example.org/a b",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://example.org",
            "tg:resolve",
            "tg://a.b",
            "https:",
            &long,
        ] {
            assert_eq!(judge(url), Destination::Refused, "{url}");
        }
    }

    #[test]
    fn addresses_of_people_are_told_apart() {
        assert_eq!(judge("mailto:sara@example.org?subject=x"), Destination::Contact("sara@example.org"));
        assert_eq!(judge("tel:+982112345678"), Destination::Contact("+982112345678"));
    }
}
