//! What is remembered from one run to the next, in `/run`: the weights of drained servers, and what
//! a command that is killed would leave behind.
//!
//! Each thing is a file of rules, for people to read and to run by hand. A machine that starts anew
//! has none of them, and an empty table.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use ipvs::rules::grammar::{Amendment, NumericOnly, RuleCommand, parse_command};
use ipvs::rules::{Line, Lines, Unwritable};
use ipvs::{Change, DestinationKey, ServiceKey};

const FOLDER: &str = "/run/ipvsadm";
const NAMESPACE: &str = "/proc/thread-self/ns/net";
/// The netlink sockets of the namespace, the kernel's own among them.
const SOCKETS: &str = "/proc/thread-self/net/netlink";
/// The beginnings of file names.
const DRAINED: &str = "drained";
const KICKED: &str = "kicked";

/// The files of the network namespace of this thread. Their names have the service and the server.
#[derive(Debug)]
pub(crate) struct Memory {
    folder: PathBuf,
}

/// A server that was drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drained {
    pub(crate) service: ServiceKey,
    pub(crate) server: DestinationKey,
    /// The weight that it had before.
    pub(crate) weight: u32,
}

/// A file of changes that undo what an unfinished command has done.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) changes: Vec<Change>,
}

impl Memory {
    /// That of the network namespace which this thread is in.
    pub(crate) fn of_this_namespace() -> io::Result<Memory> {
        let namespace = fs::metadata(NAMESPACE)?;
        let sockets = fs::read_to_string(SOCKETS).unwrap_or_default();
        let birth = rtnetlink_inode(&sockets).unwrap_or(0);
        let name = format!("{}-{}-{birth}", namespace.dev(), namespace.ino());
        Ok(Memory::in_folder(&Path::new(FOLDER).join(name)))
    }

    fn in_folder(folder: &Path) -> Memory {
        Memory { folder: folder.to_owned() }
    }

    /// Remembers the weight of a server that is about to be drained.
    pub(crate) fn remember(&self, drained: &Drained) -> io::Result<()> {
        let Drained { service, server, weight } = drained;
        let server_options = server_options(service, server).map_err(io::Error::other)?;
        let text = format!("-e {server_options} -w {weight} --keep\n");
        self.write(&self.path(DRAINED, service, server), &text)
    }

    /// The weight that a server had before it was drained.
    pub(crate) fn weight(&self, service: &ServiceKey, server: &DestinationKey) -> Option<u32> {
        let drained = read_drained(&self.path(DRAINED, service, server))?;
        (drained.service == *service && drained.server == *server).then_some(drained.weight)
    }

    /// All drained servers.
    pub(crate) fn drained(&self) -> Vec<Drained> {
        let mut drained: Vec<Drained> =
            self.files(DRAINED).iter().filter_map(|path| read_drained(path)).collect();
        drained.sort_by_key(|drained| (drained.service, drained.server));
        drained
    }

    pub(crate) fn forget(&self, service: &ServiceKey, server: &DestinationKey) {
        self.remove(&self.path(DRAINED, service, server));
    }

    /// Writes down what undoes a command that is about to begin.
    pub(crate) fn begin(
        &self,
        service: &ServiceKey,
        server: &DestinationKey,
        undo: &[Change],
    ) -> io::Result<()> {
        let mut text = String::new();
        for change in undo {
            let line = Line::new(change).map_err(io::Error::other)?;
            text += &format!("{line}\n");
        }
        self.write(&self.path(KICKED, service, server), &text)
    }

    /// The command has undone, or finished, everything.
    pub(crate) fn end(&self, service: &ServiceKey, server: &DestinationKey) {
        self.remove(&self.path(KICKED, service, server));
    }

    /// What unfinished commands have left.
    pub(crate) fn unfinished(&self) -> Vec<Journal> {
        let read = |path: PathBuf| {
            let text = fs::read(&path).ok()?;
            let lines = Lines::new(text.as_slice()).filter_map(Result::ok);
            let changes = lines.filter_map(|line| line.change.ok()).collect();
            Some(Journal { path, changes })
        };
        self.files(KICKED).into_iter().filter_map(read).collect()
    }

