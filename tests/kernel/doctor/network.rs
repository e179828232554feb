//! Networks that work: a client, a director and real servers, each a network namespace.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::netns::Netns;
use crate::program;

/// The longest that a request takes that is answered, on a machine that is busy with other things:
/// a lost packet is sent again after 1, 3 and 7 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a request waits for an answer that should not come.
const NO_ANSWER: Duration = Duration::from_secs(2);

/// A server that tells its name to whoever connects. It ends when dropped.
pub(super) struct Server {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it on a host, at `address`, such as `10.0.0.2:80` or `[::]:80`.
    pub(super) fn start(host: &Netns, address: &str) -> Server {
        let listener = host.enter(|| TcpListener::bind(address)).expect("the port is free");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let ended = Arc::new(AtomicBool::new(false));
        let (flag, name) = (Arc::clone(&ended), host.name().to_owned());
        let thread = thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((mut stream, _)) => drop(stream.write_all(name.as_bytes())),
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Server { ended, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// The name of the host that answers a request from `client`.
pub(super) fn ask(client: &Netns, address: &str) -> Result<String, String> {
    ask_for(PATIENCE, client, address)
}

/// As [`ask`], where nobody may answer.
pub(super) fn ask_in_vain(client: &Netns, address: &str) -> Result<String, String> {
    ask_for(NO_ANSWER, client, address)
}

fn ask_for(time: Duration, client: &Netns, address: &str) -> Result<String, String> {
    let address: SocketAddr = address.parse().expect("an address with a port");
    let asked = client.enter(|| {
        let mut stream = TcpStream::connect_timeout(&address, time)?;
        stream.set_read_timeout(Some(time))?;
        let mut name = String::new();
        stream.read_to_string(&mut name).map(|_| name)
    });
    asked.map_err(|error| error.to_string())
}

/// As [`ask`], from this port of the client's. Returns the open connection too.
pub(super) fn ask_from(port: u16, client: &Netns, address: &str) -> (TcpStream, String) {
    let address: SocketAddr = address.parse().expect("an address with a port");
    let asked = client.enter(|| -> io::Result<(TcpStream, String)> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddr::from(([0, 0, 0, 0], port)))?;
        connect(&socket, &address)?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut name = String::new();
        stream.read_to_string(&mut name)?;
        Ok((stream, name))
    });
    asked.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// Expects that requests are answered.
#[track_caller]
pub(super) fn works(client: &Netns, address: &str) {
    for _ in 0..2 {
        let answer = ask(client, address);
        assert!(answer.as_ref().is_ok_and(|name| !name.is_empty()), "{address}: {answer:?}");
    }
}

/// Expects that a request is not answered.
#[track_caller]
pub(super) fn fails(client: &Netns, address: &str) {
    let answer = ask_in_vain(client, address);
    assert!(answer.is_err(), "{address}: {answer:?}");
}

/// Waits for the host's IPv6 addresses, which the kernel settles in its own time: hosts ask for each
/// other from their links' own addresses, which are tentative for two seconds.
#[track_caller]
pub(super) fn settle(host: &Netns) {
    let end = Instant::now() + PATIENCE;
    loop {
        let listing = ["-6", "-oneline", "address", "show", "tentative"];
        let tentative = host.command("ip").args(listing).run().success().stdout;
        if tentative.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{tentative}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sets up a table by these rules.
#[track_caller]
pub(super) fn rules(host: &Netns, rules: &str) {
    host.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
}

/// Masquerading: the client 192.0.2.10 beside the director, whose virtual address 192.0.2.1:80 is its
/// own, and one real server, 10.0.0.2:80, behind it.
pub(super) struct Nat {
    pub(super) client: Netns,
    pub(super) director: Netns,
    pub(super) server: Netns,
    pub(super) _web: Server,
}

impl Nat {
    pub(super) const VIP: &str = "192.0.2.1:80";

    pub(super) fn new() -> Nat {
        let [client, director, server] = [Netns::new(), Netns::new(), Netns::new()];
        director.connect("eth0", &client, "eth0");
        director.connect("eth1", &server, "eth0");
        client.ip("address add 192.0.2.10/24 dev eth0");
        director.ip("address add 192.0.2.1/24 dev eth0\naddress add 10.0.0.1/24 dev eth1");
        director.sysctl("net.ipv4.ip_forward", "1");
        server.ip("address add 10.0.0.2/24 dev eth0\nroute add default via 10.0.0.1");
        rules(&director, "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m\n");
        let web = Server::start(&server, "10.0.0.2:80");
        Nat { client, director, server, _web: web }
    }
}

/// Direct routing on one LAN: the client 192.0.2.10, the director 192.0.2.1 with the virtual address
/// 192.0.2.100:80, and two real servers, 192.0.2.2 and 192.0.2.3, that have it on `lo`.
pub(super) struct Direct {
    pub(super) client: Netns,
    pub(super) director: Netns,
    pub(super) servers: [Netns; 2],
    pub(super) switch: Netns,
    pub(super) _web: [Server; 2],
}

impl Direct {
    pub(super) const VIP: &str = "192.0.2.100:80";

    pub(super) fn new() -> Direct {
        let [client, director, first, second, switch] = std::array::from_fn(|_| Netns::new());
        switch.ip("link add name lan type bridge\nlink set lan up");
        for (host, port) in [(&client, "p1"), (&director, "p2"), (&first, "p3"), (&second, "p4")] {
            switch.connect(port, host, "eth0");
            switch.ip(&format!("link set {port} master lan"));
        }
        client.ip("address add 192.0.2.10/24 dev eth0");
        director.ip("address add 192.0.2.1/24 dev eth0\naddress add 192.0.2.100/32 dev eth0");
        let servers = [first, second];
        for (server, own) in servers.iter().zip(["192.0.2.2", "192.0.2.3"]) {
            // Before the address is there, or it would be announced.
            server.sysctl("net.ipv4.conf.all.arp_ignore", "1");
            server.sysctl("net.ipv4.conf.all.arp_announce", "2");
            server.ip(&format!("address add {own}/24 dev eth0\naddress add 192.0.2.100/32 dev lo"));
        }
        rules(
            &director,
            "-A -t 192.0.2.100:80 -s rr\n\
             -a -t 192.0.2.100:80 -r 192.0.2.2:80 -g\n\
             -a -t 192.0.2.100:80 -r 192.0.2.3:80 -g\n",
        );
        let web = [0, 1].map(|number| Server::start(&servers[number], "0.0.0.0:80"));
        Direct { client, director, servers, switch, _web: web }
    }
}

/// A connection from `client` that stays open, to port 8080 of the server of [`Nat`], which takes the
/// place of the usual one in the table.
pub(super) fn hold(client: &Netns, server: &Netns, director: &Netns) -> (TcpListener, TcpStream) {
    let listener = server.enter(|| TcpListener::bind("10.0.0.2:8080")).expect("the port is free");
    rules(
        director,
        "-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m\n-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0\n",
    );
    let address: SocketAddr = Nat::VIP.parse().expect("an address with a port");
    let stream = client.enter(|| TcpStream::connect_timeout(&address, PATIENCE));
    rules(director, "-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n");
    (listener, stream.expect("a connection"))
}
