"""Runs as a script: drops rights, ties itself to its parent, then becomes the PostgreSQL program it is given.

A script between, not a `preexec_fn`: Python code between fork and exec can hang when other threads hold locks.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def tie_to(parent: int) -> None:
    """The kernel asks the server for a clean, fast stop (SIGINT) when the thread that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The process that starts the database is gone.")


def main() -> None:
    user, parent, *command = sys.argv[1:]
    os.chdir("/")
    os.umask(0o077)
    if user:
        uid, gid = (int(number) for number in user.split(":"))
        try:
            become(uid, gid)
        except OSError as error:
            sys.exit(f"root may not become user {uid} here ({error.strerror}).")
    if parent:
        tie_to(int(parent))  # after the change of user, which clears it
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
