use super::*;

#[test]
fn the_first_attempt_is_immediate_and_delays_grow_to_the_cap() {
    let delays: Vec<f64> = Backoff::new(42).take(30).map(|d| d.as_secs_f64()).collect();
    assert_eq!(delays[0], 0.0);
    let mut nominal: f64 = 0.5;
    for delay in &delays[1..] {
        assert!(
            *delay >= nominal * 0.5 - 1e-6 && *delay <= nominal * 1.5 + 1e-6,
            "{delay} around {nominal}"
        );
        nominal = (nominal * 1.5).min(60.0);
    }
    assert!(nominal == 60.0);
}

#[test]
fn the_jitter_follows_from_the_seed_and_spreads() {
    let of = |seed| Backoff::new(seed).take(20).collect::<Vec<_>>();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let second: Vec<f64> = (0..1000)
        .map(|s| Backoff::new(s).nth(1).unwrap().as_secs_f64())
        .collect();
    let mean = second.iter().sum::<f64>() / 1000.0;
    assert!((mean - 0.5).abs() < 0.02, "mean {mean}");
    assert!(second.iter().any(|d| *d < 0.27) && second.iter().any(|d| *d > 0.73));
}
