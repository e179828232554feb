//! `--doctor`: finds what is wrong, and says what mends it.

use std::path::Path;

use anyhow::anyhow;
use ipvs::Forwarding;
use ipvs::rules::grammar::DoctorOptions;

use crate::desired::read_all;
use crate::doctor::checks::examine;
use crate::doctor::facts::{Facts, Method, Question, Side};
use crate::doctor::gather::{Request, gather};
use crate::kernel::connect::Loading;
use crate::output::findings::{self, Severity};
use crate::output::json;
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::replace_file::OutputFile;
use crate::process::terminal::Capabilities;

const STANDARD: &str = "-";

/// Examines this host, or what a file says of another.
pub(crate) fn doctor(
    loading: Loading,
    options: &DoctorOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let facts = match &options.facts {
        Some(file) => {
            let mut facts = read(file)?;
            facts.question.service = options.service.or(facts.question.service);
            facts
        }
        None => gather(loading, &request(options)),
    };
    if let Some(file) = &options.save_facts {
        save(&facts, file, sink)?;
        if file == Path::new(STANDARD) {
            return Ok(());
        }
    }
    if is_missing(&facts) {
        return Err(Failure::NothingToList);
    }
    let report = examine(&facts);
    match options.json {
        true => json::print_report(sink, &report)?,
        false => findings::print(sink, &report, Capabilities::of_stdout()),
    }
    let is_well = report.findings.iter().all(|finding| finding.severity == Severity::Info);
    if is_well { Ok(()) } else { Err(Failure::Reported(status::DIFFERENT)) }
}

/// True if the service that is asked about is not in the director's table.
fn is_missing(facts: &Facts) -> bool {
    let on_director = facts.question.side == Side::Director;
    match (facts.question.service, &facts.ipvs) {
        (Some(service), Some(ipvs)) if on_director => ipvs.service(&service).is_none(),
        _ => false,
    }
}

fn request(options: &DoctorOptions) -> Request {
    let method = options.server_side.map(|method| match method {
        Forwarding::Masquerade => Method::Masquerade,
        Forwarding::Tunnel(_) => Method::Tunnel,
        _ => Method::Direct,
    });
    Request {
        question: Question {
            side: if method.is_some() { Side::Server } else { Side::Director },
            service: options.service,
            method,
            director: options.director,
        },
        watch: options.watch,
        probe: options.probe,
    }
}

fn read(file: &Path) -> Result<Facts, Failure> {
    let text = read_all(Some(file))?;
    serde_json::from_slice(&text).map_err(|error| {
        let name = match file == Path::new(STANDARD) {
            true => "standard input".into(),
            false => file.display().to_string(),
        };
        Failure::Senseless(format!("{name}: not what --save-facts writes: {error}"))
    })
}

fn save(facts: &Facts, file: &Path, sink: &mut Sink) -> Result<(), Failure> {
    let mut text =
        serde_json::to_vec_pretty(facts).map_err(|error| Failure::Other(error.into()))?;
    text.push(b'\n');
    if file == Path::new(STANDARD) {
        sink.print(text);
        return Ok(());
    }
    let write = || {
        let output = OutputFile::create(file)?;
        std::io::Write::write_all(&mut output.writer()?, &text)?;
        output.finish()
    };
    write().map_err(|error| Failure::Other(anyhow!("{}: {error}", file.display())))
}
