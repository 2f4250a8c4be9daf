"""What a service does with redis-py: run against a server on the port given."""

import sys

import redis

PORT = int(sys.argv[1])


def check(condition, what):
    if not condition:
        raise SystemExit(f"redis-py: {what}")


def main(protocol):
    client = redis.Redis(port=PORT, protocol=protocol, decode_responses=True)
    client.flushall()
    client.hset("user:1", mapping={"theme": "dark", "lang": "en"})
    check(client.hgetall("user:1") == {"theme": "dark", "lang": "en"}, "hgetall")
    check(client.hget("user:1", "none") is None, "hget of nothing")
    check(client.expire("user:1", 100) and 0 < client.ttl("user:1") <= 100, "expire")
    check(client.hexpire("user:1", 50, "theme") == [1], "hexpire")
    check(0 < client.httl("user:1", "theme")[0] <= 50, "httl")

    pipeline = client.pipeline(transaction=False)
    for i in range(5000):
        pipeline.hset(f"user:{i}", "n", i)
        pipeline.hget(f"user:{i}", "n")
    replies = pipeline.execute()
    check(replies[1::2] == [str(i) for i in range(5000)], "a pipeline")
    check(len(list(client.scan_iter("user:*", count=500))) == 5000, "scan")
    check(dict(client.hscan_iter("user:1"))["lang"] == "en", "hscan")
    check(client.dbsize() == 5000, "dbsize")

    def transfer(pipe):
        amount = int(pipe.get("from") or 0)
        pipe.multi()
        pipe.set("from", amount - 10)
        pipe.incrby("to", 10)

    client.mset({"from": 100, "to": 0})
    client.transaction(transfer, "from")
    check(client.mget("from", "to") == ["90", "10"], "a transaction")
    with client.pipeline() as watched:
        watched.watch("from")
        client.set("from", 1)
        watched.multi()
        watched.set("from", 2)
        try:
            watched.execute()
            check(False, "a watched key that changed")
        except redis.WatchError:
            pass

    listener = client.pubsub()
    listener.subscribe("news")
    check(listener.get_message(timeout=5)["type"] == "subscribe", "subscribe")
    client.publish("news", "hello")
    check(listener.get_message(timeout=5)["data"] == "hello", "a message")
    listener.close()

    try:
        client.get("user:1")
        check(False, "WRONGTYPE")
    except redis.ResponseError as error:
        check("WRONGTYPE" in str(error), "WRONGTYPE")
    check(client.info()["redis_mode"] == "standalone", "info")
    check(client.config_get("maxmemory")["maxmemory"].isdigit(), "config get")
    client.close()


def tracking():
    """The library's own copies, which it drops when the server says so."""
    from redis.cache import CacheConfig

    reader = redis.Redis(port=PORT, protocol=3, decode_responses=True, cache_config=CacheConfig())
    writer = redis.Redis(port=PORT)
    writer.hset("tracked", "f", "1")
    check(reader.hget("tracked", "f") == "1", "a read")
    check(reader.get_cache().size == 1, "a copy")
    check(reader.hget("tracked", "f") == "1", "a read of the copy")
    writer.hset("tracked", "f", "2")
    # The message is on its way: some command after it finds it.
    for _ in range(10_000):
        if reader.hget("tracked", "f") == "2":
            break
        reader.ping()
    check(reader.hget("tracked", "f") == "2", "the copy goes when it changes")
    reader.close()
    writer.close()


def documents(version):
    client = redis.Redis(port=PORT, protocol=version, decode_responses=True)
    json = client.json()
    client.delete("doc")
    check(json.set("doc", "$", {"name": "Ada", "cards": [{"last4": "1234"}], "n": 1}), "json set")
    check(json.get("doc", "$.cards[0].last4") == ["1234"], "json get")
    check(json.get("doc", ".name") == "Ada", "json get of an old path")
    check(json.numincrby("doc", "$.n", 4) == [5], "json numincrby")
    check(json.merge("doc", "$", {"cards": None, "more": {"a": [1, 2]}}), "json merge")
    check(json.get("doc") == {"name": "Ada", "n": 5, "more": {"a": [1, 2]}}, "a whole document")
    check(json.arrlen("doc", "$.more.a") == [2] and json.objlen("doc") == 3, "json lengths")
    check(json.mget(["doc", "none"], "$.n") == [[5], None], "json mget")
    check(json.set("doc", "$.n", 7, nx=True) is None, "json set nx")
    check(json.delete("doc", "$.more") == 1 and json.clear("doc", "$.n") == 1, "json delete")
    check(json.get("doc") == {"name": "Ada", "n": 0}, "what is left")
    check(client.type("doc") == "ReJSON-RL", "its type")
    try:
        json.get("doc", "$..n")
        check(False, "a path to many values")
    except redis.ResponseError as error:
        check("is not supported" in str(error), "a path to many values")
    client.close()


for version in (2, 3):
    main(version)
    documents(version)
tracking()
print("ok")
