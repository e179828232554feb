//! `-L --status`
use crate::process::Sink;
use crate::process::failure::Failure;
use ipvs::Client;
pub(crate) fn list(_: &mut Client, _: bool, _: &mut Sink) -> Result<(), Failure> {
    Ok(())
}
