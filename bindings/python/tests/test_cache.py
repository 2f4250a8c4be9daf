from __future__ import annotations

import asyncio
import gc
import gzip
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import ullage


@pytest.fixture
def cache() -> Iterator[ullage.Cache]:
    with ullage.Cache(8 << 20) as opened:
        yield opened
        if not opened.closed:
            opened.validate()


def test_names_and_values_of_any_kind(cache: ullage.Cache) -> None:
    for group in ("g", b"g", bytearray(b"g"), memoryview(b"g")):
        cache.set(group, "f", "dark")
        assert cache.get(group, b"f") == b"dark"
    assert len(cache) == 1
    cache.set("ä", "€", "ü")
    assert cache.get("ä".encode(), "€".encode()) == "ü".encode()
    cache.set(b"\xff\x00", b"\xfe", b"\xfd")
    assert dict(cache[b"\xff\x00"]) == {"\udcfe": b"\xfd"}
    assert cache.get("\udcff\0", "\udcfe") == b"\xfd"
    assert cache.get("g", "none") is None
    assert cache.get("g", "none", 5) == 5


def test_wrong_types_are_type_errors(cache: ullage.Cache) -> None:
    with pytest.raises(TypeError):
        cache.set("g", "f", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        cache.get(None, "f")  # type: ignore[arg-type]
    with pytest.raises(BufferError):
        cache.set("g", "f", memoryview(b"abcd")[::2])
    assert len(cache) == 0


def test_buffers_are_not_copied_twice(cache: ullage.Cache) -> None:
    cache.set("g", "f", bytearray(b"\x01\x02\x03\x04"))
    value = cache.get_buffer("g", "f")
    assert value is not None
    view = memoryview(value)
    assert view.readonly and len(value) == 4
    assert memoryview(value).obj is value
    assert view.cast("H").tolist() == [0x0201, 0x0403]
    cache.close()
    assert bytes(view) == b"\x01\x02\x03\x04", "it stays valid"
    assert bytes(value) == b"\x01\x02\x03\x04"


def test_into_a_buffer_of_ours(cache: ullage.Cache) -> None:
    cache.set("g", "f", "value")
    buffer = bytearray(8)
    assert cache.get_into("g", "f", buffer) == 5
    assert buffer == b"value\0\0\0"
    small = bytearray(b"xxx")
    assert cache.get_into("g", "f", small) == 5
    assert small == b"xxx"
    assert cache.get_into("g", "none", buffer) is None
    with pytest.raises(BufferError):
        cache.get_into("g", "f", b"readonly")


def test_groups_are_mappings(cache: ullage.Cache) -> None:
    user = cache["user:42"]
    assert len(user) == 0 and dict(user) == {}
    user["theme"] = "dark"
    user.update(lang=b"en", size=b"12")
    assert dict(user) == {"theme": b"dark", "lang": b"en", "size": b"12"}
    assert "theme" in user and "none" not in user and object() not in user
    assert user.pop("size") == b"12"
    with pytest.raises(KeyError):
        user["size"]
    with pytest.raises(KeyError):
        del user["size"]
    assert user.setdefault("lang", b"de") == b"en"
    assert "user:42" in cache and list(cache) == ["user:42"]
    assert repr(user) == "<ullage.Group 'user:42' of 2 fields>"
    user.clear()
    assert "user:42" not in cache
    with pytest.raises(KeyError):
        del cache["user:42"]


def test_large_groups_are_walked(cache: ullage.Cache) -> None:
    assert cache.set_many("wide", {f"f{i}": str(i) for i in range(3000)}) == 3000
    assert {field: int(value) for field, value in cache["wide"].items()} == {f"f{i}": i for i in range(3000)}
    for field in cache["wide"]:  # the body may change it
        cache.erase("wide", field)
    assert len(cache["wide"]) == 0


def test_errors_are_of_their_kind(cache: ullage.Cache) -> None:
    cases: list[tuple[type[ullage.Error], type[Exception], Callable[[], object]]] = [
        (ullage.TooLongError, ValueError, lambda: cache.set("g" * 2000, "f", "v")),
        (ullage.InvalidArgumentError, ValueError, lambda: cache.set("g", "f", "v", ttl=-1)),
        (ullage.LimitError, ValueError, lambda: ullage.Cache(1)),
        (ullage.MissingError, LookupError, lambda: cache.rename_group("none", "other")),
        (ullage.JsonError, ValueError, lambda: cache.json_put("d", "{")),
        (ullage.TooLargeError, ValueError, lambda: cache.get_many("g", ["f"] * 5000)),
    ]
    for error, kind, call in cases:
        with pytest.raises(error) as raised:
            call()
        assert isinstance(raised.value, kind) and isinstance(raised.value, ullage.Error)
        assert raised.value.code and raised.value.message
    with pytest.raises(ullage.JsonError, match="line 2, column 3"):
        cache.json_put("d", '{\n  x}')


def test_use_after_close() -> None:
    cache = ullage.Cache(8 << 20)
    group = cache["g"]
    cache.close()
    cache.close()
    assert cache.closed
    for call in (lambda: cache.get("g", "f"), lambda: cache.set("g", "f", "v"), lambda: len(cache),
                 lambda: list(cache), lambda: group["f"], lambda: cache.metrics(), lambda: cache.tick(),
                 lambda: cache.get_or_load("g", "f", lambda: b"")):
        with pytest.raises(ullage.ClosedError):
            call()


def test_times(cache: ullage.Cache) -> None:
    clock = ullage.ManualClock()
    with ullage.Cache(8 << 20, clock=clock, manual=True) as timed:
        timed.set("g", "f", "v", ttl=timedelta(seconds=2))
        assert timed.ttl("g", "f") == 2.0
        clock.advance(1.5)
        assert timed.ttl("g", "f") == 0.5
        assert timed.expire("g", "f", None)
        assert timed.ttl("g", "f") == float("inf")
        timed.set("g", "f", "v", ttl=0.0001)
        assert timed.ttl("g", "f") == 0.001, "less than a millisecond is not none"
        clock.advance(0.001)
        assert timed.get("g", "f") is None


def test_limits_hold() -> None:
    with ullage.Cache(8 << 20, group_max_fields=10, max_memory_limit=32 << 20) as cache:
        for i in range(100):
            cache.set("g", f"f{i}", "v")
        assert len(cache["g"]) == 10
        cache.set_memory_limit(16 << 20)
        stats = cache.stats()
        assert stats.memory_limit == 16 << 20
        assert stats.removals["limit"] == 90
        assert stats.charged_bytes <= stats.memory_limit


def test_removals_are_heard_of() -> None:
    heard: list[ullage.Removal] = []
    with ullage.Cache(8 << 20, manual=True, on_removal=heard.append, removal_values=True) as cache:
        cache.set("g", "f", "value")
        cache.erase("g", "f")
        cache.tick()
    assert heard == [ullage.Removal("g", "f", "erased", b"value", 5)]


def test_what_a_listener_raises_is_shown_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: shown.append(hook.exc_value))

    def hear(_: ullage.Removal) -> None:
        raise RuntimeError("no")

    with ullage.Cache(8 << 20, manual=True, on_removal=hear) as cache:
        cache.set("g", "f", "value")
        cache.erase("g", "f")
        cache.tick()
        assert cache.get("g", "f") is None
    assert [str(one) for one in shown] == ["no"]


