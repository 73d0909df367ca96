"""Why something cannot be made, as a code that the pages put into words."""


class Unfit(Exception):
    """`code` is a key of the texts' `refusals`; the text is what it is about, in nobody's language."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(about)
        self.code = code
