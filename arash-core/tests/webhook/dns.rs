//! A name server that lies: it answers over UDP what a test says, each time something else if need be. And who asks it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arash_core::webhook::guard::Resolve;
use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

const A: u16 = 1;
const AAAA: u16 = 28;
/// Name, type and class of the question follow the 12 bytes of the head.
const HEAD: usize = 12;

/// The answers for a name: those of the first question, of the second and so on; the last ones for ever.
pub(crate) type Answers = Vec<Vec<IpAddr>>;

pub(crate) struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<(String, u16), usize>>>,
    _tasks: JoinSet<()>,
}

impl NameServer {
    pub(crate) async fn start(names: HashMap<String, Answers>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::<Mutex<HashMap<(String, u16), usize>>>::default());
        let (mut tasks, counts) = (JoinSet::new(), Arc::clone(&asked));
        tasks.spawn(async move {
            let mut bytes = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
                let (name, kind) = question(&bytes[..length]);
                let count = {
                    let mut counts = counts.lock().unwrap();
                    let count = counts.entry((name.clone(), kind)).or_default();
                    *count += 1;
                    *count
                };
                let answers = names.get(&name).map(|answers| &answers[(count - 1).min(answers.len() - 1)]);
                let found = answers.into_iter().flatten().filter(|address| address.is_ipv4() == (kind == A));
                let answer = answer(&bytes[..length], &found.copied().collect::<Vec<_>>());
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    pub(crate) fn resolver(&self) -> Arc<dyn Resolve> {
        Arc::new(Asking(self.address))
    }

    /// How often somebody asked for the addresses of a name.
    pub(crate) fn lookups(&self, name: &str) -> usize {
        self.asked.lock().unwrap().get(&(name.to_owned(), A)).copied().unwrap_or(0)
    }
}

/// The name and the type that a message asks for.
fn question(message: &[u8]) -> (String, u16) {
    let (mut labels, mut position) = (Vec::new(), HEAD);
    while message[position] > 0 {
        let end = position + 1 + usize::from(message[position]);
        labels.push(String::from_utf8(message[position + 1..end].to_vec()).unwrap());
        position = end;
    }
    (labels.join("."), u16::from_be_bytes([message[position + 1], message[position + 2]]))
}

fn answer(question: &[u8], addresses: &[IpAddr]) -> Vec<u8> {
    let mut answer = question.to_vec();
    // It is a response, without an error.
    (answer[2], answer[3]) = (0x81, 0x80);
    answer[6..8].copy_from_slice(&u16::try_from(addresses.len()).unwrap().to_be_bytes());
    for address in addresses {
        let (kind, data) = match address {
            IpAddr::V4(address) => (A, address.octets().to_vec()),
            IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
        };
        // The name of the question, class IN, to be forgotten at once.
        answer.extend([[0xc0, 0x0c], kind.to_be_bytes(), [0, 1], [0, 0], [0, 0]].concat());
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

/// Asks the server at this address.
#[derive(Debug)]
struct Asking(SocketAddr);

#[async_trait]
impl Resolve for Asking {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut found = Vec::new();
        for kind in [A, AAAA] {
            found.extend(self.ask(name, kind).await?);
        }
        Ok(found)
    }
}

impl Asking {
    async fn ask(&self, name: &str, kind: u16) -> io::Result<Vec<IpAddr>> {
        let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.trim_end_matches('.').split('.') {
            message.push(u8::try_from(label.len()).map_err(io::Error::other)?);
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        message.extend([kind.to_be_bytes(), [0, 1]].concat());
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.send_to(&message, self.0).await?;
        let mut bytes = [0; 512];
        let length = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut bytes)).await??;
        let mut records = &bytes[message.len()..length];
        let mut found = Vec::new();
        while let Some((data, rest)) = records.get(12..).and_then(|data| data.split_at_checked(records[11].into())) {
            let v6 = || <[u8; 16]>::try_from(data).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
            let address = <[u8; 4]>::try_from(data).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
            found.push(address.or_else(|_| v6()).map_err(io::Error::other)?);
            records = rest;
        }
        Ok(found)
    }
}
