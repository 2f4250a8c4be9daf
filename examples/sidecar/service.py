"""A configuration service over HTTP: what its two versions share. They differ in their store.

PUT    /users/USER/KEY   the body is the value, UTF-8 text; 204
GET    /users/USER/KEY   the value, or 404
GET    /users/USER       all keys and values as JSON, or 404
DELETE /users/USER       204
GET    /healthz          200 while the process serves, whatever its store does

A store has put(user, key, value), get(user, key), get_all(user) and drop(user).
"""

import argparse
import http.server
import json
import re
import signal
import sys
import urllib.parse

VALUE_BYTES_MAX = 1 << 20
IDLE_SECONDS_MAX = 60
PATH = re.compile(r"/users/([^/?]+)(?:/([^/?]+))?")
TEXT = "text/plain; charset=utf-8"


class Refused(Exception):
    """A request that is answered with a status and a text."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS_MAX
    disable_nagle_algorithm = True
    store = None
    store_errors = ()

    def respond(self):
        kind = TEXT
        try:
            status, body, kind = self.answer()
        except Refused as refused:
            status, body = refused.args
        except self.store_errors as error:
            status, body = 503, f"the store does not answer: {error}\n"
        data = body.encode()
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_DELETE = respond

    def answer(self):
        """Status, body and type of the body."""
        value = self.read_body()
        if self.command == "GET" and self.path == "/healthz":
            return 200, "ok\n", TEXT
        user, key = self.names()
        if self.command == "PUT" and key is not None:
            self.store.put(user, key, value)
            return 204, "", TEXT
        if self.command == "DELETE" and key is None:
            self.store.drop(user)
            return 204, "", TEXT
        if self.command != "GET":
            raise Refused(405, "PUT is for /users/USER/KEY, DELETE for /users/USER\n")
        found = self.store.get_all(user) if key is None else self.store.get(user, key)
        if found is None or found == {}:
            raise Refused(404, "there is no such key\n" if key else "there is no such user\n")
        if key is None:
            return 200, json.dumps(found, sort_keys=True) + "\n", "application/json"
        return 200, found, TEXT

    def names(self):
        match = PATH.fullmatch(self.path)
        if match is None:
            raise Refused(404, "there are /users/USER/KEY, /users/USER and /healthz\n")
        try:
            return [part and urllib.parse.unquote(part, errors="strict") for part in match.groups()]
        except UnicodeDecodeError:
            raise Refused(400, "a name is no UTF-8 text\n") from None

    def read_body(self):
        is_put = self.command == "PUT"
        length = self.headers.get("Content-Length", "" if is_put else "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,12}", length):
            self.close_connection = True  # where the body ends is not known
            raise Refused(411, "a body needs one Content-Length\n")
        if int(length) > VALUE_BYTES_MAX:
            self.close_connection = True
            raise Refused(413, f"a value has {VALUE_BYTES_MAX} bytes at most\n")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            self.close_connection = True
            raise Refused(400, "the body is shorter than its Content-Length\n")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise Refused(400, "the value is no UTF-8 text\n") from None

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bind", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="0: any (default: %(default)s)")
    return parser


def run(arguments, store, store_errors=()):
    """Serves until SIGTERM or SIGINT. `store_errors`: what the store raises if it cannot answer."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    handler = type("StoreHandler", (Handler,), {"store": store, "store_errors": store_errors})
    with Server((arguments.bind, arguments.port), handler) as server:
        print("ready", server.server_address[1], flush=True)
        server.serve_forever()
