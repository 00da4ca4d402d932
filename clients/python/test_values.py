"""Times, waits, levels and JSON: what can be said without a server."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import unittest
from typing import Any, List

from testing.support import SkewedClock
from tradewarden import (
    Backoff, ClockUnknown, DesiredState, ServerClock, camel, encoded, iso, plain, read_desired,
    read_desired_header, retry_after_of, seconds_of,
)

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


class StillClock(SkewedClock):
    """Between two lines no time passes."""

    def wall(self) -> float:
        return NOON + self.skew + self.passed

    def monotonic(self) -> float:
        return 1_000.0 + self.passed


class Times(unittest.TestCase):
    def test_rfc_3339_is_read_with_every_kind_of_zone(self) -> None:
        for text in ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000z",
                     "2026-01-01t13:00:00+01:00", "2026-01-01 06:30:00-05:30",
                     "2026-01-01T12:00:00.000000Z"):
            self.assertEqual(seconds_of(text), NOON, text)
        self.assertAlmostEqual(seconds_of("2026-01-01T12:00:00.125Z") or 0, NOON + 0.125)

    def test_what_is_not_a_time_with_a_zone_is_none(self) -> None:
        for value in ("2026-01-01T12:00:00", "2026-02-30T12:00:00Z", "yesterday", "", None, 5,
                      "2026-01-01T25:00:00Z", "2026-01-01T12:00:00Z\n x", "٢٠٢٦-01-01T12:00:00Z"):
            self.assertIsNone(seconds_of(value), value)

    def test_a_time_is_cut_to_the_millisecond_and_never_rounded_ahead(self) -> None:
        self.assertEqual(iso(NOON + 0.9999), "2026-01-01T12:00:00.999Z")
        self.assertEqual(iso(NOON), "2026-01-01T12:00:00.000Z")
        for millis in range(0, 1000, 7):
            text = iso(NOON + millis / 1000)
            self.assertEqual(text, f"2026-01-01T12:00:00.{millis:03d}Z")
            self.assertEqual(iso(seconds_of(text) or 0), text)


class TheServersClock(unittest.TestCase):
    def setUp(self) -> None:
        self.machine = StillClock()
        self.clock = ServerClock(self.machine)

    def observe(self, server: float, sent: float, received: float) -> bool:
        return self.clock.observe(iso(server), sent, received)

    def test_is_unknown_until_an_answer_says_it(self) -> None:
        self.assertFalse(self.clock.known)
        self.assertIsNone(self.clock.skew)
        self.assertRaises(ClockUnknown, self.clock.now)
        for nonsense in (None, "", "soon", 0, "1969-12-31T00:00:00Z", "9999-12-31T23:59:59.999Z"):
            self.assertFalse(self.clock.observe(nonsense, 0, 1))
        self.assertFalse(self.clock.known)

    def test_lies_between_what_each_answer_allows(self) -> None:
        mono = self.machine.monotonic()
        # A long poll that was answered somewhere in 20 s, then a quick heartbeat.
        self.observe(NOON, mono - 20, mono)
        self.assertGreater(self.clock.latest() - self.clock.now(), 19.9)
        self.observe(NOON + 0.010, mono, mono + 0.020)
        self.assertLess(self.clock.latest() - self.clock.now(), 0.1)
        # A slow one does not make it worse.
        self.observe(NOON + 5, mono + 0.1, mono + 9)
        self.assertLess(self.clock.latest() - self.clock.now(), 0.1)

    def test_is_never_ahead_of_the_server_whatever_the_ways_of_the_answers(self) -> None:
        import random
        chance = random.Random(1)
        offset, mono = NOON - self.machine.monotonic(), self.machine.monotonic()
        for _ in range(300):
            way, back = chance.random(), chance.random()
            self.observe(mono + way + offset, mono, mono + way + back)
            mono += way + back
            self.machine.passed += way + back
            present = self.machine.monotonic() + offset
            self.assertLessEqual(self.clock.now(), present + 0.001)
            self.assertGreaterEqual(self.clock.latest(), present - 0.001)
            mono = self.machine.monotonic()

    def test_follows_a_server_whose_clock_was_set(self) -> None:
        mono = self.machine.monotonic()
        self.observe(NOON, mono, mono + 0.01)
        self.observe(NOON - 3600, mono + 1, mono + 1.01)
        self.assertLess(self.clock.now(), NOON - 3000)

    def test_does_not_move_with_this_machines_clock(self) -> None:
        mono = self.machine.monotonic()
        self.observe(NOON, mono, mono + 0.01)
        before = self.clock.now()
        self.machine.skew += 3600
        self.assertAlmostEqual(self.clock.now(), before, delta=1)

    def test_gives_a_time_of_before_it_was_known_its_place(self) -> None:
        marker = self.clock.marker("me")["$time"]
        self.machine.passed += 30
        # The wall was set right in between: it has no say.
        self.machine.skew += 3600
        mono = self.machine.monotonic()
        self.observe(NOON, mono, mono)
        settled = seconds_of(self.clock.settle(marker, "me")) or 0
        self.assertAlmostEqual(settled, NOON - 30, delta=.1)

    def test_places_a_time_of_another_process_by_the_wall_clocks_present_error(self) -> None:
        self.machine.skew = 3600
        marker = self.clock.marker("before the restart")["$time"]
        self.machine.passed += 30
        mono = self.machine.monotonic()
        self.observe(NOON, mono, mono)
        settled = seconds_of(self.clock.settle(marker, "me")) or 0
        self.assertAlmostEqual(settled, NOON - 30, delta=.1)
        # Set back since: then it would lie ahead, which nothing does.
        self.machine.skew = 0
        self.observe(NOON, mono, mono)
        self.assertLessEqual(seconds_of(self.clock.settle(marker, "me")) or 0, self.clock.now())

    def test_knows_no_time_ahead_of_the_present(self) -> None:
        mono = self.machine.monotonic()
        self.observe(NOON, mono, mono)
        self.assertLessEqual(seconds_of(self.clock.settle({"at": NOON + 9_000}, "me")) or 0,
                             self.clock.now())


class Waits(unittest.TestCase):
    def test_double_up_to_thirty_seconds_half_of_it_jitter(self) -> None:
        low, high = Backoff(chance=lambda: 0.0), Backoff(chance=lambda: 1.0)
        self.assertEqual([low.next() for _ in range(3)], [0.125, 0.25, 0.5])
        self.assertEqual([high.next() for _ in range(40)][-2:], [30.0, 30.0])

    def test_are_as_long_as_the_server_asks_but_not_for_ever(self) -> None:
        backoff = Backoff(chance=lambda: 1.0)
        self.assertEqual([backoff.next(60), backoff.next(9e9)], [60, 300])
        backoff.reset()
        self.assertEqual(backoff.next(), 0.25)

    def test_retry_after_is_read_as_seconds_or_a_date_by_the_servers_own_clock(self) -> None:
        date = "Thu, 01 Jan 2026 12:00:00 GMT"
        for text, seconds in (("3", 3), ("0", 0), ("1.5", 1.5), ("-5", 0), ("soon", 0), ("", 0),
                              ("nan", 0), ("inf", 0), ("Thu, 01 Jan 2026 12:00:10 GMT", 10),
                              ("Thu, 01 Jan 2026 11:00:00 GMT", 0)):
            self.assertEqual(retry_after_of({"retry-after": text}, NOON), seconds, text)
        # This machine is an hour ahead: what counts is the answer's own Date.
        headers = {"retry-after": "Thu, 01 Jan 2026 12:00:07 GMT", "date": date}
        self.assertEqual(retry_after_of(headers, NOON + 3600), 7)
        self.assertEqual(retry_after_of({}, NOON), 0)


class TheDesiredState(unittest.TestCase):
    known = DesiredState("active", "paused", 3)

    def test_is_read_from_a_header_with_or_without_the_run(self) -> None:
        self.assertEqual(read_desired_header("halted;run=stopped;v=12", None),
                         ("halted", "stopped", 12))
        self.assertEqual(read_desired_header("halted; v=12", self.known), ("halted", "paused", 12))

    def test_changes_nothing_when_it_cannot_be_read(self) -> None:
        for text in (None, "", "active", "active;v=", "active;run=running;v=x", "halted;v=12",
                     "sleepy;run=running;v=3", "active;run=running;v=1e3", "active;run=off;v=3",
                     "active;run=running;v=-1", "active;run=running;v=" + "9" * 400):
            self.assertIsNone(read_desired_header(text, None), text)
        values: List[Any] = [None, [], "active", {}, {"state": "active", "run": "running"},
                             {"state": "active", "run": "running", "version": "3"},
                             {"state": "active", "run": "running", "version": True},
                             {"state": ["active"], "run": "running", "version": 3}]
        for value in values:
            self.assertIsNone(read_desired(value), value)

    def test_allows_openings_only_when_active_and_running(self) -> None:
        for state in ("active", "reducing", "halted", "flatten"):
            for run in ("running", "paused", "stopped"):
                desired = DesiredState(state, run, 1)
                self.assertEqual(desired.may_open, (state, run) == ("active", "running"))
                self.assertEqual(desired.may_decide,
                                 state in ("active", "reducing") and run != "stopped")


class Json(unittest.TestCase):
    def test_loses_no_digit(self) -> None:
        self.assertEqual(plain(decimal.Decimal("1.10000")), "1.10000")
        self.assertEqual(plain(decimal.Decimal("1E+5")), "100000")
        self.assertEqual(plain(2 ** 63), str(2 ** 63))
        self.assertEqual(plain(2 ** 53), 2 ** 53)
        self.assertEqual(json.loads(encoded({"a": 0.1 + 0.2})), {"a": 0.30000000000000004})

    def test_is_ascii(self) -> None:
        self.assertEqual(encoded({"a": "é€😀"}), b'{"a":"\\u00e9\\u20ac\\ud83d\\ude00"}')

    def test_refuses_what_the_server_would(self) -> None:
        naive = dt.datetime(2026, 1, 1)
        values: List[Any] = [float("nan"), float("inf"), decimal.Decimal("NaN"), naive, b"x",
                             {1: 2},
                             "a\0b", "\ud800", {"deep": [{"nan": float("-inf")}]}, object()]
        for value in values:
            with self.assertRaises(ValueError, msg=repr(value)):
                encoded(value)

    def test_times_become_utc(self) -> None:
        zone = dt.timezone(dt.timedelta(hours=3))
        at = dt.datetime(2026, 1, 1, 15, tzinfo=zone)
        self.assertEqual(plain(at), "2026-01-01T12:00:00.000Z")

    def test_names_may_be_spelled_either_way(self) -> None:
        self.assertEqual(camel({"stop_loss": 1, "takeProfit": 2, "swap": 3}),
                         {"stopLoss": 1, "takeProfit": 2, "swap": 3})


if __name__ == "__main__":
    unittest.main()
