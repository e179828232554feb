//! The kernel's limits, and what it does when it comes near them.

use super::{Check, Found};
use crate::doctor::facts::{Facts, Missing};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("table-small", Severity::Warning, table_small),
    Check::on_director("conn-max", Severity::Warning, conn_max),
    Check::on_director("defence-on", Severity::Error, defence_on),
    Check::on_director("rates-off", Severity::Info, rates_off),
];

/// Entries in a bucket, on average, from which on a table is too small.
const LONG: u64 = 2;

fn table_small(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let ipvs = facts.ipvs()?;
    let total = facts.connections()?.total;
    let buckets = u64::from(ipvs.table_size);
    if buckets == 0 || total <= LONG * buckets {
        return Ok(());
    }
    let seen = format!("{total} connections are in a table of {buckets} buckets");
    let cause = "each packet's connection is searched for in a long chain, which costs time";
    // The next power of two.
    let bits = u64::BITS - (total - 1).leading_zeros();
    let finding = found.add(seen, cause);
    match &ipvs.table_use {
        Some(usage) if ipvs.table_most_bits.is_none_or(|most| usage.bits < most) => {
            finding.fix("sysctl -w net.ipv4.vs.conn_lfactor=-4");
        }
        _ => {
            finding
                .fix(format!(
                    "echo 'options ip_vs conn_tab_bits={bits}' > /etc/modprobe.d/ip_vs.conf"
                ))
                .fix("# it takes effect when the module is next loaded: at the next boot");
        }
    }
    Ok(())
}

fn conn_max(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    const NAME: &str = "net.ipv4.vs.conn_max";
    // Before Linux 7.2 there is no limit.
    if facts.sysctl(NAME).is_none() {
        return Ok(());
    }
    let total = facts.connections()?.total;
    let most = u64::try_from(facts.number(NAME)?).unwrap_or(0);
    if most > 0 && total.saturating_mul(10) >= most.saturating_mul(9) {
        found
            .add(
                format!("{total} connections, of {most} that net.ipv4.vs.conn_max allows"),
                "above the limit new connections are refused silently",
            )
            .fix(format!("sysctl -w {NAME}={}", most.saturating_mul(2)));
    }
    Ok(())
}

fn defence_on(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for (name, severity, cause) in [
        ("drop_packet", Severity::Error, "packets of new and old connections are dropped"),
        ("drop_entry", Severity::Warning, "connections that look half open or idle are forgotten"),
        ("secure_tcp", Severity::Warning, "half-open connections are forgotten earlier"),
    ] {
        let parameter = format!("net.ipv4.vs.{name}");
        let when = match facts.number(&parameter)? {
            2 => "as memory is short",
            3 => "always",
            _ => continue,
        };
        let finding = found.add(format!("the defense {name} is at work, {when}"), cause);
        finding.severity = severity;
        finding.fix(format!("sysctl -w {parameter}=0"));
        if when != "always" {
            finding.fix("# and free memory, or lower net.ipv4.vs.amemthresh (in pages)");
        }
    }
    Ok(())
}

fn rates_off(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let is_off = facts.sysctl("net.ipv4.vs.run_estimation").is_some_and(|value| value == "0");
    // The CPUs are set to none.
    let no_cpu = facts.sysctl("net.ipv4.vs.est_cpulist").is_some_and(str::is_empty);
    facts.ipvs()?;
    if is_off {
        found
            .add("net.ipv4.vs.run_estimation is 0", "rates and counters are not kept up to date")
            .fix("sysctl -w net.ipv4.vs.run_estimation=1");
    } else if no_cpu {
        found
            .add("net.ipv4.vs.est_cpulist is empty", "rates and counters are not kept up to date")
            .fix("sysctl -w net.ipv4.vs.est_cpulist=0");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
