"""Whether a text is English, by the small words that no English text does without. Pure."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
SHORT = 3  # words; of fewer nothing can be told
SHARE = 0.15  # of the words, at least, are small words

# Words that no other language of Europe has, and those that some other has too.
_OWN = """
    about after again all also and any are because been before being can can't cannot could did didn't does
    doesn't don't for from get got had has have haven't he her here him his how i'd i'll i'm i've if into is
    isn't it it's its just more not now of off one only our out over please she should some than thank thanks
    that that's the their them then there these they this those too up us very wasn't we're we've were what when
    where which who why will with won't would you you're your
"""
_SHARED = "a am an as at be but by do i in me my no nobody on or so to was we"
_OWN_WORDS = frozenset(_OWN.split())
_SMALL_WORDS = _OWN_WORDS | frozenset(_SHARED.split())


def looks_english(text: str) -> bool:
    """True where enough of its words are small English ones, and one of them is English alone; False also for what is
    too short to tell."""
    words = [each.lower().replace("’", "'") for each in WORD.findall(text)]
    own = any(word in _OWN_WORDS for word in words) or "I am " in text
    return own and len(words) >= SHORT and sum(word in _SMALL_WORDS for word in words) >= SHARE * len(words)
