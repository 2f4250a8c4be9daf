"""What operators deploy: rules that fire, and that ask for what the server tells."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from support import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = (PROMETHEUS / "ullage.rules.yml").read_text(encoding="utf-8")
TESTS = (PROMETHEUS / "ullage.rules.test.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "ullage.json").read_text(encoding="utf-8"))
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"]
           for target in panel.get("targets", [])]
PROMTOOL = shutil.which("promtool")
# Only a container has them, or a server in which something grows.
IN_CONTAINERS = re.compile(r"ullage_container_\w+|ullage_growth_at_limit_seconds")


def scrape():
    """What a server tells that has something to tell: text, by its lines."""
    port = servers.free_port()
    with servers.ullage("--classes", "g* min=1mb high=2mb max=3mb",
                        environment={"ULLAGE_ADMIN_PORT": str(port)}) as server:
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
            assert time.monotonic() < deadline, text
    return text


class Prometheus(unittest.TestCase):
    @unittest.skipUnless(PROMTOOL, "there is no promtool here")
    def test_alerts_fire_and_stay_silent(self):
        for words in (["check", "rules", "ullage.rules.yml"],
                      ["test", "rules", "ullage.rules.test.yml"]):
            done = subprocess.run([PROMTOOL, *words], cwd=PROMETHEUS, capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(PROMTOOL, "there is no promtool here")
    def test_a_typo_in_them_is_named(self):
        for right, wrong, named in (("expr: ullage_governor_stage >= 2",
                                     "expr: ullage_governor_stage >=", "UllageGovernorActs"),
                                    ("alert: UllageLongPauses", "alart: UllageLongPauses", "alart"),
                                    ("for: 10m", "for: 10 minutes", "10 minutes")):
            with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                self.assertIn(right, RULES)
                file.write(RULES.replace(right, wrong, 1))
                file.flush()
                done = subprocess.run([PROMTOOL, "check", "rules", file.name], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertNotEqual(done.returncode, 0, wrong)
                self.assertIn(named, done.stdout + done.stderr)

    def test_each_alert_is_tested_both_ways_and_has_a_runbook(self):
        runbook = (ROOT / "docs" / "operating" / "runbook.md").read_text(encoding="utf-8")
        sections = re.findall(r"^## (\w+)$", runbook, re.MULTILINE)
        self.assertEqual(sections, ALERTS)
        links = re.findall(r"runbook_url: (\S+)", RULES)
        self.assertEqual(links, [f"docs/operating/runbook.md#{name.lower()}" for name in ALERTS])
        silent = re.findall(r"alertname: (\w+), exp_alerts: \[\]", TESTS)
        fires = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", TESTS)
        self.assertEqual(sorted(silent), sorted(ALERTS))
        self.assertEqual(sorted(set(fires)), sorted(ALERTS))

    def test_what_they_ask_for_is_told(self):
        told = set(re.findall(r"^(ullage_\w+)", scrape(), re.MULTILINE))
        expressions = "".join(re.findall(r"expr: (?:\|\n(?: {10}.*\n)+|.*\n)", RULES))
        asked = set(re.findall(r"\b(ullage_\w+)", expressions))
        self.assertGreater(len(asked), 10)
        missing = {name for name in asked - told if not IN_CONTAINERS.fullmatch(name)}
        self.assertEqual(missing, set())


class Grafana(unittest.TestCase):
    def test_what_it_asks_for_is_told(self):
        told = {}  # the labels of each family
        for name, labels in re.findall(r"^(ullage_\w+)(?:{(.*)})? ", scrape(), re.MULTILINE):
            told.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
        self.assertGreater(len(QUERIES), 30)
        for title, query in QUERIES:
            names = set(re.findall(r"\bullage_\w+", query))
            self.assertTrue(names, title)
            for name in names:
                if IN_CONTAINERS.fullmatch(name):
                    continue
                self.assertIn(name, told, title)
                for by in re.findall(r"by \(([\w, ]+)\)", query):
                    for label in set(by.split(", ")) - {"instance", "job"}:
                        self.assertIn(label, told[name], f"{title}: {query}")

    @unittest.skipUnless(PROMTOOL, "there is no promtool here")
    def test_queries_are_queries(self):
        rules = []
        for i, (_, query) in enumerate(QUERIES):
            query = re.sub(r"\$__rate_interval", "5m", query)
            query = re.sub(r"\$\w+", "x", query)
            rules.append(f"  - record: query:{i}\n    expr: {json.dumps(query)}\n")
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write("groups:\n- name: dashboard\n  rules:\n" + "".join(rules))
            file.flush()
            done = subprocess.run([PROMTOOL, "check", "rules", file.name], capture_output=True,
                                  text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_operators_look_for_is_there(self):
        panels = {panel["title"]: panel for panel in DASHBOARD["panels"] if "targets" in panel}
        for title, kind, names in (
                ("What the cache's bytes are for", None, ["ullage_cache_role_bytes"]),
                ("Whose bytes they are: classes", None, ["ullage_cache_class_bytes"]),
                ("Headroom of the cache, now and in an hour", None,
                 ["ullage_cache_headroom_bytes", "predict_linear"]),
                ("Hit ratio", None, ["ullage_cache_hits_total", "ullage_cache_misses_total"]),
                ("Why entries go", None, ["ullage_cache_removals_total", "by (cause)"]),
                ("Pauses: rounds of the I/O threads", "heatmap", ["ullage_round_seconds_bucket"]),
                ("Threads and connections", None, ["ullage_threads", "ullage_clients"]),
                ("Container in use", "gauge", ["ullage_container_tightest_used_bytes"])):
            panel = panels[title]
            self.assertEqual(panel["type"], kind or "timeseries", title)
            for name in names:
                self.assertIn(name, json.dumps(panel["targets"]), title)

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in DASHBOARD["panels"]:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells
        self.assertEqual(len({panel["id"] for panel in DASHBOARD["panels"]}),
                         len(DASHBOARD["panels"]))


class Systemd(unittest.TestCase):
    UNIT = ROOT / "deploy" / "systemd" / "ullage.service"

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd here")
    def test_the_unit_is_right_and_confined(self):
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "ullage.service"
            text = self.UNIT.read_text(encoding="utf-8")
            unit.write_text(text.replace("/usr/bin/ullage", os.environ["ULLAGE_PROGRAM"]),
                            encoding="utf-8")
            done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.stdout + done.stderr, "")
            done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                                   "--threshold=20", unit], capture_output=True, text=True,
                                  timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:])


if __name__ == "__main__":
    unittest.main()
