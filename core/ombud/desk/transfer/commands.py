"""`ombud import desk FILE.zip`: what the command line runs, with database and master key of an empty desk open."""

import sys
import time
from pathlib import Path

from ombud.desk.errors import DeskRefusal
from ombud.desk.transfer.import_desk import ImportReport, import_desk
from ombud.trust.keys import master
from ombud.trust.link_signing import FILE

_EVERY = 0.5  # seconds between two lines of progress


class Progress:
    """On the terminal's error channel where somebody watches, twice a second."""

    def __init__(self) -> None:
        self.what, self.last = "", 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty() or (done < total and time.monotonic() - self.last < _EVERY):
            return
        self.last = time.monotonic()
        end = "\n" if done >= total else ""
        print(f"\r{done} of {total} {what}".ljust(60), end=end, file=sys.stderr, flush=True)


async def import_desk_command(path: Path) -> int:
    """0 and a reconciliation where everything came in; 1 and the reason where nothing did."""
    started = time.monotonic()
    try:
        report = await import_desk(path, Progress())
    except (DeskRefusal, OSError) as refusal:
        print(f"Nothing was imported: {refusal}", file=sys.stderr)
        return 1
    for line in told(report):
        print(line)
    print(f"Everything came in ({time.monotonic() - started:.1f} s).")
    return 0


def told(report: ImportReport) -> list[str]:
    """The reconciliation, and what is left to do, line by line."""
    manifest = report.manifest
    lines = [
        f"Export made {manifest.made_at} by Ombud {manifest.ombud}; SHA-256 of its manifest: {report.manifest_sha256}",
        f"{'':<20} {'expected':>9} {'written':>9}  SHA-256 of the file, as written out again",
    ]
    for each in report.lines:
        same = "fields of this version were added" if each.same is None else each.sha256
        lines.append(f"{each.kind:<20} {each.expected:>9} {each.written:>9}  {same}".rstrip())
    lines += [
        f"The ledger holds with its {report.checkpoints} checkpoints. It was signed by {', '.join(report.signed_by)};",
        "compare this key with the one the earlier desk published. From now on this desk signs with a key of its own.",
        *_left_to_do(report),
    ]
    return lines


def _left_to_do(report: ImportReport) -> list[str]:
    some = ", ".join(report.users[:10]) + (" …" if len(report.users) > 10 else "")
    lines = [
        "Left for you:",
        f"  Passwords, second factors and API tokens do not travel. {len(report.users)} people can sign in again once",
        f"  they have a password: ombud user passwd NAME  ({some})",
    ]
    if report.links:
        lines += [
            f"  {report.links} tracking links that customers hold work here only with the earlier desk's key: copy its",
            f"  {FILE} over {master().path.with_name(FILE)} before you serve. Else send new links.",
        ]
    if report.manifest.erased_files:
        lines.append(f"  {report.manifest.erased_files} files were erased before; their records say so.")
    lines += [f"  Plugin {each}" for each in report.plugins]
    lines += ["  Working state of plugins (unsent form drafts, mappings of imports) did not travel."]
    if report.prefix_differs:
        lines.append(
            f"  The earlier desk's references begin with {report.manifest.reference_prefix}; set the same here."
        )
    return lines
