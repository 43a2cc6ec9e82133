use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;

/// Knows some names, and how often it was asked for them.
#[derive(Debug, Default)]
struct Names {
    known: HashMap<&'static str, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        self.known.get(name).cloned().ok_or_else(|| io::Error::other("unknown"))
    }
}

fn names(known: &[(&'static str, &[&str])]) -> Arc<Names> {
    let addresses = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
    let known = known.iter().map(|(name, found)| (*name, addresses(found))).collect();
    Arc::new(Names { known, asked: Mutex::default() })
}

fn is_accepted(policy: &TargetPolicy, url: &str) -> bool {
    policy.check("webhook_url", url).is_ok()
}

#[test]
fn a_public_https_address_is_accepted() {
    let policy = TargetPolicy::default();
    for url in [
        "https://example.com",
        "HTTPS://EXAMPLE.COM/hook?key=a%20b#part",
        "https://example.com:443/",
        "https://example.com:8443/hook",
        "https://example.com./hook",
        "https://دامنه.example/hook",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]/hook",
        "https://notlocalhost.com/",
        "https://local.example.com/",
        "https://example.com/@path?mail=a@b",
    ] {
        assert!(is_accepted(&policy, url), "{url}");
    }
    assert!(is_accepted(&policy, &format!("https://example.com/{}", "x".repeat(2_028))));
}

#[test]
fn other_schemes_ports_and_user_names_are_refused() {
    let policy = TargetPolicy::default();
    for url in [
        "",
        "example.com",
        "//example.com",
        "https://",
        "https:///",
        "https://?",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://example.com",
        "http://example.com:443",
        "wss://example.com",
        "unix:/run/x.sock",
        "https+unix://x",
        "https://example.com:80",
        "https://example.com:8080",
        "https://example.com:22",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:x",
        "https://user@example.com",
        "https://user:password@example.com",
        "https://:password@example.com",
        "https://@example.com",
        "https:@example.com",
        "https://example.com@8.8.8.8",
        "https://exa mple.com",
        " https://example.com",
        "https://example.com ",
        "https://example.com/\n",
        "https://exam\tple.com",
        "https://example.com\\@8.8.8.8",
        "https:\\\\example.com",
        "https://example.com/\u{85}",
        "https://exa\u{ad}mple..com:-1",
        "https://example.com:443:443",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://256.256.256.256",
        "https://1.2.3.4.5",
        "https://08.8.8.8",
        "https://xn--a",
        "https://ex%00ample.com",
    ] {
        assert!(!is_accepted(&policy, url), "{url}");
    }
    assert!(!is_accepted(&policy, &format!("https://example.com/{}", "x".repeat(2_029))));
}

#[test]
fn the_refusal_is_the_same_for_all_and_says_what_is_accepted() {
    let policy = TargetPolicy::default();
    let refusal = |url| policy.check("webhook_url", url).unwrap_err().to_string();
    assert_eq!(refusal("https://10.0.0.1/"), refusal("https://localhost/"));
    assert_eq!(
        refusal("https://10.0.0.1/"),
        "the request is not valid: webhook_url must be an https:// address of a public host, without a user name, \
         on port 443, 8443, of 2048 bytes at most"
    );
    let refusal = policy.clone().http(true).ports([9000]).check("webhook_url", "x").unwrap_err().to_string();
    assert!(
        refusal.contains("https:// or http://") && refusal.contains("port 80, 443, 8080, 8443, 9000,"),
        "{refusal}"
    );
    let refusal = policy.private(true).check("webhook_url", "x").unwrap_err().to_string();
    assert!(!refusal.contains("public") && !refusal.contains("port"), "{refusal}");
}

#[test]
fn permissions_allow_what_they_name_and_no_more() {
    let (http, private) = (TargetPolicy::default().http(true), TargetPolicy::default().private(true));
    assert!(is_accepted(&http, "http://example.com/") && is_accepted(&http, "http://example.com:8080/"));
    assert!(!is_accepted(&http, "http://localhost/") && !is_accepted(&http, "http://10.0.0.1/"));
    assert!(!is_accepted(&http, "http://example.com:8443/"));
    assert!(is_accepted(&private, "https://localhost:9000/") && is_accepted(&private, "https://[::1]:1/"));
    assert!(!is_accepted(&private, "http://localhost/") && !is_accepted(&private, "https://user@localhost/"));
    assert!(is_accepted(&private.http(true), "http://127.0.0.1:39999/hook"));
    let further = TargetPolicy::default().ports([9000]);
    assert!(is_accepted(&further, "https://example.com:9000/") && !is_accepted(&further, "https://example.com:9001/"));
}

#[tokio::test]
async fn one_address_that_is_not_public_refuses_the_name() {
    let names = names(&[
        ("good.example", &["93.184.216.34", "2606:2800:21f:cb07::1"]),
        ("mixed.example", &["93.184.216.34", "2606:2800:21f:cb07::1", "::1"]),
        ("inside.example", &["10.0.0.1"]),
        ("none.example", &[]),
        ("many.example", &["93.184.216.34"; 9]),
    ]);
    let guard = AddressGuard::new(TargetPolicy::default(), Arc::<Names>::clone(&names));
    let target = guard.admit("https://good.example/hook?key=1").await.unwrap();
    assert_eq!(target.addresses().len(), 2);
    assert_eq!(target.url().as_str(), "https://good.example/hook?key=1");
    assert_eq!(format!("{target:?}"), r#"Target { origin: "https://good.example", .. }"#);
    for url in ["https://mixed.example/", "https://inside.example/", "https://10.0.0.1/", "https://localhost/"] {
        assert_eq!(guard.admit(url).await, Err(NoTarget::Refused), "{url}");
    }
    for url in ["https://none.example/", "https://unknown.example/"] {
        assert_eq!(guard.admit(url).await, Err(NoTarget::Unknown), "{url}");
    }
    assert_eq!(guard.admit("https://many.example/").await.unwrap().addresses().len(), 8);
    assert_eq!(guard.admit("https://8.8.8.8/").await.unwrap().addresses(), ["8.8.8.8".parse::<IpAddr>().unwrap()]);
    let asked = names.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|name| *name == "good.example").count(), 1, "{asked:?}");
    assert!(asked.iter().all(|name| name.ends_with(".example")), "{asked:?}");
}

#[tokio::test]
async fn the_systems_resolver_finds_this_machine() {
    let resolver = SystemResolver::default();
    let found = resolver.resolve("localhost").await.unwrap();
    assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    assert!(resolver.resolve("no-such-name.invalid").await.is_err());
    let guard = AddressGuard::new(TargetPolicy::default().private(true), Arc::new(resolver));
    assert!(guard.admit("https://localhost:1/").await.is_ok());
}
