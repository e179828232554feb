//! The schedulers of the mainline kernel.

/// A scheduler that the mainline kernel ships, for help texts and completions.
///
/// The kernel loads schedulers as modules, and there may be others: a service may name any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownScheduler {
    /// Its name in the kernel. Its module is `ip_vs_NAME`.
    pub name: &'static str,
    /// Its method, in a few words.
    pub summary: &'static str,
}

/// The schedulers of the mainline kernel (`net/netfilter/ipvs/ip_vs_*.c`), the usual ones first.
pub const SCHEDULERS: &[KnownScheduler] = &[
    KnownScheduler { name: "rr", summary: "round robin" },
    KnownScheduler { name: "wrr", summary: "weighted round robin" },
    KnownScheduler { name: "lc", summary: "least connections" },
    KnownScheduler { name: "wlc", summary: "weighted least connections (the default)" },
    KnownScheduler { name: "lblc", summary: "locality-based least connections" },
    KnownScheduler { name: "lblcr", summary: "locality-based least connections with replication" },
    KnownScheduler { name: "dh", summary: "destination hashing" },
    KnownScheduler { name: "sh", summary: "source hashing" },
    KnownScheduler { name: "sed", summary: "shortest expected delay" },
    KnownScheduler { name: "nq", summary: "never queue" },
    KnownScheduler { name: "fo", summary: "weighted failover" },
    KnownScheduler { name: "ovf", summary: "weighted overflow" },
    KnownScheduler { name: "mh", summary: "Maglev hashing" },
    KnownScheduler { name: "twos", summary: "power of two random choices" },
];
