"""The protocol on a socket, without a client library: what is sent and answered, exactly."""

import socket
import time


class ReplyError(str):
    """An error reply; compares equal to its text."""


class Push(list):
    """An out-of-band message of RESP3."""


class Closed(Exception):
    """The server ended the connection."""


class Wire:
    def __init__(self, address, timeout=30):
        """`address`: the path of a Unix socket, or (host, port)."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.buffer = b""
        try:
            self._connect(address, timeout)
        except OSError:
            self.socket.close()
            raise

    def _connect(self, address, timeout):
        # A Unix socket whose backlog is full says so at once.
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.socket.connect(address)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def encode(*args):
        parts = [b"*%d\r\n" % len(args)]
        for arg in args:
            if isinstance(arg, str):
                arg = arg.encode("utf-8", "surrogateescape")
            elif not isinstance(arg, bytes):
                arg = str(arg).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
        return b"".join(parts)

    def send(self, *args):
        self.socket.sendall(self.encode(*args))

    def send_raw(self, data):
        self.socket.sendall(data)

    def ask(self, *args):
        self.send(*args)
        return self.read()

    def pipeline(self, requests):
        self.socket.sendall(b"".join(self.encode(*r) for r in requests))
        return [self.read() for _ in requests]

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Closed
        self.buffer += data

    def _line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _bytes(self, count):
        while len(self.buffer) < count + 2:
            self.fill()
        data, self.buffer = self.buffer[:count], self.buffer[count + 2 :]
        return data

    def read(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b"=":
            return self._bytes(int(rest))[4:]
        if kind in (b"*", b">", b"~"):
            if rest == b"-1":
                return None
            items = [self.read() for _ in range(int(rest))]
            if kind == b">":
                return Push(items)
            return items
        if kind == b"%":
            pairs = [(self.read(), self.read()) for _ in range(int(rest))]
            return {self._key(k): v for k, v in pairs}
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        raise AssertionError(f"no reply begins like this: {line[:80]!r}")

    @staticmethod
    def _key(key):
        return tuple(key) if isinstance(key, list) else key
