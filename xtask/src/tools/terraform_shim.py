"""Terraform's core, which a Python package ships as a shared library, run as the `terraform` command.

Usage: python3 -I -S terraform_shim.py LIBRARY [terraform arguments...]

Only the library of the package is used, not its Python side: that gathers a run's whole output before it
gives any of it back, and would break prompts and progress. Here Terraform gets duplicates of this process's own
streams (it closes what it is given), so that its output flows, `yes` can be typed, and a terminal is a terminal.

Nothing is imported beyond the standard library, and the environment is the process's own from the start: Go
reads it when the library is loaded, so what a caller sets before starting this script is what Terraform sees.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    library, arguments = sys.argv[1], sys.argv[2:]
    # Python's own handler would only run once the library gives control back; the default lets Go's take over.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = ctypes.CDLL(library).RunCli
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    run.restype = ctypes.c_int64
    # `fsencode`: an argument's bytes go through as they came, whatever the locale says.
    values = (ctypes.c_char_p * max(1, len(arguments)))(*[os.fsencode(value) for value in arguments])
    code = run(len(arguments), values, os.dup(1), os.dup(2))
    # No interpreter shutdown: Go's threads are still there, and Terraform has flushed what it wrote.
    os._exit(code & 0xFF)


main()
