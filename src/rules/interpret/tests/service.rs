//! Virtual services.

use super::*;

fn services(text: &str) -> (ServiceKey, ServiceConfig) {
    match change(text) {
        Change::AddService(key, config) | Change::EditService(key, config) => (key, config),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_service_is_set_up_with_the_defaults_of_the_reference() {
    let (key, config) = services("-A -t 1.2.3.4:80");
    assert_eq!(key, ServiceKey::tcp(([1, 2, 3, 4], 80)));
    assert_eq!(config, ServiceConfig::default());
    assert_eq!(services("-A -t 1.2.3.4:80 -s ").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 --pe ").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 -b ,").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 -M 255.0.0.0").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 --sort").1, config);
    let (_, config) = services("-A -t 1.2.3.4:80 -p");
    assert_eq!(config.persistence, Some(Persistence::new(AddressFamily::V4, 360)));
}

#[test]
fn persistence_is_1_to_2678400_seconds() {
    for (value, want) in [("0", 2), ("1", 0), ("2678400", 0), ("2678401", 2), ("abc", 2), ("", 2)] {
        assert_eq!(status(&format!("-A -t 1.2.3.4:80 -p {value}")), want, "{value}");
        assert_eq!(status(&format!("-A -t 1.2.3.4:80 --persistent={value}")), want, "{value}");
    }
}

#[test]
fn a_service_for_all_ports_is_persistent() {
    for text in ["-A -t 1.2.3.4", "-E -u 1.2.3.4:0", "-A -t 1.2.3.4 -o"] {
        let error = line(text).expect_err(text);
        let reason = ConfigError::AllPorts;
        assert!(matches!(error, UsageError::Config { reason: it, .. } if it == reason), "{text}");
        assert_eq!(exit_status(&error), 2);
    }
    for text in ["-A -t 1.2.3.4 -p", "-A -f 1", "-D -t 1.2.3.4", "-Z -t 1.2.3.4", "-L -t 1.2.3.4"] {
        assert_eq!(status(text), 0, "{text}");
    }
}

#[test]
fn one_packet_scheduling_is_for_udp_and_marks() {
    let option = OptionId::Ops;
    let error = UsageError::Config { option, reason: ConfigError::OnePacket, meant: None };
    assert_eq!(line("-A -t 1.2.3.4:80 -o"), Err(error.clone()));
    assert_eq!(line("-A --sctp-service 1.2.3.4:80 -o"), Err(error));
    assert!(services("-A -u 1.2.3.4:80 -o").1.one_packet);
    assert!(services("-A -f 1 -o -p").1.one_packet);
}

#[test]
fn firewall_marks_are_1_to_4294967295() {
    for (value, want) in [("0", 2), ("1", 0), ("4294967295", 0), ("4294967296", 2), ("-1", 2)] {
        assert_eq!(status(&format!("-A -f {value}")), want, "{value}");
    }
}

#[test]
fn ipv6_goes_with_a_firewall_mark_wherever_it_stands() {
    let v6 = ServiceKey::firewall_mark(NonZeroU32::MIN, AddressFamily::V6);
    for text in ["-D -f 1 -6", "-D -6 -f 1", "-D -6f1"] {
        assert_eq!(change(text), Change::DeleteService(v6), "{text}");
    }
    for text in ["-L -6", "-A -t 1.2.3.4:80 -6", "-A -6 -t [::1]:80", "-Z -6", "-C -6"] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn a_mask_fits_the_family_wherever_it_stands() {
    let mask = |text| services(text).1.persistence.unwrap().netmask.to_string();
    for (text, want) in [
        ("-A -t 1.2.3.4:80 -p 5 -M 255.255.0.0", "255.255.0.0"),
        ("-A -M 24 -t 1.2.3.4:80 -p 5", "0.0.0.24"),
        ("-A -M 24 -t [::1]:80 -p 5", "24"),
        ("-A -t [::1]:80 -M 1 -p 5", "1"),
        ("-A -t [::1]:80 -M 128 -p 5", "128"),
        ("-A -f 5 -p 5 -M 64 -6", "64"),
        ("-A -M 64 -6 -f 5 -p 5", "64"),
    ] {
        assert_eq!(mask(text), want, "{text}");
    }
    for text in [
        "-A -t [::1]:80 -p 5 -M 255.255.255.0",
        "-A -t [::1]:80 -p 5 -M 0",
        "-A -t [::1]:80 -M 129",
        "-A -M 255.0.0.0 -p -t [::1]:80",
        "-A -t 1.2.3.4:80 -M bad",
        // Of several mistakes the first counts.
        "-A -f 1 -6 -p -M 255.255.255.0 -q",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn scheduler_flags_wait_for_the_scheduler() {
    assert_eq!(services("-A -t 1.2.3.4:80 -b sh-port -s sh").1.scheduler_flags.bits(), 2);
    assert_eq!(status("-A -t 1.2.3.4:80 -b sh-port"), 2);
    assert_eq!(status("-A -t 1.2.3.4:80 -s rr -b bogus"), 2);
}
