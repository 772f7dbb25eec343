"""Sends datagrams to a host and port, each after the answer to the one before, and prints the answers: udp.py HOST PORT TEXT..."""

import socket
import sys

host, port, *texts = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as application:
    application.settimeout(10)
    for text in texts:
        application.sendto(text.encode(), (host, int(port)))
        print(application.recv(65535).decode(), flush=True)
