"""Strangers who hold sockets to a server handler's channels, from many sources of loopback, and say a byte now and then.

slowloris.py SOCKETS SOURCES HOST:PORT...

Each socket reads the greeting, then sends a list byte by byte, one a second, so that it takes longer than a handshake may.
One that is closed is opened again some seconds later. Writes a line each second until it is killed: how many sockets
stand, and how many were opened and closed so far.
"""

import asyncio
import random
import resource
import sys

GREETING = 22
LIST = bytes([1, 1, 3, 3]) + bytes(48)

chance = random.Random(1)
standing = opened = closed = 0


async def stranger(source, host, port):
    global standing, opened, closed
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0), limit=64)
        except OSError:
            await asyncio.sleep(chance.uniform(1, 5))
            continue
        opened += 1
        standing += 1
        try:
            await reader.readexactly(GREETING)
            end = asyncio.ensure_future(reader.read(1))
            for byte in LIST:
                writer.write(bytes([byte]))
                if (await asyncio.wait({end}, timeout=1))[0]:
                    break
            await end
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()
        closed += 1
        standing -= 1
        await asyncio.sleep(chance.uniform(1, 5))


async def main(sockets, sources, *channels):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    targets = [channel.rsplit(":", 1) for channel in channels]
    strangers = []
    for index in range(int(sockets)):
        host, port = targets[index % len(targets)]
        source = f"127.9.{index % int(sources) // 250}.{index % int(sources) % 250 + 1}"
        strangers.append(asyncio.ensure_future(stranger(source, host, int(port))))
    while True:
        await asyncio.sleep(1)
        print("standing", standing, "opened", opened, "closed", closed, flush=True)


asyncio.run(main(*sys.argv[1:]))
