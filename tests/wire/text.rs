//! `FromStr` reads what `Display` writes.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use ipvs::ParseError;
use proptest::prelude::*;

use crate::values;

fn assert_read_back<T>(value: &T)
where
    T: Display + Debug + PartialEq + FromStr<Err = ParseError>,
{
    assert_eq!(value.to_string().parse().as_ref(), Ok(value));
}

proptest! {
    #![proptest_config(values::cases(500))]

    #[test]
    fn keys_and_other_small_values_parse_back(
        service in values::service_key(),
        destination in values::destination_key(),
        family in values::family(),
        role in values::role(),
        netmask in values::family().prop_flat_map(values::netmask),
        name in values::name(),
        info in values::info(),
    ) {
        assert_read_back(&service);
        if let ipvs::ServiceKey::Address { protocol, .. } = service {
            assert_read_back(&protocol);
        }
        assert_read_back(&destination);
        assert_read_back(&family);
        assert_read_back(&role);
        assert_read_back(&netmask);
        assert_read_back(&name);
        assert_read_back(&info.version);
    }

    #[test]
    fn any_text_is_a_value_or_an_error(text in "\\PC{0,20}|[A-Za-z0-9.:% \\[\\]+]{0,30}") {
        if let Ok(key) = text.parse::<ipvs::ServiceKey>() {
            assert_read_back(&key);
        }
        if let Ok(key) = text.parse::<ipvs::DestinationKey>() {
            assert_read_back(&key);
        }
        let _ = text.parse::<ipvs::Netmask>();
        let _ = text.parse::<ipvs::Version>();
        let _ = text.parse::<ipvs::Name>();
    }
}
