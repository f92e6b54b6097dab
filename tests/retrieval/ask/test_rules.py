"""What the planner without a model makes of ordinary questions and of what people type to search."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from model.errors import UsageError
from retrieval.ask.plan import EVERY_SOURCE, Operation, Place, Plan, Window, all_of, plan_schema, read_plan
from retrieval.ask.rules import MAX_QUESTION_CHARS, RulesPlanner, plan_search
from retrieval.search.lexicon import lexicon_of
from retrieval.search.words import content_words

DURATION_S = 200.0


def planned(text: str) -> Plan:
    return RulesPlanner().plan(text)


@pytest.mark.parametrize(
    ("text", "operation", "leans"),
    [
        ("When does the train arrive?", "when", None),
        ("When does the presenter mention taxes?", "when", "speech"),
        ("What does the teacher say about homework?", "answer", "speech"),
        ("What do we hear about the swimming pool?", "answer", "speech"),
        ("At what time do we hear about the volcano?", "when", "speech"),
        ("When do we hear a dog bark?", "when", "speech"),
        ("Which city does the narrator name?", "answer", "speech"),
        ("What is written on the blackboard?", "answer", "text"),
        ("Which phone number is on the screen?", "answer", "text"),
        ("What animal sits on the roof?", "answer", "visual"),
        ("What is this video about?", "summarise", None),
        ("Summarize the lecture.", "summarise", None),
        ("What time does the dog appear?", "when", None),
        ("Please find the part where the dog jumps", "when", None),
        ("What happens next door?", "answer", None),
        ("什么时候下雨?", "when", None),
        ("她说了什么?", "answer", "speech"),
        ("屏幕上写着什么?", "answer", "text"),
        ("总结这个视频", "summarise", None),
        ("那个人是谁?", "answer", None),
    ],
)
def test_what_to_do_and_which_source_is_meant(text: str, operation: Operation, leans: str | None) -> None:
    plan = planned(text)
    assert (plan.operation, plan.leans) == (operation, leans)


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("How many birds are there?", "count"),
        ("What colour is the bicycle?", "colour"),
        ("What color are the walls?", "colour"),
        ("Where does the story take place?", "where"),
        ("What is the man in the boat doing?", "action"),
        ("Is there a dog?", "yes_no"),
        ("Can you see a dog?", "yes_no"),
        ("What is the man holding?", "anything"),
        ("有多少只狗?", "count"),
        ("汽车是什么颜色?", "colour"),
        ("这是在哪里?", "where"),
        ("有狗吗?", "yes_no"),
    ],
)
def test_what_kind_of_answer_is_wanted(text: str, wants: str) -> None:
    assert planned(text).wants == wants


@pytest.mark.parametrize(
    "text",
    [
        "Tell me what the dog does",
        "Describe the man's clothes",
        "What is the speaker wearing?",
        "What does the presenter look like?",
        "What is the man holding?",
        "Who is the woman in the red dress?",
        "What is next to the dog?",
        "What colour is the sign?",
        "Where is the phone?",
        "那个人穿什么?",
    ],
)
def test_in_doubt_no_source_is_left_out(text: str) -> None:
    plan = planned(text)
    assert plan.operation == "answer" and plan.sources == EVERY_SOURCE and plan.window is None and plan.place is None


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("What does the woman say about the tea?", ("speech",)),
        ("When is tea mentioned?", ("speech",)),
        ("What does the sign say?", ("text",)),
        ("Which word is written on the box?", ("text",)),
        ("What is said and what is written on the sign?", ("speech",)),
    ],
)
def test_what_can_only_be_said_or_written_is_sought_there(text: str, sources: tuple[str, ...]) -> None:
    assert planned(text).sources == sources


def test_terms_leave_out_asking_and_the_speaker() -> None:
    assert planned("What does the tall teacher say about homework?").terms == ["homework"]
    assert planned("When does the presenter mention taxes?").terms == ["taxes"]
    assert planned("Find the part where a red boat sinks").terms == ["red", "boat", "sinks"]
    assert planned("What does she say about the apple harvest?").terms == ["apple", "harvest"]


def test_what_is_written_on_a_sign_does_not_say_sign() -> None:
    assert planned("What is written on the ticket sign?").terms == ["ticket"]
    assert planned("What does the sign say?").terms == ["sign"]  # nothing else is named


def test_a_question_without_a_thing_is_open() -> None:
    assert planned("What does she say?").is_open and not planned("What does she say about apples?").is_open
    assert planned("她说了什么?").is_open and not planned("她说了什么关于苹果的?").is_open


@pytest.mark.parametrize("text", ["", "   ", "x" * (MAX_QUESTION_CHARS + 1)])
def test_empty_and_endless_questions_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        planned(text)
    with pytest.raises(UsageError):
        plan_search(text)


@pytest.mark.parametrize("text", ["???", "🚗🚗", '"quotes" AND NEAR(', "什么时候下雨?", "a" * MAX_QUESTION_CHARS])
def test_odd_questions_are_planned(text: str) -> None:
    plan = planned(text)
    assert plan.query().text and plan.sources == EVERY_SOURCE
    assert plan_search(text).query().text


# How people type


@pytest.mark.parametrize(
    ("text", "operation", "wants"),
    [
        ("wehn does the dog apear", "when", "anything"),
        ("sumarize this vidoe", "summarise", "anything"),
        ("What colur is the car", "answer", "colour"),
        ("WHEN DOES THE DOG APPEAR", "when", "anything"),
        ("when does the dog appear", "when", "anything"),
        ("  When   does the\ndog appear ??", "when", "anything"),
        ("whats this video about", "summarise", "anything"),
    ],
)
def test_typing_errors_capitals_and_missing_marks_change_nothing(text: str, operation: Operation, wants: str) -> None:
    plan = planned(text)
    assert (plan.operation, plan.wants) == (operation, wants)


def test_only_words_that_decide_how_a_question_is_meant_are_corrected() -> None:
    assert planned("What does Whin say about the secon?").question == "What does Whin say about the secon?"
    assert planned("When is the screens shown?").look_for == "the screens shown"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Could you please tell me what the man is holding?", "what the man is holding"),
        ("Can you tell me when the dog appears?", "when the dog appears"),
        ("Please show me when the dog appears", "when the dog appears"),
        ("Do you know what colour the car is?", "what colour the car is"),
        ("Please list all texts", "list all texts"),
        ("Would you please summarise the video?", "summarise the video"),
        ("请告诉我这个视频讲的是什么", "告诉我这个视频讲的是什么"),
    ],
)
def test_politeness_is_no_part_of_a_question(text: str, plain: str) -> None:
    polite, bare = planned(text), planned(plain)
    for name in ("operation", "look_for", "sources", "leans", "wants"):
        assert getattr(polite, name).__repr__().lower() == getattr(bare, name).__repr__().lower(), name
    assert polite.operation != "answer" or "tell" not in polite.look_for.lower()


def test_every_question_of_a_message_has_its_plan() -> None:
    first, second = all_of(planned("What is the man holding? And when does the dog appear?"))
    assert first.question == "What is the man holding?" and first.operation == "answer"
    assert second.operation == "when" and second.terms == ["dog"]
    joined = all_of(planned("Who is it and what does he say about tea?"))
    assert [plan.sources for plan in joined] == [EVERY_SOURCE, ("speech",)]
    assert len(all_of(planned("Who and what is shown?"))) == 1
    assert len(all_of(planned("Hello! When does the dog appear?"))) == 1
    assert [plan.operation for plan in all_of(planned("这是谁?什么时候下雨?"))] == ["answer", "when"]
    assert len(all_of(planned("Where is it? " * 50))) <= 4


# What needs no search


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("How long is the video?", "length"),
        ("How long does the video last?", "length"),
        ("Can you tell me how long the video is?", "length"),
        ("What is the resolution?", "resolution"),
        ("What resolution does the video have?", "resolution"),
        ("What is the frame rate?", "rate"),
        ("How many frames per second?", "rate"),
        ("How big is the file?", "size"),
        ("Does the video have sound?", "sound"),
        ("Is there any audio?", "sound"),
        ("What format is it?", "format"),
        ("Which codec is used?", "format"),
        ("When was this video recorded?", "date"),
        ("What language is spoken?", "language"),
        ("What is the name of the file?", "name"),
        ("视频有多长?", "length"),
        ("分辨率是多少?", "resolution"),
        ("有声音吗?", "sound"),
    ],
)
def test_facts_of_the_file(text: str, fact: str) -> None:
    assert (planned(text).operation, planned(text).fact) == ("file", fact)


@pytest.mark.parametrize(
    "text",
    ["How long is the fox visible?", "How big is the dog?", "When was the bridge built?", "How long is the rope?"],
)
def test_facts_of_what_is_shown_are_no_facts_of_the_file(text: str) -> None:
    assert planned(text).operation != "file"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Thanks!", "thanks"),
        ("Thank you very much", "thanks"),
        ("ok great", ""),
        ("hello", "greeting"),
        ("Hi there!", "greeting"),
        ("What can you do?", "help"),
        ("谢谢!", "thanks"),
        ("你好", "greeting"),
    ],
)
def test_talk_is_no_question_about_a_video(text: str, fact: str) -> None:
    plan = planned(text)
    assert (plan.operation, plan.fact) == (("talk", fact) if fact else ("answer", ""))


def test_a_question_that_begins_with_a_greeting_is_a_question() -> None:
    assert planned("Hello, when does the dog appear?").operation != "talk"
    assert planned("What does he thank her for?").operation == "answer"


@pytest.mark.parametrize(
    "text", ["Transcript please", "Give me a transcript", "Write down everything that is said", "逐字稿"]
)
def test_the_transcript(text: str) -> None:
    assert planned(text).operation == "transcript"


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("List all texts", "list"),
        ("List all the texts in the video", "list"),
        ("What texts are there?", "list"),
        ("Which objects can be seen?", "list"),
        ("List the main reasons for the war", "answer"),
        ("列出所有文字", "list"),
    ],
)
def test_only_what_the_index_holds_can_be_listed(text: str, operation: Operation) -> None:
    assert planned(text).operation == operation


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Compare the first half and the second half", ("the first half", "the second half")),
        ("What is the difference between the dog and the cat?", ("the dog", "the cat")),
        ("How does the start differ from the end?", ("the start", "the end")),
        ("比较狗和猫", ("狗", "猫")),
    ],
)
def test_two_things_are_compared(text: str, parts: tuple[str, str]) -> None:
    plan = planned(text)
    assert (plan.operation, plan.parts, plan.window) == ("compare", parts, None)


@pytest.mark.parametrize(
    ("text", "choices"),
    [("Is the boat red or blue?", ("red", "blue")), ("Is the boat red?", ()), ("What is red or blue?", ())],
)
def test_either_or(text: str, choices: tuple[str, ...]) -> None:
    assert planned(text).choices == choices


# What is counted and timed


@pytest.mark.parametrize(
    ("text", "operation", "terms"),
    [
        ("How long is the fox visible?", "how_long", ["fox"]),
        ("狐狸出现多久?", "how_long", ["狐狸"]),
        ("How many times is the ball thrown?", "how_often", ["ball", "thrown"]),
        ("How often is the ferry mentioned?", "how_often", ["ferry"]),
        ("When does blue first appear?", "first", ["blue"]),
        ("When does the narrator first mention the ferry?", "first", ["ferry"]),
        ("When is the dog first seen in the garden?", "first", ["dog", "garden"]),
        ("When is the last time that the narrator mentions the ferry?", "last", ["ferry"]),
        ("什么时候第一次看到狗?", "first", ["狗"]),
        ("When does blue disappear?", "gone", ["blue"]),
        ("When is red out of the picture?", "gone", ["red"]),
    ],
)
def test_what_the_index_can_count_is_counted(text: str, operation: Operation, terms: list[str]) -> None:
    plan = planned(text)
    assert (plan.operation, plan.terms) == (operation, terms)


@pytest.mark.parametrize(
    "text",
    [
        "How long does the egg have to cook?",  # somebody says it
        "How often does the bus run?",
        "How many times a day does the bus run?",
        "What does the first person wear?",
        "How many dogs are there?",
    ],
)
def test_what_only_somebody_can_say_is_not_counted(text: str) -> None:
    assert planned(text).operation == "answer"


@pytest.mark.parametrize(
    ("text", "operation", "asked", "anchor"),
    [
        ("What is the woman doing right after the rain?", "after", "What is the woman doing", ["rain"]),
        ("And after that?", "after", "", []),
        ("What happens before it?", "before", "What happens", []),
        ("What is said after the narrator mentions tea?", "after", "What is said", ["tea"]),
    ],
)
def test_what_is_asked_of_the_next_moment_leaves_out_what_it_comes_after(
    text: str, operation: Operation, asked: str, anchor: list[str]
) -> None:
    plan = planned(text)
    assert (plan.operation, plan.asked) == (operation, asked)
    assert content_words(plan.look_for, fallback=False) == anchor


# Parts of a video


@pytest.mark.parametrize(
    ("text", "rest", "stretch", "named"),
    [
        ("How many bottles are left at 20 seconds?", "How many bottles are left", (18, 22), True),
        ("Where is the train at 0:20?", "Where is the train", (18, 22), True),
        ("Is the door open at 0:20?", "Is the door open", (18, 22), True),
        ("What is he holding at about 1:23?", "What is he holding", (81, 85), True),
        ("What is shown at 1:05?", "What is shown", (63, 67), True),
        ("What is shown at 0:65?", "What is shown", (63, 67), True),
        ("What is on the screen 30 seconds in?", "What is on the screen", (28, 32), True),
        ("What happens after two minutes?", "What happens", (118, 122), True),
        ("What happens around minute 2?", "What happens", (118, 122), True),
        ("What is said between 0:10 and 0:20?", "What is said", (10, 20), True),
        ("What is shown from 0:30 on?", "What is shown", (30, 200), True),
        ("Who speaks in the first minute?", "Who speaks", (0, 60), True),
        ("Who speaks in the last 30 seconds?", "Who speaks", (170, 200), True),
        ("What happens in the last ten seconds?", "What happens", (190, 200), True),
        ("What is shown in the second half?", "What is shown", (100, 200), False),
        ("What is shown in the first third?", "What is shown", (0, 66.6667), False),
        ("What do the blocks spell at the end?", "What do the blocks spell", (170, 200), False),
        ("At the very start of the video, what is written?", "What is written", (0, 30), False),
        ("What happens in the middle of the video?", "What happens", (80, 120), False),
        ("20秒的时候有几个瓶子?", "有几个瓶子", (18, 22), True),
        ("在1分20秒的时候有什么?", "有什么", (78, 82), True),
        ("第1分20秒左右发生了什么", "发生了什么", (78, 82), True),
        ("前十秒发生了什么?", "发生了什么", (0, 10), True),
        ("最后10秒说了什么?", "说了什么", (190, 200), True),
        ("二十五秒的时候有什么?", "有什么", (23, 27), True),
        ("视频结尾写着什么?", "写着什么", (170, 200), False),
    ],
)
def test_a_part_is_understood_and_taken_out(text: str, rest: str, stretch: tuple[float, float], named: bool) -> None:
    plan = planned(text)
    assert plan.window is not None and plan.question.rstrip("?") == rest
    part = plan.window.within(DURATION_S)
    assert (part.low, min(part.high, DURATION_S)) == pytest.approx(stretch, abs=1e-3) and plan.window.named == named


@pytest.mark.parametrize(
    ("text", "scene", "rest"),
    [
        ("In the scene where a dog is playing, when is it alone?", "a dog is playing", "When is it alone"),
        ("In the room with the red door, what does he wear?", "room with the red door", "What does he wear"),
        ("What colour is the car in the scene where a man waves?", "a man waves", "What colour is the car"),
    ],
)
def test_a_scene_is_told_from_what_is_asked_about_it(text: str, scene: str, rest: str) -> None:
    plan = planned(text)
    assert plan.window is not None and (plan.window.scene, plan.question.rstrip("?")) == (scene, rest)


@pytest.mark.parametrize(
    "text",
    [
        "What is at the end of the street?",
        "What does the man say about the end of the world?",
        "Does she say that the ferry leaves at 23:59?",
        "When does the ferry leave, at 23:59?",
        "What happens to the egg after 10 minutes of cooking?",
        "What is the first word said?",
        "In the video, what does the man say?",
        "When is the red car visible from above?",
    ],
)
def test_what_only_looks_like_a_part_is_none(text: str) -> None:
    assert planned(text).window is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1:23", 83), ("1:02:03.5", 3723.5), ("one minute and 5 seconds", 65), ("second 83", 83), ("2分5秒", 125),
     ("a minute", 60), ("twenty five seconds", 25), ("二十五秒", 25), ("十秒", 10), ("an hour and 10 minutes", 4200)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert lexicon_of(text).seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("What does the button at the bottom of the app say?", Place(None, "bottom")),
        ("What kind of text is in the bottom right corner?", Place("right", "bottom")),
        ("What is written in the upper left corner?", Place("left", "top")),
        ("Which word is on the left side?", Place("left", None)),
        ("What does the sign on the right say?", Place("right", None)),
        ("What does the sign at the top say?", Place(None, "top")),
        ("What is written at the top of the screen?", Place(None, "top")),
        ("What do the blocks in the middle spell?", Place("middle", "middle")),
        ("左下角写着什么?", Place("left", "bottom")),
        ("屏幕右边写着什么?", Place("right", None)),
        ("What is written at the top of the mountain?", None),
        ("What is written on the top shelf?", None),
        ("What is the right answer on the slide?", None),
        ("Who stands on the left?", None),  # only texts have a place
    ],
)
def test_a_part_of_the_screen_is_understood(text: str, place: Place | None) -> None:
    assert planned(text).place == place


# What is typed to search


@pytest.mark.parametrize(
    ("text", "relation", "parts"),
    [
        ("a dog, then a car", "then", ("a dog", "a car")),
        ("Find the part where a dog runs and then a car comes", "then", ("a dog runs", "a car comes")),
        ("a kick followed by a goal", "then", ("a kick", "a goal")),
        ("a man sitting after the train leaves", "after", ("the train leaves", "a man sitting")),
        ("after the rain, a rainbow", "after", ("the rain", "a rainbow")),
        ("kettle lifted before pouring", "before", ("kettle lifted", "pouring")),
        ("when does the dog jump before the ball lands?", "before", ("the dog jump", "the ball lands")),
        ("a woman laughs while a dog barks", "while", ("a woman laughs", "a dog barks")),
        ("a dog and a car at the same time", "while", ("a dog", "a car")),
        ("狗然后汽车", "then", ("狗", "汽车")),
        ("下雨之后出现彩虹", "after", ("下雨", "出现彩虹")),
    ],
)
def test_two_conditions_are_taken_apart(text: str, relation: str, parts: tuple[str, str]) -> None:
    plan = plan_search(text)
    assert (plan.relation, plan.parts) == (relation, parts)


@pytest.mark.parametrize(
    "text",
    [
        "two cars at the same time",
        "a dog next to a car",
        "what happens after the goal?",
        "a song called “before the flood”",
        "What does he say after the break?",
        "a red house",
    ],
)
def test_one_condition_stays_whole(text: str) -> None:
    assert plan_search(text).relation is None and plan_search(text).parts == ()


@pytest.mark.parametrize(
    ("text", "wanted", "without"),
    [
        ("a street without cars", "a street", "cars"),
        ("woman alone without the dog in view", "woman alone", "dog"),
        ("a table with no bottles", "a table", "bottles"),
        ("animals but not the dog", "animals", "dog"),
        ("not the dog", "", "dog"),
        ("没有汽车的街道", "街道", "汽车"),
    ],
)
def test_what_must_not_be_is_told_from_what_must(text: str, wanted: str, without: str) -> None:
    query = plan_search(text).query()
    assert (query.text, query.without) == (wanted, without)


def test_what_is_not_wanted_is_no_search_word() -> None:
    assert plan_search("a street without cars").terms == ["street"]
    assert plan_search("not the dog").query().terms == ()
    assert plan_search("What does she say about not smoking?").exclude == ""


def test_endless_conditions_end_soon() -> None:
    assert plan_search("a then " * 280 + "b").parts


# A plan as JSON


def test_a_plan_comes_back_from_its_json() -> None:
    for text in (
        "What is said between 0:10 and 0:20?",
        "Is the boat red or blue? And when does it sink?",
        "左下角写着什么?",
    ):
        plan = planned(text)
        assert read_plan(json.dumps(asdict(plan))) == plan


def test_the_schema_names_every_field_and_every_operation() -> None:
    text = json.dumps(plan_schema())
    assert all(f'"{name}"' in text for name in ("summarise", "how_often", "window", "place", "look_for"))
    assert '"required": ["question"]' in text and '"additionalProperties": false' in text


@pytest.mark.parametrize(
    "data",
    [
        '{"question": "When?", "kind": "when"}',
        '{"question": "When?", "operation": "guess"}',
        '{"question": "When?", "sources": ["smell"]}',
        '{"question": "When?", "window": {"begin": 3}}',
        '{"operation": "when"}',
        "[]",
        "when",
    ],
)
def test_what_is_no_plan_is_refused(data: str) -> None:
    with pytest.raises(ValueError):
        read_plan(data)


def test_a_window_may_be_counted_from_the_end() -> None:
    assert Window(-10.0, None).within(60.0).low == 50.0
    assert Window(-100.0, None).within(60.0).low == 0.0
    assert Window(-20.0, -5.0).within(60.0).high == 55.0
    assert Window(0.5, 1.0, shares=True).within(60.0).low == 30.0
