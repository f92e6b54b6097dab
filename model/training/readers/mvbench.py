"""MVBench: twenty tasks about what changes in time, multiple choice. All of it is test.

A JSON file a task in `json/` (action_sequence.json ...): an array of {video, question, candidates, answer}, with start
and end (seconds) where only that stretch is meant; videos below `video/`, each task's in a folder of its own
(https://huggingface.co/datasets/OpenGVLab/MVBench; folders as in the authors' mvbench.ipynb). Li et al., CVPR 2024.

Episodic reasoning comes as folders of frames (TVQA), not as videos; these count as missing files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.training.readers.annotations import files_like, root_of
from model.training.readers.gathering import Gathering
from model.training.readers.media_files import MediaFiles
from model.training.readers.records import clean_text, json_records, seconds
from model.training.readers.tally import Tally
from model.training.samples import Answered, Sample

EXPECTS = "a folder with json/ (one file a task: video, question, candidates, answer) and the videos below video/"
# Tasks share file names ("0.mp4" ...): each has to be looked for in its own folder first.
_PLACES = {
    "action_sequence": "star/Charades_v1_480",
    "action_prediction": "star/Charades_v1_480",
    "action_antonym": "ssv2_video",
    "fine_grained_action": "Moments_in_Time_Raw/videos",
    "unexpected_action": "FunQA_test/test",
    "object_existence": "clevrer/video_validation",
    "object_interaction": "star/Charades_v1_480",
    "object_shuffle": "perception/videos",
    "moving_direction": "clevrer/video_validation",
    "action_localization": "sta/sta_video",
    "scene_transition": "scene_qa/video",
    "action_count": "perception/videos",
    "moving_count": "clevrer/video_validation",
    "moving_attribute": "clevrer/video_validation",
    "state_change": "perception/videos",
    "fine_grained_pose": "nturgbd",
    "character_order": "perception/videos",
    "egocentric_navigation": "vlnqa",
    "episodic_reasoning": "tvqa/frames_fps3_hq",
    "counterfactual_inference": "clevrer/video_validation",
}


def read(path: Path, split: str, tally: Tally) -> Iterator[Sample]:
    if split != "test":
        tally.other_splits.add("test")
        return
    root = root_of(path)
    root = root.parent if root.name == "json" else root
    files = MediaFiles(root, tally, ["video", "videos"])
    gathered = Gathering(split)
    for table in files_like(path, ["*_*.json"]):
        task = table.stem
        for key, record in json_records(table, tally, ["video", "question", "candidates", "answer"]):
            question = _question(record, task, f"{table.name} {key}", tally)
            if question is None:
                continue
            name, place = str(record["video"]), _PLACES.get(task, task)
            file = files.find(f"{place}/{name}", f"video/{place}/{name}", name)
            if file is not None:
                start, end = seconds(record.get("start")), seconds(record.get("end"))
                if start is None or end is None or end <= start:
                    start, end = 0.0, None
                gathered.add(file, file.relative_to(root).as_posix(), question=question, start=start, end=end)
    yield from gathered.samples()


def _question(record: dict[str, Any], task: str, where: str, tally: Tally) -> Answered | None:
    given = record["candidates"]
    options = tuple(str(option).strip() for option in given) if isinstance(given, list) else ()
    answer = str(record["answer"]).strip()
    if answer not in options:
        tally.skip("answer that is no option", where)
        return None
    question = clean_text(record["question"], "question", where, tally)
    return Answered(question, (answer,), options, task) if question else None
