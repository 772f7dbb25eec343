"""A service manager's socket, like systemd's: prints each message as a line of JSON."""
import json, socket, sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
manager.bind("\0" + name[1:] if name.startswith("@") else name)
print(json.dumps("listening"), flush=True)
while True:
    print(json.dumps(manager.recv(4096).decode()), flush=True)