    /// Forgets what an unfinished command had left.
    pub(crate) fn forget_unfinished(&self, journal: &Journal) {
        self.remove(&journal.path);
    }

    fn path(&self, kind: &str, service: &ServiceKey, server: &DestinationKey) -> PathBuf {
        self.folder.join(format!("{kind} {service} {server}").replace(' ', "_"))
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(kind))
            .map(|entry| entry.path())
            .collect();
        files.sort();
        files
    }

    /// Whoever reads the file finds all of it or nothing.
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        // Others must not put rules there.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        self.forget_others_of_this_inode();
        let mut file = tempfile::Builder::new().prefix(".new.").tempfile_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Namespaces of the same inode are gone: only one at a time can have it.
    fn forget_others_of_this_inode(&self) {
        let name = |folder: &Path| Some(folder.file_name()?.to_string_lossy().into_owned());
        let inode = |name: &str| name.rsplit_once('-').map(|(inode, _)| inode.to_owned());
        let (Some(parent), Some(own)) = (self.folder.parent(), name(&self.folder)) else {
            return;
        };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let other = name(&entry.path()).filter(|other| *other != own);
            if other.is_some_and(|other| inode(&other) == inode(&own)) {
                // Nothing in it is a folder, and a start would pay for what removes those too.
                let files = fs::read_dir(entry.path()).into_iter().flatten().flatten();
                files.for_each(|file| drop(fs::remove_file(file.path())));
                let _ = fs::remove_dir(entry.path());
            }
        }
    }

    fn remove(&self, path: &Path) {
        let _ = fs::remove_file(path);
        // Fails while there are others.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The inode of the kernel's socket for rtnetlink, which it makes together with the namespace. Unlike
/// the inode of the namespace, the kernel does not use it again until it has used 2^32 others.
fn rtnetlink_inode(sockets: &str) -> Option<u64> {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    sockets.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [_, "0", "0", .., inode] => inode.parse().ok(),
            _ => None,
        }
    })
}

/// A server as options: `-t 192.0.2.1:80 -r 10.0.0.1:80`.
pub(crate) fn server_options(
    service: &ServiceKey,
    server: &DestinationKey,
) -> Result<String, Unwritable> {
    let line = Line::new(&Change::DeleteDestination(*service, *server))?.to_string();
    Ok(line.trim_start_matches("-d ").to_owned())
}

/// A service as options: `-t 192.0.2.1:80`.
pub(crate) fn service_options(service: &ServiceKey) -> Result<String, Unwritable> {
    let line = Line::new(&Change::DeleteService(*service))?.to_string();
    Ok(line.trim_start_matches("-D ").to_owned())
}

