use std::num::NonZeroU32;

use ipvs::AddressFamily;

use super::*;

fn server(number: u8, connections: u64) -> ServerReading {
    ServerReading {
        key: DestinationKey::from(([10, 0, 0, number], 80)),
        method: Method::Masquerade,
        weight: u32::from(number),
        upper_threshold: 0,
        lower_threshold: 0,
        active: 0,
        inactive: 0,
        persistent: 0,
        counters: counters(connections),
    }
}

fn counters(connections: u64) -> Counters {
    Counters { connections, bytes_in: connections * 100, bytes_out: connections * 1000 }
}

fn service(number: u32, connections: u64, servers: Option<Vec<ServerReading>>) -> ServiceReading {
    let mark = NonZeroU32::new(number).expect("not 0");
    ServiceReading {
        key: ServiceKey::firewall_mark(mark, AddressFamily::V4),
        scheduler: "wrr".parse().expect("a name"),
        counters: counters(connections),
        servers,
    }
}

fn reading(at: u64, services: Vec<ServiceReading>) -> Reading {
    Reading { at, host: Host::default(), services }
}

fn after(readings: Vec<Reading>) -> Model {
    let mut model = Model::default();
    for reading in readings {
        model.update(reading);
    }
    model
}

fn rate(track: &Track) -> Option<f64> {
    track.rates().map(|rates| rates.connections)
}

#[test]
fn services_come_and_go_and_keep_their_history() {
    let model = after(vec![
        reading(0, vec![service(1, 0, None), service(3, 0, None)]),
        reading(2000, vec![service(1, 10, None), service(2, 500, None), service(3, 20, None)]),
        reading(4000, vec![service(2, 502, None), service(3, 40, None)]),
    ]);
    let rates: Vec<_> = model.services.iter().map(|service| rate(&service.track)).collect();
    // The second was new with 500 connections, which is no spike.
    assert_eq!(rates, [Some(1.0), Some(10.0)]);
    assert_eq!(model.rates().map(|rates| rates.connections), Some(11.0));
}

#[test]
fn the_kernels_totals_come_first() {
    let with = |at, connections| Reading {
        host: Host { totals: Some(counters(connections)), ..Host::default() },
        ..reading(at, vec![service(1, 0, None)])
    };
    let model = after(vec![with(0, 0), with(2000, 100)]);
    assert_eq!(model.rates().map(|rates| rates.connections), Some(50.0));
}

#[test]
fn shares_are_those_of_weights_and_of_the_last_minute() {
    let both = |one, other| Some(vec![server(1, one), server(3, other)]);
    let mut model = after(vec![
        reading(0, vec![service(1, 0, both(1000, 0))]),
        reading(2000, vec![service(1, 0, both(1010, 30))]),
    ]);
    let shares = |model: &Model| {
        let service = &model.services[0];
        let of = |at: usize| {
            let server = &service.servers[at];
            (service.wanted_share(server), service.real_share(server))
        };
        [of(0), of(1)]
    };
    let quarter = (Some(0.25), Some(0.25));
    assert_eq!(shares(&model), [quarter, (Some(0.75), Some(0.75))]);
    // Round robin minds no weights.
    let rr = "rr".parse().expect("a name");
    model.update(reading(
        2100,
        vec![ServiceReading { scheduler: rr, ..service(1, 0, both(1010, 30)) }],
    ));
    assert_eq!(shares(&model)[0].0, Some(0.5));
    // The highest weight comes first: there is no share to be had.
    let fo = "fo".parse().expect("a name");
    model.update(reading(
        2200,
        vec![ServiceReading { scheduler: fo, ..service(1, 0, both(1010, 30)) }],
    ));
    assert_eq!(shares(&model)[0].0, None);
    // A minute without connections.
    let later = (2..60).map(|step| reading(step * 2000, vec![service(1, 0, both(1010, 30))]));
    for reading in later {
        model.update(reading);
    }
    assert_eq!(shares(&model)[0].1, None);
}

