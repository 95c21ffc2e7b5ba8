//! Where the marks of a time axis stand: on the starts of years, months, days, hours, not where a division falls.

use chrono::{Datelike, Duration, Months, NaiveDate, NaiveDateTime};

/// The most marks that have room.
const MOST: usize = 8;

/// The step from mark to mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    Months(u32),
}

/// Every step that people expect, fine to coarse. Beyond it stand decades.
const STEPS: &[Step] = &[
    Step::Seconds(1),
    Step::Seconds(5),
    Step::Seconds(15),
    Step::Seconds(60),
    Step::Seconds(5 * 60),
    Step::Seconds(15 * 60),
    Step::Seconds(3_600),
    Step::Seconds(3 * 3_600),
    Step::Seconds(6 * 3_600),
    Step::Seconds(12 * 3_600),
    Step::Seconds(86_400),
    Step::Seconds(2 * 86_400),
    Step::Seconds(7 * 86_400),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(600),
];

/// The marks from `first` to `last`, at most eight, with the form of their labels (that of chrono).
#[must_use]
pub fn between(first: NaiveDateTime, last: NaiveDateTime) -> (Vec<NaiveDateTime>, &'static str) {
    let steps = STEPS.iter().map(|step| (step, marks(first, last, *step)));
    let fitting = steps.into_iter().find(|(_, marks)| marks.len() <= MOST);
    let (step, marks) = fitting.unwrap_or((&Step::Months(600), Vec::new()));
    let form = match step {
        Step::Seconds(..60) => "%m-%d %H:%M:%S",
        Step::Seconds(..86_400) => "%m-%d %H:%M",
        Step::Seconds(_) => "%Y-%m-%d",
        Step::Months(..12) => "%Y-%m",
        Step::Months(_) => "%Y",
    };
    (marks, form)
}

/// The multiples of a step from `first` to `last`, one more than there is room for at most.
fn marks(first: NaiveDateTime, last: NaiveDateTime, step: Step) -> Vec<NaiveDateTime> {
    let start = floor(first, step);
    std::iter::successors(start, |mark| match step {
        Step::Seconds(seconds) => mark.checked_add_signed(Duration::seconds(seconds)),
        Step::Months(months) => mark.checked_add_months(Months::new(months)),
    })
    .skip_while(|mark| *mark < first)
    .take_while(|mark| *mark <= last)
    .take(MOST + 1)
    .collect()
}

/// The last multiple of the step up to `time`; days are counted from a Monday.
fn floor(time: NaiveDateTime, step: Step) -> Option<NaiveDateTime> {
    match step {
        Step::Seconds(seconds) => {
            let monday = NaiveDate::from_ymd_opt(1900, 1, 1)?.and_hms_opt(0, 0, 0)?;
            let past = time.signed_duration_since(monday).num_seconds();
            monday.checked_add_signed(Duration::seconds(past.checked_sub(past.rem_euclid(seconds))?))
        }
        Step::Months(months) => {
            let past = time.year().checked_mul(12)?.checked_add(i32::try_from(time.month0()).ok()?)?;
            let past = past.checked_sub(past.rem_euclid(i32::try_from(months).ok()?))?;
            let month = u32::try_from(past.rem_euclid(12)).ok()?.checked_add(1)?;
            NaiveDate::from_ymd_opt(past.div_euclid(12), month, 1)?.and_hms_opt(0, 0, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &str, last: &str, expected: &[&str]) {
        let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        let (marks, form) = between(time(first), time(last));
        let labels: Vec<_> = marks.iter().map(|mark| mark.format(form).to_string()).collect();
        assert_eq!(labels, expected, "{first} to {last}");
    }

    #[test]
    fn marks_stand_on_round_times() {
        check(
            "2012-01-01 00:00:00",
            "2012-06-17 00:00:00",
            &["2012-01", "2012-02", "2012-03", "2012-04", "2012-05", "2012-06"],
        );
        check(
            "2012-01-01 00:00:00",
            "2013-08-18 00:00:00",
            &["2012-01", "2012-04", "2012-07", "2012-10", "2013-01", "2013-04", "2013-07"],
        );
        check(
            "2012-03-05 11:58:01",
            "2012-03-05 12:46:00",
            &["03-05 12:00", "03-05 12:15", "03-05 12:30", "03-05 12:45"],
        );
        check("2012-03-05 00:00:00", "2012-03-05 00:00:01", &["03-05 00:00:00", "03-05 00:00:01"]);
        check(
            "2012-02-27 03:00:00",
            "2012-03-03 00:00:00",
            &["2012-02-28", "2012-02-29", "2012-03-01", "2012-03-02", "2012-03-03"],
        );
        check(
            "1999-12-31 00:00:00",
            "2029-12-31 00:00:00",
            &["2000", "2005", "2010", "2015", "2020", "2025"],
        );
        check("0001-01-01 00:00:00", "9999-12-31 00:00:00", &[]);
        // The ends of time.
        let (marks, _) = between(NaiveDateTime::MIN, NaiveDateTime::MAX);
        assert_eq!(marks, []);
    }
}
