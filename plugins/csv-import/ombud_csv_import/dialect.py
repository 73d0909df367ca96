"""How a file divides its cells."""

import csv
import io
from dataclasses import dataclass

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 25


@dataclass(frozen=True, slots=True)
class Dialect:
    """spaced: blanks after a delimiter do not belong to the cell, as in `1, "two, three"`."""

    delimiter: str = ","
    spaced: bool = False

    @property
    def title(self) -> str:
        return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[self.delimiter]


def detect(sample: str) -> Dialect:
    """The dialect in which most rows of the sample have as many cells as its first; a comma where none has two."""
    best, best_score = Dialect(), (0.0, 0)
    for spaced in (False, True):
        for delimiter in DELIMITERS:
            dialect = Dialect(delimiter, spaced)
            score = _fit(sample, dialect)
            if score > best_score:
                best, best_score = dialect, score
    return best


def _fit(sample: str, dialect: Dialect) -> tuple[float, int]:
    widths: list[int] = []
    reader = csv.reader(
        io.StringIO(sample, newline=""), delimiter=dialect.delimiter, skipinitialspace=dialect.spaced, strict=False
    )
    try:
        for cells in reader:
            if cells:
                widths.append(len(cells))
            if len(widths) > SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    if len(widths) > 2:
        widths.pop()  # the sample may end inside a row
    if not widths or widths[0] < 2:
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]
