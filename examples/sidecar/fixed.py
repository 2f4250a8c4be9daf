"""The same service; what it stores lies in Ullage beside it, which has a bound."""

import os

import redis
import service
from redis.backoff import NoBackoff
from redis.retry import Retry


def load_from_source(_user, _key):
    """Yours: a read of the database. This example has none, so what is forgotten is a 404."""
    return None


class Store:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.users = redis.Redis(connection_pool=redis.BlockingConnectionPool(
            host=host, port=int(port), password=os.environ.get("ULLAGE_PASSWORD"),
            decode_responses=True, max_connections=16, timeout=1, socket_timeout=1,
            socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)))

    def put(self, user, key, value):  # the source of truth, if there is one, is written first
        self.users.hset(f"user:{user}", key, value)

    def get(self, user, key):
        value = self.users.hget(f"user:{user}", key)
        # A cache may forget: a miss reads the source of truth again, and keeps what it says, unless
        # somebody has written meanwhile: that is newer.
        if value is None and (value := load_from_source(user, key)) is not None:
            self.users.hsetnx(f"user:{user}", key, value)
        return value

    def get_all(self, user):  # what it holds now; some keys may be forgotten
        return self.users.hgetall(f"user:{user}")

    def drop(self, user):
        self.users.delete(f"user:{user}")


if __name__ == "__main__":
    options = service.options(__doc__)
    options.add_argument("--ullage", metavar="HOST:PORT", help="default: %(default)s",
                         default=os.environ.get("ULLAGE_ADDRESS", "127.0.0.1:7379"))
    arguments = options.parse_args()
    service.run(arguments, Store(arguments.ullage), redis.RedisError)
