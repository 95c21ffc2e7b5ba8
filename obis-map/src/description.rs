//! What a code means, in words.
//!
//! Invariants: one row is one meaning; channel, tariff and period are left out, they stand in the code
//! itself. Every row of the annex has words (tested). To add words, add a row.

use crate::ObisCode;
use crate::table::CodePattern;

macro_rules! descriptions {
    ($($code:literal $words:literal,)*) => {
        /// Codes and words; `e` stands for any tariff.
        const ROWS: &[(CodePattern, &str)] = &[$((CodePattern::new($code), $words)),*];
    };
}

descriptions! {
    "0-0:0.2.0" "firmware version",
    "0-0:0.9.1" "time of reception",
    "0-0:0.9.2" "date of reception",
    "0-0:1.0.0" "clock",
    "0-0:42.0.0" "logical device name",
    "0-0:96.1.0" "device number",
    "0-0:96.1.1" "device number of the utility",
    "0-0:96.1.2" "number of the configuration",
    "0-0:96.1.9" "ownership number",
    "0-0:96.1.10" "metering point number",
    "0-0:96.3.19" "disconnector state",
    "0-0:96.6.6" "remaining time of the battery",
    "0-0:96.8.0" "operating time",
    "0-0:97.97.0" "error flags",
    "0-8:25.9.0" "push setup",
    "1-0:0.1.0" "register index",
    "1-0:0.1.2" "time of the stored values",
    "1-0:0.8.0" "averaging duration",
    "1-0:0.9.1" "time",
    "1-0:0.9.2" "date",
    "1-0:1.2.e" "accumulated maximum of active power, import",
    "1-0:1.6.e" "maximum of active power, import",
    "1-0:1.7.0" "active power, import",
    "1-0:1.8.e" "active energy, import",
    "1-0:1.128.0" "active energy, prepayment register",
    "1-0:2.2.e" "accumulated maximum of active power, export",
    "1-0:2.6.e" "maximum of active power, export",
    "1-0:2.7.0" "active power, export",
    "1-0:2.8.e" "active energy, export",
    "1-0:3.7.0" "reactive power, import",
    "1-0:3.8.e" "reactive energy, import",
    "1-0:4.7.0" "reactive power, export",
    "1-0:4.8.e" "reactive energy, export",
    "1-0:5.8.e" "reactive energy, quadrant I",
    "1-0:6.8.e" "reactive energy, quadrant II",
    "1-0:7.8.e" "reactive energy, quadrant III",
    "1-0:8.8.e" "reactive energy, quadrant IV",
    "1-0:13.7.0" "power factor",
    "1-0:14.7.0" "frequency",
    "1-0:15.7.0" "active power, sum of amounts",
    "1-0:15.8.e" "active energy, sum of amounts",
    "1-0:16.7.0" "active power, import minus export",
    "1-0:16.8.e" "active energy, import minus export",
    "1-0:21.7.0" "active power L1, import",
    "1-0:22.7.0" "active power L1, export",
    "1-0:31.7.0" "current L1",
    "1-0:32.7.0" "voltage L1",
    "1-0:33.7.0" "power factor L1",
    "1-0:41.7.0" "active power L2, import",
    "1-0:42.7.0" "active power L2, export",
    "1-0:51.7.0" "current L2",
    "1-0:52.7.0" "voltage L2",
    "1-0:53.7.0" "power factor L2",
    "1-0:61.7.0" "active power L3, import",
    "1-0:62.7.0" "active power L3, export",
    "1-0:71.7.0" "current L3",
    "1-0:72.7.0" "voltage L3",
    "1-0:73.7.0" "power factor L3",
    "1-0:81.7.1" "phase angle U1 to U2",
    "1-0:81.7.4" "phase angle U1 to I1",
    "1-0:81.7.12" "phase angle U2 to U3",
    "1-0:81.7.15" "phase angle U2 to I2",
    "1-0:81.7.20" "phase angle U3 to U1",
    "1-0:81.7.26" "phase angle U3 to I3",
    "1-0:91.7.0" "current in the neutral",
    "4-0:0.1.10" "due date",
    "4-0:0.9.1" "time",
    "4-0:0.9.2" "date",
    "4-0:0.9.3" "age of the values",
    "4-0:1.0.0" "consumption, current",
    "4-0:1.2.0" "consumption, due date",
    "5-0:0.1.10" "due date",
    "5-0:0.8.5" "averaging duration",
    "5-0:0.9.1" "time",
    "5-0:0.9.2" "date",
    "5-0:0.9.3" "age of the values",
    "5-0:1.0.e" "cooling energy, current",
    "5-0:1.2.e" "cooling energy, due date",
    "5-0:2.0.0" "volume, current",
    "5-0:2.2.0" "volume, due date",
    "5-0:3.0.0" "mass, current",
    "5-0:8.0.0" "power",
    "5-0:8.5.0" "maximum of power",
    "5-0:9.0.0" "flow rate",
    "5-0:9.5.0" "maximum of flow rate",
    "5-0:10.0.0" "flow temperature",
    "5-0:11.0.0" "return temperature",
    "5-0:12.0.0" "temperature difference",
    "6-0:0.1.10" "due date",
    "6-0:0.8.5" "averaging duration",
    "6-0:0.9.1" "time",
    "6-0:0.9.2" "date",
    "6-0:0.9.3" "age of the values",
    "6-0:1.0.e" "heat energy, current",
    "6-0:1.2.e" "heat energy, due date",
    "6-0:2.0.0" "volume, current",
    "6-0:2.2.0" "volume, due date",
    "6-0:3.0.0" "mass, current",
    "6-0:8.0.0" "power",
    "6-0:8.5.0" "maximum of power",
    "6-0:9.0.0" "flow rate",
    "6-0:9.5.0" "maximum of flow rate",
    "6-0:10.0.0" "flow temperature",
    "6-0:11.0.0" "return temperature",
    "6-0:12.0.0" "temperature difference",
    "7-0:0.1.2" "time of the stored values",
    "7-0:0.8.28" "averaging duration",
    "7-0:0.9.1" "time",
    "7-0:0.9.2" "date",
    "7-0:3.0.e" "volume, measuring conditions",
    "7-0:3.1.e" "volume, temperature converted",
    "7-0:3.2.e" "volume, base conditions",
    "7-0:41.2.0" "temperature, base conditions",
    "7-0:42.2.0" "pressure, base conditions",
    "7-0:43.15.0" "flow rate, measuring conditions",
    "7-0:43.16.0" "flow rate, temperature converted",
    "7-0:43.17.0" "flow rate, base conditions",
    "7-0:43.63.0" "averaged flow rate, measuring conditions",
    "7-0:43.64.0" "averaged flow rate, temperature converted",
    "7-0:43.65.0" "averaged flow rate, base conditions",
    "8-0:0.1.10" "due date",
    "8-0:0.8.6" "averaging duration",
    "8-0:0.9.1" "time",
    "8-0:0.9.2" "date",
    "8-0:0.9.3" "age of the values",
    "8-0:1.0.e" "cold water volume, current",
    "8-0:1.2.e" "cold water volume, due date",
    "8-0:2.0.0" "flow rate",
    "8-0:2.4.0" "minimum of flow rate",
    "8-0:2.5.0" "maximum of flow rate",
    "8-0:3.0.0" "water temperature",
    "9-0:0.1.10" "due date",
    "9-0:0.8.6" "averaging duration",
    "9-0:0.9.1" "time",
    "9-0:0.9.2" "date",
    "9-0:0.9.3" "age of the values",
    "9-0:1.0.e" "hot water volume, current",
    "9-0:1.2.e" "hot water volume, due date",
    "9-0:2.0.0" "flow rate",
    "9-0:2.4.0" "minimum of flow rate",
    "9-0:2.5.0" "maximum of flow rate",
    "9-0:3.0.0" "water temperature",
}

impl ObisCode {
    /// What the code means, whatever its channel, tariff and period; `None` for a code without words.
    ///
    /// ```
    /// use obis_map::ObisCode;
    /// assert_eq!(ObisCode::new(1, 0, 1, 8, 2, 255).description(), Some("active energy, import"));
    /// ```
    #[must_use]
    pub fn description(self) -> Option<&'static str> {
        let [a, b, c, d, e, _] = self.octets();
        let exact = Self::new(a, b, c, d, e, Self::CURRENT);
        let any = |(pattern, words): &(CodePattern, &'static str)| pattern.matches(exact).then_some(*words);
        ROWS.iter().find_map(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_map_has_words() {
        for row in crate::rows() {
            assert!(row.code.base().description().is_some(), "{}", row.code);
        }
    }

    #[test]
    fn no_code_has_two_descriptions() {
        for (pattern, words) in ROWS {
            let code = pattern.base();
            assert_eq!(ROWS.iter().filter(|(other, _)| other.matches(code)).count(), 1, "{words}");
        }
        assert_eq!(ObisCode::new(1, 0, 99, 98, 0, 255).description(), None);
        assert_eq!(ObisCode::new(8, 3, 1, 2, 0, 4).description(), Some("cold water volume, due date"));
    }
}
