//! `-L --status`: the state of IPVS as a whole.

use ipvs::Client;

use crate::kernel::status::read;
use crate::output::{json, status};
use crate::process::Sink;
use crate::process::failure::Failure;

/// Prints the state. Its end may still be in the sink.
pub(crate) fn list(client: &mut Client, json: bool, sink: &mut Sink) -> Result<(), Failure> {
    let found = read(client)?;
    if json {
        return json::print_status(sink, &found);
    }
    status::print(sink, &found);
    Ok(())
}
