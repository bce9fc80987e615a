//! Snapshot files are either complete or rejected.

use std::{fs, path::Path};

use novi::{
    Context, Error, Flags,
    error::SnapshotFault,
    rows::{
        ActivationRow, FailMode, Fault, FlagMetadata, FlagRow, LinkRow, MemberRow, Revision, Rows, ValueType,
    },
    store::SnapshotFile,
};
use proptest::prelude::*;

/// Rows with something in every field, and faults.
fn rows() -> Rows {
    let fault = |table, column| Fault { table, column, message: "expected text, found null".to_owned() };
    let metadata = FlagMetadata {
        description: Some("A \"flag\"\n\u{1f6a9}".to_owned()),
        owner: Some("ada@example.org".to_owned()),
        expires_at: Some("2027-01-31T12:00:00.123456Z".parse().unwrap()),
        tags: vec!["beta".to_owned()],
        override_allowed: false,
        exposed: true,
        fail_mode: FailMode::LastKnown,
        variants: Some("{\"A\": 0.1}".to_owned()),
        value_type: Some(ValueType::Number),
        off_variant: Some("a".to_owned()),
        metadata: Some(r#"{"team": "shop"}"#.to_owned()),
        default_variant: Some("A".to_owned()),
        row_version: i64::MAX,
        created_at: Some("2026-01-31T12:00:00Z".parse().unwrap()),
        updated_at: None,
    };
    let broken = FlagRow { faults: vec![fault("flag_metadata", "tags")], ..FlagRow::new(3, "Broken", true) };
    let nameless = ActivationRow {
        config: None,
        faults: vec![fault("activations", "name")],
        ..ActivationRow::default()
    };
    let odd = MemberRow {
        fault: Some(Box::new(fault("activation_members", "denied"))),
        ..MemberRow::allowed(1, "x")
    };
    Rows {
        revision: Revision::new(42),
        flags: vec![
            FlagRow { metadata, ..FlagRow::new(1, "Full", true) },
            FlagRow::new(2, "", false),
            broken,
        ],
        activations: vec![ActivationRow::new(1, "Half", "novi.percentage", "{\"percentage\": 50}"), nameless],
        links: vec![LinkRow::new(1, 1), LinkRow { flag_id: None, activation_id: Some(-7) }],
        members: vec![MemberRow::allowed(1, "user-7"), odd, MemberRow::denied(1, "\0")],
        ..Rows::default()
    }
}

/// A folder, and the path of a file in it that does not exist yet.
fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.novi");
    (folder, path)
}

fn bytes_of(rows: &Rows) -> Vec<u8> {
    let (_folder, path) = place();
    SnapshotFile::write(&path, "sqlite:novi.db", rows).unwrap();
    fs::read(path).unwrap()
}

fn refused(path: &Path) -> String {
    let error = SnapshotFile::read(path).unwrap_err();
    assert!(matches!(error, Error::Snapshot { .. }), "{error}");
    error.to_string().replace(&path.display().to_string(), "FILE")
}

