"""Whether pictures may answer: what is seen nowhere, what is hardly ever named, and what fits no better than chance."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.named_things import measure
from model.training.samples import Sample
from retrieval.presence import HARDLY_NAMED, SEEN_NOWHERE, picture_support
from retrieval.question import parse
from retrieval.records import Moment
from tests.checkpoints.pictures import COLOURS, painted_walls

CONCEPTS = (("Siamese cat", "cat"), ("parrot",), ("dining table",), ("tiger",))


def searcher(probabilities: list[float], chance: float) -> Any:
    vision = SimpleNamespace(
        name="eyes",
        concepts=CONCEPTS,
        encode_text=lambda texts: np.ones((len(texts), 2), np.float32),
        chance=lambda frame, query: chance,
    )
    return SimpleNamespace(
        models=SimpleNamespace(vision=vision),
        library=SimpleNamespace(concepts=lambda video_ids, name: np.array([probabilities, [0.0] * 4])),
        timeline=lambda video_id: SimpleNamespace(between=lambda start, end: np.ones((3, 2), np.float32)),
    )


@pytest.mark.parametrize(
    ("text", "probabilities", "chance", "there"),
    [
        ("Where is the parrot?", [0.9, 0.3, 0.1, 0.1], 0.01, True),
        ("Where is the parrot?", [0.9, SEEN_NOWHERE / 2, 0.1, 0.1], 0.01, False),
        ("Where does the cat meet the parrot?", [0.9, 0.0, 0.1, 0.1], 0.01, False),
        ("What is the cat on the table?", [0.9, 0.0, 0.0, 0.0], 0.01, True),  # a table is seldom what a photo shows
        ("What is on the table?", [0.0, 0.0, 0.0, 0.0], 0.3, False),  # and yet it must fit
        ("Where is the xylophone?", [0.0, 0.0, 0.0, 0.0], 0.01, True),  # no class of the encoder's
        ("What passes through the picture?", [0.0, 0.0, 0.0, 0.0], 0.9, True),  # names nothing that could be missing
        ("What object is being moved?", [0.0, 0.0, 0.0, 0.0], 0.9, True),
        ("What colour is the background?", [0.0, 0.0, 0.0, 0.0], 0.9, True),
        ("What falls off the table?", [0.0, 0.0, 0.0, 0.0], 0.9, False),
        ("When does something move?", [0.0, 0.0, 0.0, 0.0], 0.9, False),
    ],
)
def test_what_is_seen_nowhere_is_denied_if_it_would_have_been_noticed(
    text: str, probabilities: list[float], chance: float, there: bool
) -> None:
    moment = Moment("video", 0.0, 2.0, 1.0, ["visual"])
    assert picture_support(searcher(probabilities, chance), parse(text), [moment], ["video"]) == there


def test_the_harness_tells_names_that_are_noticed_from_those_that_are_not(tmp_path_factory: Any) -> None:
    walls = painted_walls(tmp_path_factory.mktemp("walls"), train=24)
    samples = [
        Sample(f"{i}", walls / "images" / f"{i}.png", "train",
               captions=("a cat and a tiger", "cat by a tiger") if i % 2 else ("a wall",) * 2)
        for i in range(24)
    ]  # fmt: skip

    def encode(frames: np.ndarray) -> Any:  # red and blue walls are tigers to it, and nothing is a cat
        tiger = frames[0, :, :, 1].mean() < COLOURS["green"][1] - 20 and frames[0].mean() < 200
        return SimpleNamespace(probabilities=np.array([[0.0, 0.0, 0.0, 0.9 if tiger else 0.0]]))

    eyes = SimpleNamespace(concepts=CONCEPTS, encode_frames=encode)
    found = {named.name: named for named in measure(SimpleNamespace(vision=eyes), samples)}  # type: ignore[arg-type]
    assert found["cat"].noticed == 0 and found["cat"].photos == 12
    assert set(found) == {"cat", "tiger"}
    assert {"table", "cup", "camera"} <= HARDLY_NAMED and not {"dog", "car", "boat"} & HARDLY_NAMED
