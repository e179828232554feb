//! The interactive use of the lab: the demo, and a shell on the director.

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use super::network::MAP;
use super::story::Story;
use super::{Lab, troubles, walkthrough};
use crate::harness::{COLOURS, Session, forget_role};
use crate::program;

/// `--demo`: the walk-through with its explanations.
pub(crate) const DEMO: Session = Session { name: "demo", interactive: false, run: demo };

/// `--shell`: a shell on the director, ready to try IPVS.
pub(crate) const SHELL: Session = Session { name: "shell", interactive: true, run: shell };

fn demo(_: &[OsString]) -> ExitCode {
    let mut story = Story::new(env::var_os(COLOURS).is_some());
    story.show(
        "A director with IPVS, two real servers, two clients: each a network namespace of one \
         kernel.\n",
    );
    story.show(MAP);
    let lab = Lab::new();
    walkthrough::everything(&lab, &mut story);
    // Without what steps 4 and 5 have set up: NAT is broken first.
    drop(lab);
    troubles::everything(&Lab::new(), &mut story);

    let (held, failed) = story.account();
    println!();
    if failed.is_empty() {
        let verdict = format!("All {held} expectations held.");
        println!("{}", story.colour("1;32", &verdict));
        return ExitCode::SUCCESS;
    }
    let verdict = format!("{held} expectations held, {} did not:", failed.len());
    println!("{}", story.colour("1;31", &verdict));
    for line in failed {
        println!("  {line}");
    }
    ExitCode::FAILURE
}

fn shell(arguments: &[OsString]) -> ExitCode {
    let lab = Lab::new();
    walkthrough::prepare(&lab);
    if let Err(error) = write_tools(Path::new("/tmp/lab/bin")) {
        eprintln!("/tmp/lab/bin: {error}");
        return ExitCode::FAILURE;
    }
    let path = env::var("PATH").unwrap_or_default();
    let status = lab.network.director.enter(|| {
        forget_role(&mut Command::new("bash"))
            .args(["--rcfile", "/tmp/lab/bin/greeting", "-i"])
            .args(arguments)
            .env("PATH", format!("/tmp/lab/bin:{path}"))
            .status()
    });
    match status {
        // The status of the shell is that of its last command, which does not matter here.
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bash: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the lab's commands: `HOST COMMAND` runs a command on a host, `get` fetches a page.
fn write_tools(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let tool = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
    };
    for host in ["client1", "client2", "director", "server1", "server2"] {
        tool(host, &format!("#!/bin/sh\nexec ip netns exec {host} \"$@\"\n"))?;
    }
    tool("get", GET)?;
    tool("greeting", &greeting())?;
    symlink(program::ipvsadm(), folder.join("ipvsadm"))
}

/// In bash, so that it needs no other package.
const GET: &str = r#"#!/bin/bash
# get ADDRESS [PORT]: fetches the index page from there
exec 3<>"/dev/tcp/${1:?an address}/${2:-80}" || exit 1
printf 'GET / HTTP/1.0\r\n\r\n' >&3
sed '1,/^\r$/d' <&3
echo
"#;

fn greeting() -> String {
    format!(
        r#"PS1='director# '
unset HISTFILE
cat <<'END'

This is the director. The IPVS table is empty, and nginx runs on both real servers.

{MAP}
Try NAT, and send requests from a client:
  ipvsadm -A -t 192.168.144.44:80 -s rr
  ipvsadm -a -t 192.168.144.44:80 -r 128.10.10.8 -m
  ipvsadm -a -t 192.168.144.44:80 -r 128.10.10.9 -m
  client1 get 192.168.144.44
  client1 ab -q -n 1000 -c 100 http://192.168.144.44/index.html
  ipvsadm -L -n --stats

Direct routing is prepared: 192.168.144.45 is on the director and, without ARP, on both servers:
  ipvsadm -A -t 192.168.144.45:80 -s rr
  ipvsadm -a -t 192.168.144.45:80 -r 192.168.144.49 -g
  ipvsadm -a -t 192.168.144.45:80 -r 192.168.144.50 -g
  client2 get 192.168.144.45

client1, client2, server1, server2 COMMAND runs a command there; get ADDRESS [PORT] fetches a page.
docs/tutorial.md explains each step. Type exit to leave; nothing of this network remains.

END
"#
    )
}
