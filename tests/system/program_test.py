"""The program as an operator meets it: options, files, signals, and what goes wrong at the start."""

import os
import signal
import subprocess
import tempfile
import unittest

from support import servers
from support.wire import Closed, ReplyError, Wire

PROGRAM = os.environ["ULLAGE_PROGRAM"]


def run(*options, environment=None):
    clean = servers.clean_environment()
    done = subprocess.run([PROGRAM, "serve", *options], capture_output=True, text=True, timeout=60,
                          env={**clean, **(environment or {})}, check=False)
    return done.returncode, done.stderr


class Options(unittest.TestCase):
    def check_refused(self, words, *options, code=2, environment=None):
        returned, text = run(*options, environment=environment)
        if code is None:
            self.assertNotEqual(returned, 0)
        else:
            self.assertEqual(returned, code, text)
        lines = text.strip().splitlines()
        self.assertEqual(len(lines), 1, text)
        for word in words:
            self.assertIn(word, lines[0])

    def test_a_bad_value_names_option_value_and_what_is_allowed(self):
        self.check_refused(["--port", "'x'", "0 to 65535"], "--port", "x")
        self.check_refused(["--memory-limit", "'1kb'", "16mb"], "--memory-limit", "1kb")
        self.check_refused(["--preset", "'fast'", "none", "config-cache"], "--preset", "fast")
        self.check_refused(["--protected-mode", "'maybe'", "yes or no"], "--protected-mode",
                           "maybe")

    def test_classes_that_do_not_go_together_are_refused_with_their_numbers(self):
        quiet = ("--port", "0", "--admin-port", "0", "--unix-socket",
                 os.path.join(tempfile.gettempdir(), f"ullage-none-{os.getpid()}"))
        returned, text = run("--memory-limit", "64mb", "--classes", "a:* min=60mb", *quiet)
        self.assertNotEqual(returned, 0)
        self.assertIn("62914560 bytes together", text)
        self.check_refused(["classes", "2097152", "1048576"], "--classes", "a:* min=2mb max=1mb",
                           code=None, environment=None)

    def test_an_unknown_option_is_an_error(self):
        self.check_refused(["--prot"], "--prot", "7")

    def test_the_environment_is_checked_the_same_way(self):
        self.check_refused(["ULLAGE_PORT", "'x'"], environment={"ULLAGE_PORT": "x"})
        self.check_refused(["ULLAGE_PROT"], environment={"ULLAGE_PROT": "7"})

    def test_a_file_is_checked_with_its_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ullage.toml")
            for text, words in (("port = 1\nprot = 2\n", [":2:", "prot"]),
                                ('port = "x"\n', [":1:", "port", "'x'"]),
                                ("port = [\n", ["ullage.toml:"]),
                                ("[section]\nport = 1\n", [":1:", "section"])):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                self.check_refused(words, "--config", path)
            self.check_refused(["none.toml"], "--config", os.path.join(folder, "none.toml"))

    def test_a_limit_without_room_says_what_takes_it(self):
        self.check_refused(["16mb", "clients"], "--memory-limit", "16mb", code=1)

    def test_a_port_in_use_says_what_to_do(self):
        with servers.ullage(tcp=True) as first:
            self.check_refused(["--port", str(first.address[1])], "--port", str(first.address[1]),
                               code=1)

    def test_an_address_that_is_not_ours(self):
        self.check_refused(["192.0.2.1", "--bind"], "--bind", "192.0.2.1", code=1)

    def test_help_names_every_setting(self):
        done = subprocess.run([PROGRAM, "serve", "--help"], capture_output=True, text=True,
                              timeout=60, check=True)
        for option in ("--memory-limit", "--port", "--preset", "--config", "ULLAGE_"):
            self.assertIn(option, done.stdout)

    def test_flags_come_before_the_environment_and_that_before_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ullage.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('timeout = 7\nmax_clients = 8\nlog_level = "warning"\n')
            with servers.ullage("--config", path, "--timeout", "9",
                                environment={"ULLAGE_TIMEOUT": "8",
                                             "ULLAGE_MAX_CLIENTS": "30"}) as server:
                with server.connect() as wire:
                    self.assertEqual(wire.ask("CONFIG", "GET", "timeout"), [b"timeout", b"9"])
                    self.assertEqual(wire.ask("CONFIG", "GET", "maxclients"),
                                     [b"maxclients", b"30"])
                self.assertNotIn("listening", server.log())


class Reference(unittest.TestCase):
    def test_the_page_is_what_the_program_prints(self):
        done = subprocess.run([PROGRAM, "commands"], capture_output=True, text=True, timeout=60,
                              check=True)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, "docs", "commands.md"), encoding="utf-8") as page:
            self.assertEqual(page.read(), done.stdout, "./dev docs writes it anew")


