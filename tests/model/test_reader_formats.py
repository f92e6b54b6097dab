"""Data sets of videos, instructions and questions, each read from a tiny sample of its authors' own format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.errors import UsageError
from model.training.readers import Tally, by_moment, read
from tests.data_files import put, samples, write

# Captions of videos


def test_webvid(tmp_path: Path) -> None:
    put(tmp_path, "videos/001_050/21.mp4", "videos/051_100/22.mp4")
    write(
        tmp_path / "results_2M_train.csv",
        "videoid,contentUrl,duration,page_dir,name\n"
        '21,https://x/21.mp4,PT00H00M10S,001_050,"Waves, at ""sunset"""\n'
        "22,https://x/22.mp4,PT00H00M10S,051_100,\n"
        "23,https://x/23.mp4,PT00H00M10S,051_100,Gone\n"
        "24,too,few\n",
    )
    tally = Tally()
    found = samples("webvid", tmp_path, "train", tally)
    assert found["21"].captions == ('Waves, at "sunset"',)
    assert found["21"].file == tmp_path / "videos/001_050/21.mp4"
    assert tally.skipped == {"empty caption": 1, "missing file": 1, "wrong number of columns": 1}
    with pytest.raises(UsageError, match="choose train"):
        read("webvid", tmp_path, "val")


def msrvtt(folder: Path) -> Path:
    put(folder, "all/video0.mp4", "all/video1.mp4", "all/video2.mp4")
    videos = [("video0", "train"), ("video1", "validate"), ("video2", "test"), ("video9", "train")]
    sentences = [("video0", "a car"), ("video1", "a man"), ("video2", "a cat"), ("video2", "a pet"), ("video9", "lost")]
    write(
        folder / "MSRVTT_data.json",
        {
            "info": {},
            "videos": [{"video_id": v, "split": s, "start time": 5.0, "end time": 9.0} for v, s in videos],
            "sentences": [{"sen_id": i, "video_id": v, "caption": c} for i, (v, c) in enumerate(sentences)] + ["bad"],
        },
    )
    return folder


def test_msrvtt(tmp_path: Path) -> None:
    tally = Tally()
    found = samples("msrvtt", msrvtt(tmp_path), "train", tally)
    assert (found["video0"].captions, found["video0"].start, found["video0"].end) == (("a car",), 0, None)
    assert tally.skipped == {"missing file": 1, "bad JSON record": 1}
    assert samples("msrvtt", tmp_path, "test")["video2"].captions == ("a cat", "a pet")
    assert list(samples("msrvtt", tmp_path, "val")) == ["video1"]


def test_msrvtt_in_the_parts_of_1k_a(tmp_path: Path) -> None:
    msrvtt(tmp_path)
    test = write(tmp_path / "MSRVTT_JSFUSION_test.csv", "key,vid_key,video_id,sentence\nret0,msr2,video2,a pet\n")
    train = write(tmp_path / "MSRVTT_train.9k.csv", "video_id\nvideo0\nvideo1\n")
    assert [s.captions for s in read("msrvtt", test, "test")] == [("a pet",)]
    assert list(samples("msrvtt", train)) == ["video0", "video1"]
    with pytest.raises(UsageError, match="choose test"):
        read("msrvtt", test, "train")


def test_msvd_by_its_lists_and_by_its_mapping(tmp_path: Path) -> None:
    put(tmp_path, "YouTubeClips/ab_1_10.avi", "YouTubeClips/cd_2_9.avi")
    write(
        tmp_path / "AllVideoDescriptions.txt",
        "# a comment\n\nab_1_10 a squirrel eats\nab_1_10 an animal chews a nut\ncd_2_9 a band plays\nzz_1_2 nobody\n",
    )
    write(tmp_path / "youtube_mapping.txt", "ab_1_10 vid1\ncd_2_9 vid1301\n")
    assert samples("msvd", tmp_path, "test")["cd_2_9"].captions == ("a band plays",)
    for split, clip in (("train", "ab_1_10"), ("val", "cd_2_9")):
        write(tmp_path / f"{split}_list.txt", clip + "\n")
    assert list(samples("msvd", tmp_path, "val")) == ["cd_2_9"]
    tally = Tally()
    found = samples("msvd", tmp_path, "train", tally)
    assert found["ab_1_10"].captions == ("a squirrel eats", "an animal chews a nut")
    assert tally.skipped == {"clip of no split": 1}


