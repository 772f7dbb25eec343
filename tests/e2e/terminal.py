"""Runs a command on a terminal, types what standard input has once it prompts, and prints what the terminal shows."""

import os
import pty
import sys

typed = sys.stdin.buffer.read()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b""
try:
    while piece := os.read(terminal, 4096):
        shown += piece
        if typed and b": " in shown:
            os.write(terminal, typed)
            typed = b""
except OSError:
    pass  # Linux reports the end of the program so.
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
