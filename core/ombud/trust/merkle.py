"""Merkle trees as in RFC 9162: roots over a stream of leaves, and inclusion paths."""

import hashlib
from collections.abc import Iterable, Sequence


def leaf_hash(entry_hash: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry_hash).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf and keeps only the roots of its complete subtrees: memory is logarithmic."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, entry_hash: bytes) -> None:
        node = hashlib.sha256(b"\x00" + entry_hash).digest()
        height, place = 0, self.size
        self._keep(height, place, node)
        while place & 1:
            node = hashlib.sha256(b"\x01" + self._peaks.pop() + node).digest()
            height, place = height + 1, place >> 1
            self._keep(height, place, node)
        self._peaks.append(node)
        self.size += 1

    def _keep(self, height: int, place: int, node: bytes) -> None:
        """Hears of every complete subtree: 2**height leaves, the place-th of them from the left."""

    def root(self) -> bytes:
        """Of the empty tree: SHA-256 of nothing."""
        if not self._peaks:
            return hashlib.sha256().digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root(entry_hashes: Iterable[bytes]) -> bytes:
    tree = Tree()
    for each in entry_hashes:
        tree.add(each)
    return tree.root()


class Paths(Tree):
    """Inclusion paths of a few leaves of a tree of known size, in one pass and with little memory."""

    def __init__(self, size: int, indexes: Iterable[int]) -> None:
        super().__init__()
        self.final_size = size
        self._heights = range((size - 1).bit_length())
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._wanted = {place for index in indexes for place in self._siblings(index)}

    def _siblings(self, index: int) -> list[tuple[int, int]]:
        """Height and place of every node of the path; at the ragged right edge one may be missing."""
        if not 0 <= index < self.final_size:
            raise IndexError(f"leaf {index} of a tree of {self.final_size}")
        places = [(height, index >> height ^ 1) for height in self._heights]
        return [(height, place) for height, place in places if place << height < self.final_size]

    def _keep(self, height: int, place: int, node: bytes) -> None:
        if (height, place) in self._wanted:
            self._nodes[height, place] = node

    def _finish(self) -> None:
        """The incomplete subtree at the right edge, height by height: a lone node rises unchanged."""
        peaks, edge = list(self._peaks), b""
        for height in self._heights:
            if edge:
                self._keep(height, self.size >> height, edge)
            if self.size >> height & 1:
                peak = peaks.pop()
                edge = node_hash(peak, edge) if edge else peak

    def path(self, index: int) -> list[bytes]:
        """The siblings from the leaf up (RFC 9162, 2.1.3.1), once every leaf was added."""
        if self.size != self.final_size:
            raise ValueError(f"{self.size} of {self.final_size} leaves were added")
        self._finish()
        return [self._nodes[place] for place in self._siblings(index)]


def includes(root: bytes, entry_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """Verifies an inclusion proof as RFC 9162, 2.1.3.2 describes."""
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf_hash(entry_hash)
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root
