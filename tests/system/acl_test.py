"""Users: what is denied, in the words of Redis; files; connections of users who change."""

import os
import tempfile
import unittest

from support import servers
from support.side_by_side import SideBySide
from support.wire import Closed, ReplyError


class AsRedis(SideBySide):
    def test_denials(self):
        rules = ["on", ">pw", "~a:*", "&a*", "+@read", "+set", "+publish", "+subscribe",
                 "+config|get", "-hgetall", "+client|id", "+acl|whoami"]
        commands = [
            ["SET", "a:1", "x"], ["GET", "a:1"], ["GET", "b:1"], ["SET", "b:1", "x"],
            ["HGETALL", "a:h"], ["DEL", "a:1"], ["MGET", "a:1", "b:1"], ["PUBLISH", "b", "x"],
            ["PUBLISH", "ab", "x"], ["SUBSCRIBE", "b"], ["CONFIG", "SET", "timeout", "1"],
            ["ACL", "WHOAMI"], ["ACL", "LIST"], ["CLIENT", "LIST"], ["NOSUCH"], ["GET"],
            ["MULTI"], ["AUTH", "u", "wrong"], ["AUTH", "nobody", "pw"],
        ]

        def scenario(server):
            with server.connect() as admin, server.connect() as user:
                log = [admin.ask("ACL", "SETUSER", "u", *rules)]
                log.append(user.ask("AUTH", "u", "pw"))
                log += [user.ask(*command) for command in commands]
                log.append(admin.ask("ACL", "DELUSER", "u"))
                try:
                    log.append(user.ask("PING"))
                except (Closed, ConnectionError):
                    log.append("closed")
            return log
        self.on_both(scenario)

    def test_rules_that_are_wrong(self):
        for rule in ("+nosuch", "~", "foo", "#123", "<absent", "%Q~x", "-@nosuch"):
            def scenario(server, rule=rule):
                with server.connect() as wire:
                    wire.ask("ACL", "DELUSER", "w")
                    return str(wire.ask("ACL", "SETUSER", "w", rule))
            ours, theirs = scenario(self.ours), scenario(self.redis)
            self.assertEqual(ours.split(":")[0], theirs.split(":")[0], rule)

    def test_passwords(self):
        def scenario(server):
            log = []
            with server.connect() as admin, server.connect() as user:
                admin.ask("ACL", "SETUSER", "p", "reset", "on", ">one", ">two", "+ping")
                log.append(admin.ask("ACL", "GETUSER", "p")[3])
                log += [user.ask("AUTH", "p", word) for word in ("one", "two", "three", "")]
                admin.ask("ACL", "SETUSER", "p", "<one")
                log += [user.ask("AUTH", "p", word) for word in ("one", "two")]
                admin.ask("ACL", "SETUSER", "p", "off")
                log.append(user.ask("AUTH", "p", "two"))
                admin.ask("ACL", "SETUSER", "p", "on", "nopass")
                log.append(user.ask("AUTH", "p", "whatever"))
                admin.ask("ACL", "DELUSER", "p")
            return log
        self.on_both(scenario)


class Files(unittest.TestCase):
    def test_users_come_from_a_file_and_go_there(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "users.acl")
            with open(path, "w", encoding="utf-8") as file:
                file.write("# people\nuser alice on nopass ~* +@all\n")
            with servers.ullage("--acl-file", path) as server, server.connect() as wire:
                self.assertEqual(wire.ask("AUTH", "alice", "x"), "OK")
                wire.ask("ACL", "SETUSER", "bob", "on", ">secret", "~b:*", "+get")
                self.assertEqual(wire.ask("ACL", "SAVE"), "OK")
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                self.assertIn("user bob on #", text)
                self.assertNotIn("secret", text)
                with open(path, "a", encoding="utf-8") as file:
                    file.write("user carol nonsense\n")
                reply = wire.ask("ACL", "LOAD")
                self.assertIsInstance(reply, ReplyError)
                self.assertIn("nonsense", reply)
                self.assertEqual(wire.ask("ACL", "USERS"), [b"alice", b"bob", b"default"])

    def test_a_bad_file_stops_the_start(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "users.acl")
            with open(path, "w", encoding="utf-8") as file:
                file.write("user alice on\nuser alice on\n")
            with self.assertRaisesRegex(AssertionError, "users.acl:2: user 'alice' is there twice"):
                servers.ullage("--acl-file", path)
            with self.assertRaisesRegex(AssertionError, "cannot read"):
                servers.ullage("--acl-file", os.path.join(folder, "none"))


if __name__ == "__main__":
    unittest.main()
