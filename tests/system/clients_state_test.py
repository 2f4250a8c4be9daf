"""What a client says of its own connection, as Redis has it."""

import unittest

from support.side_by_side import SideBySide


class Replies(SideBySide):
    def heard(self, *commands):
        """All replies to a pipeline that ends with one that is answered."""
        def scenario(server):
            with server.connect() as wire:
                wire.send_raw(b"".join(wire.encode(*c) for c in
                                       (*commands, ["CLIENT", "REPLY", "ON"], ["ECHO", "end"])))
                log = []
                while not log or log[-1] != b"end":
                    log.append(wire.read())
            return log
        return self.on_both(scenario)

    def test_which_commands_are_answered(self):
        ping, a, b = ["PING"], ["ECHO", "a"], ["ECHO", "b"]
        on, off, skip = (["CLIENT", "REPLY", how] for how in ("ON", "OFF", "SKIP"))
        self.assertEqual(self.heard(skip, ping, a), [b"a", "OK", b"end"])
        self.heard(off, a, b)
        self.heard(skip, skip, a, b)
        self.heard(skip, off, a)
        self.heard(skip, on, a)
        self.heard(off, skip, a, on, b)
        self.heard(off, a, on, b, skip, a, b)
        self.heard(["CLIENT", "REPLY", "MAYBE"], a)
        self.heard(skip, ["MULTI"], a, ["EXEC"])


if __name__ == "__main__":
    unittest.main()
