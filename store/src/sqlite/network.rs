//! Tells network file systems from local ones, by the kernel's table of mounts.

use std::path::{Path, PathBuf};

/// Types of file system whose locks and shared memory do not hold between machines (or at all).
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fuse.ceph",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.goofys",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
];

/// The table of mounts, where the system has one (Linux).
pub(super) const MOUNTS: &str = "/proc/self/mounts";

/// The type and mount point of the network file system that an absolute path is on, if it is on one.
pub(super) fn network_file_system(mounts: &str, path: &Path) -> Option<(String, PathBuf)> {
    let mut best: Option<(usize, String, PathBuf)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(mount), Some(kind)) = (fields.next(), fields.next()) else {
            continue;
        };
        let mount = PathBuf::from(unescape(mount));
        let depth = mount.components().count();
        // Of mounts over one another, the last in the table is the visible one.
        if path.starts_with(&mount) && best.as_ref().is_none_or(|(deepest, ..)| depth >= *deepest) {
            best = Some((depth, kind.to_owned(), mount));
        }
    }
    let (_, kind, mount) = best?;
    NETWORK.contains(&kind.as_str()).then_some((kind, mount))
}

/// The table writes blank, tab, newline and backslash as `\` and three octal digits.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, after.get(3..)) {
            (Some(code), Some(tail)) => {
                out.push(char::from(code));
                rest = tail;
            }
            _ => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/me/local\\040disk xfs rw 0 0
tmpfs /home/me/tmp tmpfs rw 0 0
host:/x /home/me/tmp fuse.sshfs rw 0 0
";

    #[test]
    fn the_deepest_and_last_mount_decides() {
        let kind = |path: &str| network_file_system(TABLE, Path::new(path)).map(|(kind, _)| kind);
        assert_eq!(kind("/var/project/.meshform"), None);
        assert_eq!(kind("/home/me/project/.meshform").as_deref(), Some("nfs4"));
        assert_eq!(kind("/home/me/local disk/p"), None);
        assert_eq!(kind("/home/me/tmp/p").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind("/homestead/p"), None, "a name is not a prefix of another");
    }

    #[test]
    fn a_table_of_nonsense_is_harmless() {
        assert_eq!(network_file_system("\\\n\\1 \\9 \\\n x", Path::new("/")), None);
    }
}
