//! Other network namespaces, and clients for them.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Client;
use crate::error::{Error, Result};
use crate::netlink::socket::KernelSocket;

/// A network namespace, held open: it exists as long as this value, even after its name has been
/// removed and its processes have ended.
///
/// ```no_run
/// use ipvs::{Client, Namespace};
///
/// let blue = Namespace::find("blue")?;
/// let mut client = Client::in_namespace(&blue)?;
/// println!("{blue} has {} services", client.services()?.len());
/// # Ok::<(), ipvs::Error>(())
/// ```
///
/// Its file descriptor ([`AsFd`]) serves other crates that work with namespaces. Its text is the
/// name, path or process ID that it was found by.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
}

impl Namespace {
    /// The folders in which `ip netns` and Docker keep named namespaces, in the order in which a name is
    /// looked for.
    pub const FOLDERS: [&str; 2] = ["/run/netns", "/run/docker/netns"];

    /// Opens the namespace that `ipvsadm --netns TEXT` means: text with a `/` is a path, a number
    /// that is not the name of a namespace is a process ID, and anything else is a name.
    ///
    /// # Errors
    /// [`Error::Namespace`]. It names the folders that were searched.
    pub fn find(text: &str) -> Result<Self> {
        if text.contains('/') {
            return Self::from_path(text);
        }
        let missing = match Self::named(text) {
            Err(Error::Namespace { source, .. }) if source.kind() == ErrorKind::NotFound => source,
            result => return result,
        };
        match process_number(text) {
            Some(process) => Self::of_process(process).map_err(|error| match error {
                Error::Namespace { namespace, source } if source.kind() == ErrorKind::NotFound => {
                    let text = format!("{missing}, and there is no such process");
                    Error::Namespace { namespace, source: io::Error::new(missing.kind(), text) }
                }
                other => other,
            }),
            None => Err(refused(text, missing)),
        }
    }

    /// Opens the namespace with this name in `/run/netns`, where `ip netns add` puts it, or else in
    /// `/run/docker/netns`.
    ///
    /// # Errors
    /// [`Error::Namespace`]. The kind of its source is [`NotFound`](ErrorKind::NotFound) if there
    /// is no namespace with this name.
    pub fn named(name: &str) -> Result<Self> {
        let is_name = !matches!(name, "" | "." | "..") && !name.contains('/');
        for folder in Self::FOLDERS.iter().filter(|_| is_name) {
            match open(&Path::new(folder).join(name)) {
                Err(error) if is_missing(&error) => {}
                result => return Self::new(name.to_owned(), result),
            }
        }
        let text = format!("not found in {}", Self::FOLDERS.join(" or "));
        Err(refused(name, io::Error::new(ErrorKind::NotFound, text)))
    }

    /// Opens the namespace that this file stands for, such as `/proc/4711/ns/net`.
    ///
    /// # Errors
    /// [`Error::Namespace`].
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::new(path.display().to_string(), open(path))
    }

    /// Opens the namespace that the process with this ID is in.
    ///
    /// # Errors
    /// [`Error::Namespace`]. Another user's process takes the right to trace it
    /// (`CAP_SYS_PTRACE`).
    pub fn of_process(process: u32) -> Result<Self> {
        let path: PathBuf = ["/proc", &process.to_string(), "ns/net"].iter().collect();
        let file = open(&path).map_err(|error| match is_missing(&error) {
            true => io::Error::new(ErrorKind::NotFound, "there is no such process"),
            false => error,
        });
        Self::new(process.to_string(), file)
    }

    /// Moves the calling thread into the namespace. Sockets that it then opens belong to that
    /// namespace, and `/proc/thread-self/net` shows it. Threads that it then starts begin there;
    /// other threads stay where they are.
    ///
    /// [`Client::in_namespace`] moves no thread.
    ///
    /// # Errors
    /// [`Error::Namespace`] without `CAP_SYS_ADMIN`, or if the file is not a network namespace.
    pub fn enter(&self) -> Result<()> {
        self.move_thread().map_err(|error| refused(&self.name, error))
    }

    fn move_thread(&self) -> io::Result<()> {
        move_into_link_name_space(self.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| {
            match error {
                Errno::INVAL => io::Error::new(ErrorKind::InvalidInput, "not a network namespace"),
                other => other.into(),
            }
        })
    }

    /// Connects on a new thread, which enters the namespace, so that the caller's stays out.
    fn connect(&self) -> Result<Client> {
        std::thread::scope(|scope| {
            let inside = || {
                self.enter()?;
                let socket = KernelSocket::open().map_err(|error| refused(&self.name, error))?;
                Client::with_transport(socket)
            };
            // Unlike `scope.spawn`, this does not panic if no thread can be started.
            match std::thread::Builder::new().spawn_scoped(scope, inside) {
                Ok(thread) => thread.join().unwrap_or_else(|_| {
                    let text = "the thread that entered it failed";
                    Err(refused(&self.name, io::Error::other(text)))
                }),
                Err(error) => Err(refused(&self.name, error)),
            }
        })
    }

    fn new(name: String, file: io::Result<File>) -> Result<Self> {
        match file {
            Ok(file) => Ok(Namespace { name, file }),
            Err(error) => Err(refused(&name, error)),
        }
    }
}

impl Client {
    /// Connects to IPVS in another network namespace. The calling thread stays where it is, so this
    /// is safe in a program with several threads.
    ///
    /// # Errors
    /// [`Error::Namespace`] if the namespace cannot be entered, which takes `CAP_SYS_ADMIN`, or is
    /// not a network namespace; and those of [`Client::new`].
    pub fn in_namespace(namespace: &Namespace) -> Result<Self> {
        namespace.connect()
    }
}

/// The file that the namespace is held open by.
impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Display for Namespace {
    /// The name, path or process ID that it was found by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Nonblocking, in case the path is a pipe without a writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

/// A process ID, written as in `/proc`: without a sign or leading zeros.
fn process_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

/// True if there is no such file, or no such folder for it.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn refused(namespace: &str, source: io::Error) -> Error {
    Error::Namespace { namespace: namespace.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<Namespace>) -> String {
        result.expect_err("there is none").to_string()
    }

    #[test]
    fn the_error_says_where_a_namespace_was_looked_for() {
        let searched = "not found in /run/netns or /run/docker/netns";
        for name in ["no-such", "", ".", "..", "+1", "99999999999"] {
            let expected = format!("network namespace {name}: {searched}");
            assert_eq!(text(Namespace::find(name)), expected);
        }
        assert_eq!(
            text(Namespace::find("4294967295")),
            format!("network namespace 4294967295: {searched}, and there is no such process")
        );
        assert_eq!(
            text(Namespace::of_process(u32::MAX)),
            "network namespace 4294967295: there is no such process"
        );
        assert_eq!(
            text(Namespace::find("/no/such")),
            "network namespace /no/such: No such file or directory"
        );
        assert_eq!(
            text(Namespace::named("../netns/blue")),
            format!("network namespace ../netns/blue: {searched}")
        );
    }

    #[test]
    fn a_namespace_is_shown_as_it_was_found() {
        let process = std::process::id();
        for found in ["/proc/self/ns/net", &process.to_string()] {
            assert_eq!(Namespace::find(found).expect("our own").to_string(), found);
        }
        let own = Namespace::of_process(process).expect("our own");
        assert_eq!(own.to_string(), process.to_string());
    }
}
