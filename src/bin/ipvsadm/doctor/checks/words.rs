//! Services and servers as words of a command line.

use ipvs::rules::Line;
use ipvs::{Change, ServiceKey};

/// Such as `-t 192.0.2.1:80` or `-f 7 -6`.
pub(super) fn service(key: &ServiceKey) -> String {
    match Line::new(&Change::ZeroService(*key)) {
        Ok(line) => line.to_string().split_off("-Z ".len()),
        Err(_) => key.to_string(),
    }
}
