use super::*;

fn setting(name: &str) -> Setting {
    name.parse().expect("a name")
}

#[test]
fn the_table_is_sorted_and_its_defaults_are_accepted() {
    assert!(TABLE.is_sorted_by_key(|row| row.name));
    for setting in Setting::known() {
        assert_eq!(setting.name().parse(), Ok(setting));
        let description = setting.description().expect("one for each");
        assert!(description.len() <= 90 && !description.ends_with('.'), "{setting}");
        if let Some(default) = setting.kernel_default() {
            assert!(setting.accepts(&default), "{setting}");
            assert_eq!(setting.value(&default.to_string()), Ok(default), "{setting}");
            assert_eq!(setting.value(&default.kernel_text()), Ok(default), "{setting}");
        }
    }
}

#[test]
fn values_are_read_by_their_kind() {
    for (name, text, want) in [
        ("conn_reuse_mode", "0", Some(SettingValue::Number(0))),
        ("conn_reuse_mode", " -7\n", Some(SettingValue::Number(-7))),
        ("conn_reuse_mode", "99999999999", Some(SettingValue::Number(99_999_999_999))),
        ("conn_reuse_mode", "yes", None),
        ("conn_reuse_mode", "", None),
        ("conn_reuse_mode", "1 2", None),
        ("conn_reuse_mode", "0x1", None),
        ("sync_threshold", "3,50", Some(SettingValue::Pair(3, 50))),
        ("sync_threshold", "3\t50\n", Some(SettingValue::Pair(3, 50))),
        ("sync_threshold", "3", None),
        ("sync_threshold", "3,50,1", None),
        ("est_cpulist", "5", Some(SettingValue::Text("5"))),
        ("est_cpulist", "0-3,8", Some(SettingValue::Text("0-3,8"))),
        ("est_cpulist", "", Some(SettingValue::Text(""))),
        ("est_cpulist", "0 3", None),
        ("of_tomorrow", "5", Some(SettingValue::Number(5))),
        ("of_tomorrow", "5\t6", Some(SettingValue::Pair(5, 6))),
        ("of_tomorrow", "5-6", Some(SettingValue::Text("5-6"))),
        ("of_tomorrow", "a b", None),
    ] {
        assert_eq!(setting(name).value(text).ok(), want, "{name}={text:?}");
    }
}

#[test]
fn bounds_are_the_kernels() {
    let int = i64::from(i32::MAX);
    for (name, accepted, refused) in [
        ("cache_bypass", vec![0, 1, 2, -1, int], vec![int + 1]),
        ("am_droprate", vec![0, -1, int], vec![int + 1, -int - 2]),
        ("drop_entry", vec![0, 1, 2, 3], vec![-1, 4]),
        ("sync_ports", vec![1, 2, 1 << 30], vec![0, 3, -1, 1 << 31, i64::MIN]),
        ("sync_retries", vec![0, 3], vec![-1, 4]),
        ("sync_version", vec![0, 1], vec![-1, 2]),
        ("sync_qlen_max", vec![0, i64::MAX], vec![-1]),
        ("est_nice", vec![-20, 19], vec![-21, 20]),
        ("conn_max", vec![0, 1 << 30], vec![-1, (1 << 30) + 1]),
        ("of_tomorrow", vec![i64::MIN, i64::MAX], vec![]),
    ] {
        let setting = setting(name);
        let accepts = |number: &i64| setting.accepts(&SettingValue::Number(*number));
        assert!(accepted.iter().all(accepts), "{name}");
        assert!(!refused.iter().any(accepts), "{name}");
    }
    let threshold = setting("sync_threshold");
    for (first, second, fits) in
        [(3, 50, true), (0, 0, true), (5, 0, true), (5, 5, false), (-1, 5, false), (3, -1, false)]
    {
        assert_eq!(threshold.accepts(&SettingValue::Pair(first, second)), fits, "{first} {second}");
    }
    assert!(!threshold.accepts(&SettingValue::Number(3)));
    assert!(!setting("cache_bypass").accepts(&SettingValue::Pair(0, 1)));
    assert!(!setting("cache_bypass").accepts(&SettingValue::Text("0")));
}

#[test]
fn values_that_mean_the_same_agree() {
    let agree = |name: &str, now: &str, wanted: &str| {
        let setting = setting(name);
        let read = |text| setting.value(text).expect("a value");
        setting.agrees(&read(now), &read(wanted))
    };
    // The kernel turns 1 into 2 while memory is short.
    assert!(agree("drop_entry", "2", "1"));
    assert!(!agree("drop_entry", "3", "1"));
    assert!(!agree("conn_reuse_mode", "2", "1"));
    assert!(agree("est_cpulist", "0-3", "3,2,0-1"));
    assert!(agree("est_cpulist", "", ""));
    assert!(!agree("est_cpulist", "0-3", ""));
    assert!(!agree("est_cpulist", "0-3", "all"));
}

#[test]
fn names_are_names_of_files() {
    for name in ["", ".", "..", "a/b", "a b", "a.b", "a=b", "\u{e9}", &"x".repeat(256)] {
        assert!(name.parse::<Setting>().is_err(), "{name:?}");
    }
    let new = setting("of_tomorrow");
    assert_eq!((new.name(), new.kernel_default(), new.description()), ("of_tomorrow", None, None));
    assert!(std::ptr::eq(new.name(), setting("of_tomorrow").name()), "kept once");
}
