"""The loop that every stage shares: steps, checkpoints to go on from, a curve as CSV, and an end to what goes wrong.

The batch of a step depends on the seed and the step alone, so a run that was broken off goes on as if it had not been,
and two processes that share a batch learn what one would have learned. Knows nothing of what is trained.
"""

from __future__ import annotations

import contextlib
import csv
import json
import logging
import math
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from model import hardware
from model.errors import CheckpointError, CuepointError
from model.training.averaging import Average
from model.training.config import LoopConfig

logger = logging.getLogger(__name__)

CURVE, RUN, STATE = "curve.csv", "run.json", "state.pt"
SAY_EVERY_S = 10.0
LOWEST_RATE = 0.01  # of the learning rate, where the cosine ends
BETAS = (0.9, 0.98)
DICE = 16


class Task(Protocol):
    """One stage: what is trained, and the loss of a batch."""

    @property
    def module(self) -> nn.Module: ...

    def batch(self, indices: np.ndarray, dice: np.ndarray) -> Any:
        """The samples with those numbers; dice [n, DICE], uniform in [0, 1), decide what is left to chance in each."""

    def loss(self, module: nn.Module, batch: Any) -> torch.Tensor: ...

    def evaluate(self) -> dict[str, float]:
        """Figures on what is held out, for the curve; the module is then as it would be saved."""


