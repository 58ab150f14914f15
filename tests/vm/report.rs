//! What the machine told on its second serial port: lines `NAME=VALUE` (`guest/usr/local/lib/galaf-vm/report`).

use std::collections::BTreeMap;

/// The facts of one boot.
pub(crate) struct Report(BTreeMap<String, String>);

impl Report {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self(lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// The value of `name`.
    ///
    /// # Panics
    /// If the machine did not tell it.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("the machine did not tell '{name}'; it told {:#?}", self.0))
    }

    /// A value that is a number of microseconds since the kernel started.
    ///
    /// # Panics
    /// If it is not a number, or 0: systemd's way to say that it did not happen.
    pub(crate) fn moment(&self, name: &str) -> u64 {
        let value = self.fact(name);
        match value.parse() {
            Ok(0) | Err(_) => panic!("'{name}' is no moment: '{value}'"),
            Ok(moment) => moment,
        }
    }

    /// Asserts that the attempt `name` succeeded and said `output` somewhere.
    #[track_caller]
    pub(crate) fn assert_done(&self, name: &str, output: &str) {
        let (status, said) = self.attempt(name);
        assert!(status == "0" && said.contains(output), "{name}: status {status}, expected 0 and '{output}': {said}");
    }

    /// Asserts that the attempt `name` failed, saying `reason`.
    #[track_caller]
    pub(crate) fn assert_refused(&self, name: &str, reason: &str) {
        let (status, said) = self.attempt(name);
        assert!(status != "0" && said.contains(reason), "{name}: status {status}, expected '{reason}': {said}");
    }

    fn attempt(&self, name: &str) -> (&str, &str) {
        (self.fact(&format!("{name}.status")), self.fact(&format!("{name}.output")))
    }
}
