//! Files that commands write.

use std::{fs, io::Write as _, path::Path};

use tempfile::Builder;

use super::Failure;

/// Replaces a file or creates it. Nobody reads half of it, and if it cannot be written, it stays as it is.
pub(crate) fn replace_file(path: &Path, text: &str) -> Result<(), Failure> {
    write(path, text).map_err(|error| Failure::system(format!("could not write {}: {error}", path.display())))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // A link stays a link to the same file.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    // Hidden, so that commands that read folders do not take it for one of theirs.
    builder.prefix(".novi-");
    #[cfg(unix)]
    let file_mode = {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(0o666)
    };
    #[cfg(unix)]
    builder.permissions(file_mode);
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(metadata) = fs::metadata(&path) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
