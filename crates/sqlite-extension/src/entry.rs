//! The entry point, which SQLite calls when a program loads the extension.

#![allow(unsafe_code, reason = "SQLite passes pointers")]

use std::{
    ffi::{CString, c_char, c_int},
    panic::catch_unwind,
};

use rusqlite::{Connection, ffi};

use crate::functions;

/// Registers novi's functions on a connection.
///
/// # Safety
/// SQLite calls it, with pointers that are valid during the call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn sqlite3_extension_init(
    db: *mut ffi::sqlite3,
    message: *mut *mut c_char,
    api: *mut ffi::sqlite3_api_routines,
) -> c_int {
    if db.is_null() || message.is_null() || api.is_null() {
        return ffi::SQLITE_ERROR;
    }
    // A panic must not reach SQLite, which is written in C.
    let registered = catch_unwind(|| {
        // The table of functions has at least those of the version that it claims.
        unsafe { ffi::rusqlite_extension_init2(api) }.map_err(unusable)?;
        // The connection is SQLite's, and open while the extension is loaded.
        let connection = unsafe { Connection::from_handle(db) };
        connection.and_then(|connection| functions::register(&connection)).map_err(|error| error.to_string())
    });
    let problem = match registered {
        // Unloading the library would leave threads with destructors whose code is no longer there.
        Ok(Ok(())) => return ffi::SQLITE_OK_LOAD_PERMANENTLY,
        Ok(Err(problem)) => problem,
        Err(_) => "novi could not be loaded: internal error".to_owned(),
    };
    unsafe { report(api, message, &problem) };
    ffi::SQLITE_ERROR
}

/// Hands a message to SQLite, which frees it. rusqlite's own way takes an allocator that it does not look up in a
/// version that is too old, and panics.
///
/// # Safety
/// The pointers are those of the entry point.
unsafe fn report(api: *const ffi::sqlite3_api_routines, message: *mut *mut c_char, problem: &str) {
    let (Ok(problem), Some(malloc)) = (CString::new(problem), unsafe { (*api).malloc }) else { return };
    let bytes = problem.as_bytes_with_nul();
    let Ok(length) = c_int::try_from(bytes.len()) else { return };
    // A copy of exactly the allocated length.
    unsafe {
        let copy = malloc(length).cast::<c_char>();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
            *message = copy;
        }
    }
}

/// Why the functions of this SQLite cannot be used.
fn unusable(error: ffi::InitError) -> String {
    match error {
        ffi::InitError::VersionMismatch { compile_time, runtime } => format!(
            "novi needs SQLite {} or later, and this program has SQLite {}",
            version(compile_time),
            version(runtime)
        ),
        other => format!("novi cannot use this SQLite: {other}"),
    }
}

/// A version from its number, such as 3040001.
fn version(number: i32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}
