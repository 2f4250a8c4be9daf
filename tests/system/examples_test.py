"""The examples: a service with a leak, which `go tool pprof` names."""

import http.client
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import servers
from support.background import going_on

GO = shutil.which("go")
EXAMPLES = pathlib.Path(os.environ["ULLAGE_PROGRAM"]).parent.parent / "examples"


@unittest.skipIf(servers.is_sanitized(), "a sanitizer has its own allocator")
class LeakyService(unittest.TestCase):
    def serve(self, name):
        service = subprocess.Popen([EXAMPLES / name], stdout=subprocess.PIPE, text=True,
                                   env=dict(os.environ, MALLOC_CONF="lg_prof_sample:14"))
        self.addCleanup(service.stdout.close)
        self.addCleanup(service.wait)
        self.addCleanup(service.kill)
        return int(re.match(r"listening on (\d+)", service.stdout.readline())[1])

    def use(self, port, requests):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(requests):
            connection.request("GET", "/")
            connection.getresponse().read()
        connection.close()

    def save(self, port, path, page="/debug/pprof/heap"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", page)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.assertEqual(answer.status, 200, body)
        path.write_bytes(body)

    def pprof(self, *words):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run([GO, "tool", "pprof", *words],
                                  env=dict(os.environ, PPROF_TMPDIR=home, GOTOOLCHAIN="local"),
                                  capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @staticmethod
    def row(text, name):
        """Flat bytes of the function, and the place it has in the table."""
        lines = text.splitlines()
        head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["flat", "flat%"])
        for place, line in enumerate(lines[head + 1:], 1):
            if name in line:
                return int(re.match(r"\s*(-?\d+)B", line)[1]), place
        return 0, None

    @unittest.skipUnless(GO, "there is no Go here")
    def test_the_leak_is_named(self):
        for name in ("leaky_service", "leaky_service_static"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                if not (EXAMPLES / name).exists():
                    self.skipTest(f"{name} is not built: jemalloc's package has no archive here")
                port = self.serve(name)
                self.use(port, 3000)
                first = pathlib.Path(folder, "first.pb.gz")
                self.save(port, first)
                url = f"http://127.0.0.1:{port}/debug/pprof/heap"
                held, place = self.row(self.pprof("-top", "-unit=B", url),
                                       "Service::remember_session")
                # A tenth of three thousand, of 2 KB each.
                self.assertEqual(place, 1)
                self.assertGreater(held, 300_000)
                self.assertLess(held, 1_200_000)
                self.use(port, 5000)
                grown, place = self.row(self.pprof("-top", "-unit=B", "-base", first, url),
                                        "Service::remember_session")
                self.assertEqual(place, 1)
                self.assertGreater(grown, 600_000)
                self.assertLess(grown, 1_600_000)

    @unittest.skipUnless(GO, "there is no Go here")
    def test_its_processor_time_and_its_requests(self):
        port = self.serve("leaky_service")
        with tempfile.TemporaryDirectory() as folder, going_on(lambda: self.use(port, 200)):
            self.assertRegex(
                self.pprof("-top", "-cum", f"http://127.0.0.1:{port}/debug/pprof/profile"),
                r"Type: cpu[^$]*::Service::handle_request|Type: cpu[^$]*::talk")
            trace = pathlib.Path(folder, "trace")
            self.save(port, trace, "/debug/trace")
            for text in (b"leaky service", b"request", b"allocation", b"Service::remember_session"):
                self.assertIn(text, trace.read_bytes())


if __name__ == "__main__":
    unittest.main()
