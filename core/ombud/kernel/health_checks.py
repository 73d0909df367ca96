"""Checks of the ground floor: the database, the processes, background work and the schedule."""

import platform
import shutil
from datetime import UTC, datetime

from ombud.kernel import alive, faults, job_list, migrations
from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, LOOK, Check, Finding
from ombud.kernel.lifecycle import running, standings
from ombud.kernel.processes import APART, DOORS, PAGES, socket_of
from ombud.process import settings
from ombud.speech import counted, joined, number, sentence

OLDEST_SERVER = 150_000
LATE = 60.0  # seconds after which an entry of the schedule counts as missed
WAITS_LONG, WAITS_TOO_LONG = 60.0, 900.0
OPEN_LONG, OPEN_TOO_LONG = 300.0, 3600.0
SKEW, TOO_MUCH_SKEW = 2.0, 30.0
MB = 1_000_000


def span(seconds: float) -> str:
    """12 seconds, 5 minutes, 3 hours, 2 days."""
    if seconds >= 86_400:
        return counted("1 day", "%(num)s days", int(seconds // 86_400))
    if seconds >= 3600:
        return counted("1 hour", "%(num)s hours", int(seconds // 3600))
    if seconds >= 60:
        return counted("1 minute", "%(num)s minutes", int(seconds // 60))
    return counted("1 second", "%(num)s seconds", int(seconds))


def size(octets: int) -> str:
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{max(1, octets // MB)} MB"


async def server() -> Finding:
    row = await db.fetchrow(
        "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number, "
        "pg_database_size(current_database()) AS size, now() - pg_postmaster_start_time() AS up"
    )
    assert row is not None
    facts = (("Version", row["version"]), ("Size", size(row["size"])), ("Up for", span(row["up"].total_seconds())),
             ("Ours", "no" if settings().database.url else "yes, inside the data folder"))  # fmt: skip
    if row["number"] < OLDEST_SERVER:
        return Finding(
            BAD,
            sentence("PostgreSQL %(version)s is too old.", version=row["version"]),
            "Move to PostgreSQL 15 or newer.",
            facts,
        )
    return Finding(
        GOOD,
        sentence(
            "PostgreSQL %(version)s answers; the database holds %(size)s.",
            version=row["version"],
            size=size(row["size"]),
        ),
        "",
        facts,
    )


async def connections() -> Finding:
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, "
        "current_setting('max_connections')::int AS most"
    )
    assert row is not None
    used, most = row["used"], row["most"]
    said = sentence("%(used)s of %(most)s connections are in use.", used=used, most=most)
    remedy = "Raise max_connections of the server, or lower database.pool_max or server.web_processes."
    facts = (("In use", str(used)), ("Limit", str(most)), ("Each process at most", str(settings().database.pool_max)))
    if used >= most * 0.95:
        return Finding(BAD, said, remedy, facts)
    return Finding(LOOK, said, remedy, facts) if used >= most * 0.8 else Finding(GOOD, said, "", facts)


async def transactions() -> Finding:
    row = await db.fetchrow(
        "SELECT application_name AS name, state, extract(epoch FROM now() - xact_start)::float AS age "
        "FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = "
        "current_database() AND backend_type = 'client backend' ORDER BY xact_start LIMIT 1"
    )
    if row is None or row["age"] < OPEN_LONG:
        return Finding(GOOD, "No transaction is open for long.")
    said = sentence(
        "A transaction of %(program)s is open since %(age)s (%(state)s).",
        program=row["name"] or "an unnamed program",
        age=span(row["age"]),
        state=row["state"],
    )
    remedy = "It holds back checkpoints and cleaning. End that program, or use pg_terminate_backend."
    return Finding(BAD if row["age"] >= OPEN_TOO_LONG else LOOK, said, remedy)


async def tables() -> Finding:
    """By the statistics the server keeps anyway; nothing is counted."""
    rows = await db.fetch(
        "SELECT relname AS name, pg_total_relation_size(relid) AS size, n_live_tup AS live, n_dead_tup AS dead "
        "FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC LIMIT 12"
    )
    facts = tuple(
        (row["name"], sentence("%(size)s, about %(live)s rows", size=size(row["size"]), live=number(row["live"])))
        for row in rows[:5]
    )
    swollen = [row["name"] for row in rows if row["dead"] > 100_000 and row["dead"] > row["live"] / 2]
    if swollen:
        said = sentence("%(swollen)s hold many dead rows: cleaning does not keep up.", swollen=joined(swollen))
        return Finding(LOOK, said, "Look for a long transaction above; else run VACUUM on them in a quiet hour.", facts)
    return Finding(GOOD, "The tables are clean.", "", facts)


async def clock() -> Finding:
    before = datetime.now(UTC)
    there = await db.fetchval("SELECT clock_timestamp()")
    after = datetime.now(UTC)
    skew = abs((there - (before + (after - before) / 2)).total_seconds())
    facts = (("Difference", f"{skew:.2f} s"),)
    if skew < SKEW:
        return Finding(GOOD, "The clocks of this machine and of the database agree.", "", facts)
    said = sentence("The clocks of this machine and of the database differ by %(skew)s.", skew=span(skew))
    return Finding(BAD if skew >= TOO_MUCH_SKEW else LOOK, said, "Turn on time synchronisation on both.", facts)


async def schema() -> Finding:
    missing = await migrations.pending(migrations.CORE, "core")
    known = migrations.known(migrations.CORE)
    foreign = sorted(await migrations.applied("core") - known)
    if missing:
        said = counted(
            "One change of the tables is not applied.", "%(num)s changes of the tables are not applied.", len(missing)
        )
        return Finding(BAD, said, "Run ombud migrate.", tuple(("Missing", each) for each in missing[:10]))
    if foreign:
        said = "The database was changed by a newer Ombud than this one."
        return Finding(BAD, said, "Install the newer version again, or restore the backup of before.",
                       tuple(("Unknown", each) for each in foreign[:10]))  # fmt: skip
    return Finding(GOOD, "The tables are those of this version.")


async def web() -> Finding:
    return _alive("web", await alive.processes(), "Nobody answers browsers.")


async def doors() -> Finding:
    return await _apart(DOORS, "Nobody answers on the form and the tracking page. The API and the desk work.")


async def pages() -> Finding:
    return await _apart(PAGES, "Nobody answers on plugins' pages. The rest of the desk works.")


async def _apart(name: str, nobody: str) -> Finding:
    if not socket_of(name):
        return Finding(GOOD, "The web process answers them here.")
    return _alive(name, await alive.processes(), nobody)


async def work() -> Finding:
    return _alive("work", await alive.processes(), "Nobody does the work in the background.")


def _alive(role: str, found: list[alive.Alive], nobody: str) -> Finding:
    patience = max(settings().jobs.ttl_seconds, 3 * alive.EVERY)
    mine = [each for each in found if each.role == role]
    living = [each for each in mine if each.silent < patience]
    silent = [each for each in mine if each.silent >= patience]
    facts = tuple(
        (
            sentence("%(host)s, process %(pid)s", host=each.host, pid=each.pid),
            sentence("heard %(span)s ago", span=span(each.silent)),
        )
        for each in mine[:20]
    )
    if not living:
        start = "web" if role in APART else role
        return Finding(
            BAD,
            nobody,
            sentence("Start a %(role)s process: ombud serve, or ombud serve --role %(start)s.", role=role, start=start),
            facts,
        )
    if silent:
        said = sentence("%(living)s alive; %(silent)s fell silent.", living=len(living), silent=len(silent))
        return Finding(LOOK, said, "If the number alive is what you expect, this passes in ten minutes.", facts)
    one = counted("1 process is alive.", "%(num)s processes are alive.", len(living))
    return Finding(GOOD, one, "", facts)


async def queue() -> Finding:
    """What is due and not taken; the work of plugins that are off does not count."""
    row = await db.fetchrow(
        "SELECT extract(epoch FROM now() - min(available_at))::float AS oldest FROM core_delivery "
        "WHERE state = 'waiting' AND available_at <= now() AND (plugin = '' OR plugin = ANY($1))",
        list(running.loaded),
    )
    counts = await job_list.counts()
    facts = tuple((state.replace("_", " ").capitalize(), _many(number)) for state, number in counts.items())
    oldest = (row["oldest"] if row else None) or 0.0
    if oldest < WAITS_LONG:
        return Finding(GOOD, "Work is taken as it comes.", "", facts, "/jobs")
    said = sentence("The oldest work that is due waits since %(oldest)s.", oldest=span(oldest))
    remedy = "If work processes are alive, raise jobs.threads or start one more: ombud serve --role work."
    return Finding(BAD if oldest >= WAITS_TOO_LONG else LOOK, said, remedy, facts, "/jobs?show=waiting")


def _many(number: int) -> str:
    return sentence("more than %(count)s", count=job_list.COUNTED) if number > job_list.COUNTED else str(number)


async def parked() -> Finding:
    number = (await job_list.counts())["parked"]
    if not number:
        return Finding(GOOD, "No work failed for good.")
    said = (
        "1 piece of work failed for good."
        if number == 1
        else sentence("%(many)s pieces of work failed for good.", many=_many(number))
    )
    return Finding(BAD, said, "See why under Jobs, mend the cause, then run them again or give them up.",
                   (("Parked", _many(number)),), "/jobs?show=parked")  # fmt: skip


async def schedule() -> Finding:
    entries = await job_list.planned()
    late = [each for each in entries if each.late_seconds > LATE]
    remedy = "Start a process that keeps it: ombud serve, or ombud serve --role schedule."
    if not entries:
        return Finding(BAD, "Nobody keeps the schedule.", remedy)
    if late:
        facts = tuple((each.name, sentence("late by %(span)s", span=span(each.late_seconds))) for each in late[:10])
        return Finding(
            BAD,
            sentence("%(late)s of %(entries)s entries are late.", late=len(late), entries=len(entries)),
            remedy,
            facts,
            "/jobs/schedule",
        )
    return Finding(
        GOOD, sentence("All %(entries)s entries were fired in time.", entries=len(entries)), "", (), "/jobs/schedule"
    )


async def plugins() -> Finding:
    known = await standings(running.blocked)
    unfit = [each for each in known if each.problem and each.state not in {"installed", "disabled"}]
    upgrade = [each for each in known if each.state == "upgrade needed"]
    resting = await faults.resting()
    lately = {each.slug for each in await faults.recent_faults(days=1)} - {"core"}
    facts = (
        *((each.slug, each.problem) for each in unfit),
        *((each.slug, "another version is installed") for each in upgrade),
        *((slug, "rests after repeated faults") for slug in resting),
        *((slug, "had faults within a day") for slug in sorted(lately - set(resting))),
    )  # fmt: skip
    if unfit:
        names = ", ".join(each.slug for each in unfit)
        return Finding(
            BAD,
            sentence("Turned on but not running: %(names)s.", names=names),
            "The plugins page says why.",
            facts,
            "/plugins",
        )
    if facts:
        return Finding(LOOK, counted("One plugin wants a look.", "%(num)s plugins want a look.", len({slug for slug,
            _ in facts})), "See their faults.", facts,
                       "/jobs/faults")  # fmt: skip
    return Finding(
        GOOD,
        counted("One plugin runs without a fault.", "%(num)s plugins run without a fault.", len(running.loaded)),
        "",
        (),
        "/plugins",
    )


async def disk() -> Finding:
    folder = settings().data.dir
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    found = shutil.disk_usage(there)
    facts = (("Folder", str(folder)), ("Free", size(found.free)), ("Of", size(found.total)))
    said = sentence("%(free)s of %(total)s are free.", free=size(found.free), total=size(found.total))
    remedy = "Give the data folder more room before it is full: a full disk stops the database."
    if found.free < 200 * MB:
        return Finding(BAD, said, remedy, facts)
    small = found.free < 1000 * MB or found.free < found.total * 0.05
    return Finding(LOOK, said, remedy, facts) if small else Finding(GOOD, said, "", facts)


DATABASE, PROCESSES, WORK = "Database", "Processes", "Work"
CHECKS = (
    Check("database.server", "Server", DATABASE, "Everything is kept here.", server),
    Check("database.schema", "Tables of this version", DATABASE, "The program and its tables must fit.", schema),
    Check("database.connections", "Connections", DATABASE, "Without a free one, pages and work stop.", connections),
    Check("database.transactions", "Open transactions", DATABASE, "A forgotten one slows everything.", transactions),
    Check("database.tables", "Largest tables", DATABASE, "Dead rows make reading slow.", tables),
    Check("database.clock", "Clocks", DATABASE, "Deadlines and the ledger hold times.", clock),
    Check("disk", "Disk", DATABASE, "The data folder holds database, files and keys.", disk),
    Check("processes.web", "Web processes", PROCESSES, "They answer browsers and the API.", web, serving=True),
    Check("processes.doors", "Form and tracking", PROCESSES, "What blocks there stops no API.", doors, serving=True),
    Check("processes.pages", "Plugins' pages", PROCESSES, "What blocks there stops no complaint.", pages, serving=True),
    Check("processes.work", "Work processes", PROCESSES, "They run what plugins and the desk do later.", work,
          serving=True),
    Check("jobs.queue", "Waiting work", WORK, "Letters, counts and receipts wait in here.", queue, serving=True),
    Check("jobs.parked", "Parked work", WORK, "It will not run again by itself.", parked),
    Check("schedule", "Schedule", WORK, "It makes checkpoints, counts queues and sweeps.", schedule, serving=True),
    Check("plugins", "Plugins", WORK, "A plugin that is missing makes cases poorer.", plugins),
)  # fmt: skip
PYTHON = platform.python_version()