#[test]
fn rows_and_their_faults_survive_a_round_trip() {
    let (folder, path) = place();
    let written_at = SnapshotFile::write(&path, "sqlite:novi.db", &rows()).unwrap();
    let file = SnapshotFile::read(&path).unwrap();
    assert_eq!((file.rows, file.store.as_str(), file.written_at), (rows(), "sqlite:novi.db", written_at));
    // The file is replaced, and no other file is left.
    SnapshotFile::write(&path, "another", &Rows::default()).unwrap();
    assert_eq!(SnapshotFile::read(&path).unwrap().rows, Rows::default());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = place();
    fs::write(&path, "an open file").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    SnapshotFile::write(&path, "", &rows()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_flipped_bit_is_rejected() {
    let mut bytes = bytes_of(&rows());
    for place in 0..bytes.len() * 8 {
        bytes[place / 8] ^= 1 << (place % 8);
        assert!(SnapshotFile::from_bytes(&bytes).is_err(), "bit {place}");
        bytes[place / 8] ^= 1 << (place % 8);
    }
    assert_eq!(SnapshotFile::from_bytes(&bytes).unwrap().rows, rows());
}

#[test]
fn every_other_length_is_rejected() {
    let (_folder, path) = place();
    let bytes = bytes_of(&rows());
    for length in 0..bytes.len() {
        assert!(SnapshotFile::from_bytes(&bytes[..length]).is_err(), "{length}");
        if length % 50 == 0 || length < 40 {
            fs::write(&path, &bytes[..length]).unwrap();
            let said = refused(&path);
            assert!(said.contains("it is incomplete"), "{length}: {said}");
        }
    }
    fs::write(&path, [&bytes[..], b" "].concat()).unwrap();
    assert!(refused(&path).contains("it is incomplete"));
}

#[test]
fn unusable_files_are_errors_that_say_what_to_do() {
    let (folder, path) = place();
    insta::assert_snapshot!(refused(&path), @"snapshot file FILE: No such file or directory (os error 2)");
    insta::assert_snapshot!(
        refused(folder.path()),
        @"snapshot file FILE: expected a file, found a folder or a device"
    );
    insta::assert_snapshot!(
        refused(Path::new("/dev/zero")),
        @"snapshot file FILE: expected a file, found a folder or a device"
    );
    fs::write(&path, "").unwrap();
    insta::assert_snapshot!(
        refused(&path),
        @"snapshot file FILE: expected 28 bytes, found 0: it is incomplete; delete it, and novi writes it again"
    );
    for foreign in ["[database]", "Dear reader, this is a letter, and no snapshot file."] {
        fs::write(&path, foreign).unwrap();
        assert_eq!(
            refused(&path),
            "snapshot file FILE: expected a snapshot file of novi, found another file; was the path mistyped?"
        );
    }
    let mut newer = bytes_of(&rows());
    newer[8] = 9;
    fs::write(&path, &newer).unwrap();
    insta::assert_snapshot!(
        refused(&path),
        @"snapshot file FILE: it has format 9, and this novi reads format 1: use the novi that wrote it, or delete it, and this one writes it again"
    );
    let mut damaged = bytes_of(&rows());
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, &damaged).unwrap();
    insta::assert_snapshot!(
        refused(&path),
        @"snapshot file FILE: its contents are damaged (the checksum): delete it, and novi writes it again"
    );
}

#[test]
fn wrong_length_allocates_nothing() {
    let mut bytes = bytes_of(&rows());
    bytes[12..20].fill(0xff);
    assert!(matches!(SnapshotFile::from_bytes(&bytes), Err(SnapshotFault::Length { .. })));
    // A sparse file of a terabyte.
    let (_folder, path) = place();
    bytes[12..20].copy_from_slice(&((1_u64 << 40) - 28).to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).is_ok() {
        assert!(refused(&path).contains("of at most"), "{}", refused(&path));
    }
}

#[test]
fn failed_write_keeps_the_previous_file() {
    let (folder, path) = place();
    SnapshotFile::write(&path, "", &rows()).unwrap();
    for wrong in
        [folder.path().join("no/such/folder.novi"), folder.path().to_owned(), "/".into(), "..".into()]
    {
        let error = SnapshotFile::write(&wrong, "", &Rows::default()).unwrap_err();
        assert!(matches!(error, Error::Snapshot { .. }), "{error}");
    }
    assert_eq!(SnapshotFile::read(&path).unwrap().rows, rows());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn flags_need_no_database() {
    let (_folder, path) = place();
    let rows = Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() };
    SnapshotFile::write(&path, "", &rows).unwrap();
    let flags = Flags::from_file(&path).unwrap();
    assert!(flags.is_enabled("Winter sale", &Context::new()));
    assert!(matches!(Flags::from_file(path.with_extension("none")), Err(Error::Snapshot { .. })));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_rejected_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), length in 0..300_u64) {
        prop_assert!(SnapshotFile::from_bytes(&bytes).is_err());
        let start = [b"NOVISNAP", &1_u32.to_le_bytes()[..], &length.to_le_bytes(), &[0; 4]].concat();
        prop_assert!(SnapshotFile::from_bytes(&[start, bytes].concat()).is_err());
    }

    #[test]
    fn arbitrary_strings_survive_a_round_trip(name: String, config in prop::option::of(any::<String>()), id: i64, denied: bool, status: bool) {
        let rows = Rows {
            flags: vec![FlagRow::new(id, name.clone(), status)],
            activations: vec![ActivationRow { config, ..ActivationRow::new(id, name.clone(), name.clone(), "") }],
            links: vec![LinkRow::new(id, id)],
            members: vec![MemberRow { denied, ..MemberRow::allowed(id, name) }],
            ..Rows::default()
        };
        prop_assert_eq!(SnapshotFile::from_bytes(&bytes_of(&rows)).unwrap().rows, rows);
    }
}
