#!/usr/bin/env python3
"""Records how memory grows in a real server, for src/observe/recorded_growth_test.cpp.

Starts the program, drives twenty kinds of load against it, each with a prefix and a class of its
own, and writes down what its walk over the cache finds for each class, as the early warning sees
it: 200 samples, one in three seconds, ten minutes in all. They stand for samples of ten seconds:
loads are as much faster.

    tools/record_growth.py build/dev/bin/ullage
"""

import http.client
import math
import os
import pathlib
import random
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
from support import servers, wire  # noqa: E402  pylint: disable=wrong-import-position

SAMPLES = 200
PERIOD_S = 3.0
SERVERS = 4
WARM_UP_S = 40  # for loads that are recorded when they have settled
OUT = "src/observe/recorded_growth_testing.h"


class Load:
    """One kind of load. `step` gives commands for the next second; `at` is from 0 to 1."""

    def __init__(self, name, verdicts, begin=None, step=None, early=False):
        self.name = name
        self.verdicts = verdicts
        self.begin = begin or (lambda load: [])
        self.step = step or (lambda load, at: [])
        self.is_early = early  # runs while others wait for the recording
        self.number = 0
        self.began_s = 0.0
        self.series = []
        self.random = random.Random(name)

    def key(self, number):
        return f"{self.name}:{number}"

    def new(self, count, size=120):
        """Commands that write so many keys that were not there."""
        first = self.number
        self.number += count
        return [["HSET", self.key(i), "value", "v" * size] for i in range(first, first + count)]


def leak_random(load, _at):
    return [["HSET", load.key(load.number + i), "value", "v" * load.random.randrange(10, 1500)]
            for i in range(load.random.choice([0, 0, 10, 25]))] + load.new(3)


def leak_with_deletes(load, _at):
    commands = load.new(45)
    for _ in range(15):
        commands.append(["DEL", load.key(load.random.randrange(load.number))])
    return commands


def leak_one_group(load, _at):
    load.number += 60
    return [["HSET", load.key("all"), f"field{load.number - i}", "v" * 60] for i in range(60)]


def leak_append(load, _at):
    return [["APPEND", load.key(load.random.randrange(1500)), "x" * 40] for _ in range(60)]


def warming(keys, rate):
    return lambda load, _at: [["HSET", load.key(load.random.randrange(keys)), "value", "v" * 120]
                              for _ in range(rate)]


def warming_skewed(load, _at):
    # Keys by their rank: one in a thousand is as often as all beyond.
    return [["HSET", load.key(int(8000 ** load.random.random())), "value", "v" * 120]
            for _ in range(80)]


def plateau_replaced(load, _at):
    return [["HSET", load.key(load.random.randrange(3000)), "value",
             "v" * load.random.randrange(80, 160)] for _ in range(80)]


def plateau_ttl(load, _at):
    load.number += 80
    return [["SET", load.key(load.number + i), "v" * 120, "EX", "20"] for i in range(80)]


def plateau_bounded_group(load, _at):
    load.number += 80
    return [["HSET", load.key("all"), f"field{load.number - i}", "v" * 60] for i in range(80)]


def sawtooth_batches(load, at):
    turn = int(at * 6.3)
    if turn != getattr(load, "turn", 0):
        load.turn = turn
        gone, load.number = load.number, 0
        return [["DEL", *[load.key(i) for i in range(gone)]]]
    return load.new(50)


def sawtooth_ttl(load, at):
    turns = 5.4
    end_s = load.began_s + (math.floor(at * turns) + 1) / turns * SAMPLES * PERIOD_S
    left_ms = max(int((end_s - time.monotonic()) * 1000), 1)
    load.number += 50
    return [["SET", load.key(load.number + i), "v" * 120, "PX", str(left_ms)] for i in range(50)]


def sawtooth_halved(load, _at):
    commands = load.new(60)
    load.first = getattr(load, "first", 0)
    if load.number - load.first > 6000:
        half = load.first + 3000
        commands.append(["DEL", *[load.key(i) for i in range(load.first, half)]])
        load.first = half
    return commands


def seasonal(load, at):
    load.number += 200
    count = int(60 + 50 * math.sin(2 * math.pi * at * 4))
    return [["SET", load.key(load.number + i), "v" * 120, "EX", "15"] for i in range(count)]


def noise(load, _at):
    commands = []
    for _ in range(60):
        key = load.key(load.random.randrange(6000))
        commands.append(["SET", key, "v" * 120] if load.random.random() < 0.5 else ["DEL", key])
    return commands


def shrinking(load, _at):
    commands = [["DEL", *[load.key(load.number - i) for i in range(1, 16)]]]
    load.number -= 15
    return commands


