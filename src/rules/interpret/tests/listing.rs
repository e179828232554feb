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
        "-L -c -t 1.2.3.4:80",
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
    let full = ConnectionListing { numeric: true, persistence_engine: true, json: false };
    for (text, want) in [
        ("-Lcn --persistent-conn", Listing::Connections(full)),
        ("-L -c --tun-info -X --nosort --sort", Listing::Connections(ConnectionListing::default())),
        ("-L --timeout -n -X --tun-info --nosort", Listing::Timeouts { json: false }),
        ("-L --daemon -n -X --tun-info --syncid 5", Listing::Daemons { json: false }),
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
