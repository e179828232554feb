//! Weights and thresholds.

use super::network::{Direct, Nat, ask, fails, hold, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![no_destination, all_at_their_thresholds, hash_refuses, weight_ignored]
}

fn no_destination() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    works(client, Nat::VIP);
    doctor.is_well();
    rules(director, "-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0\n");
    fails(client, Nat::VIP);
    let finding = doctor.has("no-destination");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn all_at_their_thresholds() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    let _open = hold(client, server, director);
    rules(
        director,
        "-d -t 192.0.2.1:80 -r 10.0.0.2:80\n\
         -e -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -x 2 -y 1\n",
    );
    doctor.is_well();
    let more = || client.enter(|| std::net::TcpStream::connect(Nat::VIP));
    let _more = more().expect("room for another one");
    assert!(more().is_err());
    let finding = doctor.has("no-destination");
    doctor.mend(&finding);
    let _third = more().expect("no limit");
    doctor.is_well();
}

fn hash_refuses() {
    let Direct { client, director, servers, .. } = &Direct::new();
    let doctor = Patient::new(director);
    // The one client that there is belongs to one of the two.
    rules(director, "-E -t 192.0.2.100:80 -s sh\n");
    works(client, Direct::VIP);
    doctor.is_well();
    let own = ask(client, Direct::VIP).expect("an answer");
    let (number, address) = match servers[0].name() == own {
        true => (0, "192.0.2.2"),
        false => (1, "192.0.2.3"),
    };
    assert_eq!(servers[number].name(), own);
    rules(director, &format!("-e -t 192.0.2.100:80 -r {address}:80 -g -w 0\n"));
    fails(client, Direct::VIP);
    let finding = doctor.has("hash-refuses");
    doctor.mend(&finding);
    let other = ask(client, Direct::VIP).expect("an answer");
    assert_ne!(other, own);
    doctor.is_well();
}

fn weight_ignored() {
    let Direct { client, director, .. } = &Direct::new();
    rules(director, "-e -t 192.0.2.100:80 -r 192.0.2.2:80 -g -w 3\n");
    works(client, Direct::VIP);
    let doctor = Patient::new(director);
    let finding = doctor.has("weight-ignored");
    doctor.mend(&finding);
    doctor.is_well();
    assert!(doctor.findings().is_empty());
}
