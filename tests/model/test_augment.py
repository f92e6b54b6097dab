"""Changed pictures, frame times, and videos made of photos: what is said of them must stay true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.errors import UnreadableMedia
from model.training.augment import Augmentation, augment, augment_clip, jitter, may_flip
from model.training.pseudo_video import NOT_FOUND, PseudoVideo, Shot, compose, phrase, tells_apart, time_questions
from model.training.samples import Sample


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """Red rises to the right, green downwards."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(40, 200, width)
    picture[..., 1] = np.linspace(40, 200, height)[:, None]
    return picture


STILL = Augmentation(area=(1, 1), ratio=(1, 1), flip=0, brightness=0, contrast=0, saturation=0)


def test_pictures_change_keep_their_size_and_are_the_same_for_the_same_seed() -> None:
    picture = gradient()
    before = picture.copy()
    first = augment(picture, np.random.default_rng(1))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert (picture == before).all()
    assert (first == augment(picture, np.random.default_rng(1))).all()
    assert (first != augment(picture, np.random.default_rng(2))).any()
    assert (augment(picture, np.random.default_rng(1), how=STILL) == picture).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 2)])
def test_pictures_of_any_shape_can_be_changed(size: tuple[int, int]) -> None:
    for seed in range(5):
        assert augment(gradient(*size), np.random.default_rng(seed)).shape == (*size, 3)


def test_crops_keep_the_share_that_was_asked_for_and_stay_inside() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        left, top, right, bottom = Augmentation().draw(rng, (100, 200)).box
        assert 0 <= left < right <= 200 + 1e-6
        assert 0 <= top < bottom <= 100 + 1e-6
        shares.append((right - left) * (bottom - top) / 20_000)
    assert 0.4 <= min(shares) < 0.55  # a little less where a ratio does not fit
    assert max(shares) > 0.9


def flips(*words: str) -> int:
    picture, how = gradient(), Augmentation(area=(1, 1), ratio=(1, 1), brightness=0, contrast=0, saturation=0)
    rng = np.random.default_rng(0)
    return sum(bool((augment(picture, rng, words, how) == picture[:, ::-1]).all()) for _ in range(40))


def test_about_half_of_the_pictures_are_mirrored_unless_words_speak_of_sides_or_text() -> None:
    assert 10 < flips("A dog runs .", "A leftover bright meal") < 30
    for said in (
        "A dog on the left .", "His RIGHT hand", "a right-handed man", "A stop sign", "The text says hello",
        "Reading a map", "a player with number 10", "狗在左边",
    ):  # fmt: skip
        assert flips("A dog runs .", said) == 0, said
    assert may_flip([])


def test_colours_change_in_strength_but_not_in_hue() -> None:
    how = Augmentation(area=(1, 1), ratio=(1, 1), flip=0)
    picture = np.full((8, 8, 3), (180, 60, 60), np.uint8)
    seen = [augment(picture, np.random.default_rng(seed), how=how)[0, 0].astype(int) for seed in range(20)]
    assert len({tuple(pixel) for pixel in seen}) > 10
    for red, green, blue in seen:
        assert red > green + 50
        assert abs(green - blue) <= 1


def test_saturation_leaves_grey_as_it_is_and_contrast_keeps_the_mean() -> None:
    grey = np.full((8, 8, 3), 120, np.uint8)
    only = {"area": (1, 1), "ratio": (1, 1), "flip": 0, "brightness": 0}
    for seed in range(10):
        saturated = Augmentation(**only, contrast=0, saturation=0.5)  # type: ignore[arg-type]
        assert (augment(grey, np.random.default_rng(seed), how=saturated) == grey).all()
        contrasted = Augmentation(**only, contrast=0.5, saturation=0)  # type: ignore[arg-type]
        slope = gradient()[..., :1].repeat(3, axis=2)
        changed = augment(slope, np.random.default_rng(seed), how=contrasted)
        assert abs(changed.mean() - slope.mean()) < 1
        assert (changed != slope).any()


def test_frames_of_one_clip_change_alike() -> None:
    frames = [gradient(), gradient(), gradient()]
    first, second, third = augment_clip(frames, np.random.default_rng(5))
    assert (first == second).all()
    assert (first == third).all()
    assert augment_clip([], np.random.default_rng(5)) == []


def test_moved_times_keep_their_order_and_stay_inside() -> None:
    times = [1.0, 3.0, 3.5, 9.0]
    for seed in range(50):
        moved = jitter(times, 10.0, np.random.default_rng(seed))
        assert moved == sorted(moved)
        assert len(set(moved)) == 4
        assert all(0 <= time <= 10 for time in moved)
        assert all(abs(a - b) <= 2.75 for a, b in zip(times, moved, strict=True))
    assert jitter(times, 10.0, np.random.default_rng(1)) != jitter(times, 10.0, np.random.default_rng(2))
    assert jitter([0.0], 0.0, np.random.default_rng(1)) == [0.0]


# Videos made of photos


@pytest.fixture
def photos(tmp_path: Path) -> list[Sample]:
    """Plain photos, each of one colour of its own."""
    made = []
    for name, colour, caption in (
        ("red", (200, 0, 0), "A red dog runs ."),
        ("green", (0, 200, 0), "Two boats sail on a green sea"),
        ("blue", (0, 0, 200), "A woman plays the piano ."),
    ):
        Image.new("RGB", (30, 20), colour).save(tmp_path / f"{name}.png")
        made.append(Sample(name, tmp_path / f"{name}.png", "train", captions=(caption,)))
    return made


def sequence(photos: list[Sample]) -> PseudoVideo:
    ends = [(0.0, 3.0), (3.0, 5.0), (5.0, 11.0)]
    return PseudoVideo(
        tuple(Shot(p.file, a, b, p.captions[0]) for p, (a, b) in zip(photos, ends, strict=True)), size=(12, 16)
    )


