"""The server in a control group with a memory limit, and a neighbour in it that grows."""

import contextlib
import os
import pathlib
import re
import signal
import socket
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


# Takes a mebibyte for each line that it reads.
EATER = """
import sys
held = []
for line in sys.stdin:
    held.append(bytearray(b"x") * (1 << 20))
    print(len(held), flush=True)
"""


@unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own memory")
class Container(unittest.TestCase):
    def setUp(self):
        self.group = control_group.make(LIMIT)
        if self.group is None:
            self.skipTest("no control group can be made here")
        self.addCleanup(self.group.remove)

    def serve(self, limit, *options, **environment):
        given = [] if limit is None else ["--memory-limit", limit]
        server = servers.ullage(*given, *options, group=self.group, environment=environment)
        self.addCleanup(lambda: server.__exit__() if server.process.poll() is None else None)
        return server

    def fill(self, server, megabytes):
        with server.connect() as wire:
            for first in range(0, megabytes * 1000, 500):
                wire.pipeline([["SET", f"key:{i}", "v" * 1000] for i in range(first, first + 500)])

    @contextlib.contextmanager
    def neighbour(self, does=NEIGHBOUR):
        process = subprocess.Popen(self.group.command([sys.executable, "-c", does]),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def new_client(self, server):
        with socket.socket(socket.AF_UNIX) as new:
            new.settimeout(30)
            new.connect(server.address)
            with contextlib.suppress(BrokenPipeError):  # it may have been refused already
                new.sendall(b"PING\r\n")
            return new.recv(200)

    def info(self, server, name):
        with server.connect() as wire:
            text = wire.ask("INFO", "memory").decode()
        return int(re.search(rf"^{name}:(\d+)", text, re.MULTILINE)[1])

    def test_the_limit_is_a_share_of_the_container(self):
        server = self.serve("auto")
        self.assertEqual(self.info(server, "maxmemory"), LIMIT * 3 // 4)

    def test_nobody_has_to_ask_for_that(self):
        self.assertEqual(self.info(self.serve(None), "maxmemory"), LIMIT * 3 // 4)
        self.assertEqual(self.info(self.serve(None, ULLAGE_MEMORY_LIMIT="40mb"), "maxmemory"),
                         40 << 20)

    def test_while_it_is_full_new_clients_are_refused_and_the_others_go_on(self):
        server = self.serve("40mb")
        with server.connect() as wire, self.neighbour(EATER) as eater:
            while self.group.used() < LIMIT * 98 // 100:
                eater.stdin.write("more\n")
                eater.stdin.flush()
                self.assertTrue(eater.stdout.readline())
            deadline = time.monotonic() + 60
            refused = b"-ERR the container is short of memory"
            while not (answer := self.new_client(server)).startswith(refused):
                self.assertEqual(answer, b"+PONG\r\n")  # it looks several times a second
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(wire.ask("PING"), "PONG")
            rejected = re.search(rb"rejected_connections:(\d+)", wire.ask("INFO", "stats"))
            self.assertGreater(int(rejected[1]), 0)
            eater.kill()
            eater.wait()
            while self.new_client(server) != b"+PONG\r\n":
                self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.group.kills(), 0)

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
        with services.Service("naive.py", group=self.group) as naive:
            services.offer(naive, 150)
            self.assertIsNone(naive.process.poll(), "alone it has room for that")
        self.assertEqual(self.group.kills(), 0)
        with services.Service("naive.py", group=self.group) as naive, self.neighbour():
            services.offer(naive, 150)
            self.assertEqual(naive.process.wait(60), -signal.SIGKILL)
        self.assertGreater(self.group.kills(), 0)


if __name__ == "__main__":
    unittest.main()
