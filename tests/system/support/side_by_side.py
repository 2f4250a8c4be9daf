"""Tests that ask ours and Redis the same, and expect the same."""

import unittest

from support import servers


class SideBySide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = servers.ullage()
        cls.addClassCleanup(cls.ours.__exit__)
        cls.redis = servers.redis()
        cls.addClassCleanup(cls.redis.__exit__)

    def on_both(self, scenario):
        """`scenario(server)` answers what it saw."""
        answers = [scenario(server) for server in (self.ours, self.redis)]
        self.assertEqual(answers[0], answers[1])
        return answers[0]
