//! Failpoints end and delay a real process, in builds that have them, and scaled times are announced.

use super::process::Server;
use super::sink::Sink;
use super::{alert, config};

#[test]
fn scaled_times_are_announced() {
    let sink = Sink::start();
    let server = Server::start_under(("BELFRY_TIMING_SCALE", "0.1"), &config(&sink, "one"));
    server.log_has("The times of the protocol are multiplied by 0.1");
    let posted = server.post("/api/v2/alerts", &alert("Scaled", None));
    assert_eq!(posted.status, 200);
    assert_eq!(sink.next().names(), ["Scaled"]);
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn a_build_without_failpoints_says_so() {
    let sink = Sink::start();
    let server = Server::start_under(("BELFRY_FAILPOINT", "C7:kill"), &config(&sink, "one"));
    server.log_has("BELFRY_FAILPOINT is set, but this build has no failpoints");
    let posted = server.post("/api/v2/alerts", &alert("Told", None));
    assert_eq!(posted.status, 200);
    assert_eq!(sink.next().names(), ["Told"]);
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::time::Duration;

    use super::*;
    use crate::process::run_under;

    /// Takes an alert in with a failpoint armed that ends the process before or after the message is out.
    fn ends_at(point: &str, is_told: bool) {
        let sink = Sink::start();
        let plan = format!("{point}:kill");
        let server = Server::start_under(("BELFRY_FAILPOINT", &plan), &config(&sink, "one"));
        let posted = server.post("/api/v2/alerts", &alert("Cut", None));
        assert_eq!(posted.status, 200);
        server.log_has(&format!(
            "A failpoint was reached\" failpoint={point} action=Kill"
        ));
        assert_eq!(server.exit_code(), None, "a signal ended it");
        match is_told {
            true => assert_eq!(sink.next().names(), ["Cut"]),
            false => sink.is_quiet(Duration::from_millis(300)),
        }
        // Without the failpoint the next process tells what was acknowledged.
        let server = server.restart();
        match point {
            // Recorded as told: not told again.
            "C11" | "C12" => sink.is_quiet(Duration::from_millis(1_500)),
            _ => assert_eq!(sink.next().names(), ["Cut"]),
        }
        drop(server);
    }

    #[test]
    fn a_kill_ends_the_process_where_it_says() {
        for point in ["C6", "C7", "C13", "C8"] {
            ends_at(point, false);
        }
        for point in ["C9", "C14", "C10", "C11", "C12"] {
            ends_at(point, true);
        }
    }

    #[test]
    fn a_kill_amid_a_stop_repeats_nothing_that_was_told() {
        let sink = Sink::start();
        let plan = ("BELFRY_FAILPOINT", "C15:kill");
        let server = Server::start_under(plan, &config(&sink, "one"));
        let posted = server.post("/api/v2/alerts", &alert("Told", None));
        assert_eq!(posted.status, 200);
        assert_eq!(sink.next().names(), ["Told"]);
        server.signal("TERM");
        server.log_has("failpoint=C15 action=Kill");
        assert_eq!(server.exit_code(), None, "a signal ended it");
        let server = server.restart();
        sink.is_quiet(Duration::from_millis(1_500));
        drop(server);
    }

    #[test]
    fn a_delay_and_a_stop_let_it_go_on() {
        let sink = Sink::start();
        let plan = "C7:delay=50ms,C8:stop@1";
        let server = Server::start_under(("BELFRY_FAILPOINT", plan), &config(&sink, "one"));
        let posted = server.post("/api/v2/alerts", &alert("Late", None));
        assert_eq!(posted.status, 200);
        server.log_has("failpoint=C7 action=Delay(50ms)");
        server.log_has("failpoint=C8 action=Stop");
        sink.is_quiet(Duration::from_millis(500));
        server.signal("CONT");
        assert_eq!(sink.next().names(), ["Late"]);
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
    }

    #[test]
    fn a_typo_is_refused_with_the_list() {
        let ended = run_under(
            &[("BELFRY_FAILPOINT", "C77:kill")],
            &["alertmanager", "--web.listen-address=127.0.0.1:0"],
        );
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("no failpoint `C77`; there are C1 ("),
            "{}",
            ended.stderr
        );
    }
}
