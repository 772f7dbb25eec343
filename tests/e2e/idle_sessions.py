"""Opens sessions and keeps them, idle: HOST PORT COUNT. Writes `open` when all of them have had a greeting, and a line for each that ends."""
import select
import socket
import sys

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sockets = [socket.create_connection((host, port)) for _ in range(count)]
for one in sockets:
    assert one.recv(5, socket.MSG_WAITALL) == b"hello"
print("open")
while sockets:
    ready, _, _ = select.select(sockets, [], [])
    for one in ready:
        try:
            print("got", one.recv(100))
        except OSError as error:
            print("ended", error)
        sockets.remove(one)
