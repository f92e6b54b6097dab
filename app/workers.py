"""Keeps worker processes alive beside the web app: one that dies is started again and takes its job up where it was."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

from app.settings import Settings

logger = logging.getLogger(__name__)
_CHECK_S = 0.5
_STOP_WAIT_S = 5.0


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

    def stop(self) -> None:
        """End the workers; jobs that were running go on when the app is started again."""
        self._stopping.set()
        self._thread.join()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(_STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        while not self._stopping.wait(_CHECK_S):
            for index, process in enumerate(self.processes):
                if process.poll() is not None:
                    logger.warning("worker %d ended with %s; starting another", process.pid, process.returncode)
                    self.processes[index] = self._spawn()
