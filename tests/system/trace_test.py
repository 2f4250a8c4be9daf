"""/debug/trace: read with Perfetto's own schema, and compared with what was done."""

import http.client
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import servers

LIBRARIES = pathlib.Path(os.environ.get("ULLAGE_CLIENTS")
                         or pathlib.Path(tempfile.gettempdir(), "ullage-clients"), "perfetto")


def perfetto_schema():
    """Perfetto's generated classes; none, with the reason, if they cannot be had."""
    if not LIBRARIES.exists():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", LIBRARIES,
                               "perfetto", "protobuf"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, f"pip cannot install perfetto: {done.stderr.strip()[-200:]}"
    sys.path.insert(0, str(LIBRARIES))
    try:
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2
    except ImportError as missing:
        return None, f"perfetto cannot be imported: {missing}"
    return perfetto_trace_pb2, ""


class Trace(unittest.TestCase):
    def setUp(self):
        self.port = servers.free_port()
        self.server = servers.ullage("--memory-limit", "64mb", "--io-threads", "1",
                                     environment={"ULLAGE_ADMIN_PORT": str(self.port)})
        self.addCleanup(self.server.__exit__)

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(connection.close)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    @staticmethod
    def seconds():
        """Time enough for some rounds of work, however slow the build is."""
        return 6 if servers.is_sanitized() else 2

    def traced(self, work):
        """Calls work() again and again while a trace is made; the trace."""
        traces = []
        thread = threading.Thread(
            target=lambda: traces.append(self.ask(f"/debug/trace?seconds={self.seconds()}")))
        thread.start()
        while thread.is_alive():
            work()
        thread.join()
        self.assertEqual(traces[0][0], 200, traces[0][1][:300])
        return traces[0][1]

    def test_what_is_done_is_in_it(self):
        schema, problem = perfetto_schema()
        if schema is None:
            self.skipTest(problem)
        wire = self.server.connect()
        self.addCleanup(wire.close)
        wire.pipeline([["HSET", "large", f"field{i}", "v" * 100] for i in range(5000)])
        for first in range(0, 16_000, 400):  # full
            wire.pipeline([["SET", f"old:{i}", "v" * 2000] for i in range(first, first + 400)])
        round_ = 0

        def work():
            nonlocal round_
            round_ += 1
            # Evicts; drops a large hash, whose pages go afterwards; is slow.
            wire.pipeline([["SET", f"k{round_}:{i}", "v" * 2000] for i in range(100)])
            wire.pipeline([["HSET", f"large{round_}", f"field{i}", "v" * 100]
                           for i in range(1000)])
            wire.ask("UNLINK", f"large{round_}")
            wire.ask("HGETALL", "large")
            wire.ask("KEYS", "none*")

        trace = schema.Trace()
        trace.ParseFromString(self.traced(work))
        threads, counters = {}, {}
        depth, names, flows = {}, {}, {}
        nested = set()
        for packet in trace.packet:
            self.assertEqual(packet.trusted_packet_sequence_id, 1)
            if packet.HasField("track_descriptor"):
                track = packet.track_descriptor
                if track.HasField("thread"):
                    threads[track.uuid] = track.thread.thread_name
                    self.assertEqual(track.thread.pid, self.server.pid)
                elif track.HasField("counter"):
                    counters[track.uuid] = track.name
                else:
                    self.assertEqual(track.process.process_name, "ullage")
                continue
            event = packet.track_event
            self.assertTrue(event.track_uuid in threads or event.track_uuid in counters)
            open_ = depth.setdefault(event.track_uuid, [])
            if event.type == event.TYPE_SLICE_BEGIN:
                open_.append((event.name, packet.timestamp))
            elif event.type == event.TYPE_SLICE_END:
                _, began = open_.pop()
                self.assertGreaterEqual(packet.timestamp, began)
            if event.type in (event.TYPE_SLICE_BEGIN, event.TYPE_INSTANT):
                names.setdefault(event.name, []).append(
                    {one.name: one.uint_value for one in event.debug_annotations})
                for flow in event.flow_ids:
                    flows.setdefault(flow, set()).add(event.name)
                for outer, _ in open_[:-1] if event.type == event.TYPE_SLICE_BEGIN else open_:
                    nested.add((outer, event.name))
        self.assertTrue(all(not open_ for open_ in depth.values()), "every slice has its end")
        self.assertIn("ullage-io-0", threads.values())
        self.assertIn("cache charged bytes", counters.values())
        for name in ("evict", "gather", "drop_group", "free_pages"):
            self.assertIn(name, set(names))
        self.assertGreater(sum(one["entries"] for one in names["evict"]), 0)
        self.assertTrue(all(one["entries"] > 0 for one in names["drop_group"]))
        self.assertIn({"drop_group", "free_pages"}, flows.values())
        self.assertTrue({"hgetall", "keys", "unlink"} & set(names), "slow commands")
        # What the cache did for a command lies in the command, or in what was done for it.
        self.assertTrue({("set", "evict"), ("gather", "evict"), ("make_room", "gather"),
                         ("make_room", "evict"), ("unlink", "drop_group")} & nested, nested)

    def test_one_at_a_time_within_bounds(self):
        for query in ("seconds=0", "seconds=61", "seconds=x", "minutes=1", "%"):
            self.assertEqual(self.ask(f"/debug/trace?{query}")[0], 400, query)
        self.assertEqual(self.ask("/debug/trace", "POST")[0], 405)
        statuses = []
        thread = threading.Thread(
            target=lambda: statuses.append(self.ask("/debug/trace?seconds=1")[0]))
        thread.start()
        while thread.is_alive():
            statuses.append(self.ask("/debug/trace?seconds=1")[0])
        thread.join()
        self.assertEqual(set(statuses), {200, 503})

    def test_who_goes_away_ends_it(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/debug/trace?seconds=60")
        status = 503
        deadline = time.monotonic() + 30  # half of what the trace would take
        while self.ask("/debug/trace?seconds=1")[0] != 503:
            self.assertLess(time.monotonic(), deadline)
        connection.close()
        while status == 503:
            status = self.ask("/debug/trace?seconds=1")[0]
            self.assertLess(time.monotonic(), deadline, "it goes on for nobody")
        self.assertEqual(status, 200)


if __name__ == "__main__":
    unittest.main()
