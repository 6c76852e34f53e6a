//! `vectors [DIR]`: checks the vector files of a folder; reached as `cargo xtask vectors`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let folder = args.next().map_or_else(vectors::own_folder, PathBuf::from);
    if args.next().is_some() {
        eprintln!("usage: vectors [DIR]");
        return ExitCode::FAILURE;
    }
    let reports = match vectors::check_folder(&folder) {
        Ok(reports) => reports,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    for report in &reports {
        println!("{report}");
    }
    let has_failed = reports.iter().any(|report| report.failed() > 0);
    ExitCode::from(u8::from(has_failed))
}
