//! What the firewall does to a packet, as far as it is certain.
//!
//! Each question about the packet is answered with yes, no, or that it is not known, and a rule that may
//! hold is followed both ways. So what is not understood is never held against a network that works.

use std::cell::Cell;

use super::packet::Packet;
use crate::doctor::facts::firewall::{Base, Chain, Firewall, Hook, Rule, Step, Verdict, state};

/// What may become of a packet in a chain. All that is false is certain not to be.
#[derive(Debug, Clone, Copy, Default)]
struct Possible<'f> {
    accepted: bool,
    /// The first rule that may drop it, or better, the first that drops whatever comes to it.
    dropped: Option<Dropped<'f>>,
    /// True if it is the latter.
    is_firm: bool,
    /// It comes to the end of the chain.
    passes: bool,
    /// It comes to such rules for certain.
    untracked: Option<Place<'f>>,
    source_nat: Option<Place<'f>>,
    /// The first rule that may give it to something that is not followed.
    handed: Option<Place<'f>>,
}

/// Where a packet is dropped for certain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped<'f> {
    /// The base chain.
    pub(super) base: &'f Chain,
    /// `None`: its policy.
    pub(super) rule: Option<&'f Rule>,
}

/// A rule of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'f> {
    pub(super) chain: &'f Chain,
    pub(super) rule: &'f Rule,
}

impl<'f> Possible<'f> {
    fn add_drop(&mut self, dropped: Option<Dropped<'f>>, is_firm: bool) {
        if self.dropped.is_none() || is_firm && !self.is_firm {
            self.dropped = dropped.or(self.dropped);
            self.is_firm |= is_firm;
        }
    }
}

/// Steps after which all packets are given up as not known: some seconds.
const MOST_STEPS: usize = 100_000_000;
/// The priority of connection tracking.
const TRACKING: i32 = -200;
/// As the kernel's.
const DEEPEST: usize = 16;

/// Follows packets through the chains of a firewall.
pub(super) struct Filter<'f> {
    firewall: &'f Firewall,
    left: Cell<usize>,
}

impl<'f> Filter<'f> {
    pub(super) fn new(firewall: &'f Firewall) -> Self {
        Filter { firewall, left: Cell::new(MOST_STEPS) }
    }

    /// True if it was too much to follow.
    pub(super) fn gave_up(&self) -> bool {
        self.left.get() == 0
    }

    /// The base chains that the packet comes through there, first things first.
    fn bases(&self, hook: Hook, packet: &Packet) -> Vec<(&'f Chain, Base)> {
        let chains = self.firewall.chains.iter().filter_map(|chain| {
            let base = chain.base.filter(|it| it.hook == hook)?;
            chain.family.include(packet.is_ipv6).then_some((chain, base))
        });
        let mut found: Vec<_> = chains.collect();
        found.sort_by_key(|(_, base)| base.priority);
        found
    }

    /// Every base chain on this way that drops the packet for certain, even if it were the only one.
    pub(super) fn drops(&self, hooks: &[Hook], packet: &Packet) -> Vec<Dropped<'f>> {
        let mut packet = packet.clone();
        let mut drops = Vec::new();
        for hook in hooks {
            for (chain, base) in self.bases(*hook, &packet) {
                // Those for addresses drop nothing, or see only what is tracked.
                if base.is_nat {
                    continue;
                }
                let possible = self.through(chain, &mut packet);
                if !possible.accepted && (!possible.passes || base.drops) {
                    // A rule that holds for certain tells more than the policy, and one that may hold
                    // less.
                    let rule = possible.dropped.filter(|_| possible.is_firm || !possible.passes);
                    drops.push(rule.unwrap_or(Dropped { base: chain, rule: None }));
                }
            }
        }
        drops
    }

    /// The rule that keeps the packet from connection tracking, for certain.
    pub(super) fn untracks(&self, packet: &Packet) -> Option<Place<'f>> {
        let mut packet = packet.clone();
        let mut bases = self.bases(Hook::Prerouting, &packet).into_iter();
        bases.find_map(|(chain, _)| self.through(chain, &mut packet).untracked)
    }

    /// The rule that gives the packet another source address, for certain.
    pub(super) fn source_nat(&self, packet: &Packet) -> Option<Place<'f>> {
        let mut packet = packet.clone();
        let bases = self.bases(Hook::Postrouting, &packet).into_iter();
        bases
            .filter(|(_, base)| base.is_nat)
            .find_map(|(chain, _)| self.through(chain, &mut packet).source_nat)
    }

    /// The first rule that may give an arriving packet another destination, or to a program.
    pub(super) fn hands_over(&self, packet: &Packet) -> Option<Place<'f>> {
        let mut packet = packet.clone();
        let mut bases = self.bases(Hook::Prerouting, &packet).into_iter();
        bases.find_map(|(chain, _)| self.through(chain, &mut packet).handed)
    }

    fn through(&self, base: &'f Chain, packet: &mut Packet) -> Possible<'f> {
        Walk { filter: self, base, packet }.chain(base, 0, Path { certain: true, firm: true })
    }

    fn chain(&self, like: &Chain, name: &str) -> Option<&'f Chain> {
        self.firewall.chains.iter().find(|it| {
            it.name == name
                && it.table == like.table
                && it.family == like.family
                && it.tool == like.tool
        })
    }
}

