"""The services of examples/sidecar, and clients of theirs."""

import collections
import contextlib
import http.client
import os
import pathlib
import subprocess
import sys
import threading

from support import servers

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "examples" / "sidecar"
STOP_SECONDS = 30
VALUE_BYTES = 64 << 10
CLIENTS = 4


class Service:
    """A started naive.py or fixed.py; `with` ends it. `group`: a control group that it runs in."""

    def __init__(self, name, *options, group=None, environment=None):
        command = [sys.executable, "-B", str(FOLDER / name), "--port", "0", *options]
        if group is not None:
            command = group.command(command)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={**servers.clean_environment(), **(environment or {})})
        ready = self.process.stdout.readline().split()
        if len(ready) != 2 or ready[0] != "ready":
            self.__exit__()
            raise AssertionError(f"{name} did not start: {ready}")
        self.port = int(ready[1])

    @contextlib.contextmanager
    def client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            yield lambda *request: ask(connection, *request)
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.communicate()


def ask(connection, method, path, body=None, headers=None):
    """Status, headers that do not tell the time, and body."""
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    kept = sorted((name, text) for name, text in answer.getheaders() if name != "Date")
    return answer.status, kept, answer.read()


def offer(service, megabytes, at_each=lambda: None):
    """Ever more users, each with a value that is put and read, until so much has been offered or
    the service is gone. Counts the answers by method and status, and those that never came.
    """
    users = range(megabytes * (1 << 20) // VALUE_BYTES)
    counts = [collections.Counter() for _ in range(CLIENTS)]

    def put_and_get(count, mine):
        with service.client() as client:
            for user in mine:
                value = f"{user} ".encode().ljust(VALUE_BYTES, b"v")
                try:
                    count["PUT", client("PUT", f"/users/{user}/notes", value)[0]] += 1
                    status, _, body = client("GET", f"/users/{user}/notes")
                except (OSError, http.client.HTTPException):
                    count["gone"] += 1
                    return
                count["GET", status] += 1
                count["wrong"] += status == 200 and body != value
                at_each()

    threads = [threading.Thread(target=put_and_get, args=(counts[i], users[i::CLIENTS]))
               for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts, collections.Counter())
