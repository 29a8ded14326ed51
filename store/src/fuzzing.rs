//! What must hold for any bytes: the body of a fuzz target (`fuzz/stores`) and of a test.

/// An object of a bucket's log, an entry or a snapshot: it is refused, or read, and says the same when it is written and
/// read again; whatever an entry does, revisions have no gap.
///
/// # Errors
/// What does not hold.
pub fn log(bytes: &[u8]) -> Result<(), String> {
    crate::bucket::fuzzed(bytes)
}

#[cfg(test)]
mod tests {
    use crate::testing::{author, node};
    use crate::{Expected, Store as _};
    use std::sync::Arc;

    /// Every flipped bit of what a store has written, and what is left of it when it breaks off anywhere.
    #[tokio::test]
    async fn what_is_left_of_a_log_is_refused_or_read_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let files = object_store::local::LocalFileSystem::new_with_prefix(directory.path()).unwrap();
        let options = crate::bucket::BucketOptions::new("test://bucket", "");
        let store = crate::bucket::BucketStore::new(Arc::new(files), options);
        let made = store
            .put(node("a", 1), Expected::Absent, &author("x"))
            .await
            .unwrap();
        store
            .delete(&made.key, made.revision, &author("x"))
            .await
            .unwrap();
        let folder = directory.path().join("m/apps/records");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let whole = std::fs::read(entry.unwrap().path()).unwrap();
            let digest = whole
                .windows(10)
                .rposition(|part| part == b",\"digest\":")
                .unwrap();
            // Without its digest it is an object of an older version.
            let mut old = whole[..digest].to_vec();
            old.push(b'}');
            for whole in [whole, old] {
                for at in 0..whole.len() {
                    assert_eq!(super::log(&whole[..at]), Ok(()));
                    for bit in 0..8 {
                        let mut flipped = whole.clone();
                        flipped[at] ^= 1 << bit;
                        assert_eq!(
                            super::log(&flipped),
                            Ok(()),
                            "{}",
                            String::from_utf8_lossy(&flipped)
                        );
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 1000, "{count}");
    }
}
