"""The table of settings; the file, the environment, the checks and the sample file are derived from it."""

from __future__ import annotations

import ipaddress
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints
from urllib.parse import urlsplit

PREFIX = "OMBUD_"
DERIVED = Path()
"""A path key left empty: its place follows from the data folder."""


class Check(NamedTuple):
    """What a value must be, in words, and the test for it."""

    must_be: str
    holds: Callable[[Any], bool]


def between(low: int, high: int) -> Check:
    return Check(f"a whole number from {low} to {high}", lambda value: low <= value <= high)


def one_of(*choices: str) -> Check:
    return Check("one of " + ", ".join(f'"{choice}"' for choice in choices), lambda value: value in choices)


def shaped(pattern: str, must_be: str) -> Check:
    return Check(must_be, lambda value: re.fullmatch(pattern, value) is not None)


def each_shaped(pattern: str, must_be: str) -> Check:
    return Check(must_be, lambda value: all(re.fullmatch(pattern, item) for item in value))


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


NETWORKS = Check(
    'a list of addresses or networks like ["127.0.0.1", "10.0.0.0/8"]', lambda value: all(map(_is_network, value))
)
FILLED = shaped(r"\S(.*\S)?", "text")
A_FOLDER = Check("the path of a folder", lambda value: value != DERIVED and "\0" not in str(value))
ANY_PATH = Check("a path", lambda value: "\0" not in str(value))
WEB_ADDRESS = Check('empty, or an address like "https://desk.example.org"', lambda v: not v or _is_web_address(v))
AN_ADDRESS = shaped(r"|[^@\s]+@[^@\s]+\.[^@\s]+", 'empty, or an address like "roots@example.org"')
DATABASE_URL = shaped(r"|postgres(ql)?://\S+", 'empty, or an address like "postgresql://user@host:5432/ombud"')
SLUG = r"[a-z][a-z0-9-]*"
FILE_KINDS = ("program", "script", "page", "macro", "archive")
HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"


def key(default: Any, comment: str, check: Check, secret: bool = False) -> Any:
    """One setting; a secret one is never repeated in messages."""
    return field(default=default, repr=not secret, metadata={"comment": comment, "check": check, "secret": secret})


@dataclass(frozen=True)
class Server:
    """Where the desk listens and how browsers reach it."""

    host: str = key("127.0.0.1", "Address to listen on; 0.0.0.0 means every network.", FILLED)
    port: int = key(8000, "Port to listen on; 0 takes any free one.", between(0, 65535))
    base_url: str = key("", "Address in links we send; empty means http://<host>:<port>.", WEB_ADDRESS)
    web_processes: int = key(1, "How many processes answer browsers.", between(1, 64))
    secure_cookies: str = key(
        "auto", "Cookies over https alone; auto means: when base_url is https.", one_of("auto", "always", "never")
    )
    trusted_proxies: tuple[str, ...] = key(
        (), "Proxies in front of the desk; only they are believed about who asks (X-Forwarded-For).", NETWORKS
    )
    hosts: tuple[str, ...] = key(
        (),
        "Further names the desk answers to, besides that of base_url, localhost and bare addresses.",
        each_shaped(HOST, 'a list of names like ["desk.internal"]'),
    )

    @property
    def is_https(self) -> bool:
        """Browsers reach the desk by https, usually through a proxy that ends it."""
        return self.base_url.startswith("https:")

    @property
    def cookies_are_secure(self) -> bool:
        return self.secure_cookies == "always" or (self.secure_cookies == "auto" and self.base_url.startswith("https:"))


@dataclass(frozen=True)
class Data:
    """One folder holds the whole desk: database, files, secrets."""

    dir: Path = key(Path("data"), "A relative path starts at this file's folder.", A_FOLDER)  # noqa: RUF009


@dataclass(frozen=True)
class Database:
    """PostgreSQL 15 or newer; without an address the desk runs its own inside the data folder."""

    url: str = key("", "postgresql://user:password@host/name; empty means the embedded one.", DATABASE_URL, secret=True)
    pool_min: int = key(1, "Connections each process keeps open.", between(0, 100))
    pool_max: int = key(10, "Connections each process opens at most.", between(1, 100))


@dataclass(frozen=True)
class Secrets:
    """What must never lie in the database or in its backup."""

    master_key_file: Path = key(  # noqa: RUF009
        DERIVED, "Empty means <data>/secrets/master.key. Also given as OMBUD_MASTER_KEY_FILE.", ANY_PATH
    )


@dataclass(frozen=True)
class Jobs:
    """Work done in the background."""

    broker: str = key(
        "postgres", "What carries the jobs.", shaped("postgres", '"postgres"; RabbitMQ and Redis come later')
    )
    threads: int = key(8, "Jobs a work process runs side by side.", between(1, 64))
    heartbeat_seconds: int = key(1, "How often a worker says it lives.", between(1, 60))
    ttl_seconds: int = key(5, "Silence after which its jobs go to others; more than the heartbeat.", between(2, 600))
    maintenance_seconds: int = key(2, "How often lost jobs are looked for.", between(1, 600))


@dataclass(frozen=True)
class Plugins:
    """Which installed plugins may run."""

    blocked: tuple[str, ...] = key((), "Never load these.", each_shaped(SLUG, 'a list of slugs like ["my-plugin"]'))
    enabled_first: tuple[str, ...] = key(
        ("*",),
        'Switched on at the first start; ["*"] means all that are installed.',
        each_shaped(rf"\*|{SLUG}", 'a list of slugs like ["my-plugin"], or ["*"]'),
    )
    memory_mb: int = key(
        2048, "What a process that runs their code may take of memory; 0 means no limit.", between(0, 1_000_000)
    )