def loads():
    many = lambda count: lambda load: load.new(count)  # noqa: E731
    yield Load("leak_steady", "leak", step=lambda load, at: load.new(30))
    yield Load("leak_random", "leak", step=leak_random)
    yield Load("leak_with_deletes", "leak", step=leak_with_deletes)
    yield Load("leak_one_group", "leak", step=leak_one_group)
    yield Load("leak_above_much", "leak", many(12_000), lambda load, at: load.new(25))
    yield Load("leak_append", "leak", lambda load: [["SET", load.key(i), "x"] for i in range(1500)],
               leak_append)
    yield Load("warming_slow", "warming", step=warming(12_000, 50))
    yield Load("warming_fast", "warming|plateau", step=warming(5000, 60))
    yield Load("warming_skewed", "warming", step=warming_skewed)
    yield Load("plateau_still", "plateau", many(4000))
    yield Load("plateau_replaced", "plateau", many(3000), plateau_replaced, early=True)
    yield Load("plateau_ttl", "plateau", step=plateau_ttl, early=True)
    yield Load("plateau_bounded_group", "plateau",
               lambda load: [["HSET", load.key("all"), "f", "v"],
                             ["UL.LIMIT", load.key("all"), "MAXFIELDS", "1000"]],
               plateau_bounded_group, early=True)
    yield Load("plateau_bounded_class", "plateau",
               lambda load: [["UL.CLASS", "SET", load.name + ":*", "MAX", "400kb"]],
               lambda load, at: load.new(90), early=True)
    yield Load("sawtooth_batches", "sawtooth", step=sawtooth_batches)
    yield Load("sawtooth_ttl", "sawtooth", step=sawtooth_ttl)
    yield Load("sawtooth_halved", "sawtooth", step=sawtooth_halved)
    yield Load("seasonal", "plateau|sawtooth", step=seasonal, early=True)
    yield Load("noise", "plateau", many(3000), noise, early=True)
    yield Load("shrinking", "shrinking", many(10_000), shrinking)


CLASS = re.compile(r'^ullage_cache_class_bytes\{class="([a-z_]+):\*"\} (\d+)', re.MULTILINE)


class Recording:
    """A server with some of the loads, and what is seen of each."""

    def __init__(self, some):
        self.loads = some
        self.port = servers.free_port()
        self.server = servers.ullage("--memory-limit", "160mb",
                                     environment={"ULLAGE_ADMIN_PORT": str(self.port)})
        self.wire = self.server.connect()
        for load in some:
            self.ask([["UL.CLASS", "SET", load.name + ":*"], *load.begin(load)])

    def ask(self, commands):
        for answer in self.wire.pipeline(commands) if commands else []:
            if isinstance(answer, wire.ReplyError):
                raise RuntimeError(answer)

    def step(self, at):
        """A second of all loads; at None, of those that run before the recording begins."""
        for load in self.loads:
            if at is None and load.is_early:
                self.ask(load.step(load, 0))
            elif at is not None:
                self.ask(load.step(load, at))

    def sample(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        seen = {name: int(value) for name, value in CLASS.findall(text)}
        for load in self.loads:
            load.series.append(seen.get(load.name, 0))

    def close(self):
        self.wire.close()
        self.server.stop()


def pause_until(moment):
    time.sleep(max(moment - time.monotonic(), 0))


def header(all_loads):
    text = f"""// Written by tools/record_growth.py from a running server: what its walk over the cache found for
// each of {len(all_loads)} loads, {SAMPLES} samples of each, in bytes.
#pragma once

#include <string_view>
#include <vector>

namespace ullage::observe {{

struct RecordedGrowth {{
  std::string_view name;
  std::string_view verdicts;  ///< those that are right, with bars in between
  std::vector<double> values;
}};

inline std::vector<RecordedGrowth> recorded_growth() {{
  return {{
"""
    for load in all_loads:
        values = ", ".join(map(str, load.series))
        text += f'    {{"{load.name}",\n     "{load.verdicts}",\n     {{{values}}}}},\n'
    return text + """  };
}

}  // namespace ullage::observe
"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.environ["ULLAGE_PROGRAM"] = os.path.abspath(sys.argv[1])
    all_loads = list(loads())
    recordings = [Recording(all_loads[i::SERVERS]) for i in range(SERVERS)]
    try:
        began = time.monotonic()
        for second in range(WARM_UP_S):
            for recording in recordings:
                recording.step(None)
            pause_until(began + second + 1)
        began = time.monotonic()
        for load in all_loads:
            load.began_s = began
        for number in range(SAMPLES):
            for second in range(int(PERIOD_S)):
                for recording in recordings:
                    recording.step(number / SAMPLES)
                pause_until(began + number * PERIOD_S + second + 1)
            for recording in recordings:
                recording.sample()
            print(f"\r{number + 1} of {SAMPLES} samples", end="", file=sys.stderr, flush=True)
    finally:
        for recording in recordings:
            recording.close()
    (ROOT / OUT).write_text(header(all_loads), encoding="utf-8")
    print(f"\nwrote {OUT}; ./dev format puts it in shape", file=sys.stderr)


if __name__ == "__main__":
    main()
