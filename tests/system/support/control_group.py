"""Control groups of the memory's, where the machine lets us make them."""

import os
import pathlib
import time


class Group:
    def __init__(self, path, version):
        self.path = path
        self.version = version

    def command(self, words):
        """The words, so that they run in it."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.path / "cgroup.procs"), *words]

    def used(self):
        name = "memory.usage_in_bytes" if self.version == 1 else "memory.current"
        return int((self.path / name).read_text())

    def kills(self):
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        for line in (self.path / name).read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                return self.path.rmdir()
            except OSError:  # the last of its processes is still on its way out
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def own_paths():
    """(version, path within the hierarchy) of the groups that we are in."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield 1, path
        elif controllers == "":
            yield 2, path


def make(limit_bytes):
    """A group with that limit; None if none can be made here."""
    name = f"ullage-test-{os.getpid()}-{time.monotonic_ns()}"
    for version, own in own_paths():
        mount = pathlib.Path("/sys/fs/cgroup/memory" if version == 1 else "/sys/fs/cgroup")
        limit = "memory.limit_in_bytes" if version == 1 else "memory.max"
        for parent in (mount / own.lstrip("/"), mount):
            path = parent / name
            try:
                path.mkdir()
            except OSError:
                continue
            try:
                (path / limit).write_text(str(limit_bytes))
                (path / "cgroup.procs").open("r+").close()
                return Group(path, version)
            except OSError:
                path.rmdir()
    return None
