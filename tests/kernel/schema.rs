//! Printed JSON against the published schema.

use serde_json::{Value, json};

/// JSON that a program printed.
#[track_caller]
pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The JSON schema, or a part of it.
fn schema(part: Option<&str>) -> jsonschema::Validator {
    let mut schema = parsed(include_str!("../../docs/ipvsadm.schema.json"));
    if let Some(part) = part {
        let parts = schema["$defs"].take();
        schema = json!({"$ref": format!("#/$defs/{part}"), "$defs": parts});
    }
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Holds a value against the schema, or against a part of it.
#[track_caller]
pub(crate) fn assert_fits(part: Option<&str>, value: &Value) {
    let result = schema(part).validate(value).map_err(|error| error.to_string());
    assert_eq!(result, Ok(()), "{value:#}");
}
