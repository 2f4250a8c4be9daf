"""Classes of the program: defined by every way there is, kept, and what they keep apart."""

import http.client
import json
import os
import tempfile
import unittest

from support import servers
from support.wire import ReplyError

TOKEN = "a-token"


def facts_of(reply):
    values = [v.decode() if isinstance(v, bytes) else v for v in reply]
    return dict(zip(values[::2], values[1::2]))


class Classes(unittest.TestCase):
    def setUp(self):
        self.port = servers.free_port()
        self.server = servers.ullage(
            "--memory-limit", "64mb", "--classes", "session:* min=4mb max=20mb",
            environment={"ULLAGE_ADMIN_PORT": str(self.port), "ULLAGE_ADMIN_TOKEN": TOKEN})
        self.addCleanup(self.server.__exit__)

    def api(self, method="GET", body=None, query="", token=TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, "/api/v1/classes" + query, body=text, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if answer.status == 200 else text

    def get(self, wire, pattern):
        reply = wire.ask("UL.CLASS", "GET", pattern)
        return facts_of(reply) if reply is not None else None

    def test_commands(self):
        with self.server.connect() as wire:
            self.assertEqual(wire.ask("UL.CLASS", "LIST"), [b"session:*"])
            self.assertEqual(wire.ask("UL.CLASS", "SET", "user:*", "MAX_FIELDS", "2", "TTL", "1h",
                                      "weight", "50"), "OK")
            self.assertEqual(wire.ask("UL.CLASS", "OF", "user:1"), b"user:*")
            self.assertIsNone(wire.ask("UL.CLASS", "OF", "else"))
            for field in "abcd":
                wire.ask("HSET", "user:1", field, "v")
            self.assertEqual(wire.ask("HLEN", "user:1"), 2)
            self.assertEqual(wire.ask("UL.LIMIT", "user:1")[1], 2)
            wire.ask("SET", "user:name", "value")
            self.assertGreater(wire.ask("HTTL", "user:1", "FIELDS", "1", "d")[0], 3500)
            facts = self.get(wire, "user:*")
            self.assertEqual((facts["keys"], facts["entries"], facts["limited"]), (2, 3, 2))
            self.assertEqual((facts["max-fields"], facts["ttl-ms"], facts["weight"]),
                             (2, 3_600_000, 50))
            wire.ask("HGET", "user:1", "d")
            wire.ask("HGET", "user:none", "d")
            facts = self.get(wire, "user:*")
            self.assertEqual((facts["hits"], facts["misses"]), (1, 1))
            # One limit changes, the others stay.
            wire.ask("UL.CLASS", "SET", "user:*", "MAX", "1mb")
            self.assertEqual(self.get(wire, "user:*")["weight"], 50)
            self.assertEqual(wire.ask("UL.CLASS", "DEL", "user:*"), 1)
            self.assertEqual(wire.ask("UL.CLASS", "DEL", "user:*"), 0)
            self.assertIsNone(self.get(wire, "user:*"))

    def test_what_is_refused_changes_nothing(self):
        with self.server.connect() as wire:
            for words, named in ((("session:*", "MIN", "30mb"), "min"),
                                 (("session:*", "MAX", "lots"), "lots"),
                                 (("session:*", "MOST", "1"), "MOST"),
                                 (("other:*", "MIN", "50mb"), "56623104 bytes together"),
                                 (("none", "MIN", "1mb"), "prefix"),
                                 (("session:*", "MIN"), "syntax")):
                reply = wire.ask("UL.CLASS", "SET", *words)
                self.assertIsInstance(reply, ReplyError, words)
                self.assertIn(named, str(reply))
            status, text = self.api("POST", {"pattern": "other:*", "limits": {"min": "50mb"}})
            self.assertEqual(status, 400)
            self.assertIn("56623104 bytes together", text)
            reply = wire.ask("CONFIG", "SET", "classes", "a:* min=2mb max=1mb")
            self.assertIn("2097152", str(reply))
            self.assertIn("1048576", str(reply))
            for text in ("nonsense", "a:* max=1mb a:* max=2mb", "a:* min=2mb max=1mb"):
                self.assertIsInstance(wire.ask("CONFIG", "SET", "classes", text), ReplyError, text)
            # Nor does what was to change beside them.
            limit = wire.ask("MEMORY", "STATS")[5]
            self.assertIsInstance(wire.ask("CONFIG", "SET", "maxmemory", "56mb", "classes",
                                           "a:* min=60mb"), ReplyError)
            self.assertEqual(wire.ask("MEMORY", "STATS")[5], limit)
            self.assertEqual(wire.ask("CONFIG", "GET", "maxmemory")[1], b"67108864")
            self.assertEqual(wire.ask("CONFIG", "GET", "classes"),
                             [b"classes", b"session:* min=4mb max=20mb"])
            self.assertEqual(wire.ask("UL.CLASS", "LIST"), [b"session:*"])

    def test_config(self):
        with self.server.connect() as wire:
            wire.ask("UL.CLASS", "SET", "a b:*", "HIGH", "3mb")
            self.assertEqual(wire.ask("CONFIG", "GET", "classes")[1],
                             b"session:* min=4mb max=20mb a\\x20b:* high=3mb")
            self.assertEqual(wire.ask("CONFIG", "SET", "classes", "x:* max=1mb"), "OK")
            self.assertEqual(wire.ask("UL.CLASS", "LIST"), [b"x:*"])
            self.assertEqual(wire.ask("CONFIG", "SET", "classes", ""), "OK")
            self.assertEqual(wire.ask("UL.CLASS", "LIST"), [])

    def test_as_many_as_there_is_room_for(self):
        with servers.ullage("--max-classes", "2", "--classes", "a:* max=1mb  b:* max=1mb") as server, \
                server.connect() as wire:
            reply = wire.ask("UL.CLASS", "SET", "c:*", "MAX", "1mb")
            self.assertIsInstance(reply, ReplyError)
            self.assertIn("max_classes is 2", str(reply))

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ullage.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('memory_limit = "64mb"\n'
                           'classes = [\n  "session:* max=8mb",\n  "user:* weight=7",\n]\n')
            with servers.ullage("--config", path) as server, server.connect() as wire:
                self.assertEqual(wire.ask("UL.CLASS", "LIST"), [b"session:*", b"user:*"])
                wire.ask("UL.CLASS", "SET", "user:*", "IDLE", "10m")
                self.assertEqual(wire.ask("CONFIG", "REWRITE"), "OK")
            with servers.ullage("--config", path) as server, server.connect() as wire:
                facts = self.get(wire, "user:*")
                self.assertEqual((facts["idle-ms"], facts["weight"]), (600_000, 7))

    def test_api(self):
        status, all_classes = self.api(token=None)
        self.assertEqual(status, 200)
        self.assertEqual([c["pattern"] for c in all_classes["classes"]], ["session:*"])
        self.assertEqual(all_classes["classes"][0]["limits"]["max"], 20 << 20)
        body = {"pattern": "user:*", "limits": {"max": "2mb", "weight": 9, "idle_ttl_ms": 5000}}
        self.assertEqual(self.api("POST", body, token=None)[0], 403)
        status, all_classes = self.api("POST", body)
        self.assertEqual(status, 200)
        user = all_classes["classes"][1]
        self.assertEqual((user["limits"]["max"], user["limits"]["idle_ttl_ms"]), (2 << 20, 5000))
        # As it is shown it may be sent again.
        again = {"classes": [{"pattern": c["pattern"], "limits": c["limits"]}
                             for c in all_classes["classes"]]}
        self.assertEqual(self.api("POST", again), (200, all_classes))
        for wrong in ("{", "[]", {"limits": {}}, {"pattern": 7}, {"pattern": "a", "limits": {}},
                      {"pattern": "a:*", "limits": {"max": -1}}, {"pattern": "a:*", "more": 1},
                      {"pattern": "a:*", "limits": []}, {"classes": {}},
                      {"classes": [{"pattern": "a:*", "limits": {"min": "60mb"}}]}):
            status, text = self.api("POST", wrong)
            self.assertEqual(status, 400, wrong)
            self.assertTrue(text.strip(), wrong)
        self.assertEqual(self.api(), (200, all_classes))
        self.assertEqual(self.api("DELETE", query="?pattern=user%3A%2A", token=None)[0], 403)
        self.assertEqual(self.api("DELETE", query="?pattern=user%3A%2A")[0], 200)
        self.assertEqual(self.api("DELETE", query="?pattern=user%3A%2A")[0], 404)
        self.assertEqual(self.api("DELETE")[0], 400)
        self.assertEqual(self.api("PUT", {})[0], 405)
        with self.server.connect() as wire:
            self.assertEqual(wire.ask("UL.CLASS", "LIST"), [b"session:*"])

    def test_users_of_a_class(self):
        with self.server.connect() as admin, self.server.connect() as user:
            admin.ask("UL.CLASS", "SET", "session:eu:*", "MAX", "1mb")
            admin.ask("UL.CLASS", "SET", "other:*", "MAX", "1mb")
            self.assertEqual(admin.ask("ACL", "SETUSER", "eu", "on", ">pw", "class=session:eu:*",
                                       "+@all"), "OK")
            self.assertIsInstance(admin.ask("ACL", "SETUSER", "bad", "class=session"), ReplyError)
            self.assertIn(b"class=session:eu:*", b" ".join(admin.ask("ACL", "LIST")))
            user.ask("AUTH", "eu", "pw")
            self.assertEqual(user.ask("HSET", "session:eu:1", "f", "v"), 1)
            for key in ("session:1", "session:e", "other:1"):
                self.assertIn("NOPERM", str(user.ask("HSET", key, "f", "v")), key)
            self.assertEqual(user.ask("UL.CLASS", "LIST"), [b"session:eu:*"])
            self.assertEqual(self.get(user, "session:eu:*")["entries"], 1)
            self.assertIsNone(self.get(user, "session:*"))
            self.assertIsNone(self.get(user, "other:*"))
            self.assertEqual(user.ask("UL.CLASS", "OF", "session:eu:1"), b"session:eu:*")
            # What it is shown as makes the same user.
            with self.server.connect() as again:
                rules = next(line for line in admin.ask("ACL", "LIST")
                             if line.startswith(b"user eu ")).split()[2:]
                admin.ask("ACL", "DELUSER", "eu")
                self.assertEqual(admin.ask("ACL", "SETUSER", "eu", *rules), "OK")
                again.ask("AUTH", "eu", "pw")
                self.assertEqual(again.ask("HGET", "session:eu:1", "f"), b"v")
                self.assertIn("NOPERM", str(again.ask("HGET", "session:1", "f")))

    def test_a_noisy_neighbour(self):
        with self.server.connect() as wire:
            kept = [["HSET", f"session:{i}", "f", "v" * 100] for i in range(20_000)]
            for at in range(0, len(kept), 1000):
                wire.pipeline(kept[at:at + 1000])
            before = self.get(wire, "session:*")
            self.assertEqual(before["entries"], 20_000)
            self.assertLess(before["bytes"], 4 << 20)
            for at in range(0, 400_000, 1000):
                wire.pipeline([["HSET", f"flood:{at + i}", "f", "v" * 200] for i in range(1000)])
            info = wire.ask("INFO", "stats").decode()
            evicted = int(info.split("evicted_keys:")[1].split()[0])
            self.assertGreater(evicted, 50_000)
            after = self.get(wire, "session:*")
            self.assertEqual((after["entries"], after["evicted"]), (20_000, 0))
            self.assertEqual(facts_of(wire.ask("UL.VALIDATE"))["ok"], 1)
        metrics = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(metrics.close)
        metrics.request("GET", "/metrics")
        text = metrics.getresponse().read().decode()
        self.assertIn('ullage_class_entries{class="session:*"} 20000', text)
        self.assertIn('ullage_class_max_bytes{class="session:*"} 20971520', text)
        self.assertIn("# TYPE ullage_class_idle_seconds gauge", text)


if __name__ == "__main__":
    unittest.main()
