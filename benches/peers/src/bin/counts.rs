//! Counts allocations and bytes; run by `novi-peers`. Prints JSON.

use novi_peers::{
    counts::{Counted, count},
    users::users,
};

fn main() -> serde_json::Result<()> {
    let counted = |run: &mut dyn FnMut()| {
        let info = allocation_counter::measure(run);
        Counted { allocations: info.count_total, live: info.bytes_current }
    };
    serde_json::to_writer(std::io::stdout().lock(), &count(counted, &users()))
}
