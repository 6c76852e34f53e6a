use super::Tally;

fn closing(lines: &[&str]) -> String {
    let mut tally = Tally::default();
    lines.iter().for_each(|line| tally.read(line));
    tally.closing_line()
}

#[test]
fn closing_lines_of_both_runners_add_up() {
    let got = closing(&[
        "running 3 tests",
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        "     Summary [   4.071s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped",
        "12 passed, 1 failed, in somebody's log",
    ]);
    assert_eq!(got, "tests: 14 passed, 1 failed, 3 skipped");
}

#[test]
fn a_test_that_says_it_was_skipped_is_not_counted_as_passed() {
    let got = closing(&[
        "skipped: amtool adds an alert: amtool is missing",
        "test result: ok. 2 passed; 0 failed; 0 ignored",
    ]);
    assert_eq!(got, "tests: 1 passed, 0 failed, 1 skipped");
}
