"""Whether pictures may answer: what is seen nowhere, what is hardly ever named, and what fits no better than chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.named_things import Photos, by_class, by_cosine, everyday_names, known_among, look_at, named_in
from model.errors import UsageError
from model.known_things import KnownThing, KnownThings, read_known_things, save_known_things
from model.loading import Models
from model.profile import read_profile
from model.training.samples import Answered, Sample
from retrieval.ask.check import depicted
from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.plan import Plan
from retrieval.ask.presence import (
    HARDLY_NAMED,
    RANDOM_FIT,
    RANDOM_FIT_WHEN,
    SEEN_NOWHERE,
    picture_chance,
    says_the_unseen,
    steadiest,
    things_named,
    unseen_word,
)
from retrieval.ask.rules import RulesPlanner
from retrieval.ask.say import Say
from retrieval.index.timeline import Timeline
from retrieval.store.records import Moment
from tests.checkpoints.pictures import COLOURS, painted_walls

CONCEPTS = (("Siamese cat", "cat"), ("parrot",), ("dining table",), ("tiger",))


KNOWN = [
    KnownThing("dog", 0.5, 0.1),
    KnownThing("train", 0.5, 0.1),
    KnownThing("pizza", 0.5, 0.2),  # seen too often where there is none, to deny a question
    KnownThing("shirt", 0.5, 0.5),
]
SECONDS = np.arange(10) / 2


def searcher(probabilities: list[float], chance: float, seen: dict[str, np.ndarray] | None = None) -> Any:
    """Of a video of ten frames; `seen`: the cosines of what else than nothing they show."""
    names = sorted(seen or {})

    def encode(texts: list[str]) -> np.ndarray:
        return np.array([[1.0, *(name == text for name in names)] for text in texts], np.float32)

    vision = SimpleNamespace(name="eyes", concepts=CONCEPTS, encode_text=encode, chance=lambda frame, query: chance)
    frames = np.stack([np.full(10, 0.1), *((seen or {})[name] - 0.1 for name in names)], 1).astype(np.float32)
    return SimpleNamespace(
        models=SimpleNamespace(vision=vision, known_things=KNOWN if seen is not None else []),
        library=SimpleNamespace(concepts=lambda video_ids, name: np.array([probabilities, [0.0] * 4])),
        timeline=lambda video_id: Timeline(SECONDS, frames, np.zeros(0), 5.0),
    )


def may_answer(searcher: Any, plan: Plan, moments: list[Moment], video_ids: list[str]) -> bool:
    most = RANDOM_FIT_WHEN if plan.operation == "when" else RANDOM_FIT
    return picture_chance(searcher, plan, moments, video_ids) <= most


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
        ("Where is the xylophone?", [0.0, 0.0, 0.0, 0.0], (RANDOM_FIT + RANDOM_FIT_WHEN) / 2, True),
        ("When does a xylophone appear?", [0.0, 0.0, 0.0, 0.0], (RANDOM_FIT + RANDOM_FIT_WHEN) / 2, False),
        ("When does a xylophone appear?", [0.0, 0.0, 0.0, 0.0], RANDOM_FIT_WHEN / 2, True),
    ],
)
def test_what_is_seen_nowhere_is_denied_if_it_would_have_been_noticed(
    text: str, probabilities: list[float], chance: float, there: bool
) -> None:
    moment = Moment("video", 0.0, 2.0, 1.0, ["visual"])
    assert may_answer(searcher(probabilities, chance), RulesPlanner().plan(text), [moment], ["video"]) == there


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("What colour is the dog?", True),
        ("What colour is the train?", False),
        ("When does the red train stop?", False),
        ("How many trains pass?", False),
        ("Where does the dog wait for a train?", False),
        ("When does the dog train?", True),  # what it does is no train
        ("What is in the drawing of a train?", True),  # and a drawn one looks like none
        ("What colour is the pizza?", True),
        ("What colour is the shirt?", True),
    ],
)
def test_a_known_thing_that_no_frame_shows_is_denied(text: str, there: bool) -> None:
    video = searcher([0.0] * 4, 0.01, {"dog": np.full(10, 0.6), "train": np.full(10, 0.4)})
    assert (
        may_answer(video, RulesPlanner().plan(text), [Moment("video", 0.0, 2.0, 1.0, ["visual"])], ["video"]) == there
    )


def test_a_denial_names_what_no_picture_shows_in_the_words_of_the_question() -> None:
    video = searcher([0.9, 0.0, 0.1, 0.1], 0.01, {"dog": np.full(10, 0.6), "train": np.full(10, 0.4)})
    assert unseen_word(video, RulesPlanner().plan("How many trains pass the dog?"), ["video"]) == "trains"
    assert unseen_word(video, RulesPlanner().plan("Where are the parrots?"), ["video"]) == "parrots"
    assert unseen_word(video, RulesPlanner().plan("Where is the dog?"), ["video"]) is None
    video.library.concepts = lambda video_ids, name: np.empty(0)
    assert unseen_word(video, RulesPlanner().plan("Where are the parrots?"), ["video"]) is None, (
        "where there are no pictures"
    )
    assert (
        Say("en").not_found(Evidence([], False, [])).startswith("There is no picture, no speech and no on-screen text")
    )
    text = Say("en").not_found(Evidence([], False, ["visual"], unseen="trains"))
    assert text.endswith("in this video. Nothing in the pictures looks like “trains”.")


def test_what_one_frame_alone_resembles_is_not_there() -> None:
    flash, stay = np.full(10, 0.2), np.full(10, 0.2)
    flash[4], stay[4:7] = 0.9, 0.6
    video = searcher([0.0] * 4, 0.01, {"dog": flash, "train": stay})
    moment = [Moment("video", 0.0, 2.0, 1.0, ["visual"])]
    assert not may_answer(video, RulesPlanner().plan("Where is the dog?"), moment, ["video"])
    assert may_answer(video, RulesPlanner().plan("Where is the train?"), moment, ["video"])


def test_the_steadiest_is_the_mean_of_a_second_and_a_half() -> None:
    values = np.array([[0.0, 3.0], [3.0, 3.0], [0.0, 3.0], [0.0, 0.0]])
    assert steadiest(np.array([0.0, 0.5, 1.0, 1.5]), values).tolist() == [1.5, 3.0]  # at the start there are but two
    assert steadiest(np.array([0.0, 2.0, 4.0, 6.0]), values).tolist() == [3.0, 3.0]  # farther apart each for itself


def test_words_about_a_moment_are_held_against_its_frames() -> None:
    dog = np.full(10, 0.2)
    dog[:4] = 0.7
    video = searcher([0.0] * 4, 0.01, {"dog": dog, "pizza": np.full(10, 0.3)})
    assert not says_the_unseen(video, "a dog", "video", 0.0, 2.0)
    assert says_the_unseen(video, "a dog", "video", 2.0, 5.0)
    assert says_the_unseen(video, "pizza", "video", 0.0, 2.0)
    assert not says_the_unseen(video, "a blue shirt", "video", 0.0, 2.0)
    assert not says_the_unseen(video, "a dog", "video", 20.0, 22.0), "where there is no frame nothing can be told"


@pytest.mark.parametrize(
    ("asked", "said", "chance", "shown"),
    [
        ("What does the man hold?", "a cup", 0.05, True),
        ("What does the man hold?", "a cup", 0.15, False),
        ("What does the man eat?", "pizza", 0.01, False),
        ("What colour is the cup?", "blue", 0.5, True),
        ("How many cups are there?", "2", 0.5, True),
        ("What passes by?", "a car", 0.5, True),
    ],
)
def test_a_few_words_that_do_not_fit_the_moment_are_not_said(asked: str, said: str, chance: float, shown: bool) -> None:
    video = searcher([0.0] * 4, chance, {"pizza": np.full(10, 0.3)})
    assert depicted(video, RulesPlanner().plan(asked), said, Item("video", 0.0, 2.0, "visual", "")) == shown


def test_a_thing_stands_behind_an_article_a_number_or_a_colour() -> None:
    assert things_named("When does the train pass two red cars?") == {"train", "red", "car"}
    assert things_named("When do they train?") == set()


def test_known_things_come_back_as_they_were_written(tmp_path: Path) -> None:
    known = KnownThings("eyes", 0.15, KNOWN)
    save_known_things(tmp_path / "new" / "things.json", known)
    assert read_known_things(tmp_path / "new" / "things.json") == known
    with pytest.raises(UsageError, match="cannot be read"):
        read_known_things(tmp_path / "none.json")


@pytest.mark.models
def test_the_profile_knows_things_by_its_own_encoder_alone(caplog: pytest.LogCaptureFixture) -> None:
    profile = read_profile("embedded")
    assert {"car", "cat", "train"} <= {thing.name for thing in Models(profile).known_things}
    others = Models(replace(profile, vision=replace(profile.vision, heads="", answers="", colours="")))
    assert others.known_things == [] and "is not used" in caplog.text
    assert Models(replace(profile, vision=replace(profile.vision, things=""))).known_things == []


def tigers_seen(frames: np.ndarray) -> Any:
    """Red and blue walls are tigers to it, and nothing is a cat."""
    tiger = frames[0, :, :, 1].mean() < COLOURS["green"][1] - 20 and frames[0].mean() < 200
    return SimpleNamespace(
        probabilities=np.array([[0.0, 0.0, 0.0, 0.9 if tiger else 0.0]]), pooled=np.array([[1.0, float(tiger)]])
    )


def test_the_harness_tells_names_that_are_noticed_from_those_that_are_not(tmp_path_factory: Any) -> None:
    walls = painted_walls(tmp_path_factory.mktemp("walls"), train=24)
    samples = [
        Sample(f"{i}", walls / "images" / f"{i}.png", "train",
               captions=("a cat and a tiger", "cat by a tiger") if i % 2 else ("a wall",) * 2)
        for i in range(24)
    ]  # fmt: skip
    eyes = SimpleNamespace(concepts=CONCEPTS, encode_frames=tigers_seen)
    found = {named.name: named for named in by_class(CONCEPTS, look_at(SimpleNamespace(vision=eyes), samples))}  # type: ignore[arg-type]
    assert found["cat"].there == 0 and found["cat"].photos == 12
    assert set(found) == {"cat", "tiger"}
    assert {"table", "cup", "camera"} <= HARDLY_NAMED and not {"dog", "car", "boat"} & HARDLY_NAMED


def test_a_thing_is_known_whose_cosine_tells_its_photos_from_others() -> None:
    generator = np.random.default_rng(0)
    there = np.arange(40) < 20
    said = [frozenset({"tiger", "cat"} if is_there else {"wall"}) for is_there in there]
    vectors = np.stack([there + generator.normal(0, 0.05, 40), generator.normal(0, 1, 40)], 1)
    eyes = SimpleNamespace(
        name="eyes",
        concepts=CONCEPTS,
        encode_text=lambda names: np.array([[name == "tiger", name == "cat"] for name in names], float),
    )
    photos = Photos(said, said, np.zeros((40, 4)), vectors)
    found = {named.name: named for named in by_cosine(SimpleNamespace(vision=eyes), photos)}  # type: ignore[arg-type]
    assert 0.8 <= found["tiger"].there <= 0.9 and found["tiger"].elsewhere == 0
    assert found["cat"].elsewhere > 0.5
    known = known_among("eyes", list(found.values()))
    assert [thing.name for thing in known.things] == ["tiger"] and 0.8 < known.things[0].least < 1
    checked = by_cosine(SimpleNamespace(vision=eyes), photos, {"tiger": 2.0})  # type: ignore[arg-type]
    assert [(named.name, named.there) for named in checked] == [("tiger", 0.0)]


def test_people_agree_on_what_two_captions_or_half_of_the_annotators_name() -> None:
    asked = (
        Answered("What is the cat on?", ("sofa", "sofa", "bed")),
        Answered("Is there a dog?", ("no",) * 3),
        Answered("What is it?", ("zebra",), generated=True),
    )
    agreed, spoken_of = named_in(
        Sample("a", Path("a.png"), "val", captions=("a cat on a sofa", "cat", "a rug"), questions=asked)
    )
    assert {"cat", "sofa"} <= agreed and not {"dog", "rug", "bed", "zebra"} & agreed
    assert {"dog", "rug", "bed", "sofa"} <= spoken_of and "zebra" not in spoken_of


def test_each_everyday_name_is_measured_once() -> None:
    names = everyday_names([("Siamese cat", "cat"), ("tiger",)])
    assert names.count("cat") == 1 and {"tiger", "dog", "motorcycle"} <= set(names)
