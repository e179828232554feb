//! The names of many addresses, from the system's resolver, several at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dns_lookup::LookupErrorKind;

use super::is_printable;

/// How many look-ups run at a time.
const CONCURRENCY: usize = 32;

/// A look-up that failed after this long means that the name server does not answer at all.
const NO_ANSWER: Duration = Duration::from_secs(1);

/// Looks up each address once. `None` stands for an address without a name. Once the name server
/// is found to be `silent` it is not asked again.
pub(super) fn look_up_all(
    addresses: &[IpAddr],
    silent: &AtomicBool,
) -> HashMap<IpAddr, Option<String>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(&address) = addresses.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((address, look_up(address, silent)));
        }
        found
    };
    if addresses.len() < 2 {
        return work().into_iter().collect();
    }
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..CONCURRENCY.min(addresses.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    })
}

fn look_up(address: IpAddr, silent: &AtomicBool) -> Option<String> {
    if silent.load(Ordering::Relaxed) {
        return None;
    }
    let started = Instant::now();
    match dns_lookup::lookup_addr(&address) {
        Ok(name) if is_printable(&name) => Some(name),
        Ok(_) => None,
        Err(error) => {
            let unanswered = matches!(error.kind(), LookupErrorKind::Again);
            if unanswered && started.elapsed() >= NO_ANSWER {
                silent.store(true, Ordering::Relaxed);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_name_server_is_not_asked_again() {
        let silent = AtomicBool::new(true);
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(look_up(address, &silent), None);
    }
}
