//! Whether a Linux program is static: it then asks for no interpreter, the program that would load its libraries.

/// The interpreter that a 64-bit little-endian ELF program asks for.
pub(super) fn interpreter(program: &[u8]) -> Option<String> {
    const INTERPRETER: u32 = 3;
    if program.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = number(program, 32, 8)?;
    let size = number(program, 54, 2)?;
    let count = number(program, 56, 2)?;
    let header = (0..count)
        .map(|index| table + index * size)
        .find(|at| number(program, *at, 4) == Some(u64::from(INTERPRETER)))?;
    let from = usize::try_from(number(program, header + 8, 8)?).ok()?;
    let length = usize::try_from(number(program, header + 32, 8)?).ok()?;
    let text = program.get(from..from.checked_add(length)?)?;
    Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
}

fn number(bytes: &[u8], at: u64, length: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let found = bytes.get(at..at.checked_add(length)?)?;
    Some(
        found
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(
        target_os = "linux",
        target_pointer_width = "64",
        not(target_feature = "crt-static")
    ))]
    #[test]
    fn this_very_test_is_not_static() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let interpreter = interpreter(&program).unwrap();
        assert!(
            interpreter.starts_with('/') && interpreter.contains("ld"),
            "{interpreter}"
        );
    }

    #[test]
    fn what_is_no_program_has_none() {
        assert_eq!(interpreter(b"#!/bin/sh"), None);
        assert_eq!(interpreter(b"\x7fELF\x02\x01"), None);
    }
}
