"""What stands at the beginning of a GGUF file: its description, its vocabulary, and where its tensors should lie.

The gguf library reads a vocabulary of 150,000 tokens in ten seconds, this in a tenth of one: it looks only at what is
asked for. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

SUFFIX = ".gguf"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TOKENS, TOKEN_TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
NAMED_TOKENS = (3, 4)  # control and user-defined: taken for one token by their spelling
DEFAULT_ALIGNMENT = 32  # bytes


@dataclass(frozen=True)
class Header:
    file: Path
    values: dict[str, Any]  # numbers and texts, and of the lists those that were asked for
    places: dict[str, int]  # where in the file, in bytes, each number and text stands

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    def of_architecture(self, key: str) -> Any:
        """A value that stands under the architecture's name, as "context_length"; None where there is none."""
        return self.values.get(f"{self.architecture}.{key}")

    @property
    def named_tokens(self) -> list[str]:
        """Those that a tokenizer finds in a text by their spelling, as "<|im_end|>"."""
        types = self.values.get(TOKEN_TYPES, [])
        return [token for token, kind in zip(self.values.get(TOKENS, []), types, strict=False) if kind in NAMED_TOKENS]


def read_header(file: Path, lists: Collection[str] = ()) -> Header:
    """`lists`: which lists to read, for they can be long.

    Raises CheckpointError if a file is no GGUF, or ends before the tensors that it lists.
    """
    try:
        with file.open("rb") as content:
            magic = content.read(len(MAGIC))
            if magic != MAGIC:
                raise CheckpointError(f"{file}: expected a GGUF file, found one that begins with {magic!r}.")
            with mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(file, data).read(lists)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise damaged(file) from error
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from error


def damaged(file: Path) -> CheckpointError:
    return CheckpointError(
        f"{file} is damaged: expected all the tensors that it lists, found that it ends after "
        f"{file.stat().st_size} bytes."
    )


def find_file(path: Path) -> Path:
    """`path` itself, or the one GGUF file in that folder. Raises CheckpointError if there is none, or several."""
    if path.is_file():
        return path
    folder = path
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(file.name for file in files)
        raise CheckpointError(f"{folder}: expected one {SUFFIX} file, found {names}: name the one to use.")
    found = ", ".join(sorted(path.name for path in folder.glob("*"))[:5]) or "nothing"
    raise CheckpointError(f"{folder}: expected a model's config.json or a {SUFFIX} file, found {found}.")


class _Reader:
    def __init__(self, file: Path, data: mmap.mmap) -> None:
        self.file, self.data = file, data
        self.at = len(MAGIC)

    def read(self, lists: Collection[str]) -> Header:
        version = self.scalar("I")
        if version not in VERSIONS:
            raise CheckpointError(f"{self.file}: expected GGUF version 2 or 3, found version {version}.")
        tensors, count = self.scalar("Q"), self.scalar("Q")
        values: dict[str, Any] = {}
        places: dict[str, int] = {}
        for _ in range(count):
            key, kind = self.text(), self.scalar("I")
            if kind == ARRAY:
                if (found := self.list(key in lists)) is not None:
                    values[key] = found
            else:
                places[key] = self.at
                values[key] = self.text() if kind == STRING else self.scalar(SCALARS[kind])
        if self.end_of_tensors(tensors, values.get("general.alignment", DEFAULT_ALIGNMENT)) > len(self.data):
            raise damaged(self.file)
        return Header(self.file, values, places)

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        self.forward(length)
        return self.data[self.at - length : self.at].decode("utf-8", "replace")

    def list(self, wanted: bool) -> list[Any] | None:
        kind, count = self.scalar("I"), self.scalar("Q")
        if kind in SCALARS:
            begin, size = self.at, struct.calcsize(f"<{SCALARS[kind]}")
            self.forward(count * size)
            return list(struct.unpack_from(f"<{count}{SCALARS[kind]}", self.data, begin)) if wanted else None
        if kind != STRING:  # a list of lists: no tokenizer has one
            raise ValueError(f"a list of type {kind}")
        if wanted:
            return [self.text() for _ in range(count)]
        length_at = struct.Struct("<Q").unpack_from
        at, data = self.at, self.data
        for _ in range(count):
            at += 8 + length_at(data, at)[0]
        self.at = at
        return None

    def end_of_tensors(self, count: int, alignment: int) -> int:
        """Where the last tensor ends, in bytes from the beginning of the file."""
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        end = 0
        for _ in range(count):
            self.text()
            shape = [self.scalar("Q") for _ in range(self.scalar("I"))]
            block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(self.scalar("I"))]
            elements = 1
            for length in shape:
                elements *= length
            end = max(end, self.scalar("Q") + elements // block * block_bytes)
        return -(-self.at // alignment) * alignment + end

    def forward(self, length: int) -> None:
        if length > len(self.data) - self.at:
            raise IndexError("beyond the end")
        self.at += length
