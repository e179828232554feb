//! Prometheus's text exposition format, version 0.0.4 (`--format prometheus`).
//! `docs/prometheus.md` lists all metrics.

mod labels;
mod metrics;

use std::collections::HashMap;

use ipvs::rules::grammar::text::push_number;
use ipvs::{Destination, Info, Service, ServiceKey, SnapshotEntry, Stats};

use self::labels::{configuration, labels, node_labels};
use self::metrics::{
    BACKEND_COUNTERS, BACKEND_GAUGES, Metric, NODE_BACKENDS, SERVICE_COUNTERS, TOTALS, gauge,
};
use super::{Next, Printer, statistics};
use crate::process::Sink;
use crate::process::failure::Failure;

/// Prints the metrics.
///
/// All samples of a metric must stand together, so the whole table is kept until
/// [`end`](Printer::end), where everything is printed.
pub(crate) struct Prometheus<'s> {
    sink: &'s mut Sink,
    namespace: Option<Namespace>,
    entries: Vec<SnapshotEntry>,
}

/// What the kernel reports of the network namespace as a whole.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) info: Info,
    /// `None` where the kernel does not show them.
    pub(crate) totals: Option<Stats>,
}

impl<'s> Prometheus<'s> {
    pub(crate) fn new(sink: &'s mut Sink, namespace: Option<Namespace>) -> Self {
        Prometheus { sink, namespace, entries: Vec::new() }
    }

    /// The metrics of the network namespace.
    fn namespace(&mut self, namespace: &Namespace) {
        let Namespace { info, totals } = namespace;
        let text = self.sink.text();
        push_head(text, &gauge("ipvs_info", "The version of IPVS in the kernel; always 1."));
        push_sample(text, "ipvs_info", &format!("version=\"{}\"", info.version), 1);
        let size = gauge("ipvs_connection_table_size", "The buckets of the connection table.");
        push_head(text, &size);
        push_sample(text, size.name, "", info.connection_table_size.into());
        if let Some(stats) = totals {
            for (metric, value) in TOTALS {
                push_head(text, &metric);
                push_sample(text, metric.name, "", value(stats));
            }
        }
    }

    /// The metrics of services.
    fn services(&mut self, entries: &[SnapshotEntry]) -> Result<(), Failure> {
        let services: Vec<(String, &SnapshotEntry)> =
            entries.iter().map(|entry| (labels(&entry.service.key, None), entry)).collect();
        let info = gauge("ipvs_service_info", "How a virtual service is set up; always 1.");
        let configured = services.iter().map(|(labels, entry)| {
            let labels = format!("{labels},{}", configuration(&entry.service.config));
            (labels, 1)
        });
        self.metric(&info, configured)?;
        let count = gauge("ipvs_service_backends", "The real servers of a virtual service.");
        let counted =
            services.iter().map(|(labels, entry)| (labels, entry.destinations.len() as u64));
        self.metric(&count, counted)?;
        for (metric, value) in SERVICE_COUNTERS {
            let values = services
                .iter()
                .map(|(labels, entry)| (labels, value(&statistics(&entry.service.stats))));
            self.metric(&metric, values)?;
        }
        Ok(())
    }

    /// The metrics of servers that node_exporter has too. Its labels do not tell an IPv4 firewall
    /// mark from an IPv6 one: a server of both counts once, with the sum, as there.
    fn node_backends(&mut self, entries: &[SnapshotEntry]) -> Result<(), Failure> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut backends: Vec<(String, [u64; NODE_BACKENDS.len()])> = Vec::new();
        for entry in entries {
            for server in &entry.destinations {
                let labels = node_labels(&entry.service.key, Some(server));
                let values = [0, 1, 2].map(|index: usize| NODE_BACKENDS[index].1(server));
                // Only marks can meet.
                if matches!(entry.service.key, ServiceKey::FirewallMark { .. }) {
                    let place = *places.entry(labels.clone()).or_insert(backends.len());
                    if let Some((_, sums)) = backends.get_mut(place) {
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum += value;
                        }
                        continue;
                    }
                }
                backends.push((labels, values));
            }
        }
        for (index, (metric, _)) in NODE_BACKENDS.iter().enumerate() {
            let values = backends.iter().map(|(labels, values)| (labels, values[index]));
            self.metric(metric, values)?;
        }
        Ok(())
    }

    /// The other metrics of servers.
    fn backends(&mut self, entries: &[SnapshotEntry]) -> Result<(), Failure> {
        let backends: Vec<(String, &Destination)> = entries
            .iter()
            .flat_map(|entry| entry.destinations.iter().map(|server| (&entry.service.key, server)))
            .map(|(service, server)| (labels(service, Some(server)), server))
            .collect();
        for (metric, value) in BACKEND_GAUGES {
            let values = backends.iter().map(|(labels, server)| (labels, value(server)));
            self.metric(&metric, values)?;
        }
        for (metric, value) in BACKEND_COUNTERS {
            let values =
                backends.iter().map(|(labels, server)| (labels, value(&statistics(&server.stats))));
            self.metric(&metric, values)?;
        }
        Ok(())
    }

    /// A metric with all its samples.
    fn metric(
        &mut self,
        metric: &Metric,
        samples: impl Iterator<Item = (impl AsRef<str>, u64)>,
    ) -> Result<(), Failure> {
        push_head(self.sink.text(), metric);
        for (labels, value) in samples {
            push_sample(self.sink.text(), metric.name, labels.as_ref(), value);
            self.sink.pass().map_err(Failure::Output)?;
        }
        Ok(())
    }
}

impl Printer for Prometheus<'_> {
    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure> {
        self.entries.push(SnapshotEntry::new(service.clone(), destinations.to_vec()));
        Ok(())
    }

    fn end(&mut self) -> Result<Next, Failure> {
        if let Some(namespace) = self.namespace.take() {
            self.namespace(&namespace);
        }
        let entries = std::mem::take(&mut self.entries);
        self.services(&entries)?;
        self.node_backends(&entries)?;
        self.backends(&entries)?;
        Ok(Next::Done)
    }
}

fn push_head(text: &mut Vec<u8>, metric: &Metric) {
    let Metric { name, kind, help } = metric;
    text.extend_from_slice(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n").as_bytes());
}

fn push_sample(text: &mut Vec<u8>, name: &str, labels: &str, value: u64) {
    text.extend_from_slice(name.as_bytes());
    if !labels.is_empty() {
        text.push(b'{');
        text.extend_from_slice(labels.as_bytes());
        text.push(b'}');
    }
    text.push(b' ');
    push_number(text, value);
    text.push(b'\n');
}

#[cfg(test)]
mod tests;
