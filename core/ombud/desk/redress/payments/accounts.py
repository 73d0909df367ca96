"""An account as a person gives it: checked for slips, never invented, and shown by its end only. Pure."""

import re
from dataclasses import dataclass

from ombud.desk.checking import clean_text
from ombud.desk.errors import Invalid

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z")
_LOCAL = re.compile(r"[A-Z0-9]{4,34}\Z")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?\Z")


@dataclass(frozen=True)
class Payee:
    """Who is paid and where. `account`: an IBAN, or the number a payer in that country needs (sort code first)."""

    name: str
    account: str
    bic: str = ""

    def hint(self, person: str) -> str:
        """The end of the account, and whose it is where that is somebody else than the person who is paid."""
        theirs = sorted(self.name.casefold().split()) == sorted(person.casefold().split())
        return self.account[-4:] if theirs or not person else f"{self.account[-4:]} {self.name}"

    @property
    def is_iban(self) -> bool:
        return is_iban(self.account)


def is_iban(account: str) -> bool:
    """Whether it has the form and the check digits of an IBAN (ISO 13616, mod 97)."""
    if not _IBAN.match(account):
        return False
    digits = "".join(str(int(each, 36)) for each in account[4:] + account[:4])
    return int(digits) % 97 == 1


def checked(payee: Payee) -> Payee:
    """Without spaces and dashes in the account; raises Invalid for what is none, or an IBAN with a slip."""
    name = clean_text(payee.name, "payee_name", longest=70, required=True)
    account = _tight(payee.account)
    if _IBAN.match(account) and not is_iban(account):
        raise Invalid(
            "This IBAN has a slip in it: its check digits do not fit. Compare it letter by letter.", "account"
        )
    if not _LOCAL.match(account):
        raise Invalid("Give the account as an IBAN, or as sort code and number.", "account")
    bic = _tight(payee.bic)
    if bic and not _BIC.match(bic):
        raise Invalid("A BIC has 8 or 11 letters and digits. Leave it empty where the IBAN is enough.", "bic")
    return Payee(name, account, bic)


def _tight(text: str) -> str:
    return re.sub(r"[\s./-]", "", text).upper()
