"""Servers for tests: ours and Redis, on Unix sockets in a folder of their own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from support.wire import Wire

START_SECONDS = 30
STOP_SECONDS = 30


class Server:
    """A started process; `with` ends it."""

    def __init__(self, command, address, folder, environment=None, file_limit=None):
        self.address = address
        self.folder = folder
        self.log_path = os.path.join(folder, "log")
        # Settings come from the test alone.
        inherited = clean_environment()
        if file_limit is not None:
            command = ["prlimit", f"--nofile={file_limit}", *command]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
                env={**inherited, **(environment or {})})
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once: {self.log()}")
            try:
                Wire(self.address, timeout=5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise AssertionError(f"the server does not answer: {self.log()}") from None
                time.sleep(0.01)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def connect(self, timeout=30):
        return Wire(self.address, timeout)

    def status_bytes(self, name):
        """A line of /proc/PID/status such as VmHWM, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name}")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the server did not stop: {self.log()}") from None
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            ended = self.stop()
            if ended not in (0, -signal.SIGKILL):
                raise AssertionError(f"the server ended with {ended}: {self.log()}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def clean_environment():
    """Ours without settings, and without the admin port, which all servers would want."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ULLAGE_")}
    return {**inherited, "ULLAGE_ADMIN_PORT": "0"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_sanitized():
    return os.environ.get("ULLAGE_SANITIZED", "") != ""


def ullage(*options, tcp=False, environment=None, file_limit=None, group=None):
    """`group`: a control group that it runs in."""
    folder = tempfile.mkdtemp(prefix="ullage-test-")
    command = [os.environ["ULLAGE_PROGRAM"], "serve"]
    if tcp:
        port = free_port()
        address = ("127.0.0.1", port)
        command += ["--port", str(port)]
    else:
        address = os.path.join(folder, "socket")
        command += ["--port", "0", "--unix-socket", address]
    command += options
    if group is not None:
        command = group.command(command)
    elif not any(option in ("--memory-limit", "--config") for option in options):
        # Whatever limit the container has that the tests run in.
        environment = {"ULLAGE_MEMORY_LIMIT": "64mb", **(environment or {})}
    return Server(command, address, folder, environment, file_limit)


def redis(*options):
    folder = tempfile.mkdtemp(prefix="ullage-test-")
    address = os.path.join(folder, "socket")
    command = ["redis-server", "--port", "0", "--unixsocket", address, "--save", "",
               "--appendonly", "no"]
    return Server(command + list(options), address, folder)