def test_msvd_from_the_corpus_in_english_alone(tmp_path: Path) -> None:
    put(tmp_path, "YouTubeClips/ab_1_10.avi")
    write(tmp_path / "train_list.txt", "ab_1_10\n")
    head = "VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description\n"
    write(
        tmp_path / "video_corpus.csv",
        head
        + "ab,1,10,7,clean,30,English,A squirrel.\nab,1,10,7,clean,9,German,Ein Tier.\nab,1,10,8,clean,9,English,\n",
    )
    tally = Tally()
    assert samples("msvd", tmp_path, "train", tally)["ab_1_10"].captions == ("A squirrel.",)
    assert tally.skipped == {"empty caption": 1}


def test_activitynet(tmp_path: Path) -> None:
    put(tmp_path, "videos/v_one.mkv")
    one = {
        "duration": 55.15,
        "timestamps": [[0.28, 55.2], [20, 10], [13.79, 54.32]],
        "sentences": ["A man sits.", "Wrong way round.", " He plays."],
    }
    write(tmp_path / "train.json", {"v_one": one, "v_gone": one, "v_bad": {"duration": 3}, "v_list": []})
    write(tmp_path / "val_1.json", {"v_one": one})
    tally = Tally()
    sample = samples("activitynet", tmp_path, "train", tally)["v_one"]
    assert sample.moments == ((0.28, 55.15, "A man sits."), (13.79, 54.32, "He plays."))
    assert sample.captions == ("A man sits. He plays.",)
    assert tally.skipped == {"times that make no sense": 1, "missing file": 1, "bad JSON record": 2}
    parts = list(by_moment(read("activitynet", tmp_path, "val")))
    assert [(part.start, part.end, part.captions) for part in parts][1] == (13.79, 54.32, ("He plays.",))


def test_howto100m(tmp_path: Path) -> None:
    put(tmp_path, "one.webm", "two.mp4")
    head = "video_id,category_1,category_2,rank,task_id\n"
    write(tmp_path / "HowTo100M_v1.csv", head + "one,Food,Drinks,1,9\ngone,Food,,2,9\nthree,Home,,1,3\n")
    said = {"start": [1.5, 4.0], "end": [4.0, 4.0], "text": ["pour\nthe milk", "nothing"]}
    bad = {"start": [1], "end": [], "text": []}
    write(tmp_path / "caption.json", {"one": said, "two": said, "gone": said, "three": bad})
    put(tmp_path, "three.mp4")
    tally = Tally()
    sample = samples("howto100m", tmp_path, "train", tally)["one"]
    assert (sample.moments, sample.captions, sample.label) == (((1.5, 4.0, "pour the milk"),), (), "Food")
    assert tally.skipped == {
        "times that make no sense": 1,
        "video that the CSV does not list": 1,
        "missing file": 1,
        "bad JSON record": 1,
    }
    with pytest.raises(UsageError, match="choose train"):
        read("howto100m", tmp_path, "test")


def test_kinetics(tmp_path: Path) -> None:
    put(tmp_path, "train/abc_000012_000022.mp4", "train/playing chess/-d_f_000001_000011.mkv", "uncut.mp4")
    write(
        tmp_path / "train.csv",
        "label,youtube_id,time_start,time_end,split\n"
        "abseiling,abc,12,22,train\nplaying chess,-d_f,1,11,train\narchery,uncut,30,40,train\n"
        "archery,gone,1,11,train\n,abc,12,22,train\narchery,abc,x,22,train\n",
    )
    tally = Tally()
    found = samples("kinetics", tmp_path, "train", tally)
    assert found["abc_000012_000022"].label == "abseiling"
    assert (found["abc_000012_000022"].start, found["abc_000012_000022"].end) == (0, None)  # already cut
    assert found["-d_f_000001_000011"].file.suffix == ".mkv"
    assert (found["uncut_000030_000040"].start, found["uncut_000030_000040"].end) == (30, 40)
    assert tally.skipped == {"missing file": 1, "missing label": 1, "times that make no sense": 1}
    write(tmp_path / "validate.csv", "label,youtube_id,time_start,time_end,split\narchery,uncut,1,2,validate\n")
    assert len(samples("kinetics", tmp_path, "val")) == 1


# Instructions and questions


