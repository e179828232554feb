//! Large receive offload, as ethtool says: of physical interfaces, as others have none.

use std::process::{Command, Stdio};

use crate::doctor::facts::Link;

/// The most interfaces that are asked about.
const MOST: usize = 32;

pub(super) fn gather(links: &mut [Link]) {
    let physical = |link: &&mut Link| link.kind.is_none() && !link.loopback && link.up;
    for link in links.iter_mut().filter(physical).take(MOST) {
        let program = ["/usr/sbin/ethtool", "/sbin/ethtool", "ethtool"].into_iter();
        let mut outputs = program.map(|program| {
            let mut command = Command::new(program);
            command.args(["-k", &link.name]).stdin(Stdio::null()).stderr(Stdio::null()).output()
        });
        let Some(output) = outputs.find_map(Result::ok) else {
            return; // It is not installed.
        };
        link.lro = lro(&String::from_utf8_lossy(&output.stdout));
    }
}

/// `large-receive-offload: off [fixed]`
fn lro(text: &str) -> Option<bool> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("large-receive-offload:"))?;
    Some(value.trim().starts_with("on"))
}

#[cfg(test)]
mod tests {
    use super::lro;

    #[test]
    fn it_is_read_from_what_ethtool_prints() {
        let with =
            |value| format!("Features for eth0:\nrx-checksumming: on\n{value}\nntuple: off\n");
        assert_eq!(lro(&with("large-receive-offload: on")), Some(true));
        assert_eq!(lro(&with("large-receive-offload: off [fixed]")), Some(false));
        assert_eq!(lro(&with("")), None);
    }
}
