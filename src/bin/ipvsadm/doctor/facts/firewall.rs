//! The rules of the firewall.

use serde::{Deserialize, Serialize};

/// What `nft -j list ruleset` and `iptables-save` say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewall {}
