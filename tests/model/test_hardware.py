from __future__ import annotations

import os
import subprocess
import sys

import pytest

from model import hardware

EPYC = """processor\t: 0
model name\t: AMD EPYC 9655
flags\t\t: fpu sse2 avx2 avx512f avx512_bf16 avx512_vnni

processor\t: 1
model name\t: AMD EPYC 9655
flags\t\t: fpu
"""
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n"
OLD_LAPTOP = "model name\t: Intel Core i5-7200U\nflags\t\t: fpu sse2 avx2\n"


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    def pretend(text: str) -> None:
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "cpuinfo")
        hardware.describe_cpu.cache_clear()

    monkeypatch.setattr(sys, "platform", "linux")
    yield pretend
    hardware.describe_cpu.cache_clear()


@pytest.mark.parametrize(
    ("text", "features", "bf16"),
    [
        (EPYC, ("avx2", "avx512", "vnni", "bf16"), True),
        (GRAVITON, ("bf16", "neon"), True),
        (OLD_LAPTOP, ("avx2",), False),
        ("", (), False),
    ],
)
def test_features_and_bf16_follow_the_processor(cpuinfo, text, features, bf16):
    cpuinfo(text)
    described = hardware.describe()
    assert described.features == features
    assert described.bf16 is bf16
    assert described.cpu


def test_numbers_are_those_of_this_machine():
    described = hardware.describe()
    assert 1 <= described.cores <= (os.cpu_count() or 1)
    assert 0 < described.memory_free_gb <= described.memory_gb
    assert described.disk_free_gb > 0


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
)
def test_cores_honour_affinity_and_the_containers_quota(tmp_path, monkeypatch, files, cores):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    assert hardware.count_cores() == cores


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_memory_is_the_containers_limit(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("500000000\n")
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    assert hardware.describe().memory_gb == 0.5


def test_disk_is_measured_where_a_folder_does_not_exist_yet(tmp_path):
    assert hardware.describe(tmp_path / "not" / "yet").disk_free_gb > 0


def test_describing_does_not_import_torch():
    code = "import sys, model.hardware as h; h.find_gpu = bool; h.describe(); print('torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "False"


def test_threads_are_set():
    import torch

    before = torch.get_num_threads()
    try:
        assert hardware.set_threads(1) == 1 == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
