"""What this machine can do: cores, instruction sets, memory, GPU. Cheap: torch is imported only where a GPU may be."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from model.pack import cache_folder

CPUINFO = Path("/proc/cpuinfo")
CGROUP = Path("/sys/fs/cgroup")
GB = 1e9
# The worst that still gets a share, 1.5 %, where others compute all the time: whoever has it holds the database while
# it writes, and must say now and then that it lives.
LOW_NICE, LOW_IO = 19, 7
SYSCTL_LIMIT_S = 2  # answers at once; the limit is for a broken system

# Our name -> the kernel's, x86 first, then Arm. Only what decides something, here or in a report of trouble.
FEATURES = {
    "avx2": {"avx2"},
    "avx512": {"avx512f"},
    "vnni": {"avx512_vnni", "avx_vnni"},
    "bf16": {"avx512_bf16", "bf16"},
    "amx": {"amx_bf16"},
    "neon": {"asimd"},
}


@dataclass(frozen=True)
class Gpu:
    name: str
    kind: str  # as torch calls the device: "cuda" (ROCm too) or "mps"
    memory_gb: float  # 0 where it shares the machine's


@dataclass(frozen=True)
class Hardware:
    cores: int  # that this process may use: affinity and container quota honoured
    cpu: str
    features: tuple[str, ...]
    bf16: bool  # bfloat16 products have their own instructions, so they are faster than float32 (and not emulated)
    gpu: Gpu | None
    memory_gb: float  # total, or the container's limit if smaller
    memory_free_gb: float
    disk_free_gb: float  # where the model cache lies


def describe(folder: Path | None = None) -> Hardware:
    """`folder` is where the free disk space is measured: by default the model cache."""
    cpu, features = describe_cpu()
    limit = read_limit("memory.max", "memory/memory.limit_in_bytes") or math.inf
    memory = psutil.virtual_memory()
    return Hardware(
        cores=count_cores(),
        cpu=cpu,
        features=features,
        bf16="bf16" in features or "amx" in features,
        gpu=find_gpu(),
        memory_gb=round(min(memory.total, limit) / GB, 1),
        memory_free_gb=round(min(memory.available, limit) / GB, 1),
        disk_free_gb=round(free_disk(folder or cache_folder()) / GB, 1),
    )


def set_threads(cores: int | None = None) -> int:
    """Gives torch as many threads as this process has cores (in a container torch counts the host's). Returns them."""
    import torch

    cores = cores or count_cores()
    if torch.get_num_threads() != cores:
        torch.set_num_threads(cores)
    return cores


def give_way() -> None:
    """From now on this process computes when others do not: the lowest priority for the processor and the disk, and a
    core that torch leaves free. Alone it is as fast as before, for what it runs beside torch takes that core."""
    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError):  # a sandbox may forbid it
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(process.nice(), LOW_NICE))
    with contextlib.suppress(psutil.Error, OSError, AttributeError):  # Linux only
        process.ionice(psutil.IOPRIO_CLASS_BE, value=LOW_IO)
    set_threads(max(1, count_cores() - 1))


def count_cores() -> int:
    """CPUs that this process may run on, no more than its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(allowed, math.ceil(read_cpu_quota() or allowed)))


def read_cpu_quota() -> float | None:
    """CPUs granted by the control group, v2 ("200000 100000" in cpu.max) or v1; None without a limit."""
    for folder in control_groups():
        with_limit = read_words(folder / "cpu.max")
        if len(with_limit) == 2 and with_limit[0].isdigit():
            return int(with_limit[0]) / int(with_limit[1])
    quota, period = (read_words(CGROUP / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota and period and quota[0].isdigit():  # "-1" is no limit
        return int(quota[0]) / int(period[0])
    return None


def read_limit(name_v2: str, path_v1: str) -> int | None:
    for path in [*(folder / name_v2 for folder in control_groups()), CGROUP / path_v1]:
        words = read_words(path)
        if words and words[0].isdigit():
            return int(words[0])
    return None


def control_groups() -> list[Path]:
    """Folders of this process's control group (v2) and the groups around it, innermost first."""
    for line in read_lines(Path("/proc/self/cgroup")):
        if line.startswith("0::"):
            inner = Path(line[3:].strip().lstrip("/"))
            return [CGROUP / inner, *(CGROUP / outer for outer in inner.parents)]
    return [CGROUP]


def read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux, or a container that hides it: then it sets no limit that we can see
        return []


def read_words(path: Path) -> list[str]:
    return " ".join(read_lines(path)[:1]).split()


@functools.cache
def describe_cpu() -> tuple[str, tuple[str, ...]]:
    name, flags = "", set[str]()
    for line in read_lines(CPUINFO):
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags = set(value.split())
            break  # the other processors say the same
    if sys.platform == "darwin":
        name = ask_sysctl("machdep.cpu.brand_string")
        flags = (
            {"asimd"}
            if platform.machine() == "arm64"
            else set(ask_sysctl("machdep.cpu.leaf7_features").lower().split())
        )
    features = tuple(ours for ours, theirs in FEATURES.items() if theirs & flags)
    return name or platform.processor() or platform.machine(), features


def ask_sysctl(key: str) -> str:
    try:
        answer = subprocess.run(
            ["sysctl", "-n", key], capture_output=True, text=True, timeout=SYSCTL_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


@functools.cache
def find_gpu() -> Gpu | None:
    """The first GPU that torch can compute on. torch is not even imported where no driver is present."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    nodes = any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
    lent = bool(os.environ.get("SPACES_ZERO_GPU"))  # Hugging Face's ZeroGPU: its main process sees no driver
    if not (apple or nodes or lent or shutil.which("nvidia-smi")):
        return None
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Gpu(properties.name, "cuda", round(properties.total_memory / GB, 1))
    if torch.backends.mps.is_available():
        return Gpu("Apple GPU", "mps", 0)
    return None


def free_disk(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
