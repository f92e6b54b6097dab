"""Every metric against values computed by hand; where that takes more than a glance, the sum stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.evaluation.answers import chosen, normalise, said
from model.evaluation.baselines import AnswerPrior
from model.evaluation.bootstrap import number_groups, weighted_mean, with_intervals
from model.evaluation.captions import bleu, bleu_counts, cider_d, rouge_l, tokenise
from model.evaluation.classification import accuracy, macro_scores
from model.evaluation.moments import best_window, iou
from model.evaluation.qa import exact_match, right_option, similarity, vqa_accuracy
from model.evaluation.retrieval import image_to_text_ranks, median_rank, recall_at, text_to_image_ranks
from model.training.samples import Answered, Sample


def corpus_bleu(pairs: list[tuple[str, list[str]]]) -> float:
    return bleu(sum(bleu_counts(candidate, references) for candidate, references in pairs))


# Retrieval: two pictures along the axes; picture 0 has two captions, the second of which points at picture 1.
IMAGES = np.eye(2, dtype=np.float32)
TEXTS = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
OWNER = np.array([0, 0, 1])


def test_a_caption_finds_its_picture_at_a_rank() -> None:
    assert text_to_image_ranks(TEXTS, IMAGES, OWNER).tolist() == [1, 2, 1]


def test_a_picture_finds_the_best_of_its_several_captions() -> None:
    # Picture 1 gives its own caption 1.0 and the foreign ones 0 and 0.8; picture 0 gives its best 1.0, the foreign 0.
    assert image_to_text_ranks(TEXTS, IMAGES, OWNER).tolist() == [1, 1]
    # Without that best caption, picture 0 gives its own 0.6, the foreign 0.
    assert image_to_text_ranks(TEXTS[1:], IMAGES, OWNER[1:]).tolist() == [1, 1]
    assert image_to_text_ranks(TEXTS[::-1], IMAGES, np.array([0, 1, 1])).tolist() == [3, 2]


def test_an_encoder_that_sees_no_difference_finds_nothing() -> None:
    blind = np.ones((20, 4), np.float32)
    assert text_to_image_ranks(blind, blind, np.arange(20)).tolist() == [20] * 20
    assert image_to_text_ranks(blind, blind, np.arange(20)).tolist() == [20] * 20
    assert text_to_image_ranks(blind * np.nan, blind, np.arange(20)).tolist() == [20] * 20


def test_ranks_do_not_depend_on_how_many_are_scored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    texts, images, owner = random.normal(size=(30, 8)), random.normal(size=(10, 8)), np.arange(30) // 3
    whole = text_to_image_ranks(texts, images, owner), image_to_text_ranks(texts, images, owner)
    monkeypatch.setattr("model.evaluation.retrieval._ROWS_AT_ONCE", 7)
    assert np.array_equal(text_to_image_ranks(texts, images, owner), whole[0])
    assert np.array_equal(image_to_text_ranks(texts, images, owner), whole[1])


def test_recall_and_median_rank() -> None:
    ranks = np.array([1, 3, 6, 20])
    assert [recall_at(ranks, depth) for depth in (1, 5, 10)] == [0.25, 0.5, 0.75]
    assert median_rank(ranks) == 4.5
    assert recall_at(ranks, 1, np.array([3, 1, 0, 0])) == 0.75 and median_rank(ranks, np.array([3, 1, 0, 0])) == 1


def test_captions_are_split_into_words_without_punctuation() -> None:
    assert tokenise("The dog's \"T-shirt\" , isn't RED .") == ["the", "dog", "'s", "t-shirt", "is", "n't", "red"]
    assert tokenise(" ... ") == []


def test_bleu_of_a_caption_computed_by_hand() -> None:
    # n-grams that match: 4 of 5, 3 of 4, 2 of 3, 1 of 2; their product is 1/5. No penalty: same length.
    assert corpus_bleu([("a b c d e", ["a b c d f"])]) == pytest.approx(0.2**0.25)
    # All match, but 4 words where the nearest reference has 5: exp(1 - 5/4).
    assert corpus_bleu([("a b c d", ["a b c d e", "a b c d e f g"])]) == pytest.approx(np.exp(-0.25))


def test_bleu_adds_up_the_corpus_before_it_divides() -> None:
    # Alone the second would score 0. Together: 7/9 words, 5/7, 3/5, 1/3 n-grams, lengths 9 and 9.
    pairs = [("a b c d", ["a b c d"]), ("p q r x y", ["p q r z w"])]
    assert corpus_bleu(pairs) == pytest.approx((7 / 9 * 5 / 7 * 3 / 5 * 1 / 3) ** 0.25)
    assert corpus_bleu(pairs[1:]) == 0


def test_bleu_does_not_pay_for_a_repeated_word() -> None:
    counts = bleu_counts("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"])
    assert (counts[0], counts[4]) == (2, 7)  # Papineni's own example


def test_rouge_l_computed_by_hand() -> None:
    # Lin's example: 3 of 4 words in order, both ways.
    assert rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)
    # Precision 2/2, recall 2/4: (1 + 1.44) * 1 * 0.5 / (0.5 + 1.44 * 1).
    assert rouge_l("police the", ["police killed the gunman"]) == pytest.approx(1.22 / 1.94)
    assert rouge_l("", ["police"]) == rouge_l("dog", ["police"]) == 0


def test_cider_d_computed_by_hand() -> None:
    """Two pictures, one reference each: "a dog" and "a cat". "a" is in both: it weighs log(2/2) = 0, all else log 2.

    "a dog" for the first: words 1, pairs 1, no triples or quadruples: 10 * (1 + 1 + 0 + 0) / 4 = 5.
    "a dog" for the second: no weighted n-gram in common: 0.
    "dog dog" for the first: words: min(2, 1) * 1 / (2 * 1) = 1/2; pairs 0: 10 * 0.5 / 4 = 1.25.
    "dog" for the first: words 1, pairs 0; one word too few costs exp(-1 / (2 * 36)): 2.5 * exp(-1/72).
    """
    references = [["a dog"], ["a cat"]]
    assert cider_d(["a dog", "a dog"], references) == pytest.approx([5.0, 0.0])
    assert cider_d(["dog dog", "a cat"], references) == pytest.approx([1.25, 5.0])
    assert cider_d(["dog", ""], references) == pytest.approx([2.5 * np.exp(-1 / 72), 0.0])


def test_cider_d_is_the_mean_over_references_of_four_lengths_of_n_grams() -> None:
    """ "a b c d" against itself and "x": in a set of two pictures that share nothing.

    Itself: 1 for each of four lengths; "x": 0. Mean over both references: 10 * 1 / 2 = 5.
    """
    assert cider_d(["a b c d", "w"], [["a b c d", "x"], ["w"]])[0] == pytest.approx(5.0)


def test_answers_are_normalised_as_in_the_vqa_evaluation() -> None:
    assert normalise("  The Two  Dogs. ") == "2 dogs"
    assert normalise("dark-blue") == "dark blue" and normalise("yes!") == "yes"
    assert normalise("dont know") == "don't know" and normalise("it's 2.5, or 1,000") == "it's 2.5 or 1000"
    assert normalise("none") == "0" and normalise("A") == "a"


def test_vqa_accuracy_leaves_out_one_annotator_at_a_time() -> None:
    answers = ["tree"] * 3 + ["log"] * 2 + ["bush"] + ["wood"] * 4
    # Three said tree: without one of the three 2/3, without one of the seven others 1.
    assert vqa_accuracy("a tree.", answers) == pytest.approx((3 * 2 / 3 + 7) / 10)
    assert vqa_accuracy("log", answers) == pytest.approx((2 * 1 / 3 + 8 * 2 / 3) / 10)
    assert vqa_accuracy("bush", answers) == pytest.approx(9 * (1 / 3) / 10)
    assert vqa_accuracy("wood", answers) == 1 and vqa_accuracy("stone", answers) == vqa_accuracy("", answers) == 0
    with pytest.raises(ValueError, match="more than 3"):
        vqa_accuracy("tree", ["tree"])


def test_the_answer_is_taken_out_of_a_reply() -> None:
    assert said("\nThe answer is: a dog.\nIt barks.") == "a dog."
    assert said("") == "" and exact_match("Answer: two lamps", "2 lamps") == 1


def test_exact_match_of_lists_and_of_names_with_underscores() -> None:
    assert exact_match("lamp, garbage bin", "garbage_bin, lamp") == 1
    assert exact_match("lamp", "garbage_bin, lamp") == 0


def test_similarity_is_thresholded_as_wups_is() -> None:
    known = {"cat": [1.0, 0.0], "kitten": [0.95, 0.3122499], "dog": [0.6, 0.8], "lamp": [0.0, 1.0]}
    vectors = {word: np.array(vector) for word, vector in known.items()}
    assert similarity("a cat", "cat", vectors) == 1
    assert similarity("kitten", "cat", vectors) == pytest.approx(0.95)
    assert similarity("dog", "cat", vectors) == pytest.approx(0.06)  # a tenth of 0.6
    # cat fits 1, lamp is nothing like it: the better-covered side must not hide the other.
    assert similarity("cat", "cat, lamp", vectors) == 0


def test_an_option_is_chosen_by_letter_or_in_words() -> None:
    options = ("a red car", "a car", "the woman", "two men")
    assert [chosen(text, options) for text in ("B", "(b) whatever", "c. the man", "Answer: D", "D) x")] == [
        1,
        1,
        2,
        3,
        3,
    ]
    assert chosen("The correct option is A", options) == 0
    assert chosen("It is a red car.", options) == 0  # the longer of two that are named
    assert chosen("car", options) == 1 and chosen("A woman", options) == 2  # "A" is an article here
    assert chosen("a car or 2 men", options) is None and chosen("E", options) is None and chosen("", options) is None
    question = Answered("Who?", ("the woman",), options)
    assert right_option("c", question) == 1 and right_option("a", question) == 0


def test_baselines_learn_the_most_frequent_answer_and_back_off() -> None:
    def trained(*pairs: tuple[str, str]) -> list[Sample]:
        return [Sample("x", Path("x.jpg"), "train", questions=tuple(Answered(q, (a,)) for q, a in pairs))]

    known = trained(
        ("What color is it?", "red"), ("What color is that?", "Red"), ("What color?", "blue"),
        ("What is it?", "dog"), ("Is it day?", "yes"), ("Is it far?", "yes"), ("Is it new?", "yes"),
    )  # fmt: skip
    majority, worded = AnswerPrior(0).fit(known), AnswerPrior(2).fit(known)
    ask = lambda prior, text, *options: prior.answer(Answered(text, ("?",), options))  # noqa: E731
    assert ask(majority, "What color is this?") == "yes"
    assert ask(worded, "What color is this?") == "red"
    assert ask(worded, "What now?") == "red"  # back to one word: red 2, blue 1, dog 1
    assert ask(worded, "Where?") == "yes"  # back to none
    assert ask(worded, "What color is this?", "green", "Blue") == "Blue"  # of the options, the one that was an answer
    assert ask(worded, "What color is this?", "green", "pink") == "green"
    assert ask(AnswerPrior(2), "What?") == ""


def test_macro_scores_computed_by_hand() -> None:
    wanted, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 2])
    # Class 0: precision 2/2, recall 2/3, F1 4/5. Class 1: 0/1, 0/1, 0. Class 2 was never right: 0, 0, 0.
    assert accuracy(wanted, predicted) == 0.5
    assert macro_scores(wanted, predicted) == pytest.approx((1 / 3, 2 / 9, 0.8 / 3))
    # The last does not count: class 2 is gone, and class 1 was predicted once and never there.
    assert macro_scores(wanted, predicted, np.array([1, 1, 1, 0])) == pytest.approx((1 / 2, 1 / 3, 0.4))


def test_iou_of_two_stretches() -> None:
    assert iou((0, 10), (5, 15)) == pytest.approx(1 / 3)
    assert iou((2, 4), (2, 4)) == 1 and iou((0, 1), (2, 3)) == iou((1, 1), (1, 1)) == 0


@pytest.mark.parametrize("meant", [(10.0, 14.0), (20.0, 36.0), (0.0, 2.0)])
def test_the_window_that_stands_out_is_found_at_its_width(meant: tuple[float, float]) -> None:
    times = np.arange(0, 60, 0.5)
    noise = np.random.default_rng(1).normal(0, 0.02, len(times))
    inside = (times >= meant[0]) & (times < meant[1])
    assert iou(best_window(times, 0.2 + 0.2 * inside + noise, 60.0), meant) >= 0.75


def test_a_video_shorter_than_any_window_is_its_own_best_window() -> None:
    assert best_window(np.array([0.0, 0.5]), np.array([0.1, 0.2]), 1.0) == (0.0, 1.0)


def test_intervals_are_over_groups_and_the_same_each_time() -> None:
    values, group = np.array([1.0, 1.0, 0.0, 0.0] * 25), number_groups([i // 2 for i in range(100)])
    assert group[:5].tolist() == [0, 0, 1, 1, 2]

    def statistic(weights: np.ndarray) -> dict[str, float]:
        return {"share": weighted_mean(values, weights[group])}

    figure = with_intervals(statistic, 50)["share"]
    assert figure.value == 0.5 and figure == with_intervals(statistic, 50)["share"]
    # 50 groups of 0 or 1: standard error sqrt(0.25 / 50) = 0.0707, 1.96 of them either way; pairs count once.
    assert figure.low == pytest.approx(0.36, abs=0.03) and figure.high == pytest.approx(0.64, abs=0.03)
