//! Versions of SQLite that are too old.

#![allow(unsafe_code, reason = "the test calls the extension in SQLite's place")]

use std::{
    alloc::{Layout, alloc},
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};

use rusqlite::ffi::{SQLITE_ERROR, sqlite3, sqlite3_api_routines};

use crate::host::library;

type Entry = unsafe extern "C" fn(*mut sqlite3, *mut *mut c_char, *mut sqlite3_api_routines) -> c_int;

extern "C" fn old_version() -> c_int {
    3_034_000
}

/// Never freed.
unsafe extern "C" fn malloc(length: c_int) -> *mut c_void {
    let layout = Layout::array::<u8>(usize::try_from(length).unwrap()).unwrap();
    unsafe { alloc(layout).cast() }
}

#[test]
fn a_version_that_is_too_old_is_an_error_with_both_versions() {
    // All functions are `None`, as those that a version does not have.
    let mut api: sqlite3_api_routines = unsafe { std::mem::zeroed() };
    api.libversion_number = Some(old_version);
    api.malloc = Some(malloc);
    let library = unsafe { libloading::Library::new(library()) }.unwrap();
    let entry = unsafe { library.get::<Entry>(b"sqlite3_extension_init") }.unwrap();
    let mut message: *mut c_char = ptr::null_mut();
    // The connection is not used before the version is known.
    let code = unsafe { entry(ptr::dangling_mut(), &raw mut message, &raw mut api) };
    let text = unsafe { CStr::from_ptr(message) }.to_str().unwrap();
    let expected = "novi needs SQLite 3.34.1 or later, and this program has SQLite 3.34.0";
    assert_eq!((code, text), (SQLITE_ERROR, expected));
    assert_eq!(unsafe { entry(ptr::null_mut(), &raw mut message, &raw mut api) }, SQLITE_ERROR);
}
