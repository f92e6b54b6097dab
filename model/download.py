"""Fetches a model from the hub into the Hugging Face cache: resumable across runs, with progress, never unasked.

The hub's own library lists files, signs requests and lays out the cache. It starts a file anew when a run was killed
in the middle of it, so files of weights are brought here: each grows under its sha256 in the cache's `blobs`, goes on
where it stopped, is checked against that sha256 and then found by the library as already there. The access token is
the library's business (HF_TOKEN, HF_ENDPOINT) and never appears in a message.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model import hub
from model.errors import Cancelled, CuepointError, UsageError
from model.hub import HubModel

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

Say = Callable[[str], None]

SAY_EVERY_S = 3.0
_CONNECT_LIMIT_S = 10.0
_READ_LIMIT_S = 30.0  # without a byte
_ATTEMPTS = 5  # in a row that bring nothing new
_PAUSE_S = 1.0  # before the second attempt; doubles
_SPARE_BYTES = 200_000_000  # left free on the disk
# Configuration, tokenizers and prompts at the root, and the modules that sentence-transformers keeps in folders.
_SMALL = re.compile(r"[^/]+\.(json|txt|jinja|model|tiktoken)|\d+_\w+/[^/]+\.json")
_MODULE_WEIGHTS = re.compile(r"\d+_\w+/model\.safetensors")
_NOT_NEEDED = re.compile(r".*(\.index\.json|onnx.*|README.*|trainer_state\.json|training_args.*)", re.IGNORECASE)


def fetch(source: str, say: Say, cancel: Callable[[], bool] = lambda: False) -> Path:
    """Brings the model of a "hub:" source here, unless it is; returns its folder or file.

    Raises UsageError for a repository or file that does not exist, CuepointError for no network, no permission or no
    space, Cancelled when `cancel` says so; what came so far is kept, and the next call goes on from there.
    """
    with contextlib.suppress(hub.MissingModel):
        path = hub.locate(source)
        say(f"{source.removeprefix('hub:')} is here: {path}")
        return path
    model = hub.parse_hub(source)
    with telling(model):
        fetch_missing(model, say, cancel)
    return hub.locate(source)


def fetch_missing(model: HubModel, say: Say, cancel: Callable[[], bool]) -> None:
    from filelock import FileLock
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if constants.is_offline_mode():
        raise UsageError("HF_HUB_OFFLINE is set, so nothing may be fetched: unset it and try again.")
    disable_progress_bars()
    api = HfApi(endpoint=constants.ENDPOINT)
    info = api.model_info(model.repository, revision=model.revision, files_metadata=True, timeout=_READ_LIMIT_S)
    files = choose_files(model, info)
    folder = hub.repository_folder(model)
    blobs = [Blob(model, str(info.sha), file, folder / "blobs") for file in files if file.lfs is not None]
    check_space(model, folder, sum(blob.missing_bytes for blob in blobs))
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".cuepoint.lock"):
        hub.unfinished_marker(model).touch()
        progress = Progress(model.repository, sum(blob.size for blob in blobs), say)
        for blob in blobs:
            blob.fetch(progress, cancel)
        names = [file.rfilename for file in files]
        snapshot_download(model.repository, revision=model.revision, allow_patterns=names, endpoint=constants.ENDPOINT)
        hub.unfinished_marker(model).unlink()
    say(f"{model.repository}: all {len(files)} files are here")


def choose_files(model: HubModel, info: ModelInfo) -> list[RepoSibling]:
    """What we read of a repository: configuration, tokenizer and the weights in one format. Raises UsageError."""
    files = {file.rfilename: file for file in info.siblings or []}
    if model.file:
        if model.file not in files:
            offers = ", ".join(name for name in files if Path(name).suffix == Path(model.file).suffix)
            raise UsageError(f"{model.repository} has no file {model.file}; it has {offers or 'none of that kind'}.")
        weights = [model.file]
    else:
        weights = hub.choose_weights(name for name in files if "/" not in name)
        if not weights:
            raise UsageError(f"{model.repository} holds no weights that can be read: *.safetensors, *.bin or *.gguf.")
        if weights[0].endswith(".gguf") and len(weights) > 1:
            raise UsageError(
                f"{model.repository} holds {len(weights)} GGUF files: name one, as hub:{model.repository}/{weights[0]}."
            )
        weights += [name for name in files if _MODULE_WEIGHTS.fullmatch(name)]
    small = [name for name in files if _SMALL.fullmatch(name) and not _NOT_NEEDED.fullmatch(name)]
    index = [name for name in files if name.endswith(".index.json") and shares_stem(name, weights[0])]
    return [files[name] for name in dict.fromkeys([*small, *index, *weights])]


def shares_stem(index: str, weights: str) -> bool:
    return re.sub(r"-\d+-of-\d+", "", weights) == index.removesuffix(".index.json")


def check_space(model: HubModel, folder: Path, wanted: int) -> None:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if wanted and free < wanted + _SPARE_BYTES:
        raise CuepointError(
            f"{model.repository} needs {wanted / 1e9:.1f} GB more and {folder} has {free / 1e9:.1f} GB free: "
            "free some space, or set HF_HOME to a folder on a bigger disk."
        )


@dataclass
class Progress:
    """Says now and then how far a model is: share, MB, MB/s and the time left."""

    name: str
    total: int  # bytes
    say: Say
    done: int = 0  # bytes that are here
    fetched: int = 0  # of these, bytes that came since `started`
    started: float = 0.0
    said: float = 0.0

    def add(self, count: int, fetched: bool = True) -> None:
        now = time.monotonic()
        self.started = self.started or now
        self.done += count
        self.fetched += count if fetched else 0
        if fetched and now - self.said >= SAY_EVERY_S:
            self.said = now
            self.say(self.describe(now))

    def describe(self, now: float) -> str:
        share = self.done / max(1, self.total)
        text = f"{self.name}: {share:.0%}, {self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB"
        speed = self.fetched / (now - self.started) if now > self.started else 0.0
        if speed <= 0:
            return text
        left = round((self.total - self.done) / speed)
        return f"{text}, {speed / 1e6:.1f} MB/s, {left // 60}:{left % 60:02d} left"


class Blob:
    """One file of weights, which the cache keeps under its sha256."""

    def __init__(self, model: HubModel, commit: str, file: RepoSibling, folder: Path) -> None:
        assert file.lfs is not None
        self.model, self.commit, self.name = model, commit, file.rfilename
        self.sha256, self.size = file.lfs.sha256, file.lfs.size
        self.path = folder / self.sha256
        self.part = folder / f"{self.sha256}.cuepoint-part"

    @property
    def missing_bytes(self) -> int:
        return 0 if self.path.exists() else self.size - (self.part.stat().st_size if self.part.exists() else 0)

    def fetch(self, progress: Progress, cancel: Callable[[], bool]) -> None:
        if self.path.exists():
            progress.add(self.size, fetched=False)
            return
        self.part.parent.mkdir(parents=True, exist_ok=True)
        before = self.size - self.missing_bytes
        if before:
            progress.say(f"{self.name}: going on at {before / 1e6:.0f} of {self.size / 1e6:.0f} MB")
            progress.add(before, fetched=False)
        self.fill(progress, cancel)
        with self.part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            self.part.unlink()
            raise CuepointError(
                f"{self.name} of {self.model.repository} came damaged: expected sha256 {self.sha256}, found {found}; "
                "try again."
            )
        self.part.replace(self.path)

    def fill(self, progress: Progress, cancel: Callable[[], bool]) -> None:
        """Appends to the part until it is whole; goes on after a broken connection as long as that brings something."""
        import httpx2

        failures = 0
        while (here := self.size - self.missing_bytes) < self.size:
            try:
                self.append(here, progress, cancel)
            except (httpx2.TransportError, httpx2.StreamError):
                failures = failures + 1 if self.size - self.missing_bytes == here else 1
                if failures >= _ATTEMPTS:
                    raise
                time.sleep(_PAUSE_S * 2 ** (failures - 1))

    def append(self, here: int, progress: Progress, cancel: Callable[[], bool]) -> None:
        import httpx2
        from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(self.model.repository, self.name, revision=self.commit, endpoint=constants.ENDPOINT)
        headers = build_hf_headers() | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        limits = httpx2.Timeout(_READ_LIMIT_S, connect=_CONNECT_LIMIT_S)
        with get_session().stream("GET", url, headers=headers, timeout=limits) as reply:
            hf_raise_for_status(reply)
            if here and reply.status_code != httpx2.codes.PARTIAL_CONTENT:  # a server that cannot go on starts anew
                progress.add(-here, fetched=False)
                here = 0
            with self.part.open("r+b" if here else "wb") as file:
                file.seek(here)
                for chunk in reply.iter_raw():
                    if cancel():
                        raise Cancelled(f"Stopped fetching {self.model.repository}; what came so far is kept.")
                    file.write(chunk)
                    progress.add(len(chunk))


@contextlib.contextmanager
def telling(model: HubModel) -> Iterator[None]:
    """The hub's and the system's errors as one sentence each."""
    import httpx2
    from huggingface_hub import constants, errors

    host = constants.ENDPOINT.partition("://")[2]
    name, again = model.repository, "`cuepoint pull` goes on where it stopped"
    try:
        yield
    except errors.GatedRepoError as error:
        raise CuepointError(
            f"{name} asks you to accept its terms first: do so at {constants.ENDPOINT}/{name}, then set HF_TOKEN to a "
            "token of yours."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"{host} has no model {name}, or it is private: check the name, or set HF_TOKEN to one that may read it."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"{name} has no revision {model.revision}.") from error
    except errors.HfHubHTTPError as error:
        code = error.response.status_code
        raise CuepointError(f"{host} answered with an error ({code}) for {name}: try again later; {again}.") from error
    except (httpx2.TransportError, httpx2.StreamError, errors.LocalEntryNotFoundError) as error:
        raise CuepointError(
            f"{host} cannot be reached, so {name} was not fetched wholly: check the network; {again}. "
            f"Or put the model's folder under {hub.FOLDER_VARIABLE}."
        ) from error
    except OSError as error:
        raise CuepointError(
            f"{name} could not be written to {constants.HF_HUB_CACHE}: {error.strerror or error}."
        ) from error
