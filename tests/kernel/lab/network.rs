//! Two clients, a director and two real servers, each a network namespace, and the cables between
//! them.

use crate::netns::Netns;

/// A map of the network.
pub(crate) const MAP: &str = concat!(
    "                 the clients' LAN, 192.168.144.0/24\n",
    "  ──┬───────────┬───────────┬───────────┬───────────┬──\n",
    "    │.10        │.11        │.44 .45    │.49 (.45)  │.50 (.45)\n",
    " client1     client2     director    server1     server2\n",
    "                            │.7         │.8         │.9\n",
    "                          ──┴───────────┴───────────┴──\n",
    "                 behind the director, 128.10.10.0/24\n",
);

/// The director's own address on the LAN, the virtual address with NAT.
pub(crate) const NAT_VIP: &str = "192.168.144.44";
/// The virtual address that the director and the real servers share with direct routing.
pub(crate) const DR_VIP: &str = "192.168.144.45";
/// The real servers' addresses behind the director.
pub(crate) const BACKEND: [&str; 2] = ["128.10.10.8", "128.10.10.9"];
/// The real servers' addresses on the LAN.
pub(crate) const LAN: [&str; 2] = ["192.168.144.49", "192.168.144.50"];

/// The hosts, which dropping this removes.
pub(crate) struct Network {
    pub(crate) client1: Netns,
    pub(crate) client2: Netns,
    pub(crate) director: Netns,
    pub(crate) server1: Netns,
    pub(crate) server2: Netns,
    /// Two bridges: `lan` and `backend`.
    _switch: Netns,
}

impl Network {
    /// Every host with its addresses for NAT. The real servers' cables to the LAN are plugged in,
    /// without addresses.
    pub(crate) fn new() -> Network {
        let [client1, client2, director, server1, server2, switch] =
            ["client1", "client2", "director", "server1", "server2", "switch"].map(Netns::named);
        switch.ip("link add lan type bridge
             link add backend type bridge
             link set lan up
             link set backend up");
        let cables = [
            ("lan", &client1, "eth0"),
            ("lan", &client2, "eth0"),
            ("lan", &director, "eth0"),
            ("backend", &director, "eth1"),
            ("backend", &server1, "eth0"),
            ("backend", &server2, "eth0"),
            ("lan", &server1, "eth1"),
            ("lan", &server2, "eth1"),
        ];
        let plug = cables.map(|(bridge, host, end)| {
            let port = format!("{}-{end}", host.name());
            format!(
                "link add {port} type veth peer name {end} netns {}\n\
                 link set {port} master {bridge} up\n",
                host.name()
            )
        });
        switch.ip(&plug.concat());

        client1.ip("link set eth0 up\naddress add 192.168.144.10/24 dev eth0");
        client2.ip("link set eth0 up\naddress add 192.168.144.11/24 dev eth0");
        director.ip("link set eth0 up
             link set eth1 up
             address add 192.168.144.44/24 dev eth0
             address add 128.10.10.7/24 dev eth1");
        for (server, address) in [&server1, &server2].into_iter().zip(BACKEND) {
            server.ip(&format!(
                "link set eth0 up
                 link set eth1 up
                 address add {address}/24 dev eth0
                 route add default via 128.10.10.7"
            ));
            // With two routes to the clients, strict checking of sources would drop some packets.
            // Distributions have different defaults.
            server.sysctl("net.ipv4.conf.all.rp_filter", "2");
        }
        Network { client1, client2, director, server1, server2, _switch: switch }
    }
}
