//! `--settings`: what `/proc/sys/net/ipv4/vs` holds is listed, set, saved, applied and undone.

use std::collections::BTreeMap;
use std::fs;

use ipvs::{Client, Namespace, RefusalKind, Setting, SettingValue, State};

use super::{apply, assert_ended, file, load, restore, saved};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        each_setting_of_the_kernel_is_listed_set_saved_and_applied,
        a_refused_plan_undoes_every_setting,
        several_settings_are_set_all_or_nothing,
        what_makes_no_sense_changes_nothing,
        a_file_names_settings_that_are_not_there,
        a_client_keeps_to_its_namespace,
        read_only_settings_are_explained,
        a_setting_of_a_scheduler_comes_after_its_service,
        nothing_else_needs_the_settings,
    ]
}

const FOLDER: &str = "/proc/sys/net/ipv4/vs";
const NO_MORE: [&str; 0] = [];

/// What the files hold, as `cat` shows it, with blanks as commas.
fn files(ns: &Netns) -> BTreeMap<String, String> {
    ns.enter(|| {
        let entries = fs::read_dir(FOLDER).expect("IPVS is loaded");
        let read = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).expect("a file");
            let name = entry.file_name().into_string().expect("text");
            (name, text.split_whitespace().collect::<Vec<_>>().join(","))
        };
        entries.map(|entry| read(entry.expect("an entry"))).collect()
    })
}

/// Another value that every kernel accepts.
fn other(name: &str, now: &str) -> String {
    let choices = match name {
        "sync_threshold" => ["5,60", "3,50"],
        "sync_ports" => ["4", "1"],
        "drop_entry" | "drop_packet" | "secure_tcp" => ["3", "0"],
        "est_cpulist" => ["0", ""],
        "est_nice" => ["-5", "0"],
        _ => ["1", "0"],
    };
    choices.into_iter().find(|choice| *choice != now).expect("two differ").to_owned()
}

/// Those that this namespace may change.
fn changeable(ns: &Netns) -> BTreeMap<String, String> {
    let mut files = files(ns);
    // One for all namespaces, which only the first may change.
    files.remove("debug_level");
    files.retain(|name, _| !name.starts_with("lblc"));
    files
}

