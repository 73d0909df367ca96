"""Passwords: argon2id in threads of their own, and a policy after NIST SP 800-63B."""

import asyncio
import unicodedata
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ombud.speech import sentence

# 15, because a password stands alone wherever nobody set a second factor up, or lost it (NIST SP 800-63B-4, 3.1.1.2).
SHORTEST, LONGEST = 15, 200
_LONGEST_TYPED = 4 * LONGEST  # a letter may be typed as itself and its marks, which are composed afterwards
GUESSES = 9  # powers of ten; what falls sooner is a common password, a row of keys, or a few characters repeated
_ESTIMATED = 72  # characters that the estimate looks at; it takes longer than linear time
_OWN = 8  # characters a password must have besides names that everybody here knows

_hasher = PasswordHasher()
# Two at a time: each hash takes 64 MiB, so a flood of sign-ins waits in line instead of eating the machine's memory.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
SERVICE_WORDS = ("ombud", "ombudsman", "complaint", "complaints", "complaints desk")


class WeakPassword(ValueError):
    """The password is refused; the message says what to do instead."""


def check(password: str, user_name: str = "", words: Collection[str] = ()) -> None:
    """Raises WeakPassword if this may not become the password of the user; no rules of composition, no expiry.

    `words`: names that everybody around knows, such as the organisation's.
    """
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in password[:_LONGEST_TYPED]):
        raise WeakPassword(
            "The password holds a character that cannot be typed (a control character or broken text). "
            "Type it again without pasting."
        )
    text = _normal(password[:_LONGEST_TYPED])
    if len(text) < SHORTEST:
        raise WeakPassword(
            sentence(
                "Choose a password of at least %(most)s characters; a few words in a row work well.", most=SHORTEST
            )
        )
    if len(text) > LONGEST or len(password) > _LONGEST_TYPED:
        raise WeakPassword(sentence("Choose a password of at most %(most)s characters.", most=LONGEST))
    plain, known = text.casefold(), _known(user_name, words)
    if len(_without(plain, known)) < _OWN:
        raise WeakPassword("Choose a password that differs from the user name and from the name of the organisation.")
    from zxcvbn import zxcvbn  # its lists are read only where a password is chosen

    if zxcvbn(plain[:_ESTIMATED], user_inputs=sorted(known), max_length=_ESTIMATED)["guesses_log10"] < GUESSES:
        raise WeakPassword("This password is among the first that attackers try. Choose another, such as a few words.")


def _known(user_name: str, words: Collection[str]) -> set[str]:
    name = _normal(user_name).casefold()
    given = {name, name.partition("@")[0], *(_normal(each).casefold() for each in words), *SERVICE_WORDS}
    return {each for each in given if len(each) >= 3}


def _without(plain: str, known: set[str]) -> str:
    """The letters and digits that are left when all known names are taken out, forwards and backwards."""
    for each in sorted(known, key=len, reverse=True):
        plain = plain.replace(each, " ").replace(each[::-1], " ")
    return "".join(sign for sign in plain if not sign.isspace())


async def hash_of(password: str) -> str:
    """The argon2id hash to store, about 0.1 s of work."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hash, password)


async def matches(stored: str, password: str) -> bool:
    """True if the password belongs to the stored hash; takes the same time when nothing is stored."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)


def is_outdated(stored: str) -> bool:
    """True if the hash was made with other parameters than today's and should be made again at the next sign-in."""
    return _hasher.check_needs_rehash(stored)


def _hash(password: str) -> str:
    return _hasher.hash(_bytes(password))


def _verify(stored: str, password: str) -> bool:
    data = _bytes(password[:_LONGEST_TYPED])
    if not stored:
        _hasher.hash(data)  # nobody learns from the time it takes that there is no such user
        return False
    try:
        return _hasher.verify(stored, data)
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


def _normal(text: str) -> str:
    """One spelling for what looks the same, so that a password works from every keyboard (NIST SP 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", text)
