//! What SQLite knows of a transaction, to notice changes without running a statement.

#![allow(unsafe_code, reason = "rusqlite offers these calls only with bindings of later versions of SQLite")]

use rusqlite::{Connection, ffi};

/// The moment at which a transaction reads. The rows of equal moments of a connection are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Changed by the commits of other connections, once this one reads them.
    data_version: u32,
    /// Raised by each row that this connection changes.
    own_changes: u64,
}

impl Moment {
    /// The present moment. `None` unless a transaction reads the schema `main` and has not written: without one, the
    /// version is that of the last transaction, and a rollback takes back rows but not the number of changes.
    pub(crate) fn of(connection: &Connection) -> Option<Self> {
        const MAIN: *const std::ffi::c_char = c"main".as_ptr();
        let mut data_version = 0_u32;
        // The handle belongs to the connection that runs the function, the name ends with NUL, and the version is
        // written before the call returns.
        let code = unsafe {
            let handle = connection.handle();
            if ffi::sqlite3_txn_state(handle, MAIN) != ffi::SQLITE_TXN_READ {
                return None;
            }
            let version = std::ptr::from_mut(&mut data_version).cast();
            ffi::sqlite3_file_control(handle, MAIN, ffi::SQLITE_FCNTL_DATA_VERSION, version)
        };
        let own_changes = connection.total_changes();
        (code == ffi::SQLITE_OK).then_some(Self { data_version, own_changes })
    }
}