/// A packet on its way through one base chain.
struct Walk<'w, 'f> {
    filter: &'w Filter<'f>,
    base: &'f Chain,
    packet: &'w mut Packet,
}

impl<'f> Walk<'_, 'f> {
    /// Follows the packet through a chain.
    fn chain(&mut self, chain: &'f Chain, depth: usize, mut path: Path) -> Possible<'f> {
        let mut all = Possible::default();
        if depth > DEEPEST {
            return unknown();
        }
        for rule in &chain.rules {
            let end = self.rule(rule, chain, depth, path, &mut all);
            if self.filter.gave_up() {
                return unknown();
            }
            match end {
                End::Next => {}
                End::Perhaps => path.certain = false,
                End::Never => return all,
            }
        }
        all.passes = true;
        all
    }

    /// Adds what a rule may do.
    fn rule(
        &mut self,
        rule: &'f Rule,
        chain: &'f Chain,
        depth: usize,
        path: Path,
        all: &mut Possible<'f>,
    ) -> End {
        // True as long as all questions are answered with yes.
        let mut holds = true;
        for step in &rule.steps {
            self.filter.left.set(self.filter.left.get().saturating_sub(1));
            let verdict = match step {
                Step::If(question) => match self.packet.answer(question) {
                    Some(true) => continue,
                    Some(false) => return End::Next,
                    None => {
                        holds = false;
                        continue;
                    }
                },
                Step::Perhaps => {
                    holds = false;
                    continue;
                }
                Step::Mark { value, mask } => {
                    let new = self.packet.mark.zip(*value).map(|(old, bits)| old & !mask | bits);
                    let new = new.or(value.filter(|_| *mask == u32::MAX));
                    if new != self.packet.mark {
                        self.packet.mark = if holds && path.certain { new } else { None };
                    }
                    continue;
                }
                Step::Untrack => {
                    // Later, it would be tracked already.
                    if self.base.base.is_none_or(|it| it.priority >= TRACKING) {
                        continue;
                    }
                    self.packet.state = Some(state::UNTRACKED).filter(|_| holds && path.certain);
                    if holds && path.certain {
                        all.untracked = all.untracked.or(Some(Place { chain, rule }));
                    }
                    continue;
                }
                Step::SourceNat => {
                    if holds && path.certain {
                        all.source_nat = all.source_nat.or(Some(Place { chain, rule }));
                    }
                    continue;
                }
                Step::Choose { fields, arms } => {
                    let mut chosen = None;
                    for (key, verdict) in arms {
                        match self.packet.has(fields, None, key) {
                            Some(true) => chosen = Some(verdict),
                            Some(false) => {}
                            None => return self.perhaps_anything(all),
                        }
                    }
                    match chosen {
                        Some(verdict) => verdict,
                        None => continue,
                    }
                }
                Step::Verdict(verdict) => verdict,
            };
            let path = Path { certain: path.certain && holds, firm: path.firm && holds };
            let ends = self.verdict(verdict, rule, chain, depth, path, all);
            return match (ends, holds) {
                (End::Never, true) => End::Never,
                (End::Next, true) => End::Next,
                _ => End::Perhaps,
            };
        }
        End::Next
    }

    /// Adds what a verdict may lead to. Says whether the packet comes to the next rule then.
    fn verdict(
        &mut self,
        verdict: &'f Verdict,
        rule: &'f Rule,
        chain: &'f Chain,
        depth: usize,
        path: Path,
        all: &mut Possible<'f>,
    ) -> End {
        match verdict {
            Verdict::Accept => all.accepted = true,
            Verdict::Drop => {
                let dropped = Dropped { base: self.base, rule: Some(rule) };
                all.add_drop(Some(dropped), path.firm);
            }
            Verdict::Return => all.passes = true,
            Verdict::Unknown => {
                all.handed = all.handed.or(Some(Place { chain, rule }));
                return self.perhaps_anything(all);
            }
            Verdict::Jump(name) | Verdict::Goto(name) => {
                let Some(target) = self.filter.chain(chain, name) else {
                    return self.perhaps_anything(all);
                };
                let inner = self.chain(target, depth + 1, path);
                all.accepted |= inner.accepted;
                all.add_drop(inner.dropped, inner.is_firm);
                all.untracked = all.untracked.or(inner.untracked);
                all.source_nat = all.source_nat.or(inner.source_nat);
                all.handed = all.handed.or(inner.handed);
                let ends = inner.accepted || inner.dropped.is_some();
                return match (verdict, inner.passes, ends) {
                    (Verdict::Goto(_), passes, _) => {
                        all.passes |= passes;
                        End::Never
                    }
                    (_, true, true) => End::Perhaps,
                    (_, true, false) => End::Next,
                    (_, false, _) => End::Never,
                };
            }
        }
        End::Never
    }

    fn perhaps_anything(&mut self, all: &mut Possible<'f>) -> End {
        self.packet.mark = None;
        all.accepted = true;
        all.passes = true;
        End::Perhaps
    }
}

/// How a packet comes to a rule.
#[derive(Clone, Copy)]
struct Path {
    /// It does, for certain.
    certain: bool,
    /// It does, for certain, unless something else has become of it before.
    firm: bool,
}

/// Whether a packet comes to the next rule.
enum End {
    Next,
    Perhaps,
    Never,
}

fn unknown<'f>() -> Possible<'f> {
    Possible { accepted: true, passes: true, ..Possible::default() }
}

#[cfg(test)]
mod tests;
