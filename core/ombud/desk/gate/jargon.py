"""Words that firms write and customers stumble over, and what to say instead. A desk keeps lists of its own."""

USUAL_JARGON: dict[str, tuple[str, ...]] = {
    "en": (
        "aforementioned = this", "aforesaid = this", "herein = in this letter", "hereby =",
        "hereinafter = from here on",
        "heretofore = until now", "notwithstanding = despite", "pursuant to = under", "in accordance with = under",
        "in respect of = about", "with regard to = about", "prior to = before", "subsequent to = after",
        "in the event that = if", "endeavour* = try", "utilis* = use", "commence* = begin", "inter alia = among others",
        "ex gratia = as a gesture of goodwill", "without prejudice =", "quantum = sum",
        "consumer detriment = harm to you",
        "root cause = reason",
    ),
    "pl": (
        "niniejsz* = ten", "przedmiotow* = ten", "w/w = ten", "ww = ten", "wyżej wymienion* = ten", "tut =",
        "tutejsz* = nasz", "w przedmiocie = w sprawie", "w nawiązaniu do = odpowiadamy na", "stosownie do = zgodnie z",
        "celem = aby", "w celu = aby", "uprzejmie informujemy =", "pragniemy poinformować =", "nadmieniamy =",
        "jednocześnie informujemy =", "z uwagi na fakt = bo", "w związku z powyższym = dlatego",
        "dokonać wpłaty = wpłacić",
        "skutkować = powodować", "uiścić = zapłacić", "partycypować = uczestniczyć",
    ),
}  # fmt: skip
