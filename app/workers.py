"""Keeps worker processes alive beside the web app: one that dies is started again and takes its job up where it was."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

from app.settings import Settings

logger = logging.getLogger(__name__)
_CHECK_S = 0.5
_STOP_WAIT_S = 2.0  # for all of them together
_LONGEST_PAUSE_S = 30.0  # between two starts of a worker that ends at once (no models, no data folder)
_HEALTHY_S = 60.0  # one that ran this long is started again at once


class Supervisor:
    """Starts `cuepoint worker` processes and restarts those that end. They end by themselves when this process does."""

    def __init__(self, settings: Settings) -> None:
        self.command = [sys.executable, "-m", "app", "--data-dir", str(settings.data_dir)]
        if settings.profile:
            self.command += ["--profile", settings.profile]
        self.command += ["worker", "--parent", str(os.getpid())]
        self.count = settings.workers
        self.processes: list[subprocess.Popen[bytes]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        self.processes = [self._spawn() for _ in range(self.count)]
        self._thread.start()

    def terminate(self) -> None:
        """Tell the workers to end, and wait for none."""
        self._stopping.set()
        for process in self.processes:
            process.terminate()

    def stop(self) -> None:
        """End the workers; jobs that were running go on when the app is started again."""
        self._stopping.set()
        self._thread.join()
        self.terminate()
        until = time.monotonic() + _STOP_WAIT_S
        for process in self.processes:
            try:
                process.wait(max(until - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        pause, started = _CHECK_S, time.monotonic()
        while not self._stopping.wait(pause):
            ended = [index for index, process in enumerate(self.processes) if process.poll() is not None]
            if time.monotonic() - started > _HEALTHY_S:
                pause = _CHECK_S
            if not ended:
                continue
            pause, started = min(2 * pause, _LONGEST_PAUSE_S), time.monotonic()
            for index in ended:
                process = self.processes[index]
                logger.warning("worker %d ended with %s; starting another", process.pid, process.returncode)
                self.processes[index] = self._spawn()
