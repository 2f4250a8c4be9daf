"""Profiles of the running server, read by `go tool pprof` as people do."""

import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from support import servers
from support.background import going_on

GO = shutil.which("go")


class Profiles(unittest.TestCase):
    def setUp(self):
        self.port = servers.free_port()
        self.server = servers.ullage("--memory-limit", "64mb",
                                     environment={"ULLAGE_ADMIN_PORT": str(self.port),
                                                  "ULLAGE_ADMIN_TOKEN": "geheim",
                                                  "ULLAGE_HEAP_SAMPLE": "4kb"})
        self.addCleanup(self.server.__exit__)
        self.wire = self.server.connect()
        self.addCleanup(self.wire.close)

    def fill(self, groups, fields=3, size=40):
        for first in range(0, groups, 100):
            self.wire.pipeline([["HSET", f"user:{g}:settings", f"field{f}", "v" * size]
                                for g in range(first, min(groups, first + 100))
                                for f in range(fields)])

    def ask(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def pprof(self, *words, of="data"):
        with tempfile.TemporaryDirectory() as home:
            environment = dict(os.environ, PPROF_TMPDIR=home, GOTOOLCHAIN="local")
            done = subprocess.run(
                [GO, "tool", "pprof", *words,
                 f"http://127.0.0.1:{self.port}/debug/pprof/{of}"],
                env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @unittest.skipUnless(shutil.which("protoc"), "there is no protoc here")
    def test_the_message_is_what_the_format_says(self):
        self.fill(100)
        kinds = ["data", "profile?seconds=1&hz=250"]
        if not servers.is_sanitized():
            kinds += ["heap", "allocs"]
        for kind in kinds:
            with self.subTest(kind):
                with self.busy():
                    answer, body = self.ask("/debug/pprof/" + kind)
                self.assertEqual(answer.status, 200, body)
                schema = pathlib.Path(__file__).parent / "support" / "profile.proto"
                decoded = subprocess.run(
                    ["protoc", "--decode=Profile", f"--proto_path={schema.parent}", schema.name],
                    input=gzip.decompress(body), capture_output=True, timeout=60, check=False)
                self.assertEqual(decoded.returncode, 0, decoded.stderr)
                lines = decoded.stdout.decode().splitlines()
                unknown = [line for line in lines if re.match(r"\s*\d+[ :]", line)]
                self.assertEqual(unknown, [])
                # The table of texts begins with the empty one; no reference goes past its end.
                texts = [line for line in lines if line.startswith("string_table: ")]
                self.assertEqual(texts[0], 'string_table: ""')
                self.assertEqual(len(set(texts)), len(texts))
                into_it = r"\s*(?:type|unit|key|str|num_unit|filename|build_id|name|comment): (\d+)"
                numbers = [int(found[1]) for line in lines if (found := re.match(into_it, line))]
                self.assertGreater(len(numbers), 3)
                self.assertLess(max(numbers), len(texts))
                # Numbers of locations, functions and mappings are each used once, and all there.
                blocks = re.findall(r"^(location|function|mapping) \{\n  id: (\d+)",
                                    "\n".join(lines), re.MULTILINE)
                self.assertEqual(len(set(blocks)), len(blocks))
                for what in ("location", "function"):
                    asked = {(what, number) for number in
                             re.findall(rf"{what}_id: (\d+)", "\n".join(lines))}
                    self.assertLessEqual(asked, set(blocks))

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
        probes = 0
        for _ in range(20):  # a page may be made between two probes; not each
            pages = []
            thread = threading.Thread(target=lambda: pages.append(self.ask("/debug/pprof/data")))
            thread.start()
            while thread.is_alive():
                self.assertEqual(self.ask("/healthz")[1], b"ok\n")
                probes += 1
            thread.join()
            answer, body = pages[0]
            if probes > 40:
                break
        self.assertGreater(probes, 40, "more than one before and one after each")
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

    @unittest.skipUnless(GO, "there is no Go here")
    @unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own allocator")
    def test_go_tool_pprof_shows_who_allocates(self):
        self.allocate()
        live = self.pprof("-top", "-cum", of="heap")
        self.assertIn("Type: inuse_space", live)
        self.assertRegex(live, r"ullage::server::IoThread")
        self.assertRegex(live, r"Build ID: [0-9a-f]{40}")
        self.assertNotRegex(live, r"operator new|mallocx?$")
        self.assertIn("Type: alloc_space", self.pprof("-top", of="allocs"))
        objects = self.pprof("-top", "-sample_index=inuse_objects", of="heap")
        self.assertIn("Type: inuse_objects", objects)

    @unittest.skipUnless(GO, "there is no Go here")
    def test_go_tool_pprof_shows_who_uses_the_processor(self):
        with self.busy():
            text = self.pprof("-top", "-cum", of="profile?seconds=2&hz=250")
        self.assertIn("Type: cpu", text)
        if not servers.is_sanitized():  # the thread sanitizer calls handlers when it suits it
            self.assertIn("ullage::server::IoThread::run", text)
        self.assertRegex(text, r"Duration: [2-9]")

    @contextlib.contextmanager
    def busy(self):
        """A client that asks for more all the time."""
        with self.server.connect() as wire, going_on(
                lambda: wire.pipeline([["HSET", f"user:{i}", "f", "v"] for i in range(200)])):
            yield

    def allocate(self):
        for _ in range(100):
            one = self.server.connect()
            self.addCleanup(one.close)
            one.ask("MULTI")
            one.ask("SET", "key", "x" * 2000)  # is held until EXEC

    def test_profiles_of_functions_for_people_and_tools(self):
        self.assertEqual(self.ask("/debug/pprof/profile?seconds=0")[0].status, 400)
        self.assertEqual(self.ask("/debug/pprof/profile?seconds=301")[0].status, 400)
        self.assertEqual(self.ask("/debug/pprof/profile?minutes=1")[0].status, 400)
        self.assertEqual(self.ask("/debug/pprof/heap?debug=3")[0].status, 400)
        self.assertEqual(self.ask("/debug/pprof/heap?seconds=3")[0].status, 400)
        self.assertEqual(self.ask("/debug/pprof/heap", "POST")[0].status, 405)
        self.allocate()
        answer, body = self.ask("/debug/pprof/heap?gc=1&debug=1")
        if servers.is_sanitized():
            self.assertEqual(answer.status, 503)
            self.assertIn(b"allocator is not jemalloc", body)
            return
        self.assertEqual(answer.status, 200)
        self.assertRegex(body.decode(), r"^heap profile: \d+: \d+ \[\d+: \d+\] @ heapprofile\n# sampled: one in 4096 bytes")
        found = re.search(rb"#\t0x([0-9a-f]+)\t(ullage::\S+)", body)
        address, name = found[1].decode(), found[2].decode()
        for answer, body in (self.ask(f"/debug/pprof/symbol?0x{address}"),
                             self.ask("/debug/pprof/symbol", "POST", body=f"0x{address}+0x1")):
            self.assertEqual(answer.status, 200)
            self.assertEqual(body.decode(), f"num_symbols: 1\n0x{address} {name}\n")
        self.assertEqual(self.ask("/debug/pprof/symbol?main")[0].status, 400)

    def test_sampling_is_changed_by_who_has_the_token(self):
        path = "/debug/pprof/sampling"
        if servers.is_sanitized():
            self.assertFalse(json.loads(self.ask(path)[1])["heap"]["available"])
            return
        before = {"available": True, "active": True, "sample_bytes": 4096}
        self.assertEqual(json.loads(self.ask(path)[1])["heap"], before)
        for headers in ({}, {"Authorization": "Bearer falsch"}, {"Authorization": "geheim"},
                        {"Authorization": "Bearer geheimer"}):
            self.assertEqual(self.ask(path + "?heap_bytes=0", "POST", **headers)[0].status, 403)
        self.assertEqual(json.loads(self.ask(path)[1])["heap"], before)
        token = {"Authorization": "Bearer geheim"}
        answer, body = self.ask(path + "?heap_bytes=9000", "POST", **token)
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(body)["heap"]["sample_bytes"], 8192)
        self.allocate()
        for wrong in ("", "?heap_bytes=x", "?heap_bytes=1", "?bytes=5"):
            self.assertEqual(self.ask(path + wrong, "POST", **token)[0].status, 400, wrong)
        self.wire.ask("CONFIG", "SET", "heap-sample", "0")
        self.assertFalse(json.loads(self.ask(path)[1])["heap"]["active"])
        self.assertEqual(self.ask("/debug/pprof/heap")[0].status, 200, "what was sampled stays")

    def test_memory_is_taken_from_what_clients_may_hold(self):
        # However many ask, the whole stays within the limit.
        self.fill(40_000, size=500)  # more than there is room for
        pages = ["data", "data", "heap?debug=1", "allocs", "profile?seconds=1"] * 8
        answers = []
        threads = [threading.Thread(target=lambda p=page: answers.append(
            self.ask("/debug/pprof/" + p)[0].status)) for page in pages]
        with self.busy():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertLessEqual(set(answers), {200, 503})
        self.assertIn(200, answers)
        if not servers.is_sanitized():
            self.assertLessEqual(self.server.status_bytes("VmHWM"), 64 << 20)


if __name__ == "__main__":
    unittest.main()
