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
        size = self.size
        while size & 1:
            node = hashlib.sha256(b"\x01" + self._peaks.pop() + node).digest()
            size >>= 1
        self._peaks.append(node)
        self.size += 1

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


class Paths:
    """Every level of one tree, kept so that many inclusion paths cost one pass over the leaves."""

    def __init__(self, entry_hashes: Sequence[bytes]) -> None:
        self.levels = [[leaf_hash(each) for each in entry_hashes]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            if len(below) % 2:
                above.append(below[-1])  # an odd one rises unchanged, which is RFC 9162's split
            self.levels.append(above)

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def path(self, index: int) -> list[bytes]:
        """The siblings from the leaf up (RFC 9162, 2.1.3.1); raises IndexError outside the tree."""
        if not 0 <= index < len(self.levels[0]):
            raise IndexError(f"leaf {index} of a tree of {len(self.levels[0])}")
        siblings = []
        for level in self.levels[:-1]:
            if index ^ 1 < len(level):
                siblings.append(level[index ^ 1])
            index >>= 1
        return siblings


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
