"""ullage profile, trace and stats against a running server."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.request
import xml.etree.ElementTree as ElementTree

from support import servers


class Commands(unittest.TestCase):
    def setUp(self):
        port = servers.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(port),
                                                  "ULLAGE_HEAP_SAMPLE": "4kb"})
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        with self.server.connect() as wire:
            wire.pipeline([["HSET", f"user:{i}", "theme", "v" * 100] for i in range(3000)])

    def run_ullage(self, *words, code=0, url=True, stdout=False):
        command = [os.environ["ULLAGE_PROGRAM"], *words]
        if url:
            command += ["--url", self.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if not code or stdout else done.stderr

    def test_data(self):
        text = self.run_ullage("profile", "data", "--type", "payload")
        self.assertIn("user:<n>", text)
        self.assertRegex(text, r"293 KiB +\d+\.\d+% .* value")

    def test_flames_and_differences(self):
        saved, flames = self.folder / "saved.pb.gz", self.folder / "flames.svg"
        self.run_ullage("profile", "data", "--save", saved, "--flame", flames)
        drawing = ElementTree.parse(flames).getroot()
        titles = [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")]
        self.assertTrue(any(title.startswith("theme (") for title in titles), titles)
        with self.server.connect() as wire:
            wire.pipeline([["HSET", f"session:{i}", "token", "v" * 200] for i in range(3000)])
        text = self.run_ullage("profile", "data", "--diff", saved, "--type", "entries")
        self.assertRegex(text, r"3,000 of entries")
        self.assertIn("session:<n>", text)
        self.assertNotIn("user:<n>", text)
        again = self.run_ullage("profile", "--file", saved, "--type", "entries", url=False)
        self.assertRegex(again, r"3,000 of entries")

    @unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own allocator")
    def test_functions(self):
        many = [self.server.connect() for _ in range(50)]
        for one in many:
            self.addCleanup(one.close)
            one.ask("MULTI")
            one.ask("SET", "key", "x" * 2000)
        self.assertIn("ullage::", self.run_ullage("profile", "heap"))
        self.assertIn("of alloc_space", self.run_ullage("profile", "allocs"))

    @unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own allocator")
    @unittest.skipUnless(shutil.which("addr2line"), "there is no addr2line here")
    def test_lines(self):
        with self.server.connect() as wire:
            wire.ask("MULTI")
            wire.ask("SET", "key", "x" * 20000)
            text = self.run_ullage("profile", "heap", "--lines", "--save", self.folder / "lines",
                                   "--top", "200")
        self.assertRegex(text, r"ullage::server::IoThread::\w+ io_thread\.cpp:\d+")
        saved = self.run_ullage("profile", "--file", self.folder / "lines", "--top", "200",
                                url=False)
        self.assertNotIn("io_thread.cpp:", saved)  # by function, as long as nobody asks for lines
        if not shutil.which("go"):
            return
        root = pathlib.Path(__file__).parent.parent.parent
        # As it was compiled its path begins at the project or at the folder of the build.
        listed = subprocess.run(["go", "tool", "pprof", "-list=server::IoThread::run",
                                 f"-source_path={root / 'src' / 'server'}",
                                 self.folder / "lines"], cwd=root, capture_output=True, text=True,
                                env=dict(os.environ, PPROF_TMPDIR=str(self.folder),
                                         GOTOOLCHAIN="local"), timeout=120, check=False)
        self.assertRegex(listed.stdout, r"\d+:.*void IoThread::run", listed.stderr)

    def test_trace_and_stats(self):
        path = self.folder / "trace"
        self.assertIn("perfetto", self.run_ullage("trace", "--seconds", "1", "-o", path))
        self.assertGreater(path.stat().st_size, 100)
        text = self.run_ullage("stats")
        self.assertRegex(text, r"3,000 entries in 3,000 groups")
        self.assertIn('"accounts"', self.run_ullage("stats", "--json"))

    @unittest.skipIf(servers.is_sanitized(), "a sanitizer takes more than the limit itself")
    def test_the_doctor(self):
        self.assertIn("Nothing is wrong", self.run_ullage("doctor"))
        with self.server.connect() as wire:
            for first in range(0, 12_000, 1000):
                wire.pipeline([["HSET", "large\n", f"field{i}", "v"]
                               for i in range(first, first + 1000)])
            deadline = time.monotonic() + 60
            while "large\\x0a" not in self.run_ullage("doctor", code=None):  # the walk comes to it
                self.assertLess(time.monotonic(), deadline)
            text = self.run_ullage("doctor", code=3, stdout=True)
            self.assertIn('warning: Group "large\\x0a" has a great many fields', text)
            self.assertIn("UL.LIMIT", text)
            found = json.loads(self.run_ullage("doctor", "--json", code=3, stdout=True))
            self.assertEqual(found["findings"][0]["severity"], "warning")
            saved = self.folder / "findings.json"
            saved.write_text(self.run_ullage("doctor", "--json", code=3, stdout=True), "utf-8")
            again = self.run_ullage("doctor", "--file", saved, code=3, stdout=True, url=False)
            self.assertIn('warning: Group "large\\x0a" has a great many fields', again)
            # The same text, up to ten seconds old.
            while True:
                text = self.run_ullage("doctor", code=3, stdout=True)
                said = wire.ask("MEMORY", "DOCTOR").decode()
                if said.endswith(text):
                    break
                self.assertLess(time.monotonic(), deadline)
        for wrong in ("", "[]", '{"findings": [3]}', '{"findings": [{"what": 3}]}'):
            saved.write_text(wrong, "utf-8")
            self.assertIn("nothing that --json has written",
                          self.run_ullage("doctor", "--file", saved, code=1, url=False))
        saved.write_text('{"findings": [{"severity": "note"}]}', "utf-8")
        self.assertIn("note: ", self.run_ullage("doctor", "--file", saved, url=False))
        self.assertIn("excludes", self.run_ullage("doctor", "--file", saved, code=2))
        self.assertIn("excludes", self.run_ullage("stats", "--json", "--watch", "1", code=2))

    @unittest.skipIf(servers.is_sanitized(), "a sanitizer is too slow to make a group hot")
    def test_the_doctor_knows_which_group_is_hot(self):
        with self.server.connect() as wire:
            for _ in range(50):
                wire.pipeline([["HGET", "front page", "theme"]] * 5000)
        text = self.run_ullage("doctor", code=None)
        self.assertIn('Group "front page" is hot', text)
        self.assertRegex(text, r"(9\d|100) % of the calls with a key")

    def test_while_nobody_grows_there_is_no_growth_to_show(self):
        said = self.run_ullage("profile", "growth", code=1)
        self.assertIn("nobody in the cache grows without an end", said)

    @unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own allocator")
    def test_the_growth_of_code_is_followed(self):
        port = servers.free_port()
        followed = 0
        with servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(port),
                                         "ULLAGE_MEMORY_LIMIT": "256mb",  # less has no room for it
                                         "ULLAGE_HEAP_SAMPLE": "4kb"}) as server, \
                server.connect() as wire:
            # Something that stays: an idle server holds so little that often none of it is sampled.
            wire.pipeline([["SUBSCRIBE", f"channel {i} with a name that is no short string"]
                           for i in range(1000)])
            deadline = time.monotonic() + 60
            while followed == 0:
                self.assertLess(time.monotonic(), deadline)
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                    found = re.search(r'ullage_growth_owners\{owner="stack"\} (\d+)',
                                      page.read().decode())
                followed = int(found.group(1))

    def test_what_is_wrong_is_said(self):
        self.assertIn("none of data, growth, heap", self.run_ullage("profile", "colour", code=2))
        self.assertIn("what: data", self.run_ullage("profile", code=2))
        self.assertIn("is none of entries", self.run_ullage("profile", "data", "--type", "x",
                                                            code=2))
        self.assertIn("answers 400: seconds is",
                      self.run_ullage("trace", "--seconds", "99", code=1))
        self.assertIn("not http://", self.run_ullage("stats", "--url", "ftp://x", code=2,
                                                     url=False))
        closed = f"127.0.0.1:{servers.free_port()}"
        self.assertIn("is a server there?", self.run_ullage("stats", "--url", closed, code=1,
                                                            url=False))
        (self.folder / "no").write_text("no profile")
        self.assertIn("this is no profile", self.run_ullage("profile", "--file",
                                                            self.folder / "no", code=1, url=False))


if __name__ == "__main__":
    unittest.main()
