//! Listings and their formats.

use super::*;

#[test]
fn the_default_lists_the_table() {
    assert_eq!(line("-L"), Ok(Invocation::default().command));
}

#[test]
fn a_listing_has_one_subject() {
    for text in [
        "-L -c --timeout",
        "-L -c --daemon",
        "-L --timeout --daemon",
        "-L -c --status",
        "-L --status -t 1.2.3.4:80",
        "-L --status -r 1.2.3.4:80",
        "-L --status --stats",
        "-L --status --persistent-conn",
        "-L --timeout -r 1.2.3.4",
        "-L -c --persistent-conn --origin",
        "-L -c --by state --origin",
        "-L -c --by state --persistent-conn",
        "-L -f 1 --timeout",
        "-L --daemon -u 1.2.3.4:80",
        "-L -c --stats",
        "-L -c --rate",
        "-L -c --thresholds",
        "-L --timeout --stats",
        "-L --daemon --rate",
        "-L --timeout --persistent-conn",
        "-L --daemon --persistent-conn",
    ] {
        assert!(matches!(line(text), Err(UsageError::Conflict { .. })), "{text}");
        assert_eq!(status(text), 2, "{text}");
    }
    let full = ConnectionListing {
        numeric: true,
        persistence_engine: true,
        ..ConnectionListing::default()
    };
    for (text, want) in [
        ("-Lcn --persistent-conn", Listing::Connections(full)),
        ("-L -c --tun-info -X --nosort --sort", Listing::Connections(ConnectionListing::default())),
        ("-L --timeout -n -X --tun-info --nosort", Listing::Timeouts { json: false }),
        ("-L --daemon -n -X --tun-info --syncid 5", Listing::Daemons { json: false }),
        ("-L --status -n --json", Listing::Status { json: true }),
    ] {
        assert_eq!(line(text), Ok(Command::List(want)), "{text}");
    }
}

#[test]
fn of_several_views_the_first_in_rank_wins() {
    for (text, want) in [
        ("-L --rate --stats", View::Stats),
        ("-L --thresholds --rate", View::Rate),
        ("-L --persistent-conn --thresholds", View::Thresholds),
        ("-L --tun-info --persistent-conn", View::PersistentConnections),
        ("-L --tun-info", View::TunnelInfo),
        ("-L -f 7", View::Default),
    ] {
        match line(text) {
            Ok(Command::List(Listing::Services(listing))) => assert_eq!(listing.view, want),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn listings_have_forms() {
    let format = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::List(Listing::Services(listing))) => Some(listing.format),
        _ => None,
    };
    assert_eq!(format("-L"), Some(Format::Classic));
    assert_eq!(format("-L --format table"), Some(Format::Table));
    assert_eq!(format("-L --json"), Some(Format::Json));
    assert_eq!(format("-L --json --format json"), Some(Format::Json));
    assert_eq!(format("-L --format prometheus"), Some(Format::Prometheus));
    let saved = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::Save(options)) => Some(options.json),
        _ => None,
    };
    assert_eq!(saved("-S"), Some(false));
    assert_eq!(saved("-S --format classic"), Some(false));
    assert_eq!(saved("-S --format json"), Some(true));
    assert_eq!(saved("-S --json --all"), Some(true));
    for wrong in [
        "-S --format prometheus",
        "-L --json --format table",
        "-L --format x",
        "-L -c --format table",
    ] {
        assert_eq!(exit_status(&invocation(wrong).expect_err("conflict")), 2, "{wrong}");
    }
    let daemons = Listing::Daemons { json: true };
    assert_eq!(invocation("-L --daemon --json").expect("legal").command, Command::List(daemons));
}

#[test]
fn connections_pass_every_filter() {
    let connections = |text: &str| match line(text) {
        Ok(Command::List(Listing::Connections(listing))) => listing,
        other => panic!("{text}: {other:?}"),
    };
    let endpoint = |address: &str, port| {
        Some(EndpointFilter { address: address.parse().expect("an address"), port })
    };
    let web = ServiceKey::Address {
        protocol: crate::Protocol::Tcp,
        address: [1, 2, 3, 4].into(),
        port: 80,
    };
    let all =
        connections("-Lc -t 1.2.3.4:80 -r 10.1 --client 10.0.0.0/8 --state time_wait --origin");
    assert_eq!(all.filter.service, Some(web));
    assert_eq!(all.filter.server, endpoint("10.0.0.1", None));
    assert!(all.filter.client.is_some_and(|client| client.contains([10, 1, 1, 1].into())));
    assert_eq!(all.filter.state.map(ConnectionState::name), Some("TIME_WAIT"));
    assert_eq!((all.filter.anywhere, all.origin, all.count_by), (None, true, None));
    assert_eq!(connections("-Lc -r [::1]:80").filter.server, endpoint("::1", Some(80)));
    assert_eq!(connections("-Lc -r 1.2.3.4:80 -f 5").filter.server, endpoint("1.2.3.4", Some(80)));
    assert_eq!(connections("-Lc 10.1").filter.anywhere, endpoint("10.0.0.1", None));
    assert_eq!(connections("-Lc --by server").count_by, Some(CountBy::Server));
    match connections("-Lc -f 5 -6").filter.service {
        Some(key) => assert_eq!(key.family(), AddressFamily::V6),
        None => panic!("no service"),
    }
    let states = line("-Lc --state nosuch").expect_err("no state").to_string();
    assert!(states.contains("`nosuch`") && states.contains("ESTABLISHED, SYN_SENT"), "{states}");
}

#[test]
fn part_of_the_table_is_found_by_address() {
    let search = |text: &str| match line(text) {
        Ok(Command::List(Listing::Services(listing))) => (listing.only.is_some(), listing.search),
        other => panic!("{text}: {other:?}"),
    };
    let address = [10, 0, 0, 1].into();
    let filter = |port| EndpointFilter { address, port };
    assert_eq!(search("-L -n"), (false, None));
    assert_eq!(search("-L 10.0.0.1"), (false, Some(Search::Anywhere(filter(None)))));
    assert_eq!(search("-L -n 10.0.0.1:80"), (false, Some(Search::Anywhere(filter(Some(80))))));
    assert_eq!(search("-L -r 10.0.0.1"), (false, Some(Search::Server(filter(None)))));
    for text in ["-L -r 10.0.0.1:80 -t 1.2.3.4:5", "-L -t 1.2.3.4:5 -r 10.0.0.1:80"] {
        assert_eq!(search(text), (true, Some(Search::Server(filter(Some(80))))), "{text}");
    }
}
