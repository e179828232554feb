//! Putting `-L` together: what is listed, which of it, and how.

use super::draft::{Draft, RealServer, real_server};
use crate::rules::address::Endpoint;
use crate::rules::command::{ConnectionListing, Listing, ServiceListing, View};
use crate::rules::connection::{ConnectionFilter, EndpointFilter, Search};
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::options::OptionId;
use crate::rules::resolve::Resolve;
use crate::rules::value::read;
use crate::rules::value_error::ValueError;
use crate::{AddressFamily, Protocol};

use OptionId::{
    By, Client, Connection, Daemon, Exact, List, Nosort, Numeric, Origin, PersistentConn, Rate,
    State, Stats, Status, Thresholds, Timeout, TunInfo,
};

impl Draft<'_> {
    pub(super) fn listing<R: Resolve + ?Sized>(
        &self,
        names: &mut R,
    ) -> Result<Listing, UsageError> {
        let subject = self.subject()?;
        let format = self.format(subject)?;
        let json = format == Format::Json;
        Ok(match subject {
            Some(Connection) => Listing::Connections(self.connection_listing(json, names)?),
            Some(Timeout) => Listing::Timeouts { json },
            Some(Daemon) => Listing::Daemons { json },
            Some(Status) => Listing::Status { json },
            _ => Listing::Services(self.service_listing(format, names)?),
        })
    }

    /// What is listed instead of services.
    fn subject(&self) -> Result<Option<OptionId>, UsageError> {
        let given = |option: &OptionId| self.given.has(*option);
        let conflict = |first, second| Err(UsageError::Conflict { first, second });
        let mut subjects = [Connection, Timeout, Daemon, Status].into_iter().filter(given);
        let subject = subjects.next();
        let service = self.service.map(|(option, _)| option);
        if let (Some(first), Some(second)) = (subject, subjects.next()) {
            return conflict(first, second);
        }
        if let Some(subject @ (Timeout | Daemon | Status)) = subject {
            self.no_more_words(0)?;
            if let Some(first) = service {
                return conflict(first, subject);
            }
        }
        let excluded: &[OptionId] = match subject {
            Some(Connection) => &[Stats, Rate, Thresholds],
            Some(_) => &[Stats, Rate, Thresholds, PersistentConn, OptionId::RealServer],
            None => &[],
        };
        if let (Some(first), Some(second)) = (subject, excluded.iter().copied().find(given)) {
            return conflict(first, second);
        }
        if subject != Some(Connection)
            && let Some(option) = [Client, State, By, Origin].into_iter().find(given)
        {
            return Err(UsageError::Requires { option, needs: Connection });
        }
        Ok(subject)
    }

    fn connection_listing<R: Resolve + ?Sized>(
        &self,
        json: bool,
        names: &mut R,
    ) -> Result<ConnectionListing, UsageError> {
        let has = |option| self.given.has(option);
        // The kernel's list with origins has nothing of persistence engines, and counts have neither.
        let columns = [PersistentConn, Origin, By];
        let mut columns = columns.into_iter().filter(|option| has(*option));
        if let (Some(first), Some(second)) = (columns.next(), columns.next()) {
            return Err(UsageError::Conflict { first, second });
        }
        Ok(ConnectionListing {
            filter: ConnectionFilter {
                service: self.service.map(|(_, key)| key),
                server: self.listed_server(names)?,
                client: self.client,
                state: self.state,
                anywhere: self.listed_address(names)?,
            },
            count_by: self.count_by,
            numeric: has(Numeric),
            persistence_engine: has(PersistentConn),
            origin: has(Origin),
            json,
        })
    }

    fn service_listing<R: Resolve + ?Sized>(
        &self,
        format: Format,
        names: &mut R,
    ) -> Result<ServiceListing, UsageError> {
        let has = |option| self.given.has(option);
        if self.service.is_some() || self.real_server.is_some() {
            self.no_more_words(0)?;
        }
        let server = self.listed_server(names)?.map(Search::Server);
        Ok(ServiceListing {
            only: self.service.map(|(_, key)| key),
            search: match server {
                Some(server) => Some(server),
                None => self.listed_address(names)?.map(Search::Anywhere),
            },
            view: [
                (Stats, View::Stats),
                (Rate, View::Rate),
                (Thresholds, View::Thresholds),
                (PersistentConn, View::PersistentConnections),
                (TunInfo, View::TunnelInfo),
            ]
            .into_iter()
            .find(|(option, _)| has(*option))
            .map_or(View::Default, |(_, view)| view),
            numeric: has(Numeric),
            exact: has(Exact),
            sorted: !has(Nosort),
            format,
        })
    }

    /// The real server to list.
    pub(super) fn listed_server<R: Resolve + ?Sized>(
        &self,
        names: &mut R,
    ) -> Result<Option<EndpointFilter>, UsageError> {
        let known = match (self.real_server, self.service) {
            (Some(RealServer::Written(text, endpoint)), Some((_, service))) => {
                Some(real_server(text, endpoint, service, names)?)
            }
            (known, _) => known,
        };
        match known {
            Some(RealServer::Known(address, port)) => Ok(Some(EndpointFilter { address, port })),
            Some(RealServer::Written(text, endpoint)) => {
                read(OptionId::RealServer, text, |_| filter(endpoint, names)).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The address to list: a word that belongs to no option. A word that is neither an address nor
    /// the name of a host is reported as unexpected.
    fn listed_address<R: Resolve + ?Sized>(
        &self,
        names: &mut R,
    ) -> Result<Option<EndpointFilter>, UsageError> {
        let Some(word) = self.words.first().filter(|_| self.word_count > 0) else {
            return Ok(None);
        };
        match read(List, word, |word| filter(Endpoint::parse(word)?, names)) {
            Err(UsageError::Value {
                error: ValueError::Unresolved(..) | ValueError::NotAnAddress | ValueError::PortAlone,
                ..
            }) => self.no_more_words(0).map(|()| None),
            found => found.map(Some),
        }
    }
}

/// Looks up the names in an address of no known protocol: a port's name is TCP's.
fn filter<R: Resolve + ?Sized>(
    endpoint: Endpoint<'_>,
    names: &mut R,
) -> Result<EndpointFilter, ValueError> {
    let (address, port) = endpoint.resolve(names, Protocol::Tcp, AddressFamily::V4)?;
    Ok(EndpointFilter { address, port })
}
