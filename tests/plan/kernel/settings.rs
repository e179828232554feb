//! The model's settings: files with bounds of their own, as those of Linux 6.1.

use std::collections::BTreeMap;

const EINVAL: i32 = 22;
const ENOENT: i32 = 2;

/// The values of the files, each of one or two numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<&'static str, Vec<i64>>);

impl Default for Settings {
    fn default() -> Self {
        let files = [
            ("conn_reuse_mode", vec![1]),
            ("drop_entry", vec![0]),
            ("expire_nodest_conn", vec![0]),
            ("of_tomorrow", vec![7]),
            ("sync_ports", vec![1]),
            ("sync_threshold", vec![3, 50]),
        ];
        Settings(files.into())
    }
}

impl Settings {
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(super) fn read(&self, name: &str) -> Result<String, i32> {
        let numbers = self.0.get(name).ok_or(ENOENT)?;
        let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
        Ok(words.join("\t") + "\n")
    }

    pub(super) fn write(&mut self, name: &str, text: &str) -> Result<(), i32> {
        let held = self.0.get_mut(name).ok_or(ENOENT)?;
        let words = text.strip_suffix('\n').expect("a line").split_ascii_whitespace();
        let numbers: Vec<i64> =
            words.map(|word| word.parse().map_err(|_| EINVAL)).collect::<Result<_, _>>()?;
        let fits = match (name, numbers.as_slice()) {
            ("sync_threshold", &[threshold, period]) => {
                threshold >= 0 && period >= 0 && (threshold < period || period == 0)
            }
            ("drop_entry", &[mode]) => (0..=3).contains(&mode),
            ("sync_ports", &[ports]) => ports > 0 && (ports as u64).is_power_of_two(),
            ("of_tomorrow", &[_]) => true,
            (_, &[number]) => i32::try_from(number).is_ok(),
            _ => false,
        };
        if !fits {
            return Err(EINVAL);
        }
        // The kernel itself changes between 1 and 2. Memory is not short here.
        *held = if name == "drop_entry" && numbers == [2] { vec![1] } else { numbers };
        Ok(())
    }
}
