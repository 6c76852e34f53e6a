//! Programs: they find what the `regex` crate finds, and pay for it.

use std::convert::Infallible;

use proptest::prelude::*;

use crate::{Meter, Program, compile, parse};

/// Counts what is paid for.
#[derive(Default)]
struct Bill {
    states: usize,
    bytes: usize,
}

impl Meter for Bill {
    type Exhausted = Infallible;

    fn work(&mut self, states: usize) -> Result<(), Infallible> {
        self.states += states;
        Ok(())
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Infallible> {
        self.bytes += bytes;
        Ok(())
    }
}

pub(super) fn program(pattern: &str) -> Program {
    let node = parse(pattern).expect("a pattern");
    let Ok(program) = Program::compile(&node, &mut Bill::default());
    program
}

pub(super) fn is_match(program: &Program, text: &str) -> bool {
    let Ok(is_match) = program.is_match(text, &mut Bill::default());
    is_match
}

/// All matches with the groups below a number.
fn matches(program: &Program, text: &str, groups_end: usize) -> Vec<Vec<Option<usize>>> {
    let bill = &mut Bill::default();
    let Ok(mut matches) = crate::Matches::new(program, text, groups_end, bill);
    let mut all = Vec::new();
    while let Ok(Some(found)) = matches.find(bill) {
        all.push(found.to_vec());
    }
    all
}

#[test]
fn groups_are_those_of_the_way_taken() {
    let some = |places: &[usize]| places.iter().copied().map(Some).collect::<Vec<_>>();
    for (pattern, text, expected) in [
        (
            "(a)|(b)",
            "ab",
            vec![
                vec![Some(0), Some(1), Some(0), Some(1), None, None],
                vec![Some(1), Some(2), None, None, Some(1), Some(2)],
            ],
        ),
        ("(a*)(a*)", "aa", vec![some(&[0, 2, 0, 2, 2, 2])]),
        ("(a*?)(a*)", "aa", vec![some(&[0, 2, 0, 0, 0, 2])]),
        ("(a|ab)(c|bcd)", "abcd", vec![some(&[0, 4, 0, 1, 1, 4])]),
        // As Go since 1.16: the last round of a loop may be empty only when it is the first.
        (
            "(|a)*",
            "aa",
            vec![
                some(&[0, 0, 0, 0]),
                some(&[1, 1, 1, 1]),
                some(&[2, 2, 2, 2]),
            ],
        ),
        (
            "(|a)+",
            "aa",
            vec![
                some(&[0, 0, 0, 0]),
                some(&[1, 1, 1, 1]),
                some(&[2, 2, 2, 2]),
            ],
        ),
        ("(a|b){2}", "ab", vec![some(&[0, 2, 1, 2])]),
        (
            "(é)x",
            "éxéx",
            vec![some(&[0, 3, 0, 2]), some(&[3, 6, 3, 5])],
        ),
        (
            "a*",
            "baac",
            vec![some(&[0, 0]), some(&[1, 3]), some(&[4, 4])],
        ),
        (
            r"\b",
            "ab c",
            vec![some(&[0, 0]), some(&[2, 2]), some(&[3, 3]), some(&[4, 4])],
        ),
    ] {
        assert_eq!(matches(&program(pattern), text, 9), expected, "{pattern}");
    }
    assert_eq!(matches(&program("(a)(b)"), "ab", 0), [some(&[0, 2])]);
    assert_eq!(program("(?P<n>a)(b)(?<1x>c)").names().len(), 4);
}

/// However a pattern is made, all its matches take work in proportion to the text.
#[test]
fn work_grows_with_the_text_and_no_faster() {
    let many = |piece: &str| piece.repeat(500);
    for (pattern, unit) in [
        (".*x|a".to_owned(), "a"),
        ("a*b".to_owned(), "a"),
        ("(a|b)*a(a|b){8}".to_owned(), "abba"),
        (many("(a|b)*"), "ab"),
        (many("(a)?"), "a"),
        ("(?:.*a.*A.*){20}(.{0,50}x){0,1}y".to_owned(), "aA.é"),
        (r"(?:\w+\s?){0,60}\b".to_owned(), "ab cd "),
        ("(a{0,30}){0,30}b".to_owned(), "a"),
    ] {
        let program = program(&pattern);
        let work = |count: usize| {
            let bill = &mut Bill::default();
            let text = unit.repeat(count);
            let Ok(mut matches) = crate::Matches::new(&program, &text, usize::MAX, bill);
            while let Ok(Some(_)) = matches.find(bill) {}
            (bill.states, bill.bytes)
        };
        let (short, long) = (work(1_000), work(4_000));
        let name = pattern.get(..pattern.len().min(20)).unwrap_or_default();
        assert!(long.0 < 5 * short.0, "{name}: {} {}", short.0, long.0);
        assert!(long.1 < 5 * short.1, "{name}: {} {}", short.1, long.1);
    }
}

#[test]
fn large_patterns_pay_before_they_are_made() {
    struct Little(usize);
    impl Meter for Little {
        type Exhausted = ();
        fn work(&mut self, _: usize) -> Result<(), ()> {
            Ok(())
        }
        fn hold(&mut self, bytes: usize) -> Result<(), ()> {
            self.0 = self.0.checked_sub(bytes).ok_or(())?;
            Ok(())
        }
    }
    for (pattern, fits) in [
        (r"i(\pL{1,200})".to_owned(), true),
        ("(a|b)*".repeat(10_000), false),
        (r"(\pL|\pN|a|b){1000}".to_owned().repeat(10), false),
    ] {
        let node = parse(&pattern).expect("a pattern");
        let done = Program::compile(&node, &mut Little(1 << 20));
        assert_eq!(done.is_ok(), fits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn finds_what_the_crate_finds(
        pattern in r"([ab(){}|^$.*+?é,0-3-]|\(\?i|\(\?s|\(\?:|\[\^a\]|\[ab\]|\(a\||\*\?|\)\*|\\[dwsbBAz]|\n){0,10}",
        text in "[abAé1 _\n]{0,12}",
    ) {
        if let Ok(regex) = compile(&pattern) {
            let program = program(&pattern);
            prop_assert_eq!(is_match(&program, &text), regex.is_match(&text), "{} {:?}", pattern, text);
            let expected: Vec<_> = regex.find_iter(&text).map(|m| vec![Some(m.start()), Some(m.end())]).collect();
            prop_assert_eq!(matches(&program, &text, 1), expected, "{} {:?}", pattern, text);
        }
    }
}
