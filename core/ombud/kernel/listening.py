"""The sockets that the supervisor opens and its processes inherit: a process is replaced, its socket never closes."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator

from ombud.kernel.processes import APART

BACKLOG = 2048  # those who come while a process is replaced wait here


def listen(host: str, port: int) -> socket.socket:
    """For browsers; raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


@contextlib.contextmanager
def private_sockets() -> Iterator[dict[str, socket.socket]]:
    """Between our own processes; in a folder of ours with a short name, for such names may not be long."""
    with tempfile.TemporaryDirectory(prefix="ombud-") as folder, contextlib.ExitStack() as stack:
        found = {role: stack.enter_context(socket.socket(socket.AF_UNIX)) for role in APART}
        for role, listening in found.items():
            listening.bind(f"{folder}/{role}")
            listening.listen(BACKLOG)
        yield found


def healthy(host: str, port: int, seconds: float = 2.0) -> bool:
    """Whether GET /health answers 200; on a raw socket, because no proxy setting may come between."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
