"""What an operator changes while the server runs, and what a service manager passes to it."""

import os
import socket
import stat
import subprocess
import tempfile
import unittest

from support import servers
from support.wire import Closed, ReplyError, Wire

PROGRAM = os.environ["ULLAGE_PROGRAM"]


class LiveSettings(unittest.TestCase):
    def value(self, wire, name):
        return wire.ask("CONFIG", "GET", name)[1].decode()

    def facts(self, wire):
        lines = wire.ask("INFO", "memory").decode().splitlines()
        return {k: v for k, v in (line.split(":", 1) for line in lines if ":" in line)}

    def test_the_memory_limit_moves_both_ways(self):
        with servers.ullage("--memory-limit", "64mb") as server, server.connect() as wire:
            def fill(times):
                for i in range(times):
                    wire.pipeline([["HSET", f"k:{i}:{j}", "f", "x" * 1000] for j in range(1000)])
            fill(100)
            small = wire.ask("DBSIZE")
            self.assertEqual(wire.ask("CONFIG", "SET", "maxmemory", "128mb"), "OK")
            self.assertEqual(self.value(wire, "memory-limit"), str(128 << 20))
            fill(150)
            self.assertGreater(wire.ask("DBSIZE"), small * 1.5)
            self.assertEqual(self.facts(wire)["maxmemory"], str(128 << 20))
            if not servers.is_sanitized():
                self.assertLessEqual(server.status_bytes("VmHWM"), 128 << 20)
            self.assertEqual(wire.ask("CONFIG", "SET", "maxmemory", "64mb"), "OK")
            self.assertLessEqual(wire.ask("DBSIZE"), small * 1.1)
            if not servers.is_sanitized():
                self.assertLessEqual(server.status_bytes("VmRSS"), 64 << 20)
            fill(10)
            found = wire.ask("UL.VALIDATE")
            self.assertEqual(found[:2], [b"ok", 1], found)
            too_small = wire.ask("CONFIG", "SET", "maxmemory", "16mb")
            self.assertIn("at least", too_small)
            self.assertIn("at most", wire.ask("CONFIG", "SET", "maxmemory", "32gb"))
            self.assertEqual(self.value(wire, "maxmemory"), str(64 << 20))

    def test_several_are_changed_together_or_not_at_all(self):
        with servers.ullage() as server, server.connect() as wire:
            self.assertIsInstance(wire.ask("CONFIG", "SET", "timeout", "9", "slowlog-max-len", "x"),
                                  ReplyError)
            self.assertEqual(self.value(wire, "timeout"), "0")
            self.assertEqual(wire.ask("CONFIG", "SET", "timeout", "9", "slowlog-max-len", "7"),
                             "OK")
            self.assertEqual([self.value(wire, n) for n in ("timeout", "slowlog-max-len")],
                             ["9", "7"])

    def test_rewrite(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ullage.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('# why it is so\ntimeout = 5  # seconds\nmax_clients = 20\n'
                           'notify_keyspace_events = """\nK"""\n\n# the end\n')
            os.chmod(path, 0o600)
            with servers.ullage("--config", path) as server, server.connect() as wire:
                self.assertEqual(wire.ask("CONFIG", "REWRITE"), "OK")
                with open(path, encoding="utf-8") as file:
                    self.assertIn("timeout = 5  # seconds", file.read(), "nothing has changed")
                wire.ask("CONFIG", "SET", "timeout", "9", "notify-keyspace-events", "KEA",
                         "slowlog-max-len", "7", "requirepass", 'a "secret"\\')
                self.assertEqual(wire.ask("CONFIG", "REWRITE"), "OK")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertEqual(text.splitlines()[:4], [
                "# why it is so", "timeout = 9", "max_clients = 20",
                "notify_keyspace_events = 'AKE'"], text)
            self.assertIn("# the end", text)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with servers.ullage("--config", path) as server, server.connect() as wire:
                self.assertEqual(wire.ask("AUTH", 'a "secret"\\'), "OK")
                self.assertEqual(self.value(wire, "slowlog-max-len"), "7")
                os.chmod(folder, 0o500)
                wire.ask("CONFIG", "SET", "timeout", "10")
                if os.getuid() != 0:
                    self.assertIsInstance(wire.ask("CONFIG", "REWRITE"), ReplyError)
                os.chmod(folder, 0o700)

    def test_rewritten_words_that_look_like_numbers(self):
        for password in ("007", "1e5", "yes", "true", "-0", "1_000", "0x10", ""):
            with self.subTest(password=password), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "ullage.toml")
                with open(path, "w", encoding="utf-8") as file:
                    file.write("password = 'before'\n")
                with servers.ullage("--config", path) as server, server.connect() as wire:
                    wire.ask("AUTH", "before")
                    wire.ask("CONFIG", "SET", "requirepass", password)
                    self.assertEqual(wire.ask("CONFIG", "REWRITE"), "OK")
                self.assertEqual(os.listdir(folder), ["ullage.toml"])
                with servers.ullage("--config", path) as server, server.connect() as wire:
                    if password:
                        self.assertEqual(wire.ask("AUTH", password), "OK")
                    self.assertEqual(self.value(wire, "requirepass"), password)

    def test_the_latency_monitor_keeps_what_was_slow(self):
        with servers.ullage("--enable-debug", "yes") as server, server.connect() as wire:
            wire.ask("DEBUG", "SLEEP", "0.002")
            self.assertEqual(wire.ask("LATENCY", "LATEST"), [], "off unless it is switched on")
            self.assertIn(b"latency-monitor-threshold", wire.ask("LATENCY", "DOCTOR"))
            self.assertEqual(wire.ask("CONFIG", "SET", "latency-monitor-threshold", "1"), "OK")
            wire.ask("DEBUG", "SLEEP", "0.002")
            (name, at_s, took_ms, worst_ms), = wire.ask("LATENCY", "LATEST")
            self.assertEqual(name, b"command")
            self.assertGreaterEqual(took_ms, 2)
            self.assertEqual(took_ms, worst_ms)
            self.assertEqual(wire.ask("LATENCY", "HISTORY", "command"), [[at_s, took_ms]])
            self.assertEqual(wire.ask("LATENCY", "HISTORY", "none"), [])
            self.assertIn(b"command: in 1 different seconds", wire.ask("LATENCY", "DOCTOR"))
            self.assertEqual(wire.ask("LATENCY", "RESET", "none"), 0)
            self.assertEqual(wire.ask("LATENCY", "RESET"), 1)
            self.assertEqual(wire.ask("LATENCY", "LATEST"), [])

    def test_other_settings_leave_the_default_user_alone(self):
        with servers.ullage() as server, server.connect() as wire:
            wire.ask("ACL", "SETUSER", "default", "resetpass", ">secret")
            self.assertEqual(wire.ask("CONFIG", "SET", "timeout", "100"), "OK")
            with server.connect() as other:
                self.assertIn("NOAUTH", other.ask("GET", "x"))

    def test_rewrite_without_a_file(self):
        with servers.ullage() as server, server.connect() as wire:
            self.assertIn("without a config file", wire.ask("CONFIG", "REWRITE"))


