"""The tasks, with models that know three colours: what they count, and what they make of broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.errors import UnreadableMedia, UsageError
from model.evaluation import tasks
from model.evaluation.pictures import Skipped, encode_samples, read_picture, stills_of
from model.evaluation.question_answering import prompt_of, qa
from model.evaluation.subset import draw
from model.training.samples import Answered, Sample
from tests.fakes import ColourEncoder, FakeModels
from tests.media_factory import Scene, make_video, write_noise

COLOURS = ColourEncoder.colours


class Seeing(FakeModels):
    """A decoder with eyes that says what it is told to."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.decoder.max_stills = 4


def picture(folder: Path, name: str, colour: str, size: tuple[int, int] = (40, 30)) -> Path:
    path = folder / name
    Image.new("RGB", size, COLOURS[colour]).save(path)
    return path


def pictures(folder: Path) -> list[Sample]:
    return [
        Sample(colour, picture(folder, f"{colour}.png", colour), "test", captions=(f"a {colour} thing", colour))
        for colour in COLOURS
    ]


def models(fake: FakeModels) -> Any:
    return fake


def test_retrieval_finds_pictures_by_their_captions(tmp_path: Path) -> None:
    report = tasks.retrieval(models(FakeModels()), pictures(tmp_path))
    assert (report.samples, report.items, report.skipped.count) == (3, 6, 0)
    assert {report.figures[f"{way}_recall@1"].value for way in ("text_to_image", "image_to_text")} == {1.0}
    swapped = [Sample("x", tmp_path / "red.png", "test", captions=("blue",)), *pictures(tmp_path)[1:]]
    wrong = tasks.retrieval(models(FakeModels()), swapped)
    assert wrong.figures["text_to_image_recall@1"].value == pytest.approx(4 / 5)  # of 1 + 2 + 2 captions
    low, high = (getattr(wrong.figures["text_to_image_recall@1"], end) for end in ("low", "high"))
    assert low == 0 and high == 1


def test_broken_and_missing_pictures_are_skipped_and_named(tmp_path: Path) -> None:
    torn = picture(tmp_path, "torn.jpg", "red", (200, 200))
    torn.write_bytes(torn.read_bytes()[:400])
    bad = [
        Sample("noise", write_noise(tmp_path / "noise.jpg"), "test", captions=("red",)),
        Sample("torn", torn, "test", captions=("red",)),
        Sample("gone", tmp_path / "gone.jpg", "test", captions=("red",)),
        Sample("video", write_noise(tmp_path / "noise.mp4"), "test", captions=("red",)),
    ]
    report = tasks.retrieval(models(FakeModels()), [*bad, *pictures(tmp_path)])
    assert (report.samples, report.skipped.count) == (3, 4)
    for name, reason in zip(("noise.jpg", "torn.jpg", "gone.jpg", "noise.mp4"), report.skipped.reasons, strict=True):
        assert name in reason
    with pytest.raises(UsageError, match=r"4 could not be read \(noise\.jpg"):
        tasks.retrieval(models(FakeModels()), bad)