def test_a_listener_on_the_caches_thread_is_no_deadlock() -> None:
    heard = threading.Event()
    with ullage.Cache(8 << 20, on_removal=lambda _: heard.set()) as cache:
        cache.set("g", "f", "value")
        cache.erase("g", "f")
        assert heard.wait(30)


def test_one_load_for_all_threads(cache: ullage.Cache) -> None:
    loads = []
    release = threading.Event()
    began = threading.Event()

    def load() -> str:
        loads.append(1)
        began.set()
        assert release.wait(30)
        return "loaded"

    found: list[bytes | None] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get_or_load("g", "f", load))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert began.wait(30)
    assert cache.set("other", "f", "v") == "inserted", "who waits lets others run"
    release.set()
    for thread in threads:
        thread.join()
    assert found == [b"loaded"] * 8 and len(loads) == 1


def test_loaders_raise_what_they_raise(cache: ullage.Cache) -> None:
    class NoDatabase(Exception):
        pass

    def load() -> str:
        raise NoDatabase("down")

    with pytest.raises(NoDatabase, match="down"):
        cache.get_or_load("g", "f", load)
    assert cache.get_or_load("g", "f", lambda: None) is None
    assert cache.get_or_load("g", "f", lambda: cache.get_or_load("g", "inner", lambda: "deep")) == b"deep"