def test_frames_show_each_photo_at_its_time(photos: list[Sample]) -> None:
    video = sequence(photos)
    frames, times, moments = video.render(fps=2)
    assert frames.shape == (22, 12, 16, 3)
    assert frames.dtype == np.uint8
    assert times.tolist() == [i / 2 for i in range(22)]
    shown = frames[:, 6, 8].argmax(axis=1)  # 0 red, 1 green, 2 blue
    assert shown.tolist() == [0] * 6 + [1] * 4 + [2] * 12
    assert moments[1] == (3.0, 5.0, "Two boats sail on a green sea")
    assert video.duration == 11
    assert (video.frames_at([4.5, 0.5]) == frames[[9, 1]]).all()
    assert (video.frames_at([99.0]) == frames[-1]).all()


def test_a_camera_pans_and_zooms(tmp_path: Path) -> None:
    Image.fromarray(gradient(80, 80)).save(tmp_path / "g.png")
    pan = Shot(tmp_path / "g.png", 0, 4, "", (0, 0, 0.5, 1), (0.5, 0, 1, 1))
    red = PseudoVideo((pan,), (20, 20)).frames_at([0, 2, 4])[..., 0].mean(axis=(1, 2))
    assert red[0] + 30 < red[1] < red[2] - 30
    zoom = Shot(tmp_path / "g.png", 0, 4, "", (0, 0, 1, 1), (0.3, 0.3, 0.7, 0.7))
    spread = np.ptp(PseudoVideo((zoom,), (20, 20)).frames_at([0, 2, 4])[..., 0], axis=(1, 2))
    assert spread[0] > spread[1] > spread[2]


def test_videos_are_composed_of_photos_that_captions_tell_apart(photos: list[Sample]) -> None:
    twins = [*photos, Sample("twin", photos[0].file, "train", captions=("The red dog is running",))]
    for seed in range(20):
        video = compose(twins, np.random.default_rng(seed), shots=4)
        assert video == compose(twins, np.random.default_rng(seed), shots=4)
        assert len({shot.file for shot in video.shots}) == len(video.shots) == 3
        assert video.shots[0].start == 0
        assert all(a.end == b.start for a, b in zip(video.shots, video.shots[1:], strict=False))
        assert all(2 <= shot.end - shot.start <= 8 for shot in video.shots)
        assert all(0 <= edge <= 1 for shot in video.shots for edge in (*shot.opening, *shot.closing))
    assert not tells_apart(["A dog runs ."], ["Dogs are running"])
    with pytest.raises(ValueError, match="No picture with a caption"):
        compose([Sample("x", photos[0].file, "train")], np.random.default_rng(0))


def test_questions_of_time_have_the_answers_that_the_shots_give(photos: list[Sample]) -> None:
    video = sequence(photos)
    questions = time_questions(video, seed=1, others=["Red dogs are running", "A cat sleeps ."])
    assert questions == time_questions(video, seed=1, others=["Red dogs are running", "A cat sleeps ."])
    assert all(question.generated for question in questions)
    answers = {q.question: q.answer for q in questions}
    assert answers["What is shown right after this: a red dog runs?"] == "two boats sail on a green sea"
    assert answers["What is shown right before this: a woman plays the piano?"] == "two boats sail on a green sea"
    assert answers["What is shown at 4.0 seconds?"] == "two boats sail on a green sea"
    by_kind = {kind: [q for q in questions if q.kind == kind] for kind in {q.kind for q in questions}}
    assert set(by_kind) == {
        "when", "at", "how long", "first", "last", "before", "after", "order", "scenes", "absent"
    }  # fmt: skip
    assert {q.answer for q in by_kind["when"]} == {
        "from 0.0 to 3.0 seconds",
        "from 3.0 to 5.0 seconds",
        "from 5.0 to 11.0 seconds",
    }
    assert {q.answer for q in by_kind["how long"]} == {"3 seconds", "2 seconds", "6 seconds"}
    assert [q.answer for q in by_kind["first"] + by_kind["last"]] == ["a red dog runs", "a woman plays the piano"]
    assert [q.answer for q in by_kind["scenes"]] == ["3"]
    (order,) = by_kind["order"]
    names = ["a red dog runs", "two boats sail on a green sea", "a woman plays the piano"]
    assert order.answer == min((name for name in names if name in order.question), key=names.index)
    (absent,) = by_kind["absent"]
    assert (absent.question, absent.answer) == ("When is this shown: a cat sleeps?", NOT_FOUND)


def test_what_a_shot_might_show_is_not_asked_for_in_vain(photos: list[Sample]) -> None:
    for seed in range(10):
        asked = time_questions(sequence(photos), seed, others=["Red dogs are running", "The piano of a woman"])
        assert "absent" not in {question.kind for question in asked}


def test_a_video_of_one_photo_is_not_asked_about_order(photos: list[Sample]) -> None:
    video = PseudoVideo(sequence(photos).shots[:1])
    assert {q.kind for q in time_questions(video)} == {"when", "at", "how long", "scenes"}


def test_phrases_stand_within_a_sentence() -> None:
    assert phrase("A dog runs .") == "a dog runs"
    assert phrase("Paris at night!") == "Paris at night"


def test_a_photo_that_is_missing_or_broken_is_named(photos: list[Sample], tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(b"noise")
    for name, message in (("gone.png", "gone.png is missing"), ("noise.png", "noise.png could not be read")):
        with pytest.raises(UnreadableMedia, match=message):
            PseudoVideo((Shot(tmp_path / name, 0, 2, "x"),)).render(1)