fn read_drained(path: &Path) -> Option<Drained> {
    let text = fs::read(path).ok()?;
    match parse_command(&text, &mut NumericOnly) {
        Ok(Some(RuleCommand::Amend(amendment))) => match *amendment {
            Amendment::Destination(service, server, edit) => {
                Some(Drained { service, server, weight: edit.weight()? })
            }
            Amendment::Service(..) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ipvs::DestinationConfig;

    use super::*;

    fn memory() -> (tempfile::TempDir, Memory) {
        let folder = tempfile::tempdir().expect("a directory");
        let memory = Memory::in_folder(&folder.path().join("ipvsadm/4-4026531840"));
        (folder, memory)
    }

    fn key<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("a key")
    }

    #[test]
    fn weights_are_remembered_for_every_kind_of_service() {
        let (_folder, memory) = memory();
        assert_eq!(memory.drained(), []);
        let mut all: Vec<Drained> = [
            ("TCP 192.0.2.1:80", "10.0.0.1:80", 3),
            ("TCP 192.0.2.1:80", "10.0.0.2:8080", 2_147_483_647),
            ("UDP [2001:db8::1]:53", "[2001:db8::2]:53", 1),
            ("SCTP 192.0.2.1:80", "[2001:db8::2]:80", 1),
            ("FWM 7", "10.0.0.1:0", 5),
            ("FWM 7 IPv6", "[2001:db8::2]:0", 6),
        ]
        .map(|(service, server, weight)| Drained {
            service: key(service),
            server: key(server),
            weight,
        })
        .into();
        for drained in &all {
            assert_eq!(memory.weight(&drained.service, &drained.server), None);
            memory.remember(drained).expect("written");
            assert_eq!(memory.weight(&drained.service, &drained.server), Some(drained.weight));
        }
        all.sort_by_key(|drained| (drained.service, drained.server));
        assert_eq!(memory.drained(), all);
        let again = Drained { weight: 9, ..all[0] };
        memory.remember(&again).expect("written");
        assert_eq!(memory.weight(&again.service, &again.server), Some(9));
        for drained in &all {
            memory.forget(&drained.service, &drained.server);
        }
        assert_eq!(memory.drained(), []);
        assert!(!memory.folder.exists());
    }

    #[test]
    fn a_namespace_that_gets_the_inode_of_another_one_remembers_nothing_of_it() {
        let sockets = "\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   4242       00000111 0        0        0     2        0        7001
0000000000000000 16  0          00000000 0        0        0     2        0        6003
0000000000000000 0   0          00000000 0        0        0     2        0        6001
";
        assert_eq!(rtnetlink_inode(sockets), Some(6001));
        assert_eq!(rtnetlink_inode("nonsense\n"), None);
        let folder = tempfile::tempdir().expect("a directory");
        let of = |name: &str| Memory::in_folder(&folder.path().join(name));
        let drained =
            Drained { service: key("TCP 192.0.2.1:80"), server: key("10.0.0.1:80"), weight: 3 };
        for name in ["4-40-1", "4-41-1", "4-40-2"] {
            assert_eq!(of(name).drained(), []);
            of(name).remember(&drained).expect("written");
        }
        let left = ["4-40-1", "4-41-1", "4-40-2"].map(|name| of(name).drained().len());
        assert_eq!(left, [0, 1, 1]);
    }

    #[test]
    fn a_file_is_a_rule_that_people_can_run() {
        let (_folder, memory) = memory();
        let drained =
            Drained { service: key("TCP 192.0.2.1:80"), server: key("10.0.0.1:80"), weight: 3 };
        memory.remember(&drained).expect("written");
        let path = memory.folder.join("drained_TCP_192.0.2.1:80_10.0.0.1:80");
        let text = fs::read_to_string(&path).expect("there");
        assert_eq!(text, "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -w 3 --keep\n");
        for nonsense in ["", "-L\n", "-e -t 192.0.2.1:80 -w 3 --keep\n", "\0\n"] {
            fs::write(&path, nonsense).expect("written");
            assert_eq!(memory.drained(), [], "{nonsense:?}");
        }
    }

    #[test]
    fn what_an_unfinished_command_left_is_found_until_it_is_forgotten() {
        let (_folder, memory) = memory();
        let (service, server) = (key("FWM 7"), key("10.0.0.1:0"));
        let setting =
            Change::SetSetting(ipvs::Setting::EXPIRE_NODEST_CONN, ipvs::SettingValue::Number(0));
        let add = Change::AddDestination(service, server, DestinationConfig::default());
        memory.begin(&service, &server, &[setting, add]).expect("written");
        let journals = memory.unfinished();
        assert_eq!(journals.len(), 1);
        assert_eq!(journals[0].changes, [setting, add]);
        memory.forget_unfinished(&journals[0]);
        assert!(memory.unfinished().is_empty());
        memory.begin(&service, &server, &[setting]).expect("written");
        memory.end(&service, &server);
        assert!(memory.unfinished().is_empty());
    }
}
