"""What the act asks of a reply, in Polish and English, as core's gate reads it.

Read in accounts of the act (Dz.U. 2022 poz. 187), not in its text, so the provenance is `secondary`; the notice of an
extension is known from general knowledge alone. Articles are named as these accounts name them.
"""

from ombud_plugin_api import ResponsePart, ResponseRequirement

LABEL = "Polish act on complaints (Rzecznik Finansowy)"
ACT = "Act of 5 August 2015"
LANGUAGES = ("pl", "en")


def _part(
    key: str, label: str, article: str, pl: tuple[str, ...], en: tuple[str, ...], example: tuple[str, str],
    when: str = "always", rights: bool = False,
) -> ResponsePart:  # fmt: skip
    return ResponsePart(
        key, label, f"{ACT}, {article}", {"pl": pl, "en": en}, when, rights, {"pl": example[0], "en": example[1]}
    )


CONTENTS = (
    _part(
        "facts", "Factual reasons", "art. 9", ("ustali*", "uzasadnieni* fakt*", "stan* faktyczn*"),
        ("found that", "established", "the facts"),
        ("Ustaliliśmy, że opłata została pobrana zgodnie z tabelą.", "We found that the fee follows the price list."),
        "refused",
    ),
    _part(
        "law", "Legal reasons", "art. 9",
        ("uzasadnieni* prawn*", "podstaw* prawn*", "na podstawie art*", "zgodnie z art*"),
        ("legal basis", "legal reasons", "under article*", "under section*"),
        ("Podstawą prawną jest art. 728 Kodeksu cywilnego.", "The legal basis is article 728 of the Civil Code."),
        "refused",
    ),
    _part(
        "position", "Your full position, with the terms of the contract or the law", "art. 9",
        ("nasz* stanowisk*", "stanowisk* w sprawie", "zgodnie z … umow*", "zgodnie z … regulamin*",
         "zgodnie z … ustaw*"),
        ("our position", "the contract", "terms and conditions", "under the act"),
        ("Nasze stanowisko: zgodnie z § 5 umowy opłata się nie należała.",
         "Our position: under § 5 of the contract no fee was due."),
    ),
    _part(
        "who", "Name and position of whoever answers", "art. 9",
        ("odpowiedzi udzieli*", "odpowiedź przygotowa*", "stanowisko służbowe", "specjalist*", "kierowni*", "dyrektor*",
         "menedżer*", "doradc*", "naczelni*"),
        ("answered by", "manager", "specialist", "director", "officer", "adviser", "head of"),
        ("Odpowiedzi udzieliła Anna Nowak, specjalistka do spraw reklamacji.",
         "Answered by Anna Nowak, complaints specialist."),
    ),
    _part(
        "when", "By which day the claim is fulfilled, 30 days at most", "art. 9",
        ("w terminie … dni", "w ciągu … dni", "do dnia", "najpóźniej"),
        ("within … days", "no later than", "by the … of"),
        ("Zwrot nastąpi w terminie 14 dni od sporządzenia tej odpowiedzi.",
         "You will receive it within 14 days of this letter."),
        "redress",
    ),
)  # fmt: skip
REFUSAL = (
    _part(
        "appeal", "The way to appeal to you, where you have one", "art. 10", ("odwołani*", "odwoła* się"),
        ("appeal",), ("Mogą Państwo wnieść odwołanie do Rzecznika Klienta.", "You can appeal to our client advocate."),
        "refused", True,
    ),
    _part(
        "mediation", "Mediation or arbitration, where there is one", "art. 10",
        ("mediac*", "sąd* polubown*", "pozasądow*", "arbitraż*"), ("mediation", "arbitration", "out of court"),
        ("Mogą Państwo skorzystać z mediacji lub sądu polubownego.", "You can use mediation or arbitration."),
        "refused", True,
    ),
    _part(
        "ombudsman", "Application to the Financial Ombudsman", "art. 10",
        ("Rzecznik* Finansow*",), ("Financial Ombudsman", "Rzecznik* Finansow*"),
        ("Mogą Państwo złożyć wniosek o rozpatrzenie sprawy do Rzecznika Finansowego.",
         "You can apply to the Financial Ombudsman (Rzecznik Finansowy)."),
        "refused", True,
    ),
    _part(
        "court", "Going to court: whom to sue, and which court is competent", "art. 10",
        ("sąd* … pozwan*", "pozwa* … sąd*", "powództw* … sąd*", "sąd* … właściw* … pozwa*"),
        ("court … defendant", "sue … court", "defendant … court"),
        ("Mogą Państwo wystąpić z powództwem do sądu właściwego dla siedziby banku; pozwanym jest Modra Bank.",
         "You can sue before the court of the bank's seat; the defendant is Modra Bank."),
        "refused", True,
    ),
)  # fmt: skip
FINAL = ResponseRequirement("pl-complaints", LABEL, (*CONTENTS, *REFUSAL), languages=LANGUAGES, provenance="secondary")
EXTENSION = ResponseRequirement(
    "pl-complaints", LABEL,
    (
        _part("cause", "Why the reply takes longer", "art. 7", ("z powodu", "przyczyn*", "ponieważ"),
              ("because", "reason* for the delay", "the cause"),
              ("Przyczyną opóźnienia jest oczekiwanie na dokumenty.", "The reason for the delay is a missing record.")),
        _part("circumstances", "What has still to be established", "art. 7", ("ustal*", "wyjaśni*", "okolicznoś*"),
              ("establish", "find out", "clarify", "circumstances"),
              ("Musimy ustalić, kto zlecił przelew.", "We have to establish who ordered the transfer.")),
        _part("date", "By which day you expect to answer", "art. 7",
              ("do dnia", "przewidywan* termin*", "odpowiemy", "odpowiedzi udzielimy"),
              ("expect to", "we will answer by", "no later than"),
              ("Odpowiedzi udzielimy do dnia 30 czerwca 2026 r.", "We expect to answer by 30 June 2026.")),
    ),
    letter="extension", letter_label="Notice of an extension", languages=LANGUAGES, provenance="unverified",
)  # fmt: skip
REQUIREMENTS = [FINAL, EXTENSION]
