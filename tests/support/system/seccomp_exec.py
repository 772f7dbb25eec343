"""
Runs a command with the system call filter that systemd makes for a unit: what is not allowed fails with EPERM.

    seccomp_exec.py CALL,CALL... FAMILY,FAMILY... COMMAND [ARGUMENT]...

CALL is the name of a system call; unknown ones are left out, as systemd does. FAMILY is a number that socket() may have.
"""
import ctypes, errno, os, sys

seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
seccomp.seccomp_init.restype = ctypes.c_void_p
ALLOW, FAIL, EQUAL = 0x7FFF0000, 0x00050000 | errno.EPERM, 4


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


calls, families, command = sys.argv[1].split(","), [int(family) for family in sys.argv[2].split(",")], sys.argv[3:]
filter = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(FAIL)))
for call in calls:
    number = seccomp.seccomp_syscall_resolve_name(call.encode())
    if number < 0:
        continue
    rules = [[Comparison(0, EQUAL, family, 0)] for family in families] if call == "socket" else [[]]
    for rule in rules:
        array = (Comparison * len(rule))(*rule)
        if seccomp.seccomp_rule_add_array(filter, ctypes.c_uint32(ALLOW), number, len(rule), array) != 0:
            sys.exit(f"no rule for {call}")
if seccomp.seccomp_load(filter) != 0:
    sys.exit("the kernel refuses the filter")
os.execvp(command[0], command)
