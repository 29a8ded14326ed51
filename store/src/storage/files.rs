//! Objects of a directory that is treated as a bucket: with the mode that they are to have from the first moment.

use object_store::{Error, Result};
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The store's own objects: their owner reads them.
pub(crate) const PRIVATE: u32 = 0o600;
/// What is published for proxies: agents often run as somebody else.
pub(crate) const SHARED: u32 = 0o644;

/// Tells the files apart that this process is writing.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What becomes of a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Kept,
    Replaced,
}

/// Writes a file whole, durable and with that mode. One that is there and is kept is an error.
pub(crate) async fn put(path: PathBuf, bytes: Vec<u8>, mode: u32, existing: Existing) -> Result<()> {
    let work = move || {
        let written = written(&path, &bytes, mode, existing);
        written.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::AlreadyExists {
                path: path.to_string_lossy().into_owned(),
                source: source.into(),
            },
            _ => Error::Generic {
                store: "directory",
                source: source.into(),
            },
        })
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await?,
        Err(_) => work(),
    }
}

fn written(path: &Path, bytes: &[u8], mode: u32, existing: Existing) -> std::io::Result<()> {
    let (staged, mut file) = stage(path, mode)?;
    let done = (|| {
        // The umask may have taken something away.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match existing {
            Existing::Replaced => fs::rename(&staged, path)?,
            Existing::Kept => {
                fs::hard_link(&staged, path)?;
                fs::remove_file(&staged)?;
            }
        }
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    })();
    if done.is_err() {
        let _ = fs::remove_file(&staged);
    }
    done
}

/// A file beside the object, which nobody else writes: another machine that has the directory may have a process of the same
/// id, and a run that was killed may have left one.
fn stage(path: &Path, mode: u32) -> std::io::Result<(PathBuf, File)> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(mode);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // A name that ends so is no object to who lists the directory.
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("#{}{number:06}", std::process::id()));
        let staged = PathBuf::from(staged);
        match options.open(&staged) {
            Ok(file) => return Ok((staged, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(path))?;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_writes_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let next = NUMBER.load(Ordering::Relaxed);
        for number in next..next + 100 {
            let theirs = format!("a#{}{number:06}", std::process::id());
            fs::write(folder.path().join(theirs), "theirs").unwrap();
        }
        written(&path, b"ours", PRIVATE, Existing::Kept).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"ours");
        let texts = fs::read_dir(folder.path()).unwrap();
        let texts = texts.map(|entry| fs::read(entry.unwrap().path()).unwrap());
        assert_eq!(texts.filter(|text| text == b"theirs").count(), 100);
    }

    #[tokio::test]
    async fn a_file_has_its_mode_and_is_replaced_only_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let put = async |text: &str, mode, existing| {
            put(path.clone(), text.as_bytes().to_vec(), mode, existing).await
        };
        put("1", PRIVATE, Existing::Kept).await.unwrap();
        let again = put("2", PRIVATE, Existing::Kept).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"1".to_vec(), PRIVATE));
        put("3", SHARED, Existing::Replaced).await.unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"3".to_vec(), SHARED));
        let left = fs::read_dir(folder.path().join("a")).unwrap().count();
        assert_eq!(left, 1, "nothing else is left");
    }
}
