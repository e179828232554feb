//! The kernel's numbers, from `<linux/ip_vs.h>` unless a comment names another header. Names are
//! the header's without the prefix, which is the module's.

/// `IPVS_GENL_NAME`
pub(crate) const FAMILY_NAME: &str = "IPVS";
/// `IPVS_GENL_VERSION`
pub(crate) const FAMILY_VERSION: u8 = 1;

/// `IPVS_CMD_*`
pub(crate) mod cmd {
    pub(crate) const NEW_SERVICE: u8 = 1;
    pub(crate) const SET_SERVICE: u8 = 2;
    pub(crate) const DEL_SERVICE: u8 = 3;
    pub(crate) const GET_SERVICE: u8 = 4;
    pub(crate) const NEW_DEST: u8 = 5;
    pub(crate) const SET_DEST: u8 = 6;
    pub(crate) const DEL_DEST: u8 = 7;
    pub(crate) const GET_DEST: u8 = 8;
    pub(crate) const NEW_DAEMON: u8 = 9;
    pub(crate) const DEL_DAEMON: u8 = 10;
    pub(crate) const GET_DAEMON: u8 = 11;
    pub(crate) const SET_CONFIG: u8 = 12;
    pub(crate) const GET_CONFIG: u8 = 13;
    pub(crate) const GET_INFO: u8 = 15;
    pub(crate) const ZERO: u8 = 16;
    pub(crate) const FLUSH: u8 = 17;
}

/// `IPVS_CMD_ATTR_*`
pub(crate) mod cmd_attr {
    pub(crate) const SERVICE: u16 = 1;
    pub(crate) const DEST: u16 = 2;
    pub(crate) const DAEMON: u16 = 3;
    pub(crate) const TIMEOUT_TCP: u16 = 4;
    pub(crate) const TIMEOUT_TCP_FIN: u16 = 5;
    pub(crate) const TIMEOUT_UDP: u16 = 6;
}

/// `IPVS_SVC_ATTR_*`
pub(crate) mod svc_attr {
    pub(crate) const AF: u16 = 1;
    pub(crate) const PROTOCOL: u16 = 2;
    pub(crate) const ADDR: u16 = 3;
    pub(crate) const PORT: u16 = 4;
    pub(crate) const FWMARK: u16 = 5;
    pub(crate) const SCHED_NAME: u16 = 6;
    pub(crate) const FLAGS: u16 = 7;
    pub(crate) const TIMEOUT: u16 = 8;
    pub(crate) const NETMASK: u16 = 9;
    pub(crate) const STATS: u16 = 10;
    pub(crate) const PE_NAME: u16 = 11;
    pub(crate) const STATS64: u16 = 12;
}

/// `IPVS_DEST_ATTR_*`
pub(crate) mod dest_attr {
    pub(crate) const ADDR: u16 = 1;
    pub(crate) const PORT: u16 = 2;
    pub(crate) const FWD_METHOD: u16 = 3;
    pub(crate) const WEIGHT: u16 = 4;
    pub(crate) const U_THRESH: u16 = 5;
    pub(crate) const L_THRESH: u16 = 6;
    pub(crate) const ACTIVE_CONNS: u16 = 7;
    pub(crate) const INACT_CONNS: u16 = 8;
    pub(crate) const PERSIST_CONNS: u16 = 9;
    pub(crate) const STATS: u16 = 10;
    pub(crate) const ADDR_FAMILY: u16 = 11;
    pub(crate) const STATS64: u16 = 12;
    pub(crate) const TUN_TYPE: u16 = 13;
    pub(crate) const TUN_PORT: u16 = 14;
    pub(crate) const TUN_FLAGS: u16 = 15;
}

/// `IPVS_DAEMON_ATTR_*`
pub(crate) mod daemon_attr {
    pub(crate) const STATE: u16 = 1;
    pub(crate) const MCAST_IFN: u16 = 2;
    pub(crate) const SYNC_ID: u16 = 3;
    pub(crate) const SYNC_MAXLEN: u16 = 4;
    pub(crate) const MCAST_GROUP: u16 = 5;
    pub(crate) const MCAST_GROUP6: u16 = 6;
    pub(crate) const MCAST_PORT: u16 = 7;
    pub(crate) const MCAST_TTL: u16 = 8;
}

