"""Ports of this machine that servers listen at."""

import socket

from src.errors import InputError, reason_of


def taken_port(host: str, port: int) -> socket.socket:
    """Take a port, and return its listening socket.

    Args:
        host: the address to listen at.
        port: the port; 0 lets the system choose one.

    Raises:
        InputError: the port is in use, or this process may not use it.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise InputError(
            f"port {port} of {host} can't be used: {reason_of(error)}; add port=NUMBER"
        ) from error
