//! File operations that take their time: a library that is preloaded into Terraform and its provider.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void pause_a_little(void) {
    const char *micros = getenv("MESHFORM_TEST_SLOW");
    if (micros) usleep((useconds_t)atoi(micros));
}

#define SLOW(name, parameters, ...)                                   \
    int name parameters {                                             \
        int (*next) parameters = (int (*) parameters)dlsym(RTLD_NEXT, #name); \
        pause_a_little();                                             \
        return next(__VA_ARGS__);                                     \
    }

SLOW(fsync, (int file), file)
SLOW(fdatasync, (int file), file)
SLOW(rename, (const char *from, const char *to), from, to)
SLOW(symlink, (const char *to, const char *name), to, name)
SLOW(mkdir, (const char *path, mode_t mode), path, mode)
"#;

/// Compiles the library in that folder.
pub(crate) fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("slow.c"), folder.join("slow.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    library
}
