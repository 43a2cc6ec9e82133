//! Where https is asked for, an endpoint shows a certificate that is trusted and of its name, or is told nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arash_core::webhook::guard::{Resolve, TargetPolicy};
use arash_core::webhook::{HttpSender, SendError, WebhookSender};
use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::sending::{local_sender, signed};

/// Finds every name on this machine.
#[derive(Debug)]
struct Here;

#[async_trait]
impl Resolve for Here {
    async fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

/// Answers 204, with a certificate of its own for one name.
struct SecureReceiver {
    address: SocketAddr,
    certificate: String,
    heard: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

impl SecureReceiver {
    async fn start(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().into();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&heard));
        tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut bytes = vec![0; 4_096];
                let read = stream.read(&mut bytes).await.unwrap();
                shared.lock().unwrap().extend_from_slice(&bytes[..read]);
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            }
        });
        Self { address, certificate: made.cert.pem(), heard, _tasks: tasks }
    }

    fn url(&self, name: &str) -> String {
        format!("https://{name}:{}/hook", self.address.port())
    }

    fn has_heard(&self) -> bool {
        !self.heard.lock().unwrap().is_empty()
    }
}

fn sender() -> HttpSender {
    HttpSender::with_resolver(TargetPolicy::default().private(true), Arc::new(Here)).deadline(Duration::from_secs(5))
}

#[tokio::test]
async fn a_trusted_certificate_of_the_name_is_taken() {
    let receiver = SecureReceiver::start("hooks.example").await;
    let sender = sender().trusting(receiver.certificate.as_bytes()).unwrap();
    let sent = sender.send(&signed(&receiver.url("hooks.example"))).await;
    assert_eq!((sent.status_code, sent.error), (Some(204), None), "{:?}", sent.cause);
    let heard = String::from_utf8(receiver.heard.lock().unwrap().clone()).unwrap();
    assert!(heard.starts_with("POST /hook HTTP/1.1\r\n"), "{heard}");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_or_of_another_name_is_not() {
    let receiver = SecureReceiver::start("hooks.example").await;
    let trusting = sender().trusting(receiver.certificate.as_bytes()).unwrap();
    for (sender, name) in [(sender(), "hooks.example"), (trusting, "another.example")] {
        let sent = sender.send(&signed(&receiver.url(name))).await;
        assert_eq!((sent.status_code, sent.error), (None, Some(SendError::Connection)), "{name}");
    }
    assert!(!receiver.has_heard());
    assert!(sender().trusting(b"no certificate").is_err());
}

#[tokio::test]
async fn nothing_is_said_in_the_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut plain = JoinSet::new();
    plain.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4_096];
        let read = stream.read(&mut bytes).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.unwrap();
        bytes[..read].to_vec()
    });
    let sent = local_sender().send(&signed(&format!("https://{address}/hook"))).await;
    assert_eq!((sent.status_code, sent.error), (None, Some(SendError::Connection)));
    let heard = plain.join_next().await.unwrap().unwrap();
    assert_eq!(heard[..2], [22, 3], "a greeting of TLS and no more");
    assert!(!String::from_utf8_lossy(&heard).contains("POST"));
}