def test_llava_conversations(tmp_path: Path) -> None:
    put(tmp_path, "coco/train2017/7.jpg", "gqa/8.jpg", "videos/v.mp4")
    turns = [
        {"from": "human", "value": "<image>\nWhat is it?"},
        {"from": "gpt", "value": "A bus."},
        {"from": "human", "value": "Its colour?\n<image>"},
        {"from": "gpt", "value": "Red."},
    ]
    write(
        tmp_path / "llava_instruct.json",
        [
            {"id": "1", "image": "coco/train2017/7.jpg", "conversations": turns},
            {"id": "2", "image": "other/8.jpg", "conversations": turns},  # not the 8.jpg of gqa
            {"id": "3", "conversations": turns},
            {"id": "4", "image": ["gqa/8.jpg", "coco/7.jpg"], "conversations": turns},
            {"id": "5", "video": "v.mp4", "conversations": "none"},
            "no record",
        ],
    )
    tally = Tally()
    (sample,) = read("llava", tmp_path, "train", tally)
    assert [(q.question, q.answer) for q in sample.questions] == [("What is it?", "A bus."), ("Its colour?", "Red.")]
    assert tally.skipped == {
        "missing file": 1,
        "no picture or video named": 1,
        "several pictures in one record": 1,
        "bad JSON record": 2,
    }


def test_videochat2_instructions(tmp_path: Path) -> None:
    put(tmp_path, "video/a.mp4")
    pairs = [{"i": "Answer briefly.", "q": "Who?", "a": "A man"}, {"i": "Describe it.", "q": "", "a": "A man runs"}]
    path = write(
        tmp_path / "train.json",
        [
            {"video": "a.mp4", "QA": pairs},
            {"video": "a.mp4", "start": 2, "end": 4, "QA": [{"q": "?", "a": ""}, *pairs]},
        ],
    )
    tally = Tally()
    whole, part = read("llava", path, "train", tally)
    assert [q.question for q in whole.questions] == ["Answer briefly.\nWho?", "Describe it."]
    assert (part.start, part.end) == (2, 4)
    assert tally.skipped == {"empty answer": 1}


def test_a_json_file_that_breaks_off_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    put(tmp_path, "v.mp4")
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A dog."}]
    whole = json.dumps([{"id": i, "video": "v.mp4", "conversations": turns} for i in range(5)])
    write(tmp_path / "cut.json", whole[:-30])
    tally = Tally()
    (sample,) = read("llava", tmp_path, "train", tally)
    assert len(sample.questions) == 4
    assert tally.skipped == {"broken JSON": 1}
    assert "after 4 records" in str(tally)


def test_json_lines_with_a_broken_line(tmp_path: Path) -> None:
    put(tmp_path, "v.mp4")
    good = json.dumps({"video": "v.mp4", "QA": [{"q": "What?", "a": "Dog"}]})
    tally = Tally()
    (sample,) = read("llava", write(tmp_path / "d.jsonl", f"{good}\n{good[:-2]}\n\n[1]\n{good}\n"), "train", tally)
    assert len(sample.questions) == 2
    assert tally.skipped == {"bad JSON record": 2}


def test_long_json_is_read_over_the_edges_of_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.training.readers.records._CHUNK_CHARS", 7)
    put(tmp_path, "v_one.mp4", "v_two.mp4")
    record = {"duration": 100.25, "timestamps": [[10.5, 20.75]], "sentences": ['A "quoted" sentence.']}
    write(tmp_path / "train.json", json.dumps({"v_one": record, "v_two": record}, indent=2))
    found = samples("activitynet", tmp_path)
    assert found["v_two"].moments == ((10.5, 20.75, 'A "quoted" sentence.'),)


def test_msrvtt_qa_and_msvd_qa(tmp_path: Path) -> None:
    put(tmp_path, "video/video7.mp4", "YouTubeClips/ab_1_10.avi")
    write(
        tmp_path / "test_qa.json",
        [
            {"id": 1, "video_id": 7, "category_id": 14, "question": "what is shown?", "answer": "couch"},
            {"id": 2, "video_id": 8, "question": "who?", "answer": "man"},
            {"id": 3, "video_id": 7, "question": "who?", "answer": ""},
            {"id": 4, "video_id": 7, "question": "who?"},
        ],
    )
    tally = Tally()
    found = samples("msrvtt_qa", tmp_path, "test", tally)
    assert [q.answer for q in found["video7"].questions] == ["couch"]
    assert tally.skipped == {"missing file": 1, "empty answer": 1, "bad JSON record": 1}
    write(tmp_path / "youtube_mapping.txt", "ab_1_10 vid7\n")
    assert list(samples("msvd_qa", tmp_path, "test")) == ["ab_1_10"]


