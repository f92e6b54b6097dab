"""transformers' loader, made strict and quiet: where it would warn and go on with random weights, this raises."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.errors import CheckpointError


def load_strictly(loader: Any, source: Path, **options: Any) -> Any:
    """`loader.from_pretrained` of a folder or a GGUF file on this machine. Nothing is fetched, nothing left at random.

    Raises CheckpointError if the files are no such model, or their weights do not fit their configuration.
    """
    folder = source.parent if source.is_file() else source
    if source.is_file():
        options["gguf_file"] = source.name
    try:
        with quiet():
            loaded = loader.from_pretrained(
                folder, local_files_only=True, ignore_mismatched_sizes=True, output_loading_info=True, **options
            )
    except Exception as error:  # whatever transformers raises over files that are no model it knows
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{source} cannot be loaded: expected a language model, found: {reason}") from error
    model, found = loaded
    check(source, found)
    return model


def check(source: Path, found: dict[str, Any]) -> None:
    """Raises CheckpointError where transformers went on with random weights."""
    for name, there, expected in sorted(found.get("mismatched_keys") or []):
        raise CheckpointError(
            f"{source}: {name}: expected {list(expected)} as its configuration says, found {list(there)}."
        )
    if missing := sorted(found.get("missing_keys") or []):
        raise CheckpointError(
            f"{source}: expected {missing[0]} among the weights, found none of that name ({len(missing)} are missing)."
        )
    if errors := list(found.get("error_msgs") or []):
        raise CheckpointError(f"{source} does not fit its configuration: {str(errors[0]).strip()}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and reports: what matters is raised."""
    from transformers.utils import logging as theirs

    # Says for every product of INT8 that it computes in 16 bits.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    bars, level = theirs.is_progress_bar_enabled(), theirs.get_verbosity()
    theirs.disable_progress_bar()
    theirs.set_verbosity_error()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()