class Life(unittest.TestCase):
    def test_it_stops_on_sigterm_and_sigint(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with servers.ullage() as server:
                wire = server.connect()
                wire.ask("PING")
                self.assertEqual(server.stop(how), 0)
                with self.assertRaises(Closed):
                    wire.read()
                wire.close()
                self.assertIn("stopped", server.log())
                self.assertFalse(os.path.exists(server.address))

    def test_shutdown_ends_it(self):
        with servers.ullage() as server:
            with server.connect() as wire:
                wire.send("SHUTDOWN", "NOSAVE")
                with self.assertRaises(Closed):
                    wire.read()
            self.assertEqual(server.process.wait(30), 0)

    def test_killed_it_starts_again_in_the_same_place(self):
        with servers.ullage() as server:
            with server.connect() as wire:
                wire.ask("SET", "k", "v")
            server.stop(signal.SIGKILL)
            again = servers.Server(
                [PROGRAM, "serve", "--port", "0", "--unix-socket", server.address],
                server.address, server.folder)
            with again.connect() as wire:
                self.assertIsNone(wire.ask("GET", "k"))  # a cache starts empty
            self.assertEqual(again.stop(), 0)

    def test_a_stop_or_an_error_resets_nobody(self):
        with servers.ullage() as server:
            wires = [server.connect() for _ in range(4)]
            wires[0].send_raw(b"*1\r\n$4\r\nQUIT\r\n" + b"x" * 200_000)
            self.assertEqual(wires[0].read(), "OK")
            wires[1].send_raw(b"*x\r\n" + b"x" * 200_000)
            self.assertIn("Protocol error", wires[1].read())
            wires[2].ask("CLIENT", "PAUSE", "100000")
            wires[3].send_raw(wires[3].encode("SET", "k", "v") * 1000)  # unread, for the pause
            self.assertEqual(server.stop(), 0)
            for wire in wires:
                with self.assertRaises(Closed):
                    wire.read()
                wire.close()

    def test_replies_under_way_are_sent_before_it_stops(self):
        with servers.ullage() as server:
            wire = server.connect()
            wire.ask("SET", "k", "v" * 500_000)
            wire.send("GET", "k")
            received = len(wire.socket.recv(1000))
            server.process.send_signal(signal.SIGTERM)
            while True:
                data = wire.socket.recv(1 << 20)
                if not data:
                    break
                received += len(data)
            self.assertEqual(received, len(b"$500000\r\n\r\n" + b"v" * 500_000))
            wire.close()

    def test_the_log_is_json_if_asked(self):
        import json
        with servers.ullage("--log-format", "json") as server:
            server.stop()
            lines = [json.loads(line) for line in server.log().splitlines()]
        self.assertIn("listening", [line["message"] for line in lines])
        for line in lines:
            self.assertEqual(line["log.level"], "info")
            self.assertIn("@timestamp", line)


class Clients(unittest.TestCase):
    def test_too_many_are_told(self):
        with servers.ullage("--max-clients", "3") as server:
            # Who asked whether it answers may not have been missed yet.
            wires = [server.connect()]
            while b"connected_clients:1\r\n" not in wires[0].ask("INFO", "clients"):
                pass
            wires += [server.connect(), server.connect()]
            for wire in wires:
                self.assertEqual(wire.ask("PING"), "PONG")
            with server.connect() as late:
                self.assertIn("max number of clients reached", late.read())
            for wire in wires:
                wire.close()

    def test_a_password_is_asked_for(self):
        with servers.ullage("--password", "secret") as server:
            with server.connect() as wire:
                self.assertIn("NOAUTH", wire.ask("GET", "k"))
                self.assertIn("WRONGPASS", wire.ask("AUTH", "wrong"))
                self.assertIn("WRONGPASS", wire.ask("AUTH", "nobody", "secret"))
                self.assertIn("NOAUTH", wire.ask("HELLO", "3"))
                self.assertEqual(wire.ask("AUTH", "secret"), "OK")
                self.assertIsNone(wire.ask("GET", "k"))
            with server.connect() as wire:
                self.assertIsInstance(wire.ask("HELLO", "3", "AUTH", "default", "secret"), dict)
            # A stranger gets little room.
            with server.connect() as wire:
                wire.send_raw(b"*2\r\n$4\r\nAUTH\r\n$100000\r\n")
                self.assertIn("unauthenticated bulk length", wire.read())
            with server.connect() as wire:
                wire.send_raw(b"*11\r\n")
                self.assertIn("unauthenticated multibulk length", wire.read())

    def test_others_see_it_killed_and_paused(self):
        with servers.ullage() as server:
            with server.connect() as one, server.connect() as two:
                number = one.ask("CLIENT", "ID")
                self.assertIn(f"id={number} ".encode(), two.ask("CLIENT", "LIST"))
                self.assertEqual(two.ask("CLIENT", "KILL", "ID", number), 1)
                with self.assertRaises(Closed):
                    one.read()
                self.assertEqual(two.ask("CLIENT", "PAUSE", "60000", "WRITE"), "OK")
                with server.connect() as writer:
                    writer.send("SET", "k", "v")
                    self.assertIsNone(two.ask("GET", "k"))
                    self.assertEqual(two.ask("CLIENT", "UNPAUSE"), "OK")
                    self.assertEqual(writer.read(), "OK")

    def test_strangers_from_elsewhere_are_refused(self):
        address = elsewhere()
        if address is None:
            self.skipTest("this machine has no address but loopback")
        with servers.ullage("--bind", f"127.0.0.1 {address}", tcp=True) as server:
            with Wire((address, server.address[1])) as wire:
                reply = wire.read()
                self.assertIsInstance(reply, ReplyError)
                self.assertIn("DENIED", reply)


def elsewhere():
    """An address of this machine that is not loopback."""
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False)
    for word in done.stdout.split():
        if "." in word and not word.startswith("127."):
            return word
    return None


if __name__ == "__main__":
    unittest.main()