def test_activitynet_qa(tmp_path: Path) -> None:
    put(tmp_path, "v_x1.mp4")
    asked = [{"video_name": "x1", "question": f"q {i}", "question_id": f"x1_{i}"} for i in range(3)]
    write(tmp_path / "test_q.json", asked)
    write(tmp_path / "test_a.json", [{"answer": "yes", "type": 3, "question_id": f"x1_{i}"} for i in range(2)])
    tally = Tally()
    (sample,) = read("activitynet_qa", tmp_path, "test", tally)
    assert [(q.answer, q.kind) for q in sample.questions] == [("yes", "yes/no")] * 2
    assert tally.skipped == {"question without answer": 1}


def test_nextqa(tmp_path: Path) -> None:
    put(tmp_path, "NExTVideo/1164/401.mp4")
    write(tmp_path / "map_vid_vidorID.json", {"401": "1164/401", "402": "1165/402"})
    head = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
    rows = [
        "401,369,640,480,how do they play,2,6,CH,a,b,strum,d,e",
        "401,369,640,480,why,sit down,6,CW,a,b,c,sit down,e",
        "401,369,640,480,why,7,6,CW,a,b,c,d,e",
        "402,1,1,1,why,1,6,CW,a,b,c,d,e",
    ]
    write(tmp_path / "val.csv", head + "\n".join(rows))
    tally = Tally()
    (sample,) = read("nextqa", tmp_path, "val", tally)
    assert [q.answer for q in sample.questions] == ["strum", "sit down"]
    assert (sample.questions[0].options, sample.questions[0].kind) == (("a", "b", "strum", "d", "e"), "CH")
    assert tally.skipped == {"answer that is no option": 1, "missing file": 1}


def test_mvbench_looks_for_a_video_in_the_folder_of_its_task(tmp_path: Path) -> None:
    put(tmp_path, "video/sta/sta_video/0.mp4", "video/perception/videos/0.mp4")
    one = {"video": "0.mp4", "question": "When?", "candidates": ["first", "last"], "answer": "last"}
    write(tmp_path / "json/action_localization.json", [{**one, "start": 2.0, "end": 8.0}, {**one, "answer": "never"}])
    write(tmp_path / "json/action_count.json", [one, {**one, "video": "gone.mp4"}])
    tally = Tally()
    found = {s.file.parent.name: s for s in read("mvbench", tmp_path, "test", tally)}
    assert (found["sta_video"].start, found["sta_video"].end) == (2, 8)
    assert (found["videos"].start, found["videos"].questions[0].kind) == (0, "action_count")
    assert found["sta_video"].questions[0].options == ("first", "last")
    assert tally.skipped == {"answer that is no option": 1, "missing file": 1}


def test_videomme_flat_and_nested(tmp_path: Path) -> None:
    put(tmp_path, "data/fFjv93ACGo8.mp4")
    one = {
        "question_id": "001-1",
        "question": "Which?",
        "options": ["A. Apples.", "B. Pears.", "C. 3.14", "D. None."],
        "answer": "B",
    }
    video = {"video_id": "001", "duration": "short", "videoID": "fFjv93ACGo8"}
    flat = write(
        tmp_path / "test.jsonl", "\n".join(json.dumps(row) for row in [video | one, video | one | {"answer": "H"}])
    )
    tally = Tally()
    (sample,) = read("videomme", flat, "test", tally)
    (question,) = sample.questions
    assert (question.answer, question.options[2], question.kind) == ("Pears.", "3.14", "short")
    assert tally.skipped == {"answer that is no option": 1}
    nested = write(tmp_path / "video_mme_test.json", [video | {"questions": [one]}])
    (sample,) = read("videomme", nested, "test")
    assert sample.questions == (question,)


def test_parquet_without_its_library_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    put(tmp_path, "videomme/test-00000-of-00001.parquet")
    with pytest.raises(UsageError, match="install pyarrow"):
        read("videomme", tmp_path, "test")
