//! The command line: one file per command.

use std::ffi::OsString;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

mod alertmanager;
mod check_config;
mod engine_flags;
pub(crate) mod flags;
pub(crate) mod serve;
mod status;
mod template;
mod test_receiver;

use anyhow::Context as _;
use config::belfry::{LogFormat, LogLevel};
use flags::{Asked, Command, Values};
use runtime::failpoint;

const USAGE: &str = "\
usage: belfry <command> [<flags>]

Groups alerts, silences them, and tells those who must know.

Commands:
  serve           Run the server (belfry.yaml, BELFRY_* variables).
  alertmanager    Run as Alertmanager: its flags, its defaults.
  check-config    Check alertmanager.yml files.
  status          Show how a running instance works together with others.
  test-receiver   Send a test message over each integration of a receiver.
  template render Render a template on given or made-up alerts.
  demo            Run a server that sends itself alerts and shows what comes of them.

Flags:
  -h, --help      Show this text; `belfry <command> --help` shows a command's flags.
      --version   Show the version.
";

/// Runs the command the arguments name.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut texts = Vec::new();
    for arg in args {
        match arg.into_string() {
            Ok(text) => texts.push(text),
            Err(arg) => return refuse("belfry", &format!("argument {arg:?} is not UTF-8")),
        }
    }
    let (program, rest) = texts
        .split_first()
        .map_or(("belfry", &[][..]), |(p, rest)| (p.as_str(), rest));
    if Path::new(program)
        .file_name()
        .is_some_and(|name| name == "alertmanager")
    {
        return alertmanager::run(rest);
    }
    let Some((command, rest)) = rest.split_first() else {
        print(USAGE);
        return ExitCode::FAILURE;
    };
    match command.as_str() {
        "serve" => serve::run(rest),
        "alertmanager" => alertmanager::run(rest),
        "check-config" => check_config::run(rest),
        "status" => status::run(rest),
        "template" => template::run(rest),
        "test-receiver" => test_receiver::run(rest),
        "demo" => crate::demo::run(rest),
        "-h" | "--help" | "help" => {
            print(USAGE);
            ExitCode::SUCCESS
        }
        "--version" | "version" => {
            print(&crate::build::version());
            ExitCode::SUCCESS
        }
        other => refuse("belfry", &format!("unknown command '{other}'")),
    }
}

/// Reads a command's flags; what `--help` and `--version` print is printed here.
///
/// # Errors
/// The code to exit with at once.
pub(crate) fn values(command: Command, version: &str, args: &[String]) -> Result<Values, ExitCode> {
    match command.parse(args) {
        Ok(Asked::Run(values)) => Ok(values),
        Ok(Asked::Help) => {
            print(&command.help());
            Err(ExitCode::SUCCESS)
        }
        Ok(Asked::Version) => {
            print(version);
            Err(ExitCode::SUCCESS)
        }
        Err(message) => Err(refuse(command.name, &message)),
    }
}

/// Complains about the command line.
pub(crate) fn refuse(program: &str, message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{program}: error: {message}, try --help");
    ExitCode::FAILURE
}

/// Prints on standard output; a closed one is no reason to fail.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Arms the failpoints a test asks for.
fn arm_failpoints() -> anyhow::Result<()> {
    let Some(text) = std::env::var_os(failpoint::VARIABLE) else {
        return Ok(());
    };
    let armed = failpoint::arm(&text.to_string_lossy()).map_err(anyhow::Error::msg);
    armed.context(failpoint::VARIABLE)
}

/// Starts logging, then runs a server to its end; an error becomes a log line and exit code 1.
pub(crate) fn run_logged(
    level: LogLevel,
    format: LogFormat,
    server: impl Future<Output = anyhow::Result<()>>,
) -> ExitCode {
    crate::logging::start(level, format, runtime::clock::SystemClock::shared());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = arm_failpoints().and_then(|()| Ok(runtime?));
    let outcome = runtime.and_then(|runtime| {
        let outcome = runtime.block_on(server);
        // Blocking work that is still out (a name lookup) must not hold up the end.
        runtime.shutdown_timeout(std::time::Duration::from_millis(200));
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(err = format!("{error:#}"), "Stopped by an error");
            ExitCode::FAILURE
        }
    }
}
