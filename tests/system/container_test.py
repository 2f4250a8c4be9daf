"""The server in a control group with a memory limit, and a neighbour in it that grows."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

from support import control_group, servers, services

LIMIT = 256 << 20
NEIGHBOUR = """
import sys, time
held = []
for _ in range(100):
    held.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.05)
print("done", flush=True)
sys.stdin.read()
"""


@unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own memory")
class Container(unittest.TestCase):
    def setUp(self):
        self.group = control_group.make(LIMIT)
        if self.group is None:
            self.skipTest("no control group can be made here")
        self.addCleanup(self.group.remove)

    def serve(self, limit, *options, **environment):
        server = servers.ullage("--memory-limit", limit, *options, group=self.group,
                                environment=environment)
        self.addCleanup(lambda: server.__exit__() if server.process.poll() is None else None)
        return server

    def fill(self, server, megabytes):
        with server.connect() as wire:
            for first in range(0, megabytes * 1000, 500):
                wire.pipeline([["SET", f"key:{i}", "v" * 1000] for i in range(first, first + 500)])

    @contextlib.contextmanager
    def neighbour(self):
        process = subprocess.Popen(self.group.command([sys.executable, "-c", NEIGHBOUR]),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def info(self, server, name):
        with server.connect() as wire:
            text = wire.ask("INFO", "memory").decode()
        return int(re.search(rf"^{name}:(\d+)", text, re.MULTILINE)[1])

    def test_the_limit_is_a_share_of_the_container(self):
        server = self.serve("auto")
        self.assertEqual(self.info(server, "maxmemory"), LIMIT * 3 // 4)

    def test_a_neighbour_that_grows_gets_the_room_and_nobody_is_killed(self):
        server = self.serve("240mb", ULLAGE_LOG_FORMAT="json")
        self.fill(server, 300)
        full = server.status_bytes("VmRSS")
        self.assertGreater(full, 150 << 20)
        with self.neighbour() as neighbour:
            self.assertEqual(neighbour.stdout.readline(), "done\n")
            self.assertLess(server.status_bytes("VmRSS"), full - (30 << 20))
            self.fill(server, 100)  # and it stays so, whatever is written
            self.assertIsNone(neighbour.poll())
            self.assertLess(self.group.used(), LIMIT)
        self.assertIsNone(server.process.poll())
        self.assertEqual(self.group.kills(), 0)
        self.assertIn("the container is short of memory", server.log())
        self.assertIn('"event.action":"container_use"', server.log())

    def test_without_the_governor_the_kernel_kills(self):
        server = self.serve("240mb", "--governor", "no")
        self.fill(server, 300)
        with self.neighbour() as neighbour:
            deadline = time.monotonic() + 60
            while server.process.poll() is None and neighbour.poll() is None:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.assertGreater(self.group.kills(), 0)

    def test_the_naive_map_of_maps_in_the_same_place_is_killed(self):
        with services.Service("naive.py", group=self.group) as naive, self.neighbour():
            services.offer(naive, 300)
            self.assertEqual(naive.process.wait(60), -signal.SIGKILL)
        self.assertGreater(self.group.kills(), 0)


if __name__ == "__main__":
    unittest.main()
