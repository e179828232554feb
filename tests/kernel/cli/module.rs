//! `--no-load`: a listing that leaves the kernel as it is.

use super::{TABLE, loaded};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::unloaded::Unloaded;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![no_load_says_that_ipvs_is_not_loaded, no_load_lists_where_ipvs_is_loaded]
}

/// What is said, and nothing else: `modprobe` would complain as well.
const NOT_LOADED: &str = "\
Can't initialize ipvs: IPVS is not loaded, and --no-load leaves it so
Are you sure that IP Virtual Server is built in the kernel or as module?
";

fn no_load_says_that_ipvs_is_not_loaded() {
    let unloaded = Unloaded::new();
    let ns = Netns::new();
    for words in [
        &["-L", "--no-load"][..],
        &["--no-load", "-L", "-n"],
        &["-L", "-c", "--no-load"],
        &["-L", "--timeout", "--no-load"],
        &["-S", "-n", "--no-load"],
        &["-S", "--json", "--no-load"],
    ] {
        let ran = unloaded.run(&ns, &program::ipvsadm(), words);
        let got = (ran.code(), ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(got, (Some(2), "", NOT_LOADED), "{words:?}");
    }
    // Without the option, modprobe is tried.
    let tried = unloaded.run(&ns, &program::ipvsadm(), &["-L"]);
    assert!(tried.stderr.contains("modprobe: "), "{}", tried.stderr);
    assert_eq!(tried.code(), Some(2));
}

fn no_load_lists_where_ipvs_is_loaded() {
    let ns = loaded();
    let listed = ns.ipvsadm(["-L", "-n"]).success().stdout;
    assert_eq!(ns.ipvsadm(["-L", "-n", "--no-load"]).success().stdout, listed);
    assert_eq!(ns.ipvsadm(["--no-load", "-S", "-n"]).success().stdout, TABLE);
    // What changes something needs the module.
    let ran = ns.ipvsadm(["-A", "-t", "10.0.0.2:80", "--no-load"]);
    assert_eq!(
        (ran.code(), ran.stderr.as_str()),
        (Some(2), "--no-load: not an option of --add-service\n")
    );
}