@dataclass
class Run:
    """A folder with a run: run.json (config, seed, git revision), curve.csv, state.pt (to go on from)."""

    folder: Path
    config: LoopConfig
    description: dict[str, Any] = field(default_factory=dict)

    def begin(self, processes: int) -> None:
        """A run may go on with another number of steps, for which the learning rate then falls; run.json tells.

        Raises CheckpointError if the folder holds a run of another configuration otherwise.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / RUN
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        planned = [*known.get("planned_steps", []), known["config"].get("loop", {}).get("steps")] if known else []
        if known and without_steps(known["config"]) != without_steps(self.description):
            raise CheckpointError(
                f"{path}: expected the configuration of this run, found another one: choose another --output."
            )
        content = {
            "config": self.description,
            "revision": git_revision(),
            "torch": torch.__version__,
            "processes": processes,
        }
        if earlier := [steps for steps in planned if steps != self.config.steps]:
            content["planned_steps"] = earlier  # before it was decided otherwise
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def save(self, state: dict[str, Any]) -> None:
        """The checkpoint before stays until this one is whole. Raises CuepointError where it cannot be written."""
        unfinished = self.folder / f"{STATE}.part"
        try:
            torch.save(state, unfinished)
            unfinished.replace(self.folder / STATE)
        except (OSError, RuntimeError) as error:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise CuepointError(
                f"The checkpoint of step {state['step']} could not be written to {self.folder} ({error}); the one "
                "before is whole: make room and run the same command again."
            ) from error

    def note(self, step: int, loss: float, learning_rate: float, figures: dict[str, float]) -> None:
        """Adds a line to the curve; lines of steps that are taken once more after a resume are dropped when read."""
        path = self.folder / CURVE
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["step", "loss", "learning_rate", "figures"])
            writer.writerow([step, f"{loss:.6g}", f"{learning_rate:.6g}", json.dumps(figures) if figures else ""])

    def load(self) -> dict[str, Any] | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds
            raise CheckpointError(f"{path} is damaged: expected a checkpoint, found {error}; delete it.") from error
        return state


def train(task: Task, run: Run, count: int, accelerator: Accelerator | None = None) -> dict[str, float]:
    """Train `task` on `count` samples as `run` says; go on where an earlier call stopped. Returns the last figures.

    Afterwards the module has the mean of its weights over the steps, where `run` wants one.
    Raises CuepointError when the loss is no number (it names the step), CheckpointError for a run of another kind.
    """
    config, accelerator = run.config, accelerator or Accelerator()
    optimizer = torch.optim.AdamW(
        parameter_groups(task.module, config.weight_decay), lr=config.learning_rate, betas=BETAS
    )
    if accelerator.is_main_process:
        run.begin(accelerator.num_processes)
    begin, known = resume(run, task.module, optimizer)
    module, optimizer = accelerator.prepare(task.module, optimizer)
    average = Average(task.module, config.averaging, known)
    figures: dict[str, float] = {}
    clock = Clock(begin, config.steps)
    for step in range(begin, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, config)
        loss = take_step(task, module, optimizer, step, count, config, accelerator)
        average.update(step)
        done = step + 1
        if not accelerator.is_main_process:
            continue
        if done % config.evaluate_every == 0 or done == config.steps:
            with average.in_place():
                figures = task.evaluate()
            logger.info("step %d of %d: %s", done, config.steps, told(figures))
            run.note(done, loss, rate(step, config), figures)
        else:
            run.note(done, loss, rate(step, config), {})
        if done % config.checkpoint_every == 0 or done == config.steps:
            state = {"module": task.module.state_dict(), "optimizer": optimizer.state_dict(), "average": average.means}
            run.save({"step": done, **state})
        clock.say(done, loss)
    average.take_over()
    return figures or task.evaluate()


def take_step(
    task: Task, module: nn.Module, optimizer: Any, step: int, count: int, config: LoopConfig, accelerator: Accelerator
) -> float:
    """One update from one batch; each process computes its share of each part. Returns the loss."""
    rng = np.random.default_rng([config.seed, step])
    indices = draw(step, count, config)
    dice = rng.random((len(indices), DICE))
    shares = np.array_split(np.arange(len(indices)), config.accumulate)
    total = 0.0
    for number, share in enumerate(shares):
        mine = share[accelerator.process_index :: accelerator.num_processes]
        torch.manual_seed(int(np.random.default_rng([config.seed, step, number]).integers(2**31)))
        waiting = number < len(shares) - 1
        with accelerator.no_sync(module) if waiting else contextlib.nullcontext():
            loss = task.loss(module, task.batch(indices[mine], dice[mine])) * (len(share) / len(indices))
            accelerator.backward(loss)
        total += float(accelerator.reduce(loss.detach(), "mean"))
    if not math.isfinite(total):
        raise CuepointError(
            f"The loss of step {step + 1} is {total}: training stops here, the last checkpoint is whole. Lower "
            "learning_rate, or look at the samples of that batch: numbers " + ", ".join(map(str, indices[:8])) + " ..."
        )
    accelerator.clip_grad_norm_(module.parameters(), config.clip_norm)
    optimizer.step()
    optimizer.zero_grad()
    return total


def draw(step: int, count: int, config: LoopConfig) -> np.ndarray:
    """The samples of a step: every sample once an epoch, in an order that the seed and the epoch decide."""
    wanted = np.arange(step * config.batch, (step + 1) * config.batch)
    epochs, places = wanted // count, wanted % count
    orders = {epoch: np.random.default_rng([config.seed, 1, int(epoch)]).permutation(count) for epoch in set(epochs)}
    return np.array([orders[epoch][place] for epoch, place in zip(epochs, places, strict=True)])


def rate(step: int, config: LoopConfig) -> float:
    """The learning rate of a step: a straight rise, then half a cosine."""
    rise = min(1.0, (step + 1) / max(1, config.warmup_steps))
    fall = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.learning_rate * rise * (LOWEST_RATE + (1 - LOWEST_RATE) * fall)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; gains, biases and single numbers do not."""
    trained = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def resume(run: Run, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, list[torch.Tensor]]:
    """Takes over the last checkpoint, if there is one. Returns the step to go on with, and the mean so far."""
    state = run.load()
    if state is None:
        return 0, []
    try:
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise CheckpointError(
            f"{run.folder / STATE} is of another architecture: {reason} Choose another --output."
        ) from error
    return int(state["step"]), state.get("average", [])


class Clock:
    """Says how far it is and how long it will take, now and then."""

    def __init__(self, begin: int, steps: int) -> None:
        self.begin, self.steps = begin, steps
        self.began = self.said = time.monotonic()

    def say(self, done: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.said > SAY_EVERY_S:
            self.said = now
            left_s = (now - self.began) / (done - self.begin) * (self.steps - done)
            logger.info("step %d of %d, loss %.3f, %.1f min left", done, self.steps, loss, left_s / 60)


def mixed_precision(config: LoopConfig) -> str:
    """What accelerate is to compute in: bfloat16 where that is faster (or asked for), else "no"."""
    chosen = config.precision
    if chosen == "auto":
        machine = hardware.describe()
        chosen = "bf16" if machine.bf16 or (machine.gpu and machine.gpu.kind == "cuda") else "fp32"
    return "bf16" if chosen == "bf16" else "no"


def told(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def without_steps(description: dict[str, Any]) -> dict[str, Any]:
    """A run's configuration but for how long it is."""
    return description | {"loop": description.get("loop", {}) | {"steps": None}}


def git_revision() -> str:
    """Of the code that trains, with a + where files were changed since; empty outside a repository."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()
