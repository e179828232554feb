//! What `Display` writes, `FromStr` reads.

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
    fn every_key_and_every_word_is_read_back_as_it_was_written(
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
    fn any_other_text_is_an_error_and_no_panic(text in "\\PC{0,20}|[A-Za-z0-9.:% \\[\\]+]{0,30}") {
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
