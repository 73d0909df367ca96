"""Checks of the desk and its pages, and the registration of all that core knows."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from ombud import __version__
from ombud.desk.backup import settling as restoration
from ombud.kernel import health_checks as ground
from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, LOOK, Check, Finding, health
from ombud.kernel.lifecycle import running
from ombud.process import settings
from ombud.speech import counted, sentence
from ombud.trust import health_checks as trust
from ombud.web.look import SPOILT, look


async def receipts() -> Finding:
    number = await db.fetchval("SELECT count(*) FROM core_raw WHERE status = 'faulted'")
    if not number:
        return Finding(GOOD, "Every receipt became a case or was placed.", "", (), "/intake")
    said = counted("1 receipt could not be read.", "%(num)s receipts could not be read.", number)
    return Finding(LOOK, said, "See them under Needs a look; nothing is lost.", (("Receipts", str(number)),), "/intake")


async def outgoing() -> Finding:
    """Messages that wait for a setting, and those of which nobody knows whether they arrived."""
    row = await db.fetchrow(
        "SELECT count(*) FILTER (WHERE state = 'intended' AND trouble = 'misconfigured') AS stuck, "
        "count(*) FILTER (WHERE state = 'unsure') AS unsure, "
        "min(detail) FILTER (WHERE state = 'intended' AND trouble = 'misconfigured') AS why "
        "FROM core_outgoing WHERE state IN ('intended', 'unsure')"
    )
    assert row is not None
    facts = (("Waiting for a setting", str(row["stuck"])), ("Not certain", str(row["unsure"])))
    if row["stuck"]:
        said = sentence(
            "%(stuck)s outgoing messages wait until a way out is set up: %(why)s",
            stuck=row["stuck"],
            why=row["why"][:200],
        )
        return Finding(
            BAD, said, "Correct the settings of the plugin; they leave by themselves then.", facts, "/settings"
        )
    if row["unsure"]:
        said = sentence("Of %(unsure)s messages nobody knows whether they arrived.", unsure=row["unsure"])
        return Finding(LOOK, said, "Somebody who works on the cases says what became of them.", facts)
    return Finding(GOOD, "No message is stuck, none is in doubt.", "", facts)


async def theme() -> Finding:
    facts = (("Chosen", look.wanted or "none"), ("In use", look.theme.name if look.theme else "the base look"))
    if look.problem:
        return Finding(LOOK, look.problem, "Reinstall it, or choose another one.", facts, "/administration/look")
    spoilt = await db.fetch(
        "SELECT DISTINCT place FROM core_fault WHERE slug = 'core' AND at > now() - interval '1 day' "
        "AND starts_with(place, $1) LIMIT 10",
        f"{SPOILT}{look.wanted},",
    )
    if spoilt:
        said = sentence(
            "The theme %(wanted)s could not draw %(spoilt)s templates; core's were used.",
            wanted=look.wanted,
            spoilt=len(spoilt),
        )
        places = tuple(("Template", row["place"].rpartition(", ")[2]) for row in spoilt)
        return Finding(LOOK, said, "Correct the theme, or choose another one.", places, "/administration/look")
    return Finding(GOOD, sentence("Pages are drawn in %(look)s.",
        look=look.theme.label if look.theme else 'the base look'), "", facts,
                   "/administration/look")  # fmt: skip


async def address() -> Finding:
    """Whether what browsers see fits what the desk believes."""
    server = settings().server
    there = urlsplit(server.base_url)
    secure = there.scheme == "https"
    facts = (("Address in links", server.base_url), ("Listens on", f"{server.host}:{server.port}"),
             ("Cookies over https alone", "yes" if server.cookies_are_secure else "no"))  # fmt: skip
    if server.cookies_are_secure and not secure and not _near(there.hostname or ""):
        said = "Cookies are sent over https alone, but links lead to http: nobody stays signed in."
        return Finding(BAD, said, "Set server.base_url to the https address of the desk.", facts)
    if secure and not server.cookies_are_secure:
        said = "The desk is reached over https, but its cookies may travel without it."
        return Finding(BAD, said, 'Set server.secure_cookies to "auto".', facts)
    if not secure and not _near(there.hostname or ""):
        said = "People reach this desk without encryption: passwords and complaints can be read on the way."
        return Finding(BAD, said, "Put a proxy with https before it and set server.base_url to that address.", facts)
    if not secure:
        return Finding(GOOD, "The desk is reached from this machine alone.", "", facts)
    return Finding(
        GOOD,
        sentence("The desk is reached at %(base_url)s, its cookies over https alone.", base_url=server.base_url),
        "",
        facts,
    )


def _near(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".test"))


async def versions() -> Finding:
    plugins = tuple((slug, loaded.version) for slug, loaded in sorted(running.loaded.items()))
    server = str(await db.fetchval("SHOW server_version"))
    return Finding(GOOD, sentence("Ombud %(version)s, Python %(python)s.", version=__version__,
        python=ground.PYTHON), "",
                   (("Ombud", __version__), ("Python", ground.PYTHON), ("PostgreSQL", server), *plugins))  # fmt: skip


PAGES = "Desk"
CHECKS = (
    Check("intake.receipts", "Receipts", PAGES, "What nobody could read waits for a person.", receipts),
    Check("outgoing.messages", "Outgoing messages", PAGES, "Customers wait for what does not leave.", outgoing),
    Check("theme", "Look", PAGES, "A theme that fails costs the look, not the desk.", theme),
    Check("web.address", "Address and cookies", PAGES, "What browsers see must fit the settings.", address),
    Check("versions", "Versions", PAGES, "For whoever helps you.", versions),
)


def register() -> None:
    """Everything that core can look at, in the order pages show it."""
    health.register(*ground.CHECKS, *trust.CHECKS, *restoration.CHECKS, *CHECKS)
