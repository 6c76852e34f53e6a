//! What the operating system says about this process, read from `/proc` at scrape time.

use std::fs;

/// Clock ticks per second in `/proc`: USER_HZ, which Linux fixes at 100 for user space on every platform Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// One look at the process; a value the system does not offer is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ProcessStats {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<i64>,
    pub(super) virtual_bytes: Option<i64>,
    pub(super) open_fds: Option<i64>,
    pub(super) max_fds: Option<i64>,
    pub(super) start_time_seconds: Option<f64>,
}

impl ProcessStats {
    /// Looks now.
    pub(super) fn read() -> Self {
        let stat = read("/proc/self/stat");
        let status = read("/proc/self/status");
        let (cpu_seconds, started) = stat.as_deref().map_or((None, None), cpu_and_start);
        let boot = read("/proc/stat").as_deref().and_then(boot_time);
        Self {
            cpu_seconds,
            resident_bytes: status.as_deref().and_then(|text| kilobytes(text, "VmRSS:")),
            virtual_bytes: status
                .as_deref()
                .and_then(|text| kilobytes(text, "VmSize:")),
            open_fds: fs::read_dir("/proc/self/fd")
                .ok()
                .and_then(|dir| i64::try_from(dir.count()).ok()),
            max_fds: read("/proc/self/limits").as_deref().and_then(max_fds),
            start_time_seconds: boot.zip(started).map(|(boot, started)| boot + started),
        }
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// CPU seconds used, and seconds between boot and start.
fn cpu_and_start(stat: &str) -> (Option<f64>, Option<f64>) {
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return (None, None);
    };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from the third field of proc(5), which is the first after the name.
    let ticks = |number: usize| {
        fields
            .get(number - 3)
            .and_then(|field| field.parse::<f64>().ok())
    };
    let cpu = ticks(14)
        .zip(ticks(15))
        .map(|(user, system)| (user + system) / TICKS_PER_SECOND);
    (cpu, ticks(22).map(|ticks| ticks / TICKS_PER_SECOND))
}

fn boot_time(stat: &str) -> Option<f64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn kilobytes(status: &str, key: &str) -> Option<i64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    let number: i64 = rest.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

fn max_fds(limits: &str) -> Option<i64> {
    let rest = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_whitespace().next()?.parse().ok()
}
