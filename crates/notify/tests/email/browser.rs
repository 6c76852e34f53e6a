//! Chromium without a window, which shows pages as a mail client would.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// What the reader's machine prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Dark,
    Light,
}

/// How often to ask whether a run, which takes a second, has ended; and how many times.
const ASK_EVERY: Duration = Duration::from_millis(20);
const ASKED_MAX: usize = 3_000;

/// The browser.
pub(crate) struct Chromium {
    program: PathBuf,
}

impl Chromium {
    /// Finds the browser, or writes a line that names the test as skipped.
    ///
    /// # Panics
    /// When it is missing although `BELFRY_REQUIRE_PEERS` demands it.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let named = std::env::var_os("BELFRY_TEST_CHROMIUM");
        let program = named.map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
        if program.is_file() {
            return Some(Self { program });
        }
        let is_required =
            std::env::var_os("BELFRY_REQUIRE_PEERS").is_some_and(|value| value == "1");
        let missing = format!(
            "{test}: no {} (apt-get install chromium, or set BELFRY_TEST_CHROMIUM)",
            program.display()
        );
        assert!(!is_required, "{missing}");
        // Written past the test runner's capture, so that it is seen.
        let _ = writeln!(std::io::stderr(), "skipped: {missing}");
        None
    }

    /// The document of a page after its scripts have run.
    pub(crate) fn document(&self, page: &Path, scheme: Scheme) -> String {
        let dom = self.run(page, scheme, &["--dump-dom".to_owned()]);
        String::from_utf8_lossy(&dom).into_owned()
    }

    /// A picture of the top of a page, in a window of this size.
    pub(crate) fn screenshot(&self, page: &Path, scheme: Scheme, size: (u32, u32)) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let picture = folder.path().join("page.png");
        let arguments = [
            format!("--window-size={},{}", size.0, size.1),
            format!("--screenshot={}", picture.display()),
        ];
        self.run(page, scheme, &arguments);
        std::fs::read(picture).expect("Chromium wrote a picture")
    }

    fn run(&self, page: &Path, scheme: Scheme, arguments: &[String]) -> Vec<u8> {
        let profile = tempfile::tempdir().expect("a folder can be made");
        let output = profile.path().join("output");
        let scheme = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let child = Command::new(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .stdout(std::fs::File::create(&output).expect("a file can be made"))
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        wait(child);
        std::fs::read(output).expect("the output can be read")
    }
}

fn wait(mut child: Child) {
    for _ in 0..ASKED_MAX {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            assert!(status.success(), "Chromium ended with {status}");
            return;
        }
        sleep(ASK_EVERY);
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("Chromium did not end");
}
