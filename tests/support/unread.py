# Runs a program with a full pipe that nothing reads as its standard output or standard error:
#   unread.py stdout|stderr PROGRAM ARGUMENT...
import os, sys

reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b"x" * 4096)
except BlockingIOError:
    os.set_blocking(writer, True)
# Kept open while the program runs, so that its writes block rather than fail.
os.set_inheritable(reader, True)
os.dup2(writer, {"stdout": 1, "stderr": 2}[sys.argv[1]])
os.execvp(sys.argv[2], sys.argv[2:])