class Service(unittest.TestCase):
    """The protocols of sd_listen_fds(3) and sd_notify(3), as a service manager speaks them."""

    def start(self, sockets, names, environment, *options):
        """Starts the program with the sockets as its descriptors from 3 on."""
        clean = servers.clean_environment()
        # LISTEN_PID is the number of the process itself, which a shell knows before it becomes it.
        moves = "".join(f"exec {3 + i}<&{s.fileno()};" for i, s in enumerate(sockets))
        script = f'{moves} export LISTEN_PID=$$; exec "$0" "$@"'
        process = subprocess.Popen(
            ["bash", "-c", script, PROGRAM, "serve", *options], stderr=subprocess.PIPE,
            pass_fds=[s.fileno() for s in sockets],
            env={**clean, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(names),
                 **environment})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        process.stderr.close()

    def listening(self, family=socket.AF_INET, address=("127.0.0.1", 0)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(address)
        listener.listen(16)
        # Above those that the program gets.
        moved = socket.socket(fileno=os.dup2(listener.fileno(), listener.fileno() + 50))
        self.addCleanup(moved.close)
        return moved

    def test_sockets_that_are_passed_are_served(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "passed")
            tcp, unix = self.listening(), self.listening(socket.AF_UNIX, path)
            self.start([tcp, unix], ["main", ""], {})
            # It waits in the backlog until the server is there, as it is meant.
            for address in (tcp.getsockname(), path):
                with Wire(address) as wire:
                    self.assertEqual(wire.ask("PING"), "PONG")

    def test_readiness_and_stop_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.addCleanup(told.close)
            told.settimeout(60)
            told.bind(os.path.join(folder, "notify"))
            tcp = self.listening()
            process = self.start([tcp], [], {"NOTIFY_SOCKET": os.path.join(folder, "notify")})
            self.assertEqual(told.recv(100), b"READY=1")
            with Wire(tcp.getsockname()) as wire:
                self.assertEqual(wire.ask("PING"), "PONG")
            process.terminate()
            self.assertEqual(told.recv(100), b"STOPPING=1")
            self.assertEqual(process.wait(60), 0)

    def test_what_is_not_listening_is_refused(self):
        plain = socket.socket()
        self.addCleanup(plain.close)
        process = self.start([plain], [], {})
        self.assertEqual(process.wait(60), 1)
        self.assertIn(b"no listening stream socket", process.stderr.read())

    def test_a_socket_for_tls_needs_a_certificate(self):
        process = self.start([self.listening()], ["tls"], {})
        self.assertEqual(process.wait(60), 1)
        self.assertIn(b"--tls-cert-file", process.stderr.read())

    def test_what_is_passed_to_another_process_is_not_ours(self):
        with servers.ullage(environment={"LISTEN_FDS": "1", "LISTEN_PID": "1"}) as server:
            with server.connect() as wire:
                self.assertEqual(wire.ask("PING"), "PONG")


if __name__ == "__main__":
    unittest.main()
