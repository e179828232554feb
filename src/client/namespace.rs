//! Clients for other network namespaces.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Client;
use crate::error::{Error, Result};
use crate::netlink::socket::KernelSocket;

/// Where `ip netns` keeps the namespaces that have names.
const NAMED: &str = "/run/netns";

/// Moves the calling thread into a network namespace, given as [`Client::in_namespace`] takes it.
/// Sockets that it opens from then on belong to that namespace, and so do the files under
/// `/proc/thread-self/net`; threads that run already stay where they are.
///
/// # Errors
/// [`Error::Namespace`].
pub fn enter_namespace(namespace: &str) -> Result<()> {
    let wrong = |source| Error::Namespace { namespace: namespace.to_owned(), source };
    enter(&File::open(path_of(namespace)).map_err(wrong)?).map_err(wrong)
}

fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

impl Client {
    /// Connects to IPVS in another network namespace: the name of one that `ip netns` made, the
    /// path of a namespace file (with a `/` in it), or the number of a process that is in it.
    ///
    /// The calling thread stays where it is, so this may be used in a program with many threads.
    ///
    /// ```no_run
    /// let mut director = ipvs::Client::in_namespace("director")?;
    /// println!("{} services", director.services()?.len());
    /// # Ok::<(), ipvs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Namespace`] where there is no such namespace or it may not be entered (that takes
    /// `CAP_SYS_ADMIN`), and those of [`Client::new`].
    pub fn in_namespace(namespace: &str) -> Result<Self> {
        let path = path_of(namespace);
        let wrong = |source| Error::Namespace { namespace: namespace.to_owned(), source };
        let file = File::open(path).map_err(wrong)?;
        Client::with_transport(open_in(&file).map_err(wrong)?)
    }
}

/// Opens a socket on a thread that enters the namespace and ends there; the socket stays in it.
fn open_in(namespace: &File) -> io::Result<KernelSocket> {
    std::thread::scope(|scope| {
        let inside = || {
            enter(namespace)?;
            KernelSocket::open()
        };
        // Unlike `scope.spawn`, this does not panic where there can be no more threads.
        let thread = std::thread::Builder::new().spawn_scoped(scope, inside)?;
        let failed = |_| Err(io::Error::other("the thread that entered it failed"));
        thread.join().unwrap_or_else(failed)
    })
}

fn path_of(namespace: &str) -> PathBuf {
    if namespace.contains('/') {
        return PathBuf::from(namespace);
    }
    let named = Path::new(NAMED).join(namespace);
    if !named.exists() && namespace.parse::<u32>().is_ok() {
        return Path::new("/proc").join(namespace).join("ns/net");
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_path_or_a_process_or_a_name() {
        assert_eq!(path_of("/proc/self/ns/net"), Path::new("/proc/self/ns/net"));
        assert_eq!(path_of("4294967295"), Path::new("/proc/4294967295/ns/net"));
        assert_eq!(path_of("blue"), Path::new("/run/netns/blue"));
    }

    #[test]
    fn a_namespace_that_is_not_there_is_named_in_the_error() {
        let error = Client::in_namespace("/no/such/namespace").expect_err("it is not there");
        assert!(error.to_string().contains("/no/such/namespace"), "{error}");
    }
}
