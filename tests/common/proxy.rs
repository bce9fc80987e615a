//! A network between a program and its database that can refuse connections or hang.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How the network behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// It works.
    Sound,
    /// Connections are reset.
    Refuses,
    /// Connections are accepted, and nothing passes.
    Hangs,
}

/// Forwards connections from its own port.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    network: watch::Sender<Network>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// In front of the server at this address.
    pub(crate) async fn new(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = watch::Sender::new(Network::Sound);
        let task = tokio::spawn(accept(listener, network.clone(), server));
        Self { address, network, task }
    }

    /// In front of the server of a URL. Returns the URL through the proxy as well.
    pub(crate) async fn of(url: &str) -> (Self, String) {
        let host = url.split(['@', '/', '?']).find(|part| part.contains(':') && part.contains('.')).unwrap();
        let proxy = Self::new(host.parse().unwrap()).await;
        let url = url.replace(host, &proxy.address.to_string());
        (proxy, url)
    }

    /// Changes the network. Connections that hang never recover, as if their machine had disappeared.
    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, network: watch::Sender<Network>, server: SocketAddr) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        // Closes connections instead of the port: another test could take a closed port.
        if *network.borrow() == Network::Refuses {
            continue;
        }
        tokio::spawn(pass(client, network.subscribe(), server));
    }
}

async fn pass(client: TcpStream, mut network: watch::Receiver<Network>, server: SocketAddr) {
    let mut connected = None;
    if *network.borrow_and_update() == Network::Sound {
        let Ok(server) = TcpStream::connect(server).await else { return };
        connected = Some(server);
    }
    let work = async {
        let (mut from_client, mut to_client) = client.into_split();
        let Some(server) = connected else {
            // Keeps the connection open.
            return std::future::pending().await;
        };
        let (mut from_server, mut to_server) = server.into_split();
        tokio::select! {
            () = copy(&mut from_client, &mut to_server) => (),
            () = copy(&mut from_server, &mut to_client) => (),
        }
    };
    let mut work = std::pin::pin!(work);
    loop {
        let behaves = *network.borrow_and_update();
        match behaves {
            Network::Refuses => return,
            Network::Sound => tokio::select! {
                () = &mut work => return,
                changed = network.changed() => if changed.is_err() { return },
            },
            // A connection that hangs never works again.
            Network::Hangs => {
                while *network.borrow_and_update() != Network::Refuses {
                    if network.changed().await.is_err() {
                        return;
                    }
                }
                return;
            }
        }
    }
}

async fn copy(from: &mut (impl tokio::io::AsyncRead + Unpin), to: &mut (impl tokio::io::AsyncWrite + Unpin)) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
