//! Templates that try to crash, stall or drown the process. None may: each ends with an output or an error, within the
//! limits for tenants and on a small stack.

mod corpus;
#[path = "../recorded/dataset.rs"]
mod dataset;

use gotmpl::Limits;

/// Three quarters of what the program's smallest threads have, its workers with 2 MiB.
const STACK_BYTES: usize = 3 << 19;

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread
        .spawn(work)
        .expect("a thread starts")
        .join()
        .expect("no panic")
}

#[test]
fn every_hostile_template_ends_within_the_limits() {
    let templates = corpus::templates();
    let count = templates.len();
    assert!(count >= 100, "the corpus has {count} templates");
    for (name, text) in templates {
        for engine in corpus::ENGINES {
            let text = text.clone();
            let (length, error) =
                on_small_stack(move || corpus::render(&text, engine, &Limits::TENANT));
            let error = error.as_deref();
            let said = error.map_or("done", |e| &e[..e.floor_char_boundary(150)]);
            println!("{name} {engine:?}: {length} bytes, {said}");
            assert!(length <= Limits::TENANT.output_bytes_max, "{name}");
        }
    }
}
