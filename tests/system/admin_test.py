"""The admin port: HTTP for probes."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support import servers


class Admin(unittest.TestCase):
    def setUp(self):
        self.port = servers.free_port()
        self.server = servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(self.port)})
        self.addCleanup(self.server.__exit__)

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            received = b""
            while True:
                more = connection.recv(4096)
                if not more:
                    return received
                received += more

    def test_probes(self):
        self.assertEqual(self.ask("/healthz"), (200, "ok\n"))
        self.assertEqual(self.ask("/readyz?verbose"), (200, "ready\n"))
        self.assertEqual(self.ask("/healthz", "HEAD"), (200, ""))
        status, text = self.ask("/nothing")
        self.assertEqual(status, 404)
        self.assertIn("/healthz", text)
        self.assertEqual(self.ask("/healthz", "DELETE")[0], 405)

    def test_whose_name_is_asked_for(self):
        for host in ("localhost", "10.1.2.3:7380", "[::1]:7380", "ullage.service:7380"):
            self.assertEqual(self.ask("/healthz", Host=host)[0], 200, host)
        self.assertEqual(self.ask("/", Host="10.1.2.3:7380")[0], 200)
        for host in ("evil.example", "127.0.0.1.evil.example:7380"):
            self.assertEqual(self.ask("/", Host=host)[0], 403, host)

    def test_profiles(self):
        status, text = self.ask("/debug/pprof/")
        self.assertEqual(status, 200)
        self.assertIn("data", text)
        self.assertEqual(self.ask("/debug/pprof/cmdline")[1].split("\0")[1], "serve")
        self.assertEqual(self.ask("/debug/pprof/data", Host="evil.example")[0], 403)
        self.assertEqual(self.ask("/metrics", Host="ullage.default.svc:7380")[0], 200)
        self.assertEqual(self.ask("/debug/pprof/data?slabs=x")[0], 400)
        self.assertEqual(self.ask("/debug/pprof/data?slabs=%")[0], 400)
        self.assertEqual(self.ask("/debug/pprof/data?nonsense=1")[0], 400)
        self.assertEqual(self.ask("/debug/pprof/nothing")[0], 404)

    def test_secrets_are_not_shown(self):
        port = servers.free_port()
        with servers.ullage("--admin-token", "geheim", "--password=streng",
                            environment={"ULLAGE_ADMIN_PORT": str(port)}) as server:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/debug/pprof/cmdline")
            words = connection.getresponse().read().decode().split("\0")
            connection.close()
            self.assertEqual(words[words.index("--admin-token") + 1], "***")
            self.assertIn("--password=***", words)
            with server.connect() as wire:
                wire.ask("AUTH", "streng")
                self.assertEqual(wire.ask("CONFIG", "GET", "admin-*"),
                                 [b"admin-bind", b"127.0.0.1", b"admin-port", str(port).encode()])

    def test_a_page_of_another_site_gets_nothing(self):
        self.assertEqual(self.ask("/debug/pprof/data", **{"Sec-Fetch-Site": "cross-site"})[0], 403)
        self.assertEqual(self.ask("/debug/pprof/data", **{"X-Forwarded-For": "192.0.2.1"})[0], 401)
        self.assertEqual(self.ask("/healthz", **{"X-Forwarded-For": "192.0.2.1"})[0], 200)

    def test_thresholds_are_told_in_the_log(self):
        with servers.ullage(environment={"ULLAGE_ADMIN_PORT": "0",
                                         "ULLAGE_ALERT_GROUP_FIELDS": "10",
                                         "ULLAGE_ALERT_PROCESS_USE": "1",
                                         "ULLAGE_LOG_FORMAT": "json"}) as server:
            with server.connect() as wire:
                wire.pipeline([["HSET", "large", f"f{i}", "v"] for i in range(20)])
            deadline = time.monotonic() + 60
            told = {}
            while {"group_fields", "process_use"} - set(told):
                lines = [json.loads(line) for line in server.log().splitlines() if line[:1] == "{"]
                told = {line["event.action"]: line for line in lines if "event.action" in line}
                self.assertLess(time.monotonic(), deadline, lines)
            self.assertEqual(told["group_fields"]["ullage.group"], "large")
            self.assertEqual(told["group_fields"]["ullage.value"], 20)

    def test_debug_may_have_a_port_of_its_own(self):
        debug = servers.free_port()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "debug.sock")
            with servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(servers.free_port()),
                                             "ULLAGE_DEBUG_PORT": str(debug),
                                             "ULLAGE_DEBUG_SOCKET": path}) as server:
                ports = re.findall(r'listening on="127.0.0.1:(\d+)"', server.log())
                probes = next(int(port) for port in ports if int(port) != debug)
                asked = {}
                for port in (probes, debug):
                    for page in ("/healthz", "/metrics", "/debug/pprof/"):
                        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                        connection.request("GET", page)
                        asked[port, page] = connection.getresponse().status
                        connection.close()
                self.assertEqual(asked, {(probes, "/healthz"): 200, (probes, "/metrics"): 200,
                                         (probes, "/debug/pprof/"): 404, (debug, "/healthz"): 200,
                                         (debug, "/metrics"): 200, (debug, "/debug/pprof/"): 200})
                for url in (f"http://127.0.0.1:{debug}", "unix:" + path):
                    shown = subprocess.run([os.environ["ULLAGE_PROGRAM"], "stats", "--url", url],
                                           capture_output=True, text=True, timeout=60, check=False)
                    self.assertEqual(shown.returncode, 0, shown.stderr)
                    self.assertIn("entries in", shown.stdout)
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(path)
                    connection.sendall(b"GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n")
                    self.assertIn(b"200 OK", connection.recv(4096))
            self.assertFalse(os.path.exists(path))

    def metrics(self, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        text = answer.read().decode()
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.assertNotIn(name, samples, "each series once")
                samples[name] = float(value)
        return answer.getheader("Content-Type"), text, samples

    def test_metrics_say_what_happened(self):
        with self.server.connect() as wire:
            wire.pipeline([["HSET", f"g{i}", "f", "v" * 50] for i in range(100)])
            wire.pipeline([["HGET", f"g{i}", "f"] for i in range(100)])
            wire.ask("HGET", "g1", "none")
            wire.ask("DEL", "g1")
            wire.ask("NONSENSE")
            kind, text, samples = self.metrics()
        self.assertIn("version=0.0.4", kind)
        self.assertEqual(samples["ullage_cache_entries"], 99)
        self.assertEqual(samples["ullage_cache_groups"], 99)
        self.assertEqual(samples["ullage_cache_hits_total"], 100)
        self.assertEqual(samples["ullage_cache_misses_total"], 1)
        self.assertEqual(samples['ullage_cache_removals_total{cause="erased"}'], 1)
        self.assertEqual(samples["ullage_cache_payload_bytes"], 99 * 51)
        self.assertEqual(samples["ullage_clients"], 1)
        self.assertEqual(samples["ullage_command_errors_total"], 1)
        parts = sum(value for name, value in samples.items()
                    if name.startswith("ullage_budget_bytes{"))
        self.assertLessEqual(parts, samples["ullage_limit_bytes"])
        self.assertGreater(parts, samples["ullage_limit_bytes"] * 0.97)
        self.assertEqual(samples["ullage_cache_charged_bytes"]
                         + samples["ullage_cache_headroom_bytes"],
                         samples["ullage_cache_limit_bytes"])
        self.assertLess(len(samples), 2000)
        self.assertEqual(samples['ullage_command_calls_total{command="hset"}'], 100)
        self.assertEqual(samples['ullage_command_calls_total{command="hget"}'], 101)
        self.assertEqual(samples['ullage_command_calls_total{command="del"}'], 1)
        self.assertNotIn('ullage_command_calls_total{command="get"}', samples)
        self.assertGreater(samples["ullage_round_seconds_count"], 0)
        self.assertEqual(samples["ullage_round_seconds_count"],
                         samples['ullage_round_seconds_bucket{le="+Inf"}'])
        kind, text, _ = self.metrics(Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
        self.assertIn("application/openmetrics-text", kind)
        self.assertTrue(text.endswith("# EOF\n"))

    def test_clients_that_come_and_go_lie_where_others_did(self):
        for _ in range(300):
            with self.server.connect() as wire:
                self.assertEqual(wire.ask("PING"), "PONG")
        _, _, samples = self.metrics()
        pool = {name: samples[f'ullage_pool_{name}{{pool="connections"}}']
                for name in ("leases_total", "reuses_total", "misses_total", "outstanding", "idle")}
        self.assertGreaterEqual(pool["leases_total"], 300)
        self.assertGreaterEqual(pool["reuses_total"] / pool["leases_total"], 0.95)
        self.assertEqual(pool["misses_total"], pool["outstanding"] + pool["idle"])

    def test_metrics_say_who_owns_what(self):
        with self.server.connect() as wire:
            for first in range(0, 3000, 500):
                wire.pipeline([["HSET", "large", f"field{i}", "v" * 50]
                               for i in range(first, first + 500)])
            wire.pipeline([["HSET", f"g{i}", "f", "v" * 50] for i in range(1000)])
            samples = {}
            deadline = time.monotonic() + 60
            # The walk that began after the last write has seen all.
            while samples.get('ullage_cache_role_bytes{role="value"}') != 4000 * 50:
                _, _, samples = self.metrics()
                self.assertLess(time.monotonic(), deadline, samples)
        roles = {name: value for name, value in samples.items()
                 if name.startswith("ullage_cache_role_bytes")}
        self.assertEqual(sum(roles.values()), samples["ullage_cache_charged_bytes"])
        self.assertEqual(samples['ullage_cache_class_bytes{class="default"}'],
                         samples["ullage_cache_charged_bytes"])
        self.assertGreater(samples['ullage_cache_group_bytes{group="large"}'], 3000 * 50)
        self.assertGreater(samples['ullage_cache_group_fields{group="large"}'], 2500)
        self.assertGreater(samples["ullage_cache_other_groups_fields"], 900)
        self.assertNotIn('ullage_cache_group_bytes{group="g1"}', samples, "too small to be told")
        self.assertEqual(sum(value for name, value in samples.items()
                             if name.startswith("ullage_cache_group_bytes"))
                         + samples["ullage_cache_other_groups_bytes"],
                         samples["ullage_cache_charged_bytes"])

    def test_accounts_of_memory_add_up(self):
        with self.server.connect() as wire:
            wire.pipeline([["HSET", f"g{i}", "f", "v" * 50] for i in range(1000)])
        deadline = time.monotonic() + 60
        accounts = {}
        while "cache" not in accounts:
            page = json.loads(self.ask("/debug/memstats")[1])
            accounts = page["accounts"]
            self.assertLess(time.monotonic(), deadline, page)
        self.assertEqual(set(accounts), {"resident", "cache", "limit", "heap"})
        for name, account in accounts.items():
            self.assertEqual(sum(account["lines"].values()), account["whole"], name)
        self.assertEqual(accounts["limit"]["whole"], 64 << 20)
        self.assertLess(abs(accounts["limit"]["lines"]["rounding"]), 1 << 20)
        if not servers.is_sanitized():
            self.assertEqual(page["Allocator"], "jemalloc")
            self.assertLess(abs(accounts["resident"]["lines"]["unaccounted"]), 16 << 20)
            self.assertLessEqual(page["HeapAlloc"], page["HeapInuse"])
            self.assertLessEqual(page["HeapInuse"], page["HeapSys"])
        status, text = self.ask("/debug/memory")
        self.assertEqual(status, 200)
        tables = re.findall(r"<table>(.*?)</table>", text, re.S)
        self.assertEqual(len(tables), 4)
        for table in tables:
            *lines, whole = [int(number) for number
                             in re.findall(r'<td class="n">(-?\d+)</td>', table)]
            self.assertEqual(sum(lines), whole)
        for anchor in re.findall(r'href="#(\w+)"', text):
            self.assertIn(f'id="{anchor}"', text)
        self.assertIn("/debug/memory", self.ask("/")[1])

    @unittest.skipUnless(shutil.which("promtool"), "there is no promtool here")
    def test_promtool_finds_nothing_wrong_with_them(self):
        _, text, _ = self.metrics()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_while_it_stops_it_is_not_ready(self):
        wire = self.server.connect()
        self.addCleanup(wire.close)
        wire.ask("SET", "k", "x" * 900_000)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.send("GET", "k")
        wire.fill()  # its reply is under way, and nobody takes it to its end
        self.server.process.send_signal(signal.SIGTERM)
        while self.ask("/readyz")[0] == 200:
            pass
        self.assertEqual(self.ask("/readyz"), (503, "stopping\n"))
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertEqual(len(wire.read()), 900_000)
        self.assertEqual(self.server.process.wait(60), 0)

    def test_what_is_no_request(self):
        self.assertTrue(self.raw(b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400"))
        long_head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000
        self.assertTrue(self.raw(long_head).startswith(b"HTTP/1.1 431"))
        self.assertTrue(self.raw(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200"))

    def test_in_pieces(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n":
                connection.sendall(bytes([byte]))
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))

    def test_slow_clients_do_not_keep_a_probe_out(self):
        slow = []
        for _ in range(200):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            self.addCleanup(one.close)
            one.sendall(b"GET /healthz HTTP/1.1\r\n")
            slow.append(one)
        self.assertEqual(self.ask("/healthz")[0], 200)
        try:
            self.assertEqual(slow[0].recv(100), b"", "the oldest went")
        except ConnectionResetError:
            pass

    def test_a_port_in_use_says_which(self):
        taken = servers.free_port()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", taken))
            holder.listen()
            with self.assertRaisesRegex(AssertionError, "--admin-port"):
                servers.ullage(environment={"ULLAGE_ADMIN_PORT": str(taken)})

    def test_it_stops_with_the_server(self):
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)
        with self.assertRaises(ConnectionError):
            self.ask("/healthz")


if __name__ == "__main__":
    unittest.main()
