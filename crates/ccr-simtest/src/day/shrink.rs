//! The shortest day that fails in the same way.

use super::plan::Plan;

/// Leaves out steps as long as the day fails with the same kind of failure; answers the steps that are left, by their
/// numbers, and how many days it took. Never more than `most` days.
pub fn shrink(plan: &Plan, failure: &str, most: usize) -> (Vec<usize>, usize) {
    let mut kept: Vec<usize> = (0..plan.steps.len()).collect();
    let mut days = 0;
    let fails = |kept: &[usize], days: &mut usize| {
        *days += 1;
        let (outcome, _) = super::run(&plan.only(kept), false);
        outcome.is_err_and(|error| kind(&format!("{error:#}")) == kind(failure))
    };
    let mut size = kept.len().div_ceil(2);
    while size > 0 && days < most {
        let mut at = 0;
        let mut shorter = false;
        while at < kept.len() && days < most {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + size).min(kept.len()));
            if fails(&fewer, &mut days) {
                kept = fewer;
                shorter = true;
            } else {
                at += size;
            }
        }
        if !shorter || size > kept.len() {
            size /= 2;
        }
    }
    (kept, days)
}

/// What kind of failure it is: its words without numbers, up to the first colon but one.
fn kind(failure: &str) -> String {
    let words = failure.split(':').take(2).collect::<Vec<_>>().join(":");
    words.chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn a_kind_of_failure_has_no_numbers() {
        assert_eq!(kind("t1 has 5 rows: a: b"), kind("t1 has 77 rows: a: c"));
        assert_ne!(kind("t1 has 5 rows"), kind("t1 has 5 columns"));
    }
}
