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
    /// What it makes of weights.
    pub weights: WeightUse,
}

/// What a scheduler makes of the weights of real servers. All give nothing to a server whose weight
/// is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightUse {
    /// A server's share of new connections follows its weight.
    Share,
    /// The weight decides which clients are a server's, so a change moves some to another.
    Hash,
    /// The server with the highest weight comes first.
    Rank,
    /// Every weight above 0 means the same.
    Nothing,
}

/// What a scheduler makes of weights. `None` for one that the mainline kernel does not have.
pub fn weight_use(scheduler: &str) -> Option<WeightUse> {
    SCHEDULERS.iter().find(|known| known.name == scheduler).map(|known| known.weights)
}

const fn known(name: &'static str, weights: WeightUse, summary: &'static str) -> KnownScheduler {
    KnownScheduler { name, summary, weights }
}

/// The schedulers of the mainline kernel (`net/netfilter/ipvs/ip_vs_*.c`), the usual ones first.
pub const SCHEDULERS: &[KnownScheduler] = &[
    known("rr", WeightUse::Nothing, "round robin"),
    known("wrr", WeightUse::Share, "weighted round robin"),
    known("lc", WeightUse::Nothing, "least connections"),
    known("wlc", WeightUse::Share, "weighted least connections (the default)"),
    known("lblc", WeightUse::Share, "locality-based least connections"),
    known("lblcr", WeightUse::Share, "locality-based least connections with replication"),
    known("dh", WeightUse::Nothing, "destination hashing"),
    known("sh", WeightUse::Hash, "source hashing"),
    known("sed", WeightUse::Share, "shortest expected delay"),
    known("nq", WeightUse::Share, "never queue"),
    known("fo", WeightUse::Rank, "weighted failover"),
    known("ovf", WeightUse::Rank, "weighted overflow"),
    known("mh", WeightUse::Hash, "Maglev hashing"),
    known("twos", WeightUse::Share, "power of two random choices"),
];
