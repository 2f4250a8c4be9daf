"""Documents of the program: who hears of their changes, and who may make them."""

import unittest

from support import servers
from support.wire import ReplyError


class Documents(unittest.TestCase):
    def setUp(self):
        self.server = servers.ullage("--memory-limit", "64mb")
        self.addCleanup(self.server.__exit__)

    def test_changes_are_told(self):
        commands = [
            ["JSON.SET", "d", "$", '{"n": 1, "a": [1, 2], "o": {"x": 1}}'],
            ["JSON.SET", "d", "$.n", "2"],
            ["JSON.GET", "d", "$.n"],
            ["JSON.NUMINCRBY", "d", "$.n", "3"],
            ["JSON.MERGE", "d", "$", '{"m": true}'],
            ["JSON.CLEAR", "d", "$.o"],
            ["JSON.DEL", "d", "$.a"],
            ["JSON.DEL", "d", "$.none"],
            ["JSON.SET", "d", "$", "{", "NX"],
            ["JSON.FORGET", "d", "$.m"],
            ["JSON.DEL", "d"],
        ]
        with self.server.connect() as listener, self.server.connect() as speaker:
            speaker.ask("CONFIG", "SET", "notify-keyspace-events", "KEA")
            listener.ask("PSUBSCRIBE", "__keyspace@0__:*")
            for command in commands:
                speaker.ask(*command)
            speaker.ask("PUBLISH", "__keyspace@0__:end", "end")
            told = []
            while not told or told[-1] != b"end":
                told.append(listener.read()[-1])
        self.assertEqual(told, [b"json.set", b"json.set", b"json.numincrby", b"json.merge", b"json.clear",
                                b"json.del", b"json.del", b"del", b"end"])

    def test_watched_documents_stop_a_transaction(self):
        with self.server.connect() as one, self.server.connect() as other:
            one.ask("JSON.SET", "d", "$", '{"n": 1}')
            one.ask("WATCH", "d")
            other.ask("JSON.NUMINCRBY", "d", "$.n", "1")
            one.ask("MULTI")
            one.ask("JSON.SET", "d", "$.n", "7")
            self.assertIsNone(one.ask("EXEC"))
            self.assertEqual(one.ask("JSON.GET", "d", "$.n"), b"[2]")

    def test_users_may_what_their_rules_say(self):
        with self.server.connect() as admin, self.server.connect() as user:
            admin.ask("JSON.SET", "a:1", "$", '{"n": 1}')
            admin.ask("JSON.SET", "b:1", "$", '{"n": 1}')
            admin.ask("ACL", "SETUSER", "reader", "on", ">pw", "~a:*", "+@read")
            user.ask("AUTH", "reader", "pw")
            self.assertEqual(user.ask("JSON.GET", "a:1", "$.n"), b"[1]")
            for denied in (["JSON.GET", "b:1"], ["JSON.MGET", "a:1", "b:1", "$"], ["JSON.SET", "a:1", "$.n", "2"],
                           ["JSON.DEL", "a:1"], ["JSON.MERGE", "a:1", "$", "{}"], ["JSON.NUMINCRBY", "a:1", "$.n", "1"],
                           ["JSON.CLEAR", "a:1"]):
                answer = user.ask(*denied)
                self.assertIsInstance(answer, ReplyError, denied)
                self.assertTrue(str(answer).startswith("NOPERM"), f"{denied}: {answer}")
            self.assertEqual(admin.ask("JSON.GET", "a:1"), b'{"n":1}')
            admin.ask("ACL", "SETUSER", "reader", "+@write", "%W~a:*")
            self.assertEqual(user.ask("JSON.SET", "a:1", "$.n", "2"), "OK")


if __name__ == "__main__":
    unittest.main()
