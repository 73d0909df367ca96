"""Why a file cannot be imported, or a row of it: words for a person, with the remedy."""

from dataclasses import dataclass


class UnreadableFileError(Exception):
    """The file as a whole is refused; nothing of it is imported. The message names the remedy."""


class CannotOpen(UnreadableFileError):
    """The path is missing, a folder, or not ours to read."""


class EmptyFile(UnreadableFileError):
    """No byte, or nothing but blank lines."""


class BinaryContent(UnreadableFileError):
    """An archive, a spreadsheet, a picture: anything but text."""


class BrokenArchive(UnreadableFileError):
    """A gzip file that is cut short or damaged."""


class NoHeader(UnreadableFileError):
    """The first row does not name columns."""


class BrokenHeader(UnreadableFileError):
    """The first row names columns, but its quotes or its length make it unreadable."""


class DuplicateHeader(UnreadableFileError):
    """Two columns carry one name (case and spaces aside)."""


class UnterminatedQuote(UnreadableFileError):
    """A quoted cell is still open at the end of the file, so what follows its first line cannot be told apart."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"A quoted cell that starts in the row at line {line} never ends. Close its quote, then import again."
        )
        self.line = line


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that makes no case. Lines are physical lines of the unpacked file, counted from 1, both included."""

    line: int
    last_line: int
    code: str
    reason: str

    @property
    def where(self) -> str:
        return f"line {self.line}" if self.line == self.last_line else f"lines {self.line} to {self.last_line}"
