"""Reads rows straight from the pages of an SQLite file, as much as damage has left of them. Writes nothing.

SQLite stops at the first page that makes no sense. Here each page and each row is read by itself: a page that is broken
costs its own rows, and pages that no tree leads to any more are still found. The format: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import itertools
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

Value = None | int | float | str | bytes
_HEADER_BYTES = 100  # in front of the first page's own header
_INTERIOR, _LEAF = 0x05, 0x0D  # kinds of pages of a table
_USUAL_PAGE_BYTES = 4096
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)  # by serial type


@dataclass(frozen=True)
class FoundRow:
    """`values` as they are stored: None for the column that is the row's number; columns added later may be missing."""

    number: int
    values: list[Value]


class PageReader:
    """`unreadable` counts the rows and pages that made no sense so far."""

    def __init__(self, content: bytes | mmap.mmap) -> None:
        self._content = content
        size = int.from_bytes(content[16:18], "big")
        size = 65536 if size == 1 else size
        self._size = size if size >= 512 and not size & (size - 1) else _USUAL_PAGE_BYTES
        self._usable = self._size - (content[20] if len(content) > 20 and content[20] <= self._size - 480 else 0)
        self.count = len(content) // self._size
        self.unreadable = 0

    def tables(self) -> dict[str, int]:
        """The first page of each table that the schema still names."""
        found: dict[str, int] = {}
        for row in self.rows(self.leaves(1)):
            if len(row.values) >= 4 and row.values[0] == "table":
                name, first = row.values[1], row.values[3]
                if isinstance(name, str) and isinstance(first, int) and 1 < first <= self.count:
                    found[name] = first
        return found

    def leaves(self, first: int) -> list[int]:
        """The pages with a table's rows, in the order of the tree."""
        seen, found, waiting = set[int](), list[int](), [first]
        while waiting:
            number = waiting.pop()
            if number in seen or not 1 <= number <= self.count:
                continue
            seen.add(number)
            kind = self._page(number)[self._start(number)]
            if kind == _LEAF:
                found.append(number)
            elif kind == _INTERIOR:
                waiting.extend(reversed(self._children(number)))
            else:
                self.unreadable += 1
        return found

    def strays(self, known: set[int]) -> list[int]:
        """Pages with rows that are neither `known` nor free."""
        free = self._free()
        return [
            number
            for number in range(2, self.count + 1)
            if number not in known and number not in free and self._page(number)[0] == _LEAF
        ]

    def rows(self, leaves: list[int]) -> Iterator[FoundRow]:
        for number in leaves:
            for place in self._places(number):
                try:
                    yield self._row(number, place)
                except (ValueError, IndexError, struct.error):
                    self.unreadable += 1

    def _page(self, number: int) -> bytes:
        return self._content[(number - 1) * self._size : number * self._size]

    @staticmethod
    def _start(number: int) -> int:
        return _HEADER_BYTES if number == 1 else 0

    def _places(self, number: int) -> list[int]:
        """Where the cells of a page begin."""
        page, start = self._page(number), self._start(number)
        first = start + (12 if page[start] == _INTERIOR else 8)
        count = min(int.from_bytes(page[start + 3 : start + 5], "big"), (self._size - first) // 2)
        return [int.from_bytes(page[at : at + 2], "big") for at in range(first, first + 2 * count, 2)]

    def _children(self, number: int) -> list[int]:
        page, start = self._page(number), self._start(number)
        left = [int.from_bytes(page[place : place + 4], "big") for place in self._places(number)]
        return [*left, int.from_bytes(page[start + 8 : start + 12], "big")]

    def _row(self, number: int, place: int) -> FoundRow:
        page = self._page(number)
        length, at = _varint(page, place)
        row, at = _varint(page, at)
        if length > len(self._content):
            raise ValueError("longer than the file")
        return FoundRow(row - (1 << 64) if row >> 63 else row, _values(self._payload(page, at, length)))

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """A row's bytes, of which a long one has the rest on pages of its own."""
        most = self._usable - 35
        if length <= most:
            here = length
        else:
            least = (self._usable - 12) * 32 // 255 - 23
            fitting = least + (length - least) % (self._usable - 4)
            here = fitting if fitting <= most else least
        if at + here > self._usable:
            raise ValueError("past the end of the page")
        parts, left = [page[at : at + here]], length - here
        following = int.from_bytes(page[at + here : at + here + 4], "big") if left else 0
        seen = set[int]()
        while left:
            if not 1 < following <= self.count or following in seen:
                raise ValueError("the rest is not there")
            seen.add(following)
            more = self._page(following)
            parts.append(more[4 : 4 + min(left, self._usable - 4)])
            left -= len(parts[-1])
            following = int.from_bytes(more[:4], "big")
        return b"".join(parts)

    def _free(self) -> set[int]:
        """Pages that held rows which have been deleted since."""
        free = set[int]()
        trunk = int.from_bytes(self._content[32:36], "big")
        while 1 < trunk <= self.count and trunk not in free:
            free.add(trunk)
            page = self._page(trunk)
            count = min(int.from_bytes(page[4:8], "big"), self._size // 4 - 2)
            free.update(struct.unpack_from(f">{count}I", page, 8))
            trunk = int.from_bytes(page[:4], "big")
        return free


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for count in itertools.count(1):
        byte = data[at]
        at += 1
        if count == 9:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return value, at


def _values(record: bytes) -> list[Value]:
    end, at = _varint(record, 0)
    if end > len(record):
        raise ValueError("a header longer than the row")
    kinds = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, at = _value(record, at, kind)
        values.append(value)
    return values


def _value(record: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind in (10, 11):
        raise ValueError("a kind of value that does not exist")
    size = _INTEGER_BYTES[kind] if kind <= 6 else 8 if kind == 7 else (kind - 12) // 2
    data = record[at : at + size]
    if len(data) < size:
        raise ValueError("a value longer than the row")
    if kind <= 6:
        return int.from_bytes(data, "big", signed=True), at + size
    if kind == 7:
        return float(struct.unpack(">d", data)[0]), at + size
    return (data.decode("utf-8", "replace") if kind % 2 else data), at + size
