//! The schema, and connections as they are written. Tables are held against what reads them, in
//! `desired/json`.

use serde_json::{Value, json};

use super::*;
use crate::output::connections::Connection;
use crate::process::printed;

/// The whole schema, or one of the parts in it.
pub(crate) fn schema(part: Option<&str>) -> jsonschema::Validator {
    let text = include_str!("../../../../../docs/ipvsadm.schema.json");
    let mut schema: Value = serde_json::from_str(text).expect("JSON");
    if let Some(part) = part {
        let parts = schema["$defs"].take();
        schema = json!({"$ref": format!("#/$defs/{part}"), "$defs": parts});
    }
    assert_eq!(jsonschema::meta::validate(&schema).map_err(|error| error.to_string()), Ok(()));
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema).expect("a schema")
}

/// What is wrong with a text by the schema.
pub(crate) fn against(schema: &jsonschema::Validator, text: &[u8]) -> Result<(), String> {
    let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    schema.validate(&value).map_err(|error| format!("{}: {error}", error.instance_path()))
}

#[test]
fn connections_are_written_a_line_each() {
    let endpoint = |address: [u8; 4], port| (address.into(), port);
    let tcp = Connection {
        protocol: b"TCP",
        source: endpoint([192, 168, 144, 1], 36666),
        virtual_service: endpoint([192, 168, 144, 44], 80),
        destination: endpoint([128, 10, 10, 8], 80),
        state: b"TIME_WAIT",
        expires: 118,
        engine: None,
        origin: None,
    };
    let udp = Connection {
        protocol: b"UDP",
        source: endpoint([192, 168, 144, 1], 0),
        virtual_service: endpoint([192, 168, 144, 44], 5060),
        destination: endpoint([128, 10, 10, 8], 5060),
        state: b"UDP",
        expires: 60,
        engine: Some((b"sip", b"a\"b")),
        origin: None,
    };
    let text = printed(|sink| {
        print_connection(sink, &tcp).expect("printed");
        print_connection(sink, &udp).expect("printed");
    });
    assert_eq!(
        text,
        r#"{"protocol": "tcp", "client_address": "192.168.144.1", "client_port": 36666, "virtual_address": "192.168.144.44", "virtual_port": 80, "destination_address": "128.10.10.8", "destination_port": 80, "state": "TIME_WAIT", "expires_seconds": 118, "persistence_engine": null, "persistence_engine_data": null}
{"protocol": "udp", "client_address": "192.168.144.1", "client_port": 0, "virtual_address": "192.168.144.44", "virtual_port": 5060, "destination_address": "128.10.10.8", "destination_port": 5060, "state": "UDP", "expires_seconds": 60, "persistence_engine": "sip", "persistence_engine_data": "a\"b"}
"#
    );
    let connection = schema(Some("connection"));
    for line in text.lines() {
        assert_eq!(against(&connection, line.as_bytes()), Ok(()));
    }
}