fn each_setting_of_the_kernel_is_listed_set_saved_and_applied() {
    let ns = Netns::new();
    let before = changeable(&ns);
    assert!(before.len() > 20, "{before:?}");
    let listed = ns.ipvsadm(["--settings"]).success().stdout;
    for (name, value) in files(&ns) {
        let line = listed.lines().find(|line| line.split_whitespace().any(|word| word == name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {listed}"));
        assert!(line.contains(&format!("{name} ")) && line.contains(&value), "{line}");
        let setting: Setting = name.parse().expect("a name");
        assert!(setting.description().is_some(), "{name} is not in our table");
        // A new namespace begins with the defaults.
        if let Some(default) = setting.kernel_default() {
            assert_eq!(default.to_string(), value, "{name}");
            assert!(line.starts_with(' '), "{line}");
        }
    }
    assert_eq!(listed.lines().count(), files(&ns).len() + 1);
    let empty = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;

    // All at once.
    let changed: BTreeMap<String, String> =
        before.iter().map(|(name, value)| (name.clone(), other(name, value))).collect();
    let words = changed.iter().map(|(name, value)| format!("{name}={value}"));
    let ran = ns.ipvsadm(std::iter::once("--settings".to_owned()).chain(words)).success();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(changeable(&ns), changed);
    let listed = ns.ipvsadm(["--settings"]).success().stdout;
    let stars = listed.lines().filter(|line| line.starts_with('*')).count();
    let defaults = changed
        .keys()
        .filter(|name| name.parse::<Setting>().expect("a name").kernel_default().is_some());
    assert_eq!(stars, defaults.count(), "{listed}");

    // Saved, set back, and applied, as rules and as JSON.
    let rules = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;
    let json = ns.ipvsadm(["-S", "--all", "--json"]).success().stdout;
    for (name, value) in &changed {
        assert!(rules.lines().any(|line| line == format!("--settings {name}={value}")), "{rules}");
    }
    assert!(!rules.contains("debug_level"), "read-only here: {rules}");
    let count = changed.len();
    for saved in [&rules, &json] {
        let ran = apply(&ns, &empty, ["--allow-empty"]);
        assert_ended(&ran, 0, &format!("{count} settings changed"));
        assert_eq!(changeable(&ns), before);
        let ran = apply(&ns, saved, NO_MORE);
        assert_ended(&ran, 0, &format!("{count} settings changed"));
        assert_eq!(changeable(&ns), changed);
        assert_ended(&apply(&ns, saved, NO_MORE), 0, "nothing to change");
    }
    for more in [&[][..], &["--atomic"], &["--clear"]] {
        restore(&ns, &empty, more).success();
        assert_eq!(changeable(&ns), before, "{more:?}");
        restore(&ns, &rules, more).success();
        assert_eq!(changeable(&ns), changed, "{more:?}");
    }
    load(&ns, &empty);
    assert_eq!(changeable(&ns), before);
    // What 1.31 saves is what is saved without --all.
    assert_eq!(ns.ipvsadm(["-S", "-n"]).success().stdout, "");
}

fn a_refused_plan_undoes_every_setting() {
    let ns = Netns::new();
    let before = files(&ns);
    let changes: String = changeable(&ns)
        .iter()
        .map(|(name, value)| format!("--settings {name}={}\n", other(name, value)))
        .collect();
    let rules = format!("{changes}-A -f 1 -s rr\n-A -f 2 -s nosuch\n");
    let line = changes.lines().count() + 2;
    let refused = format!(
        "line {line}: Scheduler or persistence engine not found\n\
         Nothing was changed: the previous state is restored."
    );
    assert_ended(&apply(&ns, &rules, NO_MORE), 255, &refused);
    assert_eq!((files(&ns), saved(&ns).as_str()), (before.clone(), ""));
    assert_ended(&restore(&ns, &rules, ["--atomic"]), 255, &refused);
    assert_eq!((files(&ns), saved(&ns).as_str()), (before, ""));
    // Without --atomic the rest are applied.
    assert_eq!(restore(&ns, &rules, NO_MORE).code(), Some(255));
    assert_eq!(saved(&ns), "-A -f 1 -s rr");
    assert_eq!(files(&ns)["sync_threshold"], "5,60");
}

fn several_settings_are_set_all_or_nothing() {
    let ns = Netns::new();
    let before = files(&ns);
    let ran = ns.ipvsadm(["--settings", "am_droprate=7", "sync_threshold=5,60", "sync_ports=3"]);
    assert_ended(
        &ran,
        255,
        "sync_ports=3: Invalid value: sync_ports is a power of two: 1, 2, 4, ...\n\
         Nothing was changed: the previous state is restored.",
    );
    assert_eq!(files(&ns), before);
    let words = ["--settings", "am_droprate=7", "conn_reuse_mode=1", "sync_threshold=5,60"];
    let dry = ns.ipvsadm(words.into_iter().chain(["--dry-run"]));
    assert_eq!((dry.code(), dry.stderr.as_str()), (Some(1), ""));
    let shown = "--settings am_droprate=7\n--settings sync_threshold=5,60\n";
    assert_eq!(dry.stdout, shown);
    assert_eq!(files(&ns), before);
    load(&ns, shown);
    assert_eq!(ns.ipvsadm(words.into_iter().chain(["--dry-run"])).success().stdout, "");
    ns.ipvsadm(words).success();
    let json = ns.ipvsadm(["--settings", "--json"]).success().stdout;
    assert!(json.contains("\"sync_threshold\": [5, 60]"), "{json}");
    assert!(json.contains("\"sync_threshold\": [3, 50]"), "{json}");
}

fn what_makes_no_sense_changes_nothing() {
    let ns = Netns::new();
    let before = files(&ns);
    for (word, status, errors) in [
        ("conn_reuse_mod=1", 2, "conn_reuse_mod: no such setting; did you mean conn_reuse_mode?"),
        ("zzz=1", 2, "zzz: no such setting"),
        (
            "sync_retries=x",
            2,
            "--settings: sync_retries=x: sync_retries is a whole number from 0 to 3",
        ),
        (
            "sync_retries=4",
            255,
            "sync_retries=4: Invalid value: sync_retries is a whole number from 0 to 3",
        ),
        (
            "drop_entry=4",
            255,
            "drop_entry=4: Invalid value: drop_entry is 0 (never), 1 (if memory is short) or 3 \
             (always)",
        ),
        (
            "sync_threshold=5,5",
            255,
            "sync_threshold=5,5: Invalid value: sync_threshold is two numbers, THRESHOLD,PERIOD: \
             the threshold less than the period, or a period of 0",
        ),
        (
            "pmtu_disc=2147483648",
            255,
            "pmtu_disc=2147483648: Invalid value: pmtu_disc is 0 (off) or 1 (on)",
        ),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let words = ["--settings", word].into_iter().chain(more.iter().copied());
            assert_ended(&ns.ipvsadm(words), status, errors);
        }
        assert_ended(&ns.ipvsadm(["--settings", "am_droprate=7", word]), status, &{
            match (status, word) {
                (255, _) => {
                    format!("{errors}\nNothing was changed: the previous state is restored.")
                }
                _ => errors.to_owned(),
            }
        });
        assert_eq!(files(&ns), before, "{word}");
    }
}

fn a_file_names_settings_that_are_not_there() {
    let ns = Netns::new();
    let before = files(&ns);
    let rules = "-A -f 1 -s rr\n--settings am_droprat=7\n--settings am_droprate=7\n";
    let errors = "line 2: am_droprat: no such setting; did you mean am_droprate?";
    for more in [&[][..], &["--dry-run"]] {
        assert_ended(&apply(&ns, rules, more), 2, errors);
    }
    assert_ended(&restore(&ns, rules, ["--atomic"]), 2, errors);
    assert_eq!((files(&ns), saved(&ns).as_str()), (before, ""));
    // A setting that is not there must not keep a table from serving.
    assert_ended(&restore(&ns, rules, NO_MORE), 255, errors);
    assert_eq!(saved(&ns), "-A -f 1 -s rr");
    assert_eq!(files(&ns)["am_droprate"], "7");
    let path = file("rules", "--settings zzz=1\n--settings am_droprate=8\n");
    let text = fs::read_to_string(path).expect("written");
    let ran = ns.command(crate::program::ipvsadm()).arg("-R").stdin(text).run();
    assert_ended(&ran, 0, "line 1: zzz: no such setting");
    assert_eq!(files(&ns)["am_droprate"], "8");
}

/// A client that another thread uses, or whose thread has moved, is still where it was made.
fn a_client_keeps_to_its_namespace() {
    let (ns, elsewhere) = (Netns::new(), Netns::new());
    let droprate: Setting = "am_droprate".parse().expect("a name");
    let mut made_inside = ns.enter(|| Client::new().expect("IPVS is there"));
    let named = Namespace::named(ns.name()).expect("it is there");
    let mut found = Client::in_namespace(&named).expect("it can be entered");
    for (number, client) in [(77, &mut made_inside), (78, &mut found)] {
        let value = SettingValue::Number(number);
        // From the first namespace, and from a third.
        client.set_setting(droprate, &value).expect("it is accepted");
        assert_eq!(files(&ns)["am_droprate"], number.to_string());
        elsewhere.enter(|| {
            assert_eq!(client.setting(droprate).expect("read"), Some(value));
            assert_eq!(client.settings().expect("read")[&droprate], value);
            client.set_setting(droprate, &SettingValue::Number(number + 10)).expect("accepted");
        });
        assert_eq!(files(&ns)["am_droprate"], (number + 10).to_string());
        assert_eq!(client.settings().expect("read").len(), files(&ns).len());
        assert_eq!(files(&elsewhere)["am_droprate"], "10");
    }
    let first = fs::read_to_string(format!("{FOLDER}/am_droprate")).expect("a file");
    assert_eq!(first, "10\n");

    let error = found.set_setting("zzz".parse().expect("a name"), &1.into());
    assert_eq!(error.expect_err("none").refusal_kind(), Some(RefusalKind::NoSuchSetting));
    let error = found.set_setting("debug_level".parse().expect("a name"), &1.into());
    assert_eq!(error.expect_err("read-only").refusal_kind(), Some(RefusalKind::SettingReadOnly));
    let retries: Setting = "sync_retries".parse().expect("a name");
    let error = found.set_setting(retries, &4.into());
    assert_eq!(error.expect_err("at most 3").refusal_kind(), Some(RefusalKind::Invalid));

    let mut wanted = State::default();
    wanted.settings.insert(retries, 2.into());
    let state = found.state_for(&wanted).expect("read");
    assert_eq!(state.settings.into_iter().collect::<Vec<_>>(), [(retries, 0.into())]);
    assert_eq!(found.state().expect("read").settings.len(), files(&ns).len());
}

fn read_only_settings_are_explained() {
    let ns = Netns::new();
    assert_ended(
        &ns.ipvsadm(["--settings", "debug_level=1"]),
        255,
        "debug_level=1: Permission denied (you must be root, and some settings are read-only \
         outside the first network namespace)",
    );
    // As in a container.
    let script = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && \
                  exec \"$@\"";
    let program = crate::program::ipvsadm();
    let ran = ns
        .command("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(program)
        .args(["--settings", "am_droprate=7"])
        .run();
    let errors = "am_droprate=7: /proc/sys is mounted read-only here, as in a container";
    assert_ended(&ran, 255, errors);
    assert_eq!(files(&ns)["am_droprate"], "10");
}

/// The kernel has it only once the scheduler is loaded.
fn a_setting_of_a_scheduler_comes_after_its_service() {
    let ns = Netns::new();
    let rules = "-A -f 1 -s lblc\n--settings lblc_expiration=60\n";
    for _ in 0..2 {
        apply(&ns, rules, NO_MORE).success();
        assert_eq!(files(&ns)["lblc_expiration"], "60");
    }
    let whole = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;
    assert!(whole.contains("--settings lblc_expiration=60\n"), "{whole}");
    ns.ipvsadm(["-D", "-f", "1"]).success();
    let whole = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;
    assert!(!whole.contains("lblc_expiration"), "no service uses it: {whole}");
}

/// Commands that are not about settings work where there is no `/proc/sys`.
fn nothing_else_needs_the_settings() {
    let ns = Netns::new();
    let hidden = |words: &[&str], input: &str| {
        let script = "mount -t tmpfs none /proc/sys && exec \"$@\"";
        ns.command("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(crate::program::ipvsadm())
            .args(words)
            .stdin(input)
            .run()
    };
    hidden(&["-A", "-f", "1"], "").success();
    assert!(hidden(&["-L", "-n"], "").success().stdout.contains("FWM  1 wlc"));
    assert_ended(&hidden(&["--apply"], "-A -f 1 -s rr\n"), 0, "1 service edited");
    assert_eq!(hidden(&["-A", "-f", "2", "--dry-run"], "").stdout, "-A -f 2 -s wlc\n");
    let whole = hidden(&["-S", "-n", "--all"], "").success().stdout;
    assert_eq!(whole, "-A -f 1 -s rr\n--set 900 120 300\n");
    let errors = "/proc/sys/net/ipv4/vs: No such file or directory";
    assert_ended(&hidden(&["--settings"], ""), 255, errors);
}
