//! The rows of the fault matrix that are run (spec: first tier, Redis only), a file for each family.

mod calm;
mod clock;
mod content;
mod death;
mod link;
mod loss;
mod pause;
mod receiver;
mod refusal;

use crate::row::Row;

/// Every row, by number.
pub(crate) fn all() -> Vec<Row> {
    let families = [
        calm::rows(),
        death::rows(),
        pause::rows(),
        loss::rows(),
        link::rows(),
        refusal::rows(),
        receiver::rows(),
        content::rows(),
        clock::rows(),
    ];
    let mut all: Vec<Row> = families.into_iter().flatten().collect();
    all.sort_by_key(|row| row.id);
    all
}

/// The row with this number.
///
/// # Errors
/// When there is none.
pub(crate) fn named(id: &str) -> Result<Row, String> {
    let found = all().into_iter().find(|row| row.id == id);
    found.ok_or_else(|| {
        let known: Vec<&str> = all().iter().map(|row| row.id).collect();
        format!("no row is called {id:?}; there are {}", known.join(" "))
    })
}
