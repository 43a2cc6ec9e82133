use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::webhook::guard::Target;

/// Where the names of targets lead to, as it was checked. The HTTP client asks here and nowhere else, so that it connects
/// to no address that was not checked.
#[derive(Debug, Default)]
pub(super) struct Pins {
    names: Mutex<HashMap<String, Pinned>>,
}

#[derive(Debug)]
struct Pinned {
    addresses: Arc<[SocketAddr]>,
    /// How many attempts hold it.
    holders: usize,
}

impl Pins {
    /// Keeps where `target` leads to until the pin is dropped. Of several at a time the newest counts.
    pub(super) fn pin(self: &Arc<Self>, target: &Target) -> Pin {
        let name = target.url().host_str().unwrap_or_default().to_owned();
        // The client puts the port of the address in place of 0.
        let addresses = target.addresses().iter().map(|&address| SocketAddr::new(address, 0)).collect();
        let mut names = self.lock();
        let holders = names.get(&name).map_or(0, |pinned| pinned.holders) + 1;
        names.insert(name.clone(), Pinned { addresses, holders });
        Pin { pins: Arc::clone(self), name }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pinned>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolve for Pins {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.lock().get(name.as_str()).map(|pinned| Arc::clone(&pinned.addresses));
        let addresses = addresses.ok_or_else(|| io::Error::other("the name was not checked").into());
        let each = |found: Arc<[SocketAddr]>| Box::new(Vec::from(&*found).into_iter()) as Addrs;
        Box::pin(std::future::ready(addresses.map(each)))
    }
}

/// Holds where a name leads to.
pub(super) struct Pin {
    pins: Arc<Pins>,
    name: String,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut names = self.pins.lock();
        if let Some(pinned) = names.get_mut(&self.name) {
            pinned.holders -= 1;
            if pinned.holders == 0 {
                names.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::guard::{AddressGuard, SystemResolver, TargetPolicy};

    async fn found(pins: &Pins, name: &str) -> Option<Vec<String>> {
        let found = pins.resolve(name.parse().unwrap()).await.ok()?;
        Some(found.map(|address| address.to_string()).collect())
    }

    #[tokio::test]
    async fn a_name_leads_where_it_was_checked_while_somebody_holds_it() {
        let policy = TargetPolicy::default().private(true);
        let guard = AddressGuard::new(policy, Arc::new(SystemResolver::default()));
        let target = guard.admit("https://127.0.0.1:8443/").await.unwrap();
        let pins = Arc::<Pins>::default();
        assert_eq!(found(&pins, "127.0.0.1").await, None, "nothing is looked up elsewhere");
        let (one, other) = (pins.pin(&target), pins.pin(&target));
        assert_eq!(found(&pins, "127.0.0.1").await.unwrap(), ["127.0.0.1:0"]);
        drop(one);
        assert!(found(&pins, "127.0.0.1").await.is_some());
        drop(other);
        assert_eq!(found(&pins, "127.0.0.1").await, None);
        assert!(pins.lock().is_empty());
    }
}
