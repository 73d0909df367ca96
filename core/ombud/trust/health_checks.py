"""Checks of trust: checkpoints and where they are published, the ledger's guards, the master key."""

import stat

from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, LOOK, Check, Finding
from ombud.kernel.health_checks import span
from ombud.process import settings
from ombud.speech import sentence
from ombud.trust import application_role, checkpoints
from ombud.trust.checkpoints import PublishedDiffers

MISSED = 3  # intervals without a checkpoint, while entries wait for one, are too many


async def newest() -> Finding:
    row = await db.fetchrow(
        """SELECT (SELECT n FROM core_checkpoint ORDER BY n DESC LIMIT 1) AS n,
            (SELECT extract(epoch FROM now() - at)::float FROM core_checkpoint ORDER BY n DESC LIMIT 1) AS age,
            (SELECT coalesce(sum(seq), 0)::bigint FROM core_stream)
            - (SELECT coalesce(sum(size), 0)::bigint FROM core_checkpoint) AS newer"""
    )
    assert row is not None
    every = settings().ledger.checkpoint_minutes * 60
    facts = (("Newest", str(row["n"] or "none")), ("Entries since", str(row["newer"])))
    if row["n"] is None:
        return Finding(GOOD, "No checkpoint yet; the first one comes by itself.", "", facts, "/administration/ledger")
    said = sentence(
        "The newest checkpoint is %(age)s old; %(newer)s entries are newer.", age=span(row["age"]), newer=row["newer"]
    )
    if row["newer"] and row["age"] > MISSED * every:
        return Finding(BAD, said, "See whether the schedule is kept and no transaction stays open; make one by hand "
                       "on the ledger page.", facts, "/administration/ledger")  # fmt: skip
    return Finding(GOOD, said, "", facts, "/administration/ledger")


async def published() -> Finding:
    path = settings().ledger.publish_file
    try:
        last = checkpoints.last_published(path)
    except PublishedDiffers as problem:
        return Finding(BAD, str(problem), "Keep the file and ask who changed what.")
    except OSError as problem:
        return Finding(
            BAD,
            sentence("%(path)s cannot be read: %(strerror)s.", path=path, strerror=problem.strerror),
            "Let the desk read and write this file.",
        )
    newest_n = await db.fetchval("SELECT max(n) FROM core_checkpoint")
    facts = (("File", str(path)), ("Last in it", str(last["n"] if last else "none")))
    if last is not None:
        held = await db.fetchval("SELECT hash FROM core_checkpoint WHERE n = $1", last["n"])
        if held is None or held.hex() != last["hash"]:
            said = sentence(
                "Checkpoint %(n)s was published in %(path)s and is not the one of the database.", n=last["n"], path=path
            )
            return Finding(BAD, said, "Run ombud ledger verify. After a restore, publish to a new file and keep this "
                           "one.", facts)  # fmt: skip
    behind = (newest_n or 0) - (last["n"] if last else 0)
    if behind > MISSED:
        return Finding(
            LOOK,
            sentence("%(behind)s checkpoints are not published.", behind=behind),
            sentence("See whether %(path)s can be written.", path=path),
            facts,
        )
    if path.is_relative_to(settings().data.dir):
        said = "Checkpoints are published inside the data folder. Whoever rebuilds the database can rebuild them too."
        return Finding(GOOD, said, "Better: point ledger.publish_file at another machine.", facts)
    return Finding(GOOD, sentence("Checkpoints are published in %(path)s.", path=path), "", facts)


async def guards() -> Finding:
    weak = await application_role.weaknesses()
    if weak:
        return Finding(LOOK, weak[0], "Until then a checkpoint published elsewhere is the only proof.")
    return Finding(GOOD, "The desk itself cannot lift the ledger's guards.")


async def master_key() -> Finding:
    path = settings().secrets.master_key_file
    try:
        mode = path.stat().st_mode
    except OSError as problem:
        remedy = "Put its copy back before anything else. Without it nobody can read what the vault holds."
        return Finding(
            BAD,
            sentence("The master key %(path)s cannot be read: %(strerror)s.", path=path, strerror=problem.strerror),
            remedy,
        )
    facts = (("File", str(path)),)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(LOOK, "Other users of this machine may read the master key.", f"chmod 600 {path}", facts)
    return Finding(GOOD, "The master key is there and closed to others.", "Keep a copy apart from the backups.", facts)


LEDGER = "Ledger and keys"
CHECKS = (
    Check("ledger.checkpoints", "Checkpoints", LEDGER, "They fix what was written so far.", newest, serving=True),
    Check("ledger.published", "Published checkpoints", LEDGER, "They prove that nobody rebuilt the past.", published),
    Check("ledger.guards", "Guards", LEDGER, "Who owns the ledger's tables could change them.", guards),
    Check("keys.master", "Master key", LEDGER, "It opens everything personal.", master_key),
)
