//! Whether the rows have changed, for pages that are open.

use crate::visit::Visit;

/// The current revision.
pub(crate) async fn revision(visit: Visit) -> String {
    visit.snapshot.revision().to_string()
}
