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

    # Who may not say who he is could do nothing at all; and these say nothing of others.
    ALWAYS_ALLOWED = {"auth", "hello", "quit", "reset"}

    def words_of(self, wire, name):
        """A request that the command takes as far as it has so many words."""
        words = name.split("|")
        if len(words) == 2:
            container = wire.ask("COMMAND", "INFO", words[0])[0]
            arity = next(sub[1] for sub in container[9] if sub[0].decode() == name)
        else:
            arity = wire.ask("COMMAND", "INFO", name)[0][1]
        return words + ["x"] * (abs(arity) - len(words))

    def test_every_category_is_denied_and_nothing_else(self):
        with self.ours.connect() as admin, self.ours.connect() as user:
            categories = [c.decode() for c in admin.ask("ACL", "CAT")]
            self.assertGreater(len(categories), 20)
            commands = {c: {name.decode() for name in admin.ask("ACL", "CAT", c)}
                        for c in categories}
            everything = set().union(*commands.values())
            # A container runs nothing by itself.
            everything -= {name.split("|")[0] for name in everything if "|" in name} - {"command"}
            admin.ask("ACL", "SETUSER", "limited", "on", ">pw", "~*", "&*", "+@all")
            user.ask("AUTH", "limited", "pw")
            # What ends the server, the connection or the test's own view of it.
            unasked = {"shutdown", "client|kill", "client|reply", "client|pause", "debug|sleep",
                       "subscribe", "psubscribe", "acl|setuser", "acl|deluser", "multi", "exec",
                       "select", "client|tracking"} | self.ALWAYS_ALLOWED
            for category in categories:
                self.assertEqual(
                    admin.ask("ACL", "SETUSER", "limited", "+@all", f"-@{category}"), "OK")
                for name in sorted(everything - self.ALWAYS_ALLOWED):
                    if name not in commands[category] and name in unasked:
                        continue
                    reply = user.ask(*self.words_of(admin, name))
                    denied = isinstance(reply, ReplyError) and reply.startswith("NOPERM")
                    self.assertEqual(denied, name in commands[category], (category, name, reply))

    def test_categories_have_the_commands_that_redis_has_in_them(self):
        with self.ours.connect() as ours, self.redis.connect() as theirs:
            def categories(wire):
                return {c: set(wire.ask("ACL", "CAT", c)) for c in wire.ask("ACL", "CAT")}
            here, there = categories(ours), categories(theirs)
            # Containers run nothing by themselves, and DEBUG is one only here.
            common = set().union(*here.values()) & set().union(*there.values())
            common -= {name.split(b"|")[0] for name in common if b"|" in name} | {b"debug"}
            self.assertEqual(there.keys() - here.keys(), set())
            for category in sorted(there):
                with self.subTest(category=category):
                    self.assertEqual(sorted(here[category] & common),
                                     sorted(there[category] & common))

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
                os.chmod(path, 0o640)
                self.assertEqual(wire.ask("ACL", "SAVE"), "OK")
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o640, "it stays as readable")
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