@dataclass(frozen=True)
class Theme:
    """The look."""

    name: str = key("plain", "An installed theme.", shaped(SLUG, "the slug of a theme"))


@dataclass(frozen=True)
class SignIn:
    """Sessions and throttling."""

    session_hours: int = key(12, "A session ends after this long.", between(1, 24 * 30))
    idle_minutes: int = key(120, "A session without use ends after this long.", between(1, 24 * 60))
    attempts: int = key(5, "Failed attempts allowed in the window below.", between(1, 1000))
    window_minutes: int = key(15, "The window for failed attempts.", between(1, 24 * 60))
    second_factor_roles: tuple[str, ...] = key(
        (),
        "Whoever holds one of these roles must sign in with a second factor.",
        each_shaped(SLUG, 'a list of roles like ["administrator", "compliance"]'),
    )
    confirm_minutes: int = key(
        15, "After this long a risky step, such as making a token, asks for the password again.", between(1, 24 * 60)
    )


@dataclass(frozen=True)
class Limits:
    """How much one request may bring or ask for."""

    body_mb: int = key(25, "Largest request.", between(1, 1024))
    attachment_mb: int = key(10, "Largest attachment.", between(1, 1024))
    attachments: int = key(10, "Attachments in one request.", between(0, 100))
    text_chars: int = key(100_000, "Longest text.", between(1000, 10_000_000))
    page_size: int = key(50, "Rows on one page of a list.", between(1, 500))
    blocked_files: tuple[str, ...] = key(
        ("program",),
        "Files the desk refuses: " + ", ".join(FILE_KINDS) + ". All others are kept; only harmless ones open.",
        Check('a list of these: "' + '", "'.join(FILE_KINDS) + '"', lambda value: set(value) <= set(FILE_KINDS)),
    )
    filings_per_hour: int = key(60, "Complaints one address may file by public forms an hour.", between(1, 1_000_000))
    forms_per_hour: int = key(600, "Public forms one address may send an hour.", between(1, 1_000_000))


@dataclass(frozen=True)
class Ledger:
    """Checkpoints of the chained record."""

    checkpoint_minutes: int = key(10, "How often a checkpoint is made.", between(1, 24 * 60))
    publish_file: Path = key(  # noqa: RUF009
        DERIVED, "Where they are published; empty means <data>/checkpoints.jsonl. Best on another machine.", ANY_PATH
    )
    publish_email: str = key("", "Where the newest one goes by e-mail, once a day; empty means nowhere.", AN_ADDRESS)
    timestamp_url: str = key("", "A time-stamping service (RFC 3161) for checkpoints; empty means none.", WEB_ADDRESS)
    timestamp_roots: Path = key(  # noqa: RUF009
        DERIVED, "File with the root certificates (PEM) that vouch for it; needed with timestamp_url.", ANY_PATH
    )

    @property
    def roots(self) -> Path | None:
        """The file of root certificates, where one is named."""
        return None if self.timestamp_roots == DERIVED else self.timestamp_roots


@dataclass(frozen=True)
class Log:
    """What the processes tell."""

    level: str = key("info", "The least that is told.", one_of("debug", "info", "warning", "error"))


@dataclass(frozen=True)
class Complaints:
    """Promises to complainants, until a unit sets its own."""

    reference_prefix: str = key("OMB", "References begin so.", shaped(r"[A-Z]{2,6}", "two to six capital letters A-Z"))
    answer_within_days: int = key(56, "A final answer is due; calendar days.", between(1, 3650))
    acknowledge_within_days: int = key(5, "An acknowledgement is due; calendar days.", between(1, 365))
    triage_within_hours: int = key(24, "A message is judged a complaint or not.", between(1, 24 * 365))
    tracking_link_days: int = key(365, "A tracking link works.", between(1, 3650))


@dataclass(frozen=True)
class Config:
    """All settings of one desk; every path is absolute."""

    server: Server = Server()
    data: Data = Data()
    database: Database = Database()
    secrets: Secrets = Secrets()
    jobs: Jobs = Jobs()
    plugins: Plugins = Plugins()
    theme: Theme = Theme()
    sign_in: SignIn = SignIn()
    limits: Limits = Limits()
    ledger: Ledger = Ledger()
    log: Log = Log()
    complaints: Complaints = Complaints()


class Key(NamedTuple):
    section: str
    name: str
    type: Any
    default: Any
    comment: str
    check: Check
    secret: bool

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.section}_{self.name}".upper()


def _keys_of(section: str, cls: type[Any]) -> Iterator[Key]:
    types = get_type_hints(cls)
    for item in fields(cls):
        about = item.metadata
        yield Key(section, item.name, types[item.name], item.default, about["comment"], about["check"], about["secret"])


def _section_class(item: Field[Any]) -> type[Any]:
    assert item.default is not MISSING
    return type(item.default)


SECTIONS: dict[str, type[Any]] = {item.name: _section_class(item) for item in fields(Config)}
TABLE: dict[str, dict[str, Key]] = {
    section: {each.name: each for each in _keys_of(section, cls)} for section, cls in SECTIONS.items()
}


def sample() -> str:
    """The text of settings.toml: every key commented out at its default."""
    parts = [
        "# Settings of one desk. Every line that is commented out shows the default.",
        "# Each key can also be given as OMBUD_<SECTION>_<KEY>, lists with commas; the environment wins over this.",
    ]
    for section, keys in TABLE.items():
        parts += ["", *textwrap.wrap(f"# {SECTIONS[section].__doc__}", 100), f"[{section}]"]
        for each in keys.values():
            parts += [f"# {each.comment}", f"#{each.name} = {as_toml(each.default)}"]
    return "\n".join(parts) + "\n"


def as_toml(value: Any) -> str:
    if isinstance(value, Path):
        value = "" if value == DERIVED else str(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
