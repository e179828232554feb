//! Timeouts and sync daemons.

use super::*;

#[test]
fn timeouts_are_0_to_2678400_seconds_and_stand_anywhere() {
    let want =
        Change::SetTimeouts(Timeouts { tcp_seconds: 1, tcp_fin_seconds: 0, udp_seconds: 2678400 });
    for text in
        ["--set 1 0 2678400", "--set -- 1 0 2678400", "1 0 --set 2678400", "--set 1 -- 0 2678400"]
    {
        assert_eq!(change(text), want, "{text}");
    }
    for text in
        ["--set 2678401 1 1", "--set 1 1 2678401", "--set a b c", "--set 1 2 -n 3", "--set 1  1"]
    {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn sync_daemons_have_bounds() {
    let (role, config) = match change("--start-daemon master") {
        Change::StartDaemon(role, config) => (role, config),
        other => panic!("{other:?}"),
    };
    assert_eq!((role, config), (DaemonRole::Master, DaemonConfig::new("eth0".parse().unwrap())));
    for (option, least, most) in [
        ("--syncid", 0, 255),
        ("--sync-maxlen", 1, 65507),
        ("--mcast-port", 1, 65535),
        ("--mcast-ttl", 1, 255),
    ] {
        for (value, want) in [(least - 1, 2), (least, 0), (most, 0), (most + 1, 2)] {
            let text = format!("--start-daemon backup {option} {value}");
            assert_eq!(status(&text), want, "{text}");
        }
    }
    assert_eq!(change("--stop-daemon=backup --syncid 5"), Change::StopDaemon(DaemonRole::Backup));
    for text in [
        "--start-daemon Master",
        "--start-daemon mas",
        "--start-daemon ",
        "--stop-daemon none",
        "--start-daemon --syncid 1",
        "--stop-daemon master --mcast-ttl 1",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
    // The kernel's refusal, as no request can name no interface.
    assert_eq!(line("--start-daemon master --mcast-interface "), Err(UsageError::NoInterface));
    assert_eq!(status("--start-daemon master --mcast-interface "), 255);
}
