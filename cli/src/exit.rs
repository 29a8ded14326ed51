//! How the command ends.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Fine,
    /// Problems or differences were found; they have been told.
    Found,
    /// The command was used wrongly, or what it needs is not there.
    WrongUse,
    /// The command itself failed, which is a fault of the program.
    Broken,
}

impl Exit {
    /// The status as a number: 0, 1, 2; 101 for a fault.
    pub fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Found => 1,
            Exit::WrongUse => 2,
            // As Rust's own programs end that panic.
            Exit::Broken => 101,
        }
    }
}
