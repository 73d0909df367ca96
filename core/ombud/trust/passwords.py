"""Passwords: argon2id in threads of their own, and a policy after NIST SP 800-63B."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 200
_LONGEST_TYPED = 4 * LONGEST  # a letter may be typed as itself and its marks, which are composed afterwards

_hasher = PasswordHasher()
# Two at a time: each hash takes 64 MiB, so a flood of sign-ins waits in line instead of eating the machine's memory.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

# What attackers try first, eight characters and longer (shorter ones fall to the length rule).
_COMMONEST = frozenset(
    """
    password password1 password12 password123 password1234 password! passw0rd p@ssw0rd p@ssword pa$$word
    12345678 123456789 1234567890 123456789a 12345678910 0123456789 87654321 987654321 0987654321
    11223344 1122334455 12341234 123123123 123321123 147258369 789456123 123qwe123 1qaz2wsx 1qaz2wsx3edc
    1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwertz123
    qwer1234 asdfghjk asdfghjkl asdf1234 zxcvbnm123 abcd1234 abc12345 abcdefgh abcdefg1 a1b2c3d4 aa123456
    iloveyou iloveyou1 sunshine princess football baseball superman starwars whatever trustno1 computer internet
    liverpool butterfly jonathan jennifer michelle samantha charlie1 letmein1 letmein123 letmeinnow welcome1
    welcome12 welcome123 changeme changeme1 changeme123 default1 admin123 admin1234 admin12345 administrator
    administrator1 adminadmin rootroot testtest test1234 testing123 guest123 demo1234 secret123 supersecret
    summer2025 summer2026 winter2025 winter2026 spring2026 autumn2026 company1 complaint complaints complaint1
    ombudsman ombudombud ombud123 ombud1234 haslo123 haslohaslo zaq12wsx zaq1zaq1 polska123 qwertyqwerty
    """.split()  # noqa: SIM905
)


class WeakPassword(ValueError):
    """The password is refused; the message says what to do instead."""


def check(password: str, user_name: str = "") -> None:
    """Raises WeakPassword if this may not become the password of the user."""
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in password[:_LONGEST_TYPED]):
        raise WeakPassword(
            "The password holds a character that cannot be typed (a control character or broken text). "
            "Type it again without pasting."
        )
    text = _normal(password[:_LONGEST_TYPED])
    if len(text) < SHORTEST:
        raise WeakPassword(f"Choose a password of at least {SHORTEST} characters; a few words in a row work well.")
    if len(text) > LONGEST or len(password) > _LONGEST_TYPED:
        raise WeakPassword(f"Choose a password of at most {LONGEST} characters.")
    plain = text.casefold()
    if user_name and plain in _near(user_name):
        raise WeakPassword("Choose a password that differs from the user name.")
    if plain in _COMMONEST or len(set(plain)) == 1:
        raise WeakPassword("This password is among the first that attackers try. Choose another, such as a few words.")


def _near(user_name: str) -> set[str]:
    name = _normal(user_name).casefold()
    return {name, name[::-1], name * 2, name.partition("@")[0]}


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