#[test]
fn a_zeroed_counter_hides_no_share() {
    let both = |one, other| Some(vec![server(1, one), server(3, other)]);
    let model = after(vec![
        reading(0, vec![service(1, 0, both(100, 300))]),
        reading(2000, vec![service(1, 0, both(110, 330))]),
        reading(4000, vec![service(1, 0, both(0, 0))]),
        reading(6000, vec![service(1, 0, both(10, 30))]),
    ]);
    let service = &model.services[0];
    assert_eq!(service.real_share(&service.servers[0]), Some(0.25));
    assert_eq!(rate(&service.servers[1].track), Some(15.0));
}

#[test]
fn states_are_told_by_weight_threshold_and_replies() {
    let state = |reading: ServerReading| {
        let model = after(vec![super::tests::reading(0, vec![service(1, 0, Some(vec![reading]))])]);
        (model.services[0].servers[0].state(), model.services[0].state())
    };
    let up = server(1, 0);
    assert_eq!(state(up), (State::Up, ServiceState::Up(1, 1)));
    let draining = ServerReading { weight: 0, active: 2, inactive: 3, ..up };
    assert_eq!(state(draining), (State::Draining(5), ServiceState::Down));
    let drained = ServerReading { weight: 0, ..up };
    assert_eq!(state(drained), (State::Drained, ServiceState::Down));
    let over = ServerReading { upper_threshold: 5, active: 2, inactive: 3, ..up };
    assert_eq!(state(over), (State::OverLimit, ServiceState::Down));
    let nearly = ServerReading { active: 1, ..over };
    assert_eq!(state(nearly).0, State::Up);
    let model = after(vec![reading(0, vec![service(1, 0, None)])]);
    assert_eq!(model.services[0].state(), ServiceState::Unknown);
}

#[test]
fn a_server_over_its_limit_comes_back_below_the_lower_threshold() {
    for (lower, still, again) in [(0, 75, 74), (40, 40, 39)] {
        let with = |active| {
            let now = server(1, 0);
            ServerReading { upper_threshold: 100, lower_threshold: lower, active, ..now }
        };
        let mut model = Model::default();
        let mut state = |at, active| {
            model.update(reading(at, vec![service(1, 0, Some(vec![with(active)]))]));
            model.services[0].servers[0].state()
        };
        assert_eq!(state(0, 99), State::Up);
        assert_eq!(state(1, 100), State::OverLimit);
        assert_eq!(state(2, still), State::OverLimit, "{lower}");
        assert_eq!(state(3, again), State::Up, "{lower}");
        assert_eq!(state(4, 99), State::Up);
    }
}

#[test]
fn replies_can_be_missed_only_where_they_pass() {
    let mute = |method, connections| ServerReading {
        method,
        counters: Counters { bytes_out: 0, ..counters(connections) },
        ..server(1, 0)
    };
    for (method, want) in [
        (Method::Masquerade, State::NoReplies),
        (Method::Direct, State::Up),
        (Method::Tunnel, State::Up),
    ] {
        let readings = (0..3).map(|step| {
            reading(step * 2000, vec![service(1, 0, Some(vec![mute(method, step * 5)]))])
        });
        let model = after(readings.collect());
        let server = &model.services[0].servers[0];
        assert_eq!(server.state(), want);
        assert_eq!(server.shows_replies(), method == Method::Masquerade);
    }
}

#[test]
fn servers_that_are_not_read_any_more_are_forgotten() {
    let mut model = after(vec![reading(0, vec![service(1, 0, Some(vec![server(1, 0)]))])]);
    model.update(reading(KEPT, vec![service(1, 0, None)]));
    assert_eq!(model.services[0].servers.len(), 1);
    model.update(reading(KEPT + 1, vec![service(1, 0, None)]));
    assert!(model.services[0].servers.is_empty() && !model.services[0].has_servers());
    assert_eq!(model.services[0].sums(), None);
    let key = model.services[0].key;
    assert!(model.update_servers(&key, KEPT + 2, vec![server(2, 0)]));
    assert_eq!(model.services[0].sums().map(|sums| sums.weight), Some(2));
}
