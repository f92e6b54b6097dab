"""The project's own files: requirements, locks, container, licence, the example video."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-gpu.txt", "requirements-dev.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)(\s*;.*)?$")


def lines(name: str) -> list[str]:
    """The lines of a requirements file that are not empty and not a comment."""
    found = [line.strip() for line in (ROOT / name).read_text().splitlines()]
    return [line for line in found if line and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Distribution to version, names normalised."""
    found = [PIN.match(line.rstrip(" \\")) for line in lines(name) if not line.startswith("--hash")]
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    assert [line for line in lines(name) if not PIN.match(line)] == []


def test_gpu_requirements_differ_in_faiss_alone() -> None:
    cpu, gpu = lines("requirements.txt"), lines("requirements-gpu.txt")
    changed = [(a, b) for a, b in zip(cpu, gpu, strict=True) if a != b]
    assert [(a.split("==")[0], b.split("==")[0]) for a, b in changed] == [("faiss-cpu", "faiss-gpu")]


@pytest.mark.parametrize(("requirements", "lock"), list(zip(REQUIREMENTS, ("cpu", "gpu", "dev"), strict=True)))
def test_lock_covers_its_requirements(requirements: str, lock: str) -> None:
    locked = pins(f"locks/{lock}.txt")
    assert pins(requirements).items() <= locked.items(), "run `make lock`"


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev"])
def test_every_locked_package_carries_hashes(lock: str) -> None:
    text = (ROOT / "locks" / f"{lock}.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_lock_holds_one_opencv_and_one_faiss() -> None:
    for lock, faiss in (("cpu", "faiss-cpu"), ("gpu", "faiss-gpu")):
        locked = pins(f"locks/{lock}.txt")
        assert [name for name in locked if name.startswith("opencv")] == ["opencv-python-headless"]
        assert [name for name in locked if name.startswith("faiss")] == [faiss]


def test_development_tools_agree_with_the_run_time() -> None:
    run_time, tools = pins("locks/cpu.txt"), pins("locks/dev.txt")
    assert {name: tools[name] for name in run_time.keys() & tools.keys()}.items() <= run_time.items()


def test_container_runs_unprivileged_with_port_volume_and_health_check() -> None:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    last = {word: rest.strip() for word, rest in (step for step in steps if len(step) == 2)}
    assert last["USER"] == "1000"
    assert last["EXPOSE"] == "7860"
    assert last["VOLUME"] == "/data"
    assert "/healthz" in last["HEALTHCHECK"]
    assert "CUEPOINT_HOME=/data" in last["ENV"]
    assert json.loads(last["CMD"]) == ["python", "-m", "app", "serve", "--host", "0.0.0.0", "--port", "7860"]


def test_container_gets_every_file_it_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--chown=\S+ )?(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sources
    assert set(sources) == set(allowed)
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_space_front_matter_fits_the_container() -> None:
    front = (ROOT / "README.md").read_text().split("---")[1]
    fields = dict(line.split(": ", 1) for line in front.strip().splitlines())
    assert (fields["sdk"], fields["app_port"], fields["license"]) == ("docker", "7860", "apache-2.0")
    assert len(fields["short_description"]) <= 60  # the hub refuses more


def test_every_package_is_packed_with_its_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    top = ("app", "retrieval", "model")
    here = {str(file.parent.relative_to(ROOT)) for file in tracked_files() if file.relative_to(ROOT).parts[0] in top}
    with_code = {folder for folder in here if list((ROOT / folder).glob("*.py"))}
    assert set(settings["packages"]) == {folder.replace("/", ".") for folder in with_code}
    data = {file for name in top for file in (ROOT / name).rglob("*.json") if ".venv" not in file.parts}
    packed = {file for name, globs in settings["package-data"].items() for g in globs for file in (ROOT / name).glob(g)}
    assert data <= packed


def test_licence_and_credits() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    for part in json.loads((ROOT / "model" / "pack.json").read_text()).values():
        for wheel in part.get("distributions", [part]):
            assert f"{wheel['distribution']} {wheel['version']}" in notice


def test_no_path_of_one_machine_in_the_tree() -> None:
    places = re.compile("|".join(["/wo" + "rk/", "/home/(?!cuepoint)[a-z]", "/Us" + "ers/", "/ro" + "ot/"]))
    found = []
    for path in tracked_files():
        if path.suffix not in {".py", ".md", ".txt", ".json", ".toml", ".css", ".js", ".svg", ""}:
            continue
        numbered = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        found += [f"{path.relative_to(ROOT)}:{number}" for number, line in numbered if places.search(line)]
    assert found == []


def test_example_video_is_what_its_description_says() -> None:
    known = json.loads((ROOT / "assets" / "example.json").read_text())
    path = ROOT / "assets" / known["file"]
    head = path.read_bytes()
    assert len(head) < 2_500_000
    assert head.find(b"moov") < head.find(b"mdat"), "plays before it is loaded whole"
    with av.open(str(path)) as video:
        picture = video.streams.video[0].codec_context
        assert (picture.name, picture.pix_fmt, picture.width, picture.height) == ("h264", "yuv420p", 1280, 720)
        assert video.streams.audio[0].codec_context.name == "aac"
        assert video.duration is not None
        assert abs(video.duration / av.time_base - known["duration"]) < 0.1
    assert {entry["source"] for entry in known["questions"]} == {"heard", "read", "seen"}
    for entry in known["questions"]:
        start, end = entry["moment"]
        assert entry["text"] and entry["answer"]
        assert 0 <= start < end <= known["duration"]