def test_asyncio_loads_once(cache: ullage.Cache) -> None:
    loads = 0

    async def main() -> None:
        release = asyncio.Event()

        async def load() -> str:
            nonlocal loads
            loads += 1
            await release.wait()
            return "loaded"

        tasks = [asyncio.create_task(cache.load("g", "f", load)) for _ in range(10)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        release.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [b"loaded"] * 9
        assert await cache.load("g", "f", load) == b"loaded"

    asyncio.run(main())
    assert loads == 1 and cache.get("g", "f") == b"loaded"


def test_asyncio_loaders_end_with_those_who_wait(cache: ullage.Cache) -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def load() -> str:
            try:
                await asyncio.sleep(1000)
            finally:
                ended.set()
            return ""

        task = asyncio.create_task(cache.load("g", "f", load))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

        async def broken() -> str:
            raise RuntimeError("down")

        with pytest.raises(RuntimeError, match="down"):
            await cache.load("g", "f", broken)

        async def writes() -> str:
            cache.set("g", "f", "written meanwhile")
            return "loaded"

        assert await cache.load("g", "f", writes) == b"written meanwhile"

    asyncio.run(main())


def test_threads_and_close() -> None:
    cache = ullage.Cache(8 << 20)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for i in range(100_000):
                cache.set("shared", f"f{i % 50}", "0123456789")
                value = cache.get("shared", f"f{i % 50}")
                assert value in (None, b"0123456789")
                if i % 100 == 0:
                    cache.validate()
        except ullage.ClosedError:
            pass
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while cache.stats().hits < 1000:
        pass
    cache.close()
    for thread in threads:
        thread.join()
    assert failures == []


def test_nobody_keeps_a_cache_alive() -> None:
    heard: list[ullage.Removal] = []
    cache = ullage.Cache(8 << 20, on_removal=heard.append)
    gone = weakref.ref(cache)
    del cache
    gc.collect()
    assert gone() is None


def test_what_it_says_of_itself(cache: ullage.Cache) -> None:
    cache.set("user:1", "theme", "dark")
    cache.get("user:1", "theme")
    assert 'ullage_cache_hits_total{cache="cache"} 1\n' in cache.metrics()
    assert b"theme" in gzip.decompress(cache.data_profile())


def test_documents(cache: ullage.Cache) -> None:
    cache.json_put("d", '{"a": [1, {"b": null}]}', ttl=100)
    assert cache.json_get("d", "/a/1") == '{"b":null}'
    assert cache.json_get("d", "/none") is None
    assert cache.json_is_complete("d")
    cache.erase("d", "/a/0")
    with pytest.raises(ullage.WrongTypeError):
        cache.json_put("d", "1", "/a/1/b/c")
    with pytest.raises(ullage.TooLargeError):
        cache.json_put("d", "[" * 100 + "]" * 100)


def test_errors_about_names_that_are_no_text(cache: ullage.Cache) -> None:
    cache.json_put("d", "{}")
    with pytest.raises(ullage.JsonError):
        cache._cache._json_get("d", b"\xff")


def test_a_call_under_way_ends_after_close() -> None:
    # The cache's own thread wants Python while the last call ends the cache.
    heard = threading.Event()
    cache = ullage.Cache(8 << 20, on_removal=lambda _: heard.set())
    began, release = threading.Event(), threading.Event()

    def load() -> str:
        began.set()
        assert release.wait(30)
        return "late"

    found: list[bytes | None] = []
    thread = threading.Thread(target=lambda: found.append(cache.get_or_load("g", "f", load)))
    thread.start()
    assert began.wait(30)
    for i in range(100):
        cache.set("g", "other", str(i))
    cache.close()
    release.set()
    thread.join(30)
    assert not thread.is_alive() and found == [b"late"]
