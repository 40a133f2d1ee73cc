"""Stands in for Python: `python -m MODULE …` runs in a fork of the server of this folder.

So does `python -c CODE …`. The first argument is the server's address. All else goes to the real
Python.
"""

import json
import os
import signal
import socket
import sys


def main(address: str, *arguments: str) -> None:
    if arguments[:1] not in (("-m",), ("-c",)):
        os.execv(sys.executable, [sys.executable, *arguments])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"\n"], [0, 1, 2])
        request = {
            "arguments": arguments,
            "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes long to import
            "environment": dict(os.environ),
        }
        server.sendall(json.dumps(request).encode() + b"\n")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: server.sendall(bytes([number])))
        status = int(server.makefile().readline())
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main(*sys.argv[1:])
