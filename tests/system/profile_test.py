"""Profiles of the running server, read by `go tool pprof` as people do."""

import http.client
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from support import servers

GO = shutil.which("go")


class Profiles(unittest.TestCase):
    def setUp(self):
        self.port = servers.free_port()
        self.server = servers.ullage("--memory-limit", "64mb",
                                     environment={"ULLAGE_ADMIN_PORT": str(self.port)})
        self.addCleanup(self.server.__exit__)
        self.wire = self.server.connect()
        self.addCleanup(self.wire.close)

    def fill(self, groups, fields=3, size=40):
        for first in range(0, groups, 100):
            self.wire.pipeline([["HSET", f"user:{g}:settings", f"field{f}", "v" * size]
                                for g in range(first, min(groups, first + 100))
                                for f in range(fields)])

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def pprof(self, *words):
        with tempfile.TemporaryDirectory() as home:
            environment = dict(os.environ, PPROF_TMPDIR=home, GOTOOLCHAIN="local")
            done = subprocess.run(
                [GO, "tool", "pprof", *words,
                 f"http://127.0.0.1:{self.port}/debug/pprof/data"],
                env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @unittest.skipUnless(GO, "there is no Go here")
    def test_go_tool_pprof_shows_who_owns_the_bytes(self):
        self.fill(2000)
        self.wire.pipeline([["SET", f"session:{i}", "x" * 900] for i in range(1000)])
        self.wire.ask("SELECT", "3")
        self.wire.ask("HSET", "elsewhere", "f", "v")
        rows = {}
        text = self.pprof("-top", "-cum", "-unit=B")
        for line in text.splitlines():
            found = re.match(r"\s*\S+\s+\S+\s+\S+\s+(\d+)B\s+\S+\s+(.*)", line)
            if found:
                rows[found[2]] = int(found[1])
        # A group of the settings is a key; a string's value has no field.
        self.assertGreater(rows["user:<n>:settings"], 6000 * 46)
        self.assertGreater(rows["session:<n>"], 1000 * 900)
        self.assertLess(rows["session:<n>"], 1000 * 1100)
        self.assertEqual(rows["value"], 6000 * 40 + 1000 * 900 + 1)
        entries = self.pprof("-top", "-sample_index=entries")
        self.assertRegex(entries, r"accounting for 7001, 100% of 7001 total")
        # The sum of the leaves is what is charged.
        charged = self.wire.ask("UL.VALIDATE")
        charged = charged[charged.index(b"charged-bytes") + 1]
        self.assertEqual(rows["ullage"], charged)
        tags = self.pprof("-tags", "-unit=B")
        sizes = tags.split("size: Total", 1)[1]
        self.assertRegex(sizes, r"[89]\d{5}B \([^)]*\): 512B")
        self.assertRegex(sizes, r": 32B")

    def test_probes_are_served_while_a_page_is_made(self):
        self.fill(20_000)
        pages = []
        thread = threading.Thread(target=lambda: pages.append(self.ask("/debug/pprof/data")))
        probes = 0
        thread.start()
        while thread.is_alive():
            self.assertEqual(self.ask("/healthz")[1], b"ok\n")
            probes += 1
        thread.join()
        self.assertGreaterEqual(probes, 1)
        answer, body = pages[0]
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.getheader("Content-Type"), "application/octet-stream")
        self.assertIn("data.pb.gz", answer.getheader("Content-Disposition"))
        self.assertEqual(body[:2], b"\x1f\x8b")

    def test_some_slabs_stand_for_all(self):
        self.fill(5000)
        answer, body = self.ask("/debug/pprof/data?slabs=5")
        self.assertEqual((answer.status, body[:2]), (200, b"\x1f\x8b"))
        answer, body = self.ask("/debug/pprof/data", "HEAD")
        self.assertEqual((answer.status, body), (200, b""))

    def test_memory_is_taken_from_what_clients_may_hold(self):
        # However many ask, the whole stays within the limit.
        self.fill(3000)
        for _ in range(20):
            self.assertEqual(self.ask("/debug/pprof/data")[0].status, 200)
        if not servers.is_sanitized():
            self.assertLessEqual(self.server.status_bytes("VmHWM"), 64 << 20)


if __name__ == "__main__":
    unittest.main()
