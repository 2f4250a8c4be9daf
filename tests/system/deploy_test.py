"""What operators deploy: rules that fire, and that ask for what the server tells."""

import http.client
import pathlib
import re
import shutil
import subprocess
import time
import unittest

from support import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = (PROMETHEUS / "ullage.rules.yml").read_text(encoding="utf-8")
TESTS = (PROMETHEUS / "ullage.rules.test.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
PROMTOOL = shutil.which("promtool")
# Only a container has them.
IN_CONTAINERS = re.compile(r"ullage_container_\w+")


class Prometheus(unittest.TestCase):
    @unittest.skipUnless(PROMTOOL, "there is no promtool here")
    def test_alerts_fire_and_stay_silent(self):
        for words in (["check", "rules", "ullage.rules.yml"],
                      ["test", "rules", "ullage.rules.test.yml"]):
            done = subprocess.run([PROMTOOL, *words], cwd=PROMETHEUS, capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_alert_is_tested_both_ways_and_has_a_runbook(self):
        runbook = (ROOT / "docs" / "operating" / "runbook.md").read_text(encoding="utf-8")
        sections = re.findall(r"^## (\w+)$", runbook, re.MULTILINE)
        self.assertEqual(sections, ALERTS)
        links = re.findall(r"runbook_url: (\S+)", RULES)
        self.assertEqual(links, [f"docs/operating/runbook.md#{name.lower()}" for name in ALERTS])
        silent = re.findall(r"alertname: (\w+), exp_alerts: \[\]", TESTS)
        fires = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", TESTS)
        self.assertEqual(sorted(silent), sorted(ALERTS))
        self.assertEqual(sorted(fires), sorted(ALERTS))

    def test_what_they_ask_for_is_told(self):
        port = servers.free_port()
        with servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(port)}) as server:
            with server.connect() as wire:
                wire.pipeline([["HSET", "g", f"f{i}", "v"] for i in range(3000)])
                wire.ask("HGET", "g", "f1")
            text = ""
            deadline = time.monotonic() + 60
            while "ullage_cache_group_fields{" not in text:  # the first walk
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.request("GET", "/metrics")
                text = connection.getresponse().read().decode()
                connection.close()
                self.assertLess(time.monotonic(), deadline, text)
        told = set(re.findall(r"^(ullage_\w+)", text, re.MULTILINE))
        expressions = "".join(re.findall(r"expr: (?:\|\n(?: {10}.*\n)+|.*\n)", RULES))
        asked = set(re.findall(r"\b(ullage_\w+)", expressions))
        self.assertGreater(len(asked), 10)
        missing = {name for name in asked - told if not IN_CONTAINERS.fullmatch(name)}
        self.assertEqual(missing, set())


if __name__ == "__main__":
    unittest.main()
