"""Clients under TLS: what they send and get, whose certificates count, and what is read anew."""

import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import unittest

from support import servers
from support.certificates import Authority
from support.wire import Closed, ReplyError, Wire


class SecureWire(Wire):
    """The same on a socket under TLS."""

    def __init__(self, port, context):
        super().__init__(("127.0.0.1", port))
        # An end that nobody announced may be an attacker's: it is an error here.
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1",
                                          suppress_ragged_eofs=False)

    def name_of_server(self):
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="ullage-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = Authority(cls.folder, "authority")
        cls.certificate, cls.key = cls.authority.sign("server")
        cls.stranger = Authority(cls.folder, "stranger")

    def start(self, *options):
        self.port = servers.free_port()
        server = servers.ullage("--tls-port", str(self.port), "--tls-cert-file", self.certificate,
                                "--tls-key-file", self.key, *options)
        self.addCleanup(server.__exit__)
        return server

    def context(self, pair=None, trusted=None):
        context = ssl.create_default_context(cafile=trusted or self.authority.certificate)
        if pair is not None:
            context.load_cert_chain(*pair)
        return context

    def connect(self, **context):
        wire = SecureWire(self.port, self.context(**context))
        self.addCleanup(wire.close)
        return wire

    def refused(self, **context):
        """A server under TLS 1.3 says no only after the client thinks that it is in."""
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.connect(**context).ask("PING")

    def test_commands_and_replies(self):
        self.start()
        wire = self.connect()
        self.assertEqual(wire.ask("HSET", "h", "f", "v"), 1)
        self.assertEqual(wire.ask("HGETALL", "h"), [b"f", b"v"])
        self.assertEqual(wire.pipeline([["PING"]] * 5000), ["PONG"] * 5000)

    def test_the_end_is_announced(self):
        server = self.start()
        leaving, malformed, staying = self.connect(), self.connect(), self.connect()
        self.assertEqual(leaving.ask("QUIT"), "OK")
        malformed.send_raw(b"*x\r\n")
        self.assertIn("Protocol error", malformed.read())
        staying.ask("PING")
        server.stop()
        for wire in (leaving, malformed, staying):
            with self.assertRaises(Closed):
                wire.read()

    def test_large_values_both_ways(self):
        self.start("--memory-limit", "128mb")
        wire = self.connect()
        for size in (16_000, 16_384, 65_536, 100_001, 1_000_000):
            value = bytes(i % 251 for i in range(size))
            self.assertEqual(wire.ask("SET", "k", value), "OK")
            self.assertEqual(wire.ask("GET", "k"), value)
        self.assertEqual(wire.pipeline([["GET", "k"]] * 5), [value] * 5)
        # In pieces that have nothing to do with records.
        request = wire.encode("SET", "k", value) + wire.encode("GET", "k")
        for at in range(0, len(request), 70_001):
            wire.send_raw(request[at:at + 70_001])
        self.assertEqual(wire.read(), "OK")
        self.assertEqual(wire.read(), value)

    def test_what_waits_behind_a_pause_is_not_forgotten(self):
        server = self.start()
        wire = self.connect()
        with server.connect() as operator:
            operator.ask("CLIENT", "PAUSE", "100000", "WRITE")
            wire.send_raw(b"".join(wire.encode("SET", f"k{i}", "x" * 100) for i in range(3000)))
            self.assertEqual(operator.ask("CLIENT", "UNPAUSE"), "OK")
        self.assertEqual([wire.read() for _ in range(3000)], ["OK"] * 3000)

    def test_who_does_not_speak_tls_is_closed_and_counted(self):
        server = self.start()
        with Wire(("127.0.0.1", self.port)) as plain:
            plain.send("PING")
            try:
                while plain.socket.recv(100):
                    pass  # an alert, in the words of TLS
            except ConnectionError:
                pass
        with server.connect() as wire:
            self.assertIn(b"clients_closed_in_tls_handshake:1", wire.ask("INFO", "stats"))
        self.assertEqual(self.connect().ask("PING"), "PONG", "others are served")

    def test_a_client_that_trusts_another_authority(self):
        self.start()
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect(trusted=self.stranger.certificate)

    def test_clients_show_certificates(self):
        self.start("--tls-ca-cert-file", self.authority.certificate, "--tls-auth-clients", "yes")
        self.refused()
        self.refused(pair=self.stranger.sign("intruder"))
        self.assertEqual(self.connect(pair=self.authority.sign("client")).ask("PING"), "PONG")

    def test_clients_may_show_certificates(self):
        self.start("--tls-ca-cert-file", self.authority.certificate, "--tls-auth-clients",
                   "optional")
        self.assertEqual(self.connect().ask("PING"), "PONG")
        self.refused(pair=self.stranger.sign("intruder"))

    def test_the_certificate_is_read_anew(self):
        certificate, key = self.authority.sign("first")
        second = self.authority.sign("second")
        server = servers.ullage("--tls-port", str(servers.free_port()), "--tls-cert-file",
                                certificate, "--tls-key-file", key)
        self.addCleanup(server.__exit__)
        with server.connect() as operator:
            self.port = int(operator.ask("CONFIG", "GET", "tls-port")[1])
            old = self.connect()
            self.assertEqual(old.name_of_server(), "first")
            self.assertEqual(operator.ask("CONFIG", "SET", "tls-cert-file", second[0],
                                          "tls-key-file", second[1]), "OK")
            self.assertEqual(self.connect().name_of_server(), "second")
            self.assertEqual(old.ask("PING"), "PONG", "who is in stays in")
            self.assertIsInstance(operator.ask("CONFIG", "SET", "tls-cert-file", certificate),
                                  ReplyError, "the key of another")
            self.assertEqual(self.connect().name_of_server(), "second")
            # The same files with something else in them.
            third = self.authority.sign("third")
            for old_file, new_file in zip(second, third):
                shutil.copy(new_file, old_file)
            server.process.send_signal(signal.SIGHUP)
            while self.connect().name_of_server() != "third":
                pass
            with open(second[1], "w", encoding="ascii") as spoilt:
                spoilt.write("no key")
            server.process.send_signal(signal.SIGHUP)
            while "stays" not in server.log():
                pass
            self.assertEqual(self.connect().name_of_server(), "third")

    def test_strangers_beyond_loopback_and_too_many_clients_are_turned_away(self):
        self.start("--max-clients", "2")
        first, second = self.connect(), self.connect()
        self.assertEqual([first.ask("PING"), second.ask("PING")], ["PONG"] * 2)
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.connect().ask("PING")

    def starts_not(self, *options):
        environment = servers.clean_environment()
        ended = subprocess.run([os.environ["ULLAGE_PROGRAM"], "serve", "--port", "0", *options],
                               capture_output=True, text=True, timeout=60, check=False,
                               env=environment)
        self.assertNotEqual(ended.returncode, 0)
        return ended.stderr

    def test_files_that_cannot_be_used(self):
        port = str(servers.free_port())
        self.assertIn("--tls-cert-file", self.starts_not("--tls-port", port))
        missing = self.starts_not("--tls-port", port, "--tls-cert-file", "/nowhere",
                                  "--tls-key-file", self.key)
        self.assertIn("cannot use the certificate /nowhere (--tls-cert-file)", missing)
        other_key = self.authority.sign("other")[1]
        self.assertIn("is not the one of the certificate",
                      self.starts_not("--tls-port", port, "--tls-cert-file", self.certificate,
                                      "--tls-key-file", other_key))
        self.assertIn("--tls-ca-cert-file",
                      self.starts_not("--tls-port", port, "--tls-cert-file", self.certificate,
                                      "--tls-key-file", self.key, "--tls-auth-clients", "yes"))

    def test_idle_clients_take_what_is_planned_for_them(self):
        server = self.start("--memory-limit", "256mb")
        with server.connect() as wire:
            wires = [self.connect() for _ in range(100)]
            for one in wires:
                one.ask("PING")
            before = server.status_bytes("VmRSS")
            wires += [self.connect() for _ in range(200)]
            for one in wires:
                one.ask("PING")
            grown = server.status_bytes("VmRSS") - before
            info = wire.ask("INFO", "memory").decode().splitlines()
            planned = next(int(line.split(":")[1]) for line in info
                           if line.startswith("budget_client_bytes:"))
            if not servers.is_sanitized():
                self.assertLessEqual(grown / 200, planned)


if __name__ == "__main__":
    unittest.main()