def test_a_picture_is_upright_in_colour_and_small(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("L", (800, 400)).save(path, exif=exif)
    assert read_picture(path, 200).shape == (200, 100, 3)
    Image.new("RGBA", (1, 1)).save(tmp_path / "dot.png")
    assert read_picture(tmp_path / "dot.png", 200).shape == (1, 1, 3)


def test_a_stretch_of_video_is_seen_evenly_and_only_there(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", [Scene(2, COLOURS["red"]), Scene(2, COLOURS["green"])], audio=None)
    stills = stills_of(Sample("a", path, "test", start=2.0, end=4.0), 4, 64)
    assert [still.seconds for still in stills] == [2.25, 2.75, 3.25, 3.75]
    assert all(still.picture[2, 2, 1] > 150 for still in stills)  # green
    _, vectors = encode_samples(ColourEncoder(), [Sample("a", path, "test", end=1.9)], Skipped())
    assert np.allclose(vectors, ColourEncoder().encode_text(["red"]), atol=1e-5)
    with pytest.raises(UnreadableMedia, match=r"a\.mp4 has nothing from 9 s on"):
        stills_of(Sample("a", path, "test", start=9.0), 4, 64)


def test_pictures_of_different_sizes_keep_their_order(tmp_path: Path) -> None:
    sizes = [(30, 20), (20, 30), (30, 20)]
    samples = [
        Sample(colour, picture(tmp_path, f"{colour}.png", colour, size), "test")
        for colour, size in zip(COLOURS, sizes, strict=True)
    ]
    _, vectors = encode_samples(ColourEncoder(), samples, Skipped())
    assert np.allclose(vectors, ColourEncoder().encode_text(list(COLOURS)), atol=1e-5)


def test_captions_are_judged_by_what_people_wrote(tmp_path: Path) -> None:
    seeing = Seeing("A big red thing stands\nthere.")
    samples = [
        Sample("r", picture(tmp_path, "r.png", "red"), "test", captions=("a big red thing stands",)),
        Sample("g", picture(tmp_path, "g.png", "green"), "test", captions=("two green hills",)),
        Sample("b", picture(tmp_path, "b.png", "blue"), "test", captions=(" ",)),  # says nothing: not judged
    ]
    report = tasks.captions(models(seeing), samples)
    assert report.samples == 2 and [p["caption"] for p in report.predictions] == ["A big red thing stands"] * 2
    assert report.figures["cider_d"].value == pytest.approx(5)  # 10 for the first, 0 for the second
    assert report.figures["bleu_4"].value == pytest.approx((0.5**4) ** 0.25)  # half of what it says is right
    content = seeing.decoder.asked[0][0]["content"]
    assert content[0].picture.shape == (30, 40, 3) and content[1] == tasks.CAPTION_PROMPT


def test_a_blind_decoder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for task in (tasks.captions, qa):
        with pytest.raises(UsageError, match="without seeing"):
            task(models(FakeModels()), pictures(tmp_path))


def test_questions_are_judged_each_by_its_measure_beside_the_baselines(tmp_path: Path) -> None:
    path = picture(tmp_path, "r.png", "red")
    test = [
        Sample("1", path, "test", questions=(Answered("What colour is it", ("red",) * 9 + ("pink",), kind="colour"),)),
        Sample("2", path, "test", questions=(Answered("Who is it?", ("a man", "red"), (), "who"),)),
        Sample("3", path, "test", questions=(Answered("Which?", ("red",), ("blue", "red"), "colour"),)),
    ]
    train = [Sample("4", path, "train", questions=(Answered("What is it?", ("man",)), Answered("Who?", ("man",))))]
    seeing = Seeing("The answer is red.")
    report = qa(models(seeing), test, train)
    value = {name: figure.value for name, figure in report.figures.items()}
    assert value["vqa_accuracy"] == 1 and value["vqa_accuracy_majority"] == 0 and value["vqa_accuracy_lead"] == 1
    assert value["exact_match"] == 0.5 and value["exact_match_question_only"] == 0.5  # "a man" is "man"
    assert value["choice_accuracy"] == 1 and value["choice_accuracy_majority"] == 0  # the first option
    assert value["similarity@0.9"] == pytest.approx(0.5, abs=0.1)
    assert "blindly is right in 50.0%" in report.notes[0]
    assert report.items == 3 and report.predictions[1]["majority"] == "man"
    asked = seeing.decoder.asked[0][0]["content"][-1]
    assert asked.startswith("What colour is it?") and "B. red" in seeing.decoder.asked[2][0]["content"][-1]


def test_without_training_data_there_are_no_baselines_and_a_note(tmp_path: Path) -> None:
    path = picture(tmp_path, "r.png", "red")
    report = qa(models(Seeing("red")), [Sample("1", path, "test", questions=(Answered("What?", ("red",)),))])
    assert set(report.figures) == {"exact_match", "similarity@0.9"} and "no baselines" in report.notes[0]


def test_a_question_is_asked_with_its_options_by_letter() -> None:
    assert prompt_of(Answered("where is it", ("x",))).startswith("where is it?\n")
    text = prompt_of(Answered("Where?", ("x",), ("here", "there")))
    assert "A. here\nB. there\n" in text and "letter" in text


def test_classification_calls_pictures_by_the_nearest_label(tmp_path: Path) -> None:
    samples = [Sample(c, picture(tmp_path, f"{c}.png", c), "test", label=c) for c in ("red", "green")]
    wrong = Sample("w", picture(tmp_path, "w.png", "blue"), "test", label="red")
    report = tasks.classification(models(FakeModels()), [*samples, wrong], ["red", "green", "blue"])
    assert report.figures["accuracy"].value == pytest.approx(2 / 3)
    assert report.figures["macro_recall"].value == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert "3 labels" in report.notes[0] and report.predictions[2]["predicted"] == "blue"


def test_moments_are_found_in_their_video(tmp_path: Path) -> None:
    scenes = [Scene(8, COLOURS["red"]), Scene(4, COLOURS["green"]), Scene(8, COLOURS["blue"])]
    path = make_video(tmp_path / "a.mp4", scenes, audio=None)
    meant = ((8.0, 12.0, "green"), (0.0, 8.0, "red"), (0.0, 4.0, "blue"))
    broken = Sample("n", write_noise(tmp_path / "n.mp4"), "test", moments=meant)
    report = tasks.moments(models(FakeModels()), [Sample("a", path, "test", moments=meant), broken])
    assert (report.samples, report.items, report.skipped.count) == (1, 3, 1)
    assert [p["iou"] > 0.9 for p in report.predictions] == [True, True, False]
    assert report.figures["recall@1_iou@0.7"].value == pytest.approx(2 / 3)


def test_a_part_is_drawn_from_the_whole_set_and_the_same_each_time() -> None:
    part = draw(range(1000), 50)
    assert part == draw(range(1000), 50) == sorted(set(part)) and len(part) == 50
    assert 350 < np.mean(part) < 650
    assert draw(range(3), 50) == draw(range(3), None) == [0, 1, 2]
