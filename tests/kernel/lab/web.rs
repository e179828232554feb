//! The web servers, and requests that show which of them answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;
use std::{fs, path::PathBuf};

use crate::netns::{Netns, Running};

/// An nginx in a host's namespace, on ports 80 and 8080. Its index page is 19 bytes that name the
/// host.
pub(crate) struct WebServer(#[allow(dead_code, reason = "dropping it ends the server")] Running);

impl WebServer {
    /// Starts the server and waits until it answers.
    pub(crate) fn start(host: &Netns) -> WebServer {
        let name = host.name();
        let folder = PathBuf::from("/tmp/lab").join(name);
        let write = |file: &str, text: String| {
            fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(file), text))
        };
        write("index.html", page(name))
            .and_then(|()| write("nginx.conf", configuration(&folder.to_string_lossy())))
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let server = host
            .command("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(folder.join("nginx.conf"))
            .start();
        for _ in 0..200 {
            if host.enter(|| ask("127.0.0.1", 8080, PATIENCE)).is_ok() {
                return WebServer(server);
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("nginx on {name} does not answer");
    }
}

/// The page of `server1` is `Hello from server 1`, the 19 bytes of the tutorial.
fn page(host: &str) -> String {
    format!("Hello from {}", host.replace("server", "server "))
}

fn configuration(folder: &str) -> String {
    format!(
        "daemon off;
        # A single process, so that killing it ends the server.
        master_process off;
        user root root;
        pid {folder}/pid;
        worker_rlimit_nofile 16384;
        events {{ worker_connections 8192; }}
        http {{
            access_log off;
            keepalive_timeout 0;
            default_type text/html;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 80 backlog=4096;
                listen 8080 backlog=4096;
                root {folder};
                # A page of any size takes its time.
                location /slow {{ limit_rate 10k; }}
            }}
        }}
        "
    )
}

/// The time that a client waits, under any load of the tests.
const PATIENCE: Duration = Duration::from_secs(10);

/// The name of the server, such as `server1`, that answers `host` at `http://address:port/`.
pub(crate) fn answering(host: &Netns, address: &str, port: u16) -> Result<String, String> {
    answering_within(host, address, port, PATIENCE)
}

/// Like [`answering`], for a client that waits no longer than this.
pub(super) fn answering_within(
    host: &Netns,
    address: &str,
    port: u16,
    limit: Duration,
) -> Result<String, String> {
    let page = host.enter(|| ask(address, port, limit)).map_err(|error| error.to_string())?;
    match page.strip_prefix("Hello from ") {
        Some(name) => Ok(name.replace(' ', "")),
        None => Err(format!("an unexpected page: {page:?}")),
    }
}

/// Fetches the index page.
fn ask(address: &str, port: u16, limit: Duration) -> io::Result<String> {
    let address = format!("{address}:{port}");
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, page)) => Ok(page.to_owned()),
        None => Err(io::Error::other("no page in the answer")),
    }
}
