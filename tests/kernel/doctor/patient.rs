//! A host that is examined.

use std::time::Duration;

use serde_json::Value;

use crate::netns::Netns;
use crate::program;
use crate::schema::assert_fits;

/// The kernel copies its counters every two seconds: after this time they are new.
pub(super) const COUNTERS_ARE_COPIED: Duration = Duration::from_millis(2200);

/// A host, and what to ask the doctor about it. It watches for a second only: what is broken here is
/// broken all the time.
pub(super) struct Patient<'n> {
    host: &'n Netns,
    /// Such as `--server-side -t 192.0.2.1:80 -g`.
    options: String,
}

/// A finding, as JSON has it.
pub(super) struct Finding(Value);

impl Finding {
    pub(super) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("no {field}: {}", self.0))
    }

    pub(super) fn fix(&self) -> String {
        let lines = self.0["fix"].as_array().expect("a list");
        lines.iter().map(|line| format!("{}\n", line.as_str().expect("a line"))).collect()
    }
}

impl<'n> Patient<'n> {
    pub(super) fn new(host: &'n Netns) -> Self {
        Patient { host, options: "--for 1".to_owned() }
    }

    /// Watching for so long.
    pub(super) fn watching(mut self, time: Duration) -> Self {
        self.options = format!("--for {}", time.as_secs());
        self
    }

    /// With these options too.
    pub(super) fn with(mut self, options: &str) -> Self {
        self.options = format!("{} {options}", self.options);
        self
    }

    /// Everything that is found.
    #[track_caller]
    pub(super) fn findings(&self) -> Vec<Finding> {
        let findings = self.report()["findings"].as_array().expect("a list").clone();
        findings.into_iter().map(Finding).collect()
    }

    /// Expects that this check is not made, for a reason with this word.
    #[track_caller]
    pub(super) fn does_not_check(&self, id: &str, word: &str) {
        let report = self.report();
        let not = report["not_checked"].as_array().expect("a list");
        let is_it = |not: &&Value| not["id"] == id && not["why"].to_string().contains(word);
        assert!(not.iter().any(|not| is_it(&not)), "{report:#}");
    }

    #[track_caller]
    fn report(&self) -> Value {
        let ran = self
            .host
            .command(program::ipvsadm())
            .args(["--doctor", "--json"])
            .args(self.options.split_whitespace())
            .run();
        let report: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", ran.stdout, ran.stderr));
        assert_fits(Some("report"), &report);
        let findings = report["findings"].as_array().expect("a list");
        let is_bad = |finding: &Value| finding["severity"] != "info";
        let expected = i32::from(findings.iter().any(is_bad));
        assert_eq!((ran.status.code(), &*ran.stderr), (Some(expected), ""), "{report:#}");
        report
    }

    /// Expects no error and no warning.
    #[track_caller]
    pub(super) fn is_well(&self) {
        let findings = self.findings();
        let bad: Vec<_> = findings.iter().filter(|it| it.text("severity") != "info").collect();
        let all: Vec<&Value> = bad.iter().map(|finding| &finding.0).collect();
        assert!(bad.is_empty(), "a healthy network, and yet: {all:#?}");
    }

    /// Expects this finding, and no other error or warning.
    #[track_caller]
    pub(super) fn has(&self, id: &str) -> Finding {
        let mut findings = self.findings();
        findings.retain(|it| it.text("severity") != "info" || it.text("id") == id);
        let ids: Vec<&str> = findings.iter().map(|finding| finding.text("id")).collect();
        let all: Vec<&Value> = findings.iter().map(|finding| &finding.0).collect();
        assert!(!ids.is_empty() && ids.iter().all(|it| *it == id), "{ids:?}, not {id}: {all:#?}");
        findings.swap_remove(0)
    }

    /// Carries out what the finding says, on this host.
    #[track_caller]
    pub(super) fn mend(&self, finding: &Finding) {
        self.mend_on(self.host, finding);
    }

    /// Carries it out on another host. The program is in the PATH as `ipvsadm`.
    #[track_caller]
    pub(super) fn mend_on(&self, host: &Netns, finding: &Finding) {
        let fix = finding.fix();
        let is_command = |line: &str| !line.is_empty() && !line.starts_with('#');
        assert!(fix.lines().any(is_command), "no command: {fix}");
        let folder = program::ipvsadm().parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        // User-mode Linux has no nftables, which Debian's `iptables` is made of.
        let script = format!(
            "PATH='{folder}:{path}:/usr/sbin:/sbin'\nset -e\n\
             iptables() {{ iptables-legacy \"$@\"; }}\n{fix}"
        );
        host.command("sh").args(["-c", &script]).run().success();
    }
}