/// `IPVS_STATS_ATTR_*`
pub(crate) mod stats_attr {
    pub(crate) const CONNS: u16 = 1;
    pub(crate) const INPKTS: u16 = 2;
    pub(crate) const OUTPKTS: u16 = 3;
    pub(crate) const INBYTES: u16 = 4;
    pub(crate) const OUTBYTES: u16 = 5;
    pub(crate) const CPS: u16 = 6;
    pub(crate) const INPPS: u16 = 7;
    pub(crate) const OUTPPS: u16 = 8;
    pub(crate) const INBPS: u16 = 9;
    pub(crate) const OUTBPS: u16 = 10;
}

/// `IPVS_INFO_ATTR_*`
pub(crate) mod info_attr {
    pub(crate) const VERSION: u16 = 1;
    pub(crate) const CONN_TAB_SIZE: u16 = 2;
}

/// `IP_VS_SVC_F_*`
pub(crate) mod svc_flag {
    pub(crate) const PERSISTENT: u32 = 0x0001;
    pub(crate) const ONEPACKET: u32 = 0x0004;
    /// `IP_VS_SVC_F_SCHED1`; 2 and 3 are the two bits above it.
    pub(crate) const SCHED1: u32 = 0x0008;
}

/// `IP_VS_CONN_F_*`, of which the lowest three bits are the forwarding method
pub(crate) mod fwd {
    pub(crate) const MASK: u32 = 0x0007;
    pub(crate) const MASQ: u32 = 0;
    pub(crate) const LOCALNODE: u32 = 1;
    pub(crate) const TUNNEL: u32 = 2;
    pub(crate) const DROUTE: u32 = 3;
    pub(crate) const BYPASS: u32 = 4;
}

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`
pub(crate) mod tun_type {
    pub(crate) const IPIP: u8 = 0;
    pub(crate) const GUE: u8 = 1;
    pub(crate) const GRE: u8 = 2;
}

/// `IP_VS_TUNNEL_ENCAP_FLAG_*`
pub(crate) mod tun_flag {
    pub(crate) const NOCSUM: u16 = 0;
    pub(crate) const CSUM: u16 = 1;
    pub(crate) const REMCSUM: u16 = 2;
}

/// `IP_VS_STATE_*`
pub(crate) mod state {
    pub(crate) const MASTER: u32 = 1;
    pub(crate) const BACKUP: u32 = 2;
}

/// Address families, from `<linux/socket.h>`
pub(crate) mod af {
    pub(crate) const INET: u16 = 2;
    pub(crate) const INET6: u16 = 10;
}

/// Attributes of an extended acknowledgement: `NLMSGERR_ATTR_*` of `<linux/netlink.h>`
pub(crate) mod ext_ack {
    pub(crate) const MSG: u16 = 1;
}

/// Error numbers, which differ between architectures
pub(crate) mod errno {
    use rustix::io::Errno;

    pub(crate) const EPERM: i32 = Errno::PERM.raw_os_error();
    pub(crate) const ENOENT: i32 = Errno::NOENT.raw_os_error();
    pub(crate) const ESRCH: i32 = Errno::SRCH.raw_os_error();
    pub(crate) const ENOMEM: i32 = Errno::NOMEM.raw_os_error();
    pub(crate) const EEXIST: i32 = Errno::EXIST.raw_os_error();
    pub(crate) const EINVAL: i32 = Errno::INVAL.raw_os_error();
    pub(crate) const EMSGSIZE: i32 = Errno::MSGSIZE.raw_os_error();
    pub(crate) const ENOPROTOOPT: i32 = Errno::NOPROTOOPT.raw_os_error();
    pub(crate) const EOPNOTSUPP: i32 = Errno::OPNOTSUPP.raw_os_error();
    pub(crate) const EAFNOSUPPORT: i32 = Errno::AFNOSUPPORT.raw_os_error();
    pub(crate) const EACCES: i32 = Errno::ACCESS.raw_os_error();
    pub(crate) const EROFS: i32 = Errno::ROFS.raw_os_error();
    pub(crate) const ERANGE: i32 = Errno::RANGE.raw_os_error();
    pub(crate) const ENOBUFS: i32 = Errno::NOBUFS.raw_os_error();
}
