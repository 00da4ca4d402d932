"""An agent through what a network, a server and an operator do to it."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import unittest
from typing import Any, List, Optional

import tradewarden
from testing.fake_server import Fault, Seen
from testing.support import (
    KEY, PATIENCE, ServerCase, SkewedClock, close_trade, open_trade, until,
)
from tradewarden import CannotContinue, ServerClock

FACTS = ("/predictions", "/trades")


def is_fact(path: str) -> bool:
    return path.startswith(FACTS)


class AStart(ServerCase):
    def test_is_paused_until_the_first_answer(self) -> None:
        self.server.fault = lambda seen: Fault(drop="before")
        agent = self.agent()
        agent.start()
        until("three attempts", lambda: len(self.server.seen) >= 3)
        self.assertIsNone(agent.desired)
        self.assertEqual((agent.status, agent.may_open().reason), ("starting", "NO_ANSWER_YET"))
        self.assertFalse(agent.may_open())
        self.server.fault = lambda seen: None
        until("the agent is up", lambda: agent.up)
        self.assertTrue(agent.may_open())
        self.assertEqual(set(self.server.paths()[:3]), {"/agents/me/heartbeat"})

    def test_without_a_server_says_so_once(self) -> None:
        self.server.fault = lambda seen: Fault(drop="before")
        agent = self.agent()
        with self.assertLogs("tradewarden", "WARNING") as said:
            agent.start()
            until("three attempts", lambda: len(self.server.seen) >= 3)
        self.assertEqual([line.split(" (")[0] for line in said.output],
                         ["WARNING:tradewarden:the server is away"])

    def test_tells_positions_then_facts_and_only_then_asks_for_work(self) -> None:
        self.server.heartbeat_seconds = 60
        agent = self.agent()
        open_trade(agent, "t1")
        agent.report_positions([{"symbol": "EURUSD", "size": "0.1", "broker_position_id": "p1"}])
        self.server.queue("flatten")
        agent.start()
        until("work is asked for", lambda: "/agents/me/commands/lease" in self.server.paths())
        # Beside it, that it is no longer starting.
        paths = self.server.paths()
        paths = paths[:1] + [path for path in paths[1:] if not path.endswith("/heartbeat")]
        self.assertEqual(paths[:7], [
            "/agents/me/heartbeat", "/agents/me", "/agents/me/positions", "/predictions",
            "/trades", "/trades/ID/explanations", "/agents/me/commands/lease"])
        report = self.server.positions[0]
        self.assertEqual(report["positions"], [
            {"symbol": "EURUSD", "size": "0.1", "brokerPositionId": "p1"}])
        self.assertEqual(report["complete"], True)

    def test_links_a_trade_to_its_prediction_and_its_explanation_to_the_trade(self) -> None:
        agent = self.running()
        open_trade(agent, "t1")
        close_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        trade = self.server.trades[0]
        self.assertEqual(trade["predictionId"], self.server.predictions[0]["id"])
        self.assertEqual(self.server.explanations[0]["tradeId"], trade["id"])
        self.assertEqual(agent.trade_id("t1"), trade["id"])
        self.assertEqual(agent.client_order_id(trade["id"].upper()), "t1")
        self.assertEqual(trade["status"], "closed")

    def test_goes_on_without_an_id_that_is_none(self) -> None:
        for number, text in enumerate((rb'{"id":"\ud800"}', rb'{"id":"a\u0000"}', b'{"id":7}')):
            with self.subTest(text=text):
                self.server.fault = lambda seen, text=text: (  # type: ignore[misc]
                    Fault(status=201, text=text) if seen.path == "/predictions" else None)
                agent = self.running(folder=os.path.join(self.folder, str(number)))
                open_trade(agent, f"t{number}")
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                self.assertNotIn("predictionId", self.server.trades[-1])
                agent.stop()

    def test_without_a_positions_route_asks_for_it_once(self) -> None:
        self.server.offers_positions = False
        self.server.heartbeat_seconds = 0.05
        agent = self.agent()
        agent.report_positions([])
        agent.start()
        until("heartbeats", lambda: self.server.paths().count("/agents/me/heartbeat") > 4)
        self.assertEqual(self.server.paths().count("/agents/me/positions"), 1)

    def test_with_a_key_that_is_refused_ends_with_a_clear_word(self) -> None:
        self.server.keys.clear()
        agent = self.agent()
        agent.start()
        with self.assertRaisesRegex(CannotContinue, "does not accept the API key"):
            agent.next_command(PATIENCE)
        self.assertEqual(agent.may_open().reason, "CANNOT_CONTINUE")
        self.assertEqual(agent.status, "error")
        # Exits are still written down: a key can be given anew.
        open_trade(agent, "t1")
        self.assertEqual(agent.spool.size, 3)

    def test_with_a_key_that_lacks_a_scope_ends_and_keeps_the_facts(self) -> None:
        self.server.fault = lambda seen: Fault(status=403, body={"code": "SCOPE_MISSING"}) \
            if is_fact(seen.path) else None
        agent = self.agent()
        open_trade(agent, "t1")
        agent.start()
        until("it gives up", lambda: agent.status == "error")
        self.assertRaises(CannotContinue, agent.check)
        self.assertEqual((agent.spool.size, agent.spool.rejected_count), (3, 0))

    def test_with_the_folder_of_another_agent_tells_nothing(self) -> None:
        agent = self.running()
        agent.stop()
        self.server.agent_id = "another"
        other = self.agent()
        open_trade(other, "t1")
        other.start()
        until("it gives up", lambda: other.status == "error")
        with self.assertRaisesRegex(CannotContinue, "belongs to agent 0190aaaa"):
            other.check()
        self.assertEqual(self.server.trades, [])

    def test_is_made_once(self) -> None:
        agent = self.running()
        self.assertRaises(RuntimeError, agent.start)
        agent.stop()
        agent.stop()
        self.assertRaises(RuntimeError, agent.start)


class AServerThatIsAway(ServerCase):
    def test_is_told_everything_afterwards_in_order(self) -> None:
        agent = self.running(wait_seconds=200)
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        # Nothing else is on its way, which would come before the heartbeat.
        self.polls(agent)
        self.server.close()
        until("it is missed", lambda: not agent.up)
        close_trade(agent, "t1")
        open_trade(agent, "t2")
        close_trade(agent, "t2")
        self.assertEqual(agent.next_command(0.05), None)
        back = len(self.server.seen)
        self.server.listen()
        until("everything is told", lambda: agent.up and agent.spool.size == 0)
        until("work is asked for", lambda: "/agents/me/commands/lease" in self.server.paths(back))
        paths = [path for path in self.server.paths(back)]
        self.assertEqual(paths[0], "/agents/me/heartbeat")
        facts = [path for path in paths if is_fact(path)]
        self.assertEqual(facts, ["/trades/ID/transitions", "/predictions", "/trades",
                                 "/trades/ID/explanations", "/trades/ID/transitions"])
        self.assertGreater(paths.index("/agents/me/commands/lease"),
                           len(paths) - 1 - paths[::-1].index("/trades/ID/transitions"))
        self.assertEqual(self.lines.count("the server is away"), 1)
        self.assertEqual(self.lines.count("the server is back"), 1)

    def test_in_the_middle_of_any_fact_makes_no_difference(self) -> None:
        for drop in ("before", "after"):
            with self.subTest(drop):
                server = self.server
                count = len(server.seen)
                dropped: List[str] = []

                def every_third(seen: Seen) -> Optional[Fault]:
                    if not is_fact(seen.path) or seen.headers["idempotency-key"] in dropped:
                        return None
                    if len(dropped) % 3 == 0 or drop == "after":
                        dropped.append(seen.headers["idempotency-key"])
                        return Fault(drop=drop)
                    dropped.append(seen.headers["idempotency-key"])
                    return None
                server.fault = every_third
                agent = self.running(folder=os.path.join(self.folder, drop))
                for number in range(4):
                    open_trade(agent, f"{drop}-{number}")
                    close_trade(agent, f"{drop}-{number}")
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                agent.stop()
                mine = [one for one in server.trades if one["clientOrderId"].startswith(drop)]
                ids = [one["id"] for one in mine]
                self.assertEqual(sorted(one["clientOrderId"] for one in mine),
                                 [f"{drop}-{number}" for number in range(4)])
                for rows in (server.transitions, server.explanations):
                    self.assertEqual(sorted(row["tradeId"] for row in rows
                                            if row["tradeId"] in ids), sorted(ids))
                replayed = [seen for seen in server.seen[count:] if is_fact(seen.path)]
                self.assertGreater(len(replayed), 16)
        self.assertEqual(len(server.predictions), 8)

    def test_for_a_while_is_left_alone_for_that_long(self) -> None:
        self.server.heartbeat_seconds = 60
        for status in (503, 429):
            with self.subTest(status):
                self.server.fault = lambda seen: None
                agent = self.running(folder=os.path.join(self.folder, str(status)),
                                     wait_seconds=200)
                asked: List[float] = []

                def busy(seen: Seen) -> Optional[Fault]:
                    if status == 503 and asked or is_fact(seen.path):
                        asked.append(seen.at)
                        if len(asked) == 1:
                            return Fault(status=status, headers={"Retry-After": "1"},
                                         body={"code": "BUSY", "retryable": True})
                    return None
                # What was on its way already when the answer came would not count.
                self.polls(agent)
                self.server.fault = busy
                open_trade(agent, "t", prediction=False)
                until("it is asked to wait", lambda: asked)
                if status == 503:
                    until("it waits", lambda: not agent.up)
                # Something to do in the meantime must not tempt the agent to look in earlier.
                self.server.queue("custom")
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                self.assertGreaterEqual(asked[1] - asked[0], 0.99)
                agent.stop()

    def test_busy_with_one_kind_of_call_is_not_away(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: Fault(status=429, body={"code": "RATE_LIMITED"}) \
            if is_fact(seen.path) else None
        open_trade(agent, "t")
        # The second comes when the first was heard.
        until("two refusals", lambda: sum(map(is_fact, self.server.paths())) > 1)
        self.assertTrue(agent.up)

    def test_takes_the_permission_to_open_with_the_trading_lease(self) -> None:
        clock = SkewedClock()
        self.server.heartbeat_seconds = 1_000
        agent = self.running(clock=clock)
        self.assertTrue(agent.may_open())
        self.server.fault = lambda seen: Fault(drop="before")
        clock.passed += 30
        self.assertTrue(agent.may_open())
        clock.passed += 30.1
        self.assertEqual(agent.may_open().reason, "LEASE_LAPSED")

    def test_gives_a_lease_that_counts_from_before_it_was_asked_for(self) -> None:
        self.server.trading_lease_seconds = 0.6
        self.server.fault = lambda seen: Fault(delay=0.4) if "heartbeat" in seen.path else None
        agent = self.agent()
        agent.start()
        until("the agent is up", lambda: agent.up)
        self.assertLess(agent.trading_lease_left(), 0.2)

    def test_that_names_no_lease_gives_none(self) -> None:
        for seconds in (0, -1, None, "60", True, math.nan):
            self.server.trading_lease_seconds = seconds  # type: ignore[assignment]
            with self.subTest(seconds):
                agent = self.running(folder=os.path.join(self.folder, str(seconds)))
                self.assertEqual(agent.may_open().reason, "LEASE_LAPSED")
                agent.stop()

    def test_cannot_be_told_more_than_the_spool_holds_and_then_nothing_is_opened(self) -> None:
        agent = self.running(facts_max=10)
        open_trade(agent, "t0", prediction=False)
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.server.close()
        for number in range(1, 5):
            open_trade(agent, f"t{number}", prediction=False)
        self.assertEqual(agent.may_open().reason, "SPOOL_FULL")
        with self.assertRaises(tradewarden.SpoolFull), agent.step() as step:
            step.prediction(model="m", symbol="EURUSD", direction="long", confidence=1)
        close_trade(agent, "t0")
        self.server.listen()
        until("everything is told", lambda: agent.up and agent.spool.size == 0)
        self.assertEqual(len(self.server.trades), 5)
        self.assertTrue(agent.may_open())

    def test_longer_than_a_heartbeat_while_a_backlog_goes_out_is_not_silent(self) -> None:
        self.server.heartbeat_seconds = 0.1
        agent = self.agent()
        for number in range(30):
            open_trade(agent, f"t{number}", prediction=False)
        self.server.fault = lambda seen: Fault(delay=0.02) if is_fact(seen.path) else None
        agent.start()
        until("everything is told", lambda: agent.up)
        self.assertGreater(self.server.paths().count("/agents/me/heartbeat"), 5)


class AFactThatIsRefused(ServerCase):
    def refuse_once(self, end: str, status: int = 400, code: str = "VALIDATION_FAILED") -> None:
        refused: List[str] = []

        def fault(seen: Seen) -> Optional[Fault]:
            if seen.path == end and not refused:
                refused.append(seen.path)
                return Fault(status=status, body={"code": code, "detail": "no"})
            return None
        self.server.fault = fault

    def test_is_put_aside_said_and_counted_and_holds_up_only_what_depends_on_it(self) -> None:
        self.refuse_once("/trades")
        agent = self.running()
        open_trade(agent, "t1")
        close_trade(agent, "t1")
        open_trade(agent, "t2")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        with open(os.path.join(self.folder, "rejected.jsonl"), encoding="utf-8") as file:
            reasons = [json.loads(line)["reason"] for line in file]
        self.assertIn("VALIDATION_FAILED no", reasons[0])
        self.assertEqual(["which the server has not" in one for one in reasons],
                         [False, True, True])
        self.assertEqual([one["clientOrderId"] for one in self.server.trades], ["t2"])
        self.assertEqual(self.lines.count("REJECTED"), 3)
        self.quiet(agent).stop(PATIENCE)
        last = self.server.bodies("/heartbeat")[-1]
        self.assertEqual(last["status"], "stopped")
        self.assertIn("3 facts were rejected", last["errorMessage"])

    def test_as_a_prediction_leaves_its_trade_standing(self) -> None:
        self.refuse_once("/predictions", 422, "SOMETHING")
        agent = self.running()
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertNotIn("predictionId", self.server.trades[0])

    def test_as_the_last_one_is_waited_for_no_longer(self) -> None:
        self.server.heartbeat_seconds = 60
        agent = self.polls(self.running(wait_seconds=200))
        self.refuse_once("/predictions")
        with agent.step() as step:
            step.prediction(model="m", symbol="EURUSD", direction="long", confidence="0.8")
        began = time.monotonic()
        self.assertTrue(agent.wait_until_sent(50))
        self.assertLess(time.monotonic() - began, 45)

    def test_by_errors_only_does_not_hold_up_those_behind_it_for_ever(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: Fault(status=500, body={"code": "INTERNAL"}) \
            if seen.path == "/predictions" else None
        self.patch_waits(0.005)
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual(self.server.paths().count("/predictions"), 8)
        self.assertEqual(len(self.server.trades), 1)

    def test_by_a_server_that_is_away_is_never_given_up(self) -> None:
        self.patch_waits(0.005)
        tries: List[int] = []

        def fault(seen: Seen) -> Optional[Fault]:
            if is_fact(seen.path) and len(tries) < 20:
                tries.append(1)
                return Fault(status=503, body={"code": "UNAVAILABLE"})
            return None
        self.server.fault = fault
        agent = self.running()
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual((agent.spool.rejected_count, len(self.server.trades)), (0, 1))

    def patch_waits(self, most: float) -> None:
        real = tradewarden.Backoff.next
        tradewarden.Backoff.next = lambda self, retry_after=0.0: most  # type: ignore
        self.addCleanup(setattr, tradewarden.Backoff, "next", real)


class AStep(ServerCase):
    def test_is_nothing_when_it_raises(self) -> None:
        agent = self.agent()
        with self.assertRaises(ZeroDivisionError), agent.step() as step:
            step.trade("t1", symbol="EURUSD", direction="long", lot_size=1)
            step.save({"a": 1})
            raise ZeroDivisionError
        self.assertEqual((agent.spool.size, agent.state), (0, None))

    def test_outlives_the_process_with_its_state(self) -> None:
        agent = self.agent()
        with agent.step() as step:
            step.trade("t1", symbol="EURUSD", direction="long", lot_size=1, entry_price="1.1")
            step.save({"open": ["t1"]})
        agent.stop()
        agent = self.agent()
        self.assertEqual(agent.state, {"open": ["t1"]})
        close_trade(agent, "t1")
        agent.start()
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual(self.server.trades[0]["status"], "closed")

    def test_counts_a_state_when_it_is_saved_and_not_when_it_is_changed(self) -> None:
        agent = self.agent()
        with agent.step() as step:
            step.save({"open": []})
        state = agent.state
        state["open"].append("t1")
        # Facts that are sent make the file be written anew at any time.
        agent.spool._compact()
        agent.stop()
        self.assertEqual(self.agent().state, {"open": []})

    def test_refuses_what_the_server_would_while_the_bot_can_still_see_it(self) -> None:
        agent = self.agent()
        cases: List[Any] = [
            lambda step: step.transition("none", "closed", deal_id="d"),
            lambda step: step.explanation("none", "entry", "because"),
            lambda step: step.prediction(model="m", symbol="S", direction="long",
                                         confidence=math.nan),
            lambda step: step.trade("t", symbol="S", direction="long", lot_size=1,
                                    entry_time="2026-01-01 12:00"),
            lambda step: step.trade("t", symbol="S", direction="long", lot_size=1,
                                    broker=f"key {KEY}"),
            lambda step: step.predictions([]),
        ]
        for number, case in enumerate(cases):
            with self.assertRaises(ValueError, msg=str(number)), agent.step() as step:
                case(step)
        self.assertEqual(agent.spool.size, 0)

    def test_may_hold_a_batch_of_predictions(self) -> None:
        agent = self.running()
        with agent.step() as step:
            step.predictions([{"model": "m", "symbol": "S", "direction": "long",
                               "confidence": "0.5", "horizon_seconds": 60}] * 3)
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual(len(self.server.predictions), 3)
        self.assertEqual(self.server.predictions[0]["horizonSeconds"], 60)
        self.assertIn("timestamp", self.server.predictions[0])


class Heartbeats(ServerCase):
    def last(self) -> Any:
        return self.server.bodies("/heartbeat")[-1]

    def test_carry_the_figures_as_of_when_they_were_reported(self) -> None:
        clock = SkewedClock()
        agent = self.running(clock=clock)
        reported = self.server.now()
        # No heartbeat may come in between.
        with agent._line.changed:
            agent.report(equity="10000.00", open_positions=2, cycle_count=5)
            self.time_passes(clock, 300)
            agent.observe(agent.desired)
        body = until("a heartbeat", lambda: next(
            (one for one in self.server.bodies("/heartbeat") if "equity" in one), None))
        self.assertAlmostEqual(tradewarden.seconds_of(body["asOf"]) or 0, reported, delta=100)
        self.assertEqual((body["openPositions"], body["observedStateVersion"]), (2, 1))

    def test_come_in_the_order_of_their_times_and_give_old_figures_once(self) -> None:
        self.server.heartbeat_seconds = 0.05
        lost: List[int] = []

        def lose_one(seen: Seen) -> Optional[Fault]:
            if "equity" in seen.body and not lost:
                lost.append(1)
                return Fault(drop="before")
            return None
        self.server.fault = lose_one
        agent = self.agent()
        agent.report(equity="1")
        time.sleep(0.05)
        agent.start()
        until("the agent is up", lambda: agent.up)
        time.sleep(0.2)
        agent.report(equity="2")
        until("the second", lambda: any(one.get("equity") == "2"
                                        for one in self.server.bodies("/heartbeat")))
        known = len(self.server.bodies("/heartbeat"))
        until("some more", lambda: len(self.server.bodies("/heartbeat")) > known + 5)
        told = self.server.bodies("/heartbeat")
        # The first report is lost, and so given again.
        self.assertEqual([one["equity"] for one in told if "equity" in one], ["1", "1", "2"])
        times = [one["asOf"] for one in told if "asOf" in one]
        self.assertEqual(times, sorted(times))
        self.assertNotIn("asOf", told[0])

    def test_lose_their_figures_rather_than_the_agent(self) -> None:
        self.server.fault = lambda seen: Fault(status=400, body={"code": "VALIDATION_FAILED"}) \
            if "currency" in seen.body else None
        agent = self.agent()
        agent.report(equity="1", currency="usd")
        agent.start()
        until("the agent is up", lambda: agent.up)
        self.assertIn("figures refused", self.last()["errorMessage"])
        agent.report(equity="2")
        agent.observe(agent.desired)
        until("figures again", lambda: any(one.get("equity") == "2"
                                           for one in self.server.bodies("/heartbeat")))
        self.assertRaises(ValueError, agent.report, equity=math.nan)

    def test_say_when_the_bots_own_loop_has_stopped(self) -> None:
        self.server.heartbeat_seconds = 0.05
        agent = self.running(stall_seconds=0.3)
        until("it is noticed", lambda: self.last()["status"] == "error")
        self.assertIn("has not called in", self.last()["errorMessage"])
        until("it is over", lambda: (agent.next_command(), self.last()["status"] == "running")[1])

    def test_begin_with_starting_and_end_with_stopped(self) -> None:
        agent = self.running()
        self.quiet(agent).stop(PATIENCE)
        statuses = [body["status"] for body in self.server.bodies("/heartbeat")]
        self.assertEqual((statuses[0], statuses[-1]), ("starting", "stopped"))

    def test_that_end_leave_nothing_untold(self) -> None:
        agent = self.quiet(self.running())
        told: List[Any] = []

        def fault(seen: Seen) -> Optional[Fault]:
            if seen.body.get("status") == "stopped":
                told.append((len(self.server.trades), len(self.server.explanations)))
            return Fault(delay=0.05) if is_fact(seen.path) else None
        self.server.fault = fault
        for number in range(5):
            open_trade(agent, f"t{number}", prediction=False)
        agent.stop(PATIENCE)
        # The last word came behind all of them.
        self.assertEqual(told, [(5, 5)])

    def test_that_end_wait_for_a_server_that_is_still_busy_with_the_same_fact(self) -> None:
        agent = self.quiet(self.running())
        busy: List[int] = []

        def fault(seen: Seen) -> Optional[Fault]:
            if seen.path == "/trades" and len(busy) < 3:
                busy.append(1)
                # The first is interrupted by the end, and still runs when it comes again.
                return Fault(delay=5) if len(busy) == 1 else Fault(status=409, body={
                    "code": "IDEMPOTENCY_KEY_IN_USE", "retryable": True})
            return None
        self.server.fault = fault
        open_trade(agent, "t1", prediction=False)
        until("it is on its way", lambda: busy)
        agent.stop(PATIENCE)
        self.assertEqual((len(self.server.trades), len(self.server.explanations)), (1, 1))
        self.assertEqual(self.server.bodies("/heartbeat")[-1]["status"], "stopped")

    def test_that_end_do_not_wait_for_a_poll_nor_for_a_server_that_hangs(self) -> None:
        agent = self.running(wait_seconds=1_000)
        until("it polls", lambda: self.server.polls)
        agent.stop()
        # Of one that was not interrupted `stop` leaves the thread behind.
        self.assertFalse(any(thread.is_alive() for thread in agent._threads))
        agent = self.running(wait_seconds=1_000)
        self.server.fault = lambda seen: Fault(delay=1_000)
        open_trade(agent, "t1")
        began = time.monotonic()
        agent.stop(goodbye_seconds=0.3)
        self.assertLess(time.monotonic() - began, tradewarden.CALL_TIMEOUT)
        self.assertFalse(any(thread.is_alive() for thread in agent._threads))


class TheDesiredState(ServerCase):
    def test_is_followed_on_whatever_answer_it_comes(self) -> None:
        agent = self.running()
        self.server.header_desired = "halted;run=running;v=9"
        # A fact's answer, of all things.
        open_trade(agent, "t1")
        until("it is seen", lambda: agent.desired == ("halted", "running", 9))
        self.assertEqual(agent.may_open().reason, "HALTED")
        agent.observe(agent.desired)
        until("it is reported", lambda: any(body.get("observedStateVersion") == 9
                                            for body in self.server.bodies("/heartbeat")))

    def test_is_followed_on_an_error_too(self) -> None:
        agent = self.running()
        self.server.header_desired = "reducing;run=paused;v=9"
        self.server.fault = lambda seen: Fault(status=500, body={"code": "INTERNAL"})
        open_trade(agent, "t1")
        until("it is seen", lambda: agent.desired == ("reducing", "paused", 9))

    def test_that_is_older_changes_nothing(self) -> None:
        self.server.desired["version"] = 5
        agent = self.running()
        self.server.header_desired = "halted;run=stopped;v=4"
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual(agent.desired, ("active", "running", 5))
        self.assertTrue(agent.may_open())

    def test_forbids_openings_for_every_reason_it_has(self) -> None:
        agent = self.running()
        for state, run, reason in (
                ("halted", "running", "HALTED"), ("reducing", "running", "REDUCING"),
                ("flatten", "running", "FLATTEN"), ("active", "paused", "PAUSED"),
                ("active", "stopped", "STOPPED"), ("active", "running", "")):
            self.server.set_desired(state=state, run=run)
            agent._line.nudge()
            until("it is seen", lambda: agent.desired and agent.desired[:2] == (state, run))
            self.assertEqual(agent.may_open().reason, reason)


class AWrongClock(ServerCase):
    """By an hour, which the server would refuse as TIME_IN_FUTURE."""

    def trade_with(self, skew: float, **options: Any) -> tradewarden.Agent:
        clock = SkewedClock(skew)
        agent = self.agent(folder=os.path.join(self.folder, str(skew)), clock=clock, **options)
        # Before anything is known of the server's clock, ...
        open_trade(agent, f"{skew}-early")
        agent.report(equity=1, last_cycle_at=tradewarden.iso(clock.wall()))
        agent.report_positions([])
        agent.start()
        until("the agent is up", lambda: agent.up)
        # ... and after that.
        close_trade(agent, f"{skew}-early")
        agent.report(equity=1, last_cycle_at=tradewarden.iso(clock.wall()))
        agent._line.nudge()
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        return agent

    def test_reaches_no_fact_heartbeat_or_report(self) -> None:
        for skew, said in ((3600.0, "ahead of"), (-3600.0, "behind"), (86_400.0 * 400, "ahead of")):
            for mode in ("poll", "sync"):
                with self.subTest(skew=skew, mode=mode):
                    self.lines.said.clear()
                    agent = self.trade_with(skew, mode=mode)
                    self.assertTrue(agent.may_open())
                    agent.stop()
                    self.assertEqual(agent.spool.rejected_count, 0)
                    self.folder += "-"
                    # Not with every answer: again when it is another one, by what an answer took.
                    spoken = [line for line in self.lines.said if f"s {said} the server's" in line]
                    self.assertEqual((len(spoken) > 0, len(set(spoken))), (True, len(spoken)))
        for seen in self.server.seen:
            now = self.server.now() - (time.monotonic() - seen.at)
            for name in ("asOf", "lastCycleAt", "timestamp", "entryTime", "occurredAt"):
                for body in [seen.body, seen.body.get("state", {}),
                             *seen.body.get("trades", []), *seen.body.get("transitions", [])]:
                    if name in body:
                        at = tradewarden.seconds_of(body[name]) or 0
                        lag = now - at
                        # A wrong clock that is behind gives figures its own time: that is past.
                        if name != "lastCycleAt":
                            self.assertLess(abs(lag), 1_000, (seen.path, name))
                        self.assertGreater(lag, -1)

    def test_that_jumps_while_the_agent_runs_changes_nothing(self) -> None:
        clock = SkewedClock()
        self.server.trading_lease_seconds = 1_000
        agent = self.running(clock=clock)
        left = agent.trading_lease_left()
        clock.skew += 3600
        self.assertAlmostEqual(agent.trading_lease_left(), left, delta=300)
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        at = tradewarden.seconds_of(self.server.trades[0]["entryTime"]) or 0
        self.assertAlmostEqual(at, self.server.now(), delta=1_000)

    def test_between_two_lives_gives_facts_of_the_first_no_time_ahead(self) -> None:
        agent = self.agent(clock=SkewedClock(3600))
        open_trade(agent, "t1")
        agent.stop()
        agent = self.running(clock=SkewedClock(3600))
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        at = tradewarden.seconds_of(self.server.trades[0]["entryTime"]) or 0
        self.assertAlmostEqual(at, self.server.now(), delta=1_000)
        self.assertLessEqual(at, self.server.now())

    def test_between_two_lives_passes_though_the_monotonic_one_began_anew(self) -> None:
        agent = self.agent()
        open_trade(agent, "t1")
        agent.stop()
        # An hour later for all clocks but the monotonic one, as after a start of the machine.
        self.server.clock_offset = 3600
        agent = self.running(clock=SkewedClock(3600))
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        at = tradewarden.seconds_of(self.server.trades[0]["entryTime"]) or 0
        self.assertAlmostEqual(at, self.server.now() - 3600, delta=1_000)

    def test_that_cannot_be_known_opens_nothing_and_dates_nothing(self) -> None:
        self.server.says_time = False
        agent = self.running()
        self.assertEqual(agent.may_open().reason, "CLOCK_UNKNOWN")
        self.assertRaises(tradewarden.ClockUnknown, agent.now)
        self.assertEqual(self.lines.count("does not say what time it is"), 1)
        open_trade(agent, "t1")
        agent._line.nudge()
        until("heartbeats", lambda: self.server.paths().count("/agents/me/heartbeat") > 1)
        self.assertEqual((self.server.trades, agent.spool.size), ([], 3))
        self.server.says_time = True
        agent._line.nudge()
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertTrue(agent.may_open())

    def test_of_a_broker_is_refused_where_the_bot_can_see_it(self) -> None:
        agent = self.running()
        ahead = tradewarden.iso(self.server.now() + 3 * 3600)
        with self.assertRaises(tradewarden.TimeInFuture), agent.step() as step:
            step.trade("t1", symbol="S", direction="long", lot_size=1, entry_time=ahead)
        # Slightly ahead is a matter of two clocks, and is brought back.
        with agent.step() as step:
            step.trade("t1", symbol="S", direction="long", lot_size=1, entry_price=1,
                       entry_time=tradewarden.iso(self.server.now() + 5))
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        at = tradewarden.seconds_of(self.server.trades[0]["entryTime"]) or 0
        self.assertLessEqual(at, self.server.now())

    def test_is_measured_anew_with_each_answer(self) -> None:
        agent = self.running()
        self.server.clock_offset = -7200
        self.server.heartbeat_seconds = 0.05
        agent._line.nudge()
        until("it follows", lambda: abs(agent.now().timestamp() - self.server.now()) < 2)
        self.assertIsInstance(agent._line.server_clock, ServerClock)

    def test_that_the_server_sets_back_costs_neither_the_agent_nor_its_figures(self) -> None:
        """Reports dated by the clock as it was are ahead of it now, and refused."""
        self.server.heartbeat_seconds = 0.05
        for mode in ("poll", "sync"):
            with self.subTest(mode=mode):
                self.server.clock_offset = 7200
                agent = self.running(mode=mode, folder=os.path.join(self.folder, mode))
                agent.report(equity="1")
                until("the figures are told", lambda: any(
                    body.get("equity") == "1" for body in self.reports(mode)))
                since = len(self.server.seen)
                self.server.clock_offset = 0

                def is_told_again() -> bool:
                    agent.check()
                    agent.report(equity="2")
                    return any(body.get("equity") == "2" and self.is_now(body.get("asOf"))
                               for body in self.reports(mode, since))
                until("figures are told as of now", is_told_again)
                self.assertTrue(agent.may_open())
                agent.stop()

    def reports(self, mode: str, since: int = 0) -> List[Any]:
        with self.server.lock:
            bodies = [seen.body for seen in self.server.seen[since:]
                      if seen.path == f"/agents/me/{'sync' if mode == 'sync' else 'heartbeat'}"]
        return [body["state"] for body in bodies] if mode == "sync" else bodies

    def is_now(self, text: object) -> bool:
        at = tradewarden.seconds_of(text)
        return at is not None and abs(at - self.server.now()) < 60


class ASecondCopy(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.instance_lease_seconds = 60.0

    def test_opens_nothing_says_so_and_takes_over_when_the_first_is_silent(self) -> None:
        first = self.running()
        self.assertTrue(first.may_open())
        second = self.agent(folder=os.path.join(self.folder, "second"))
        open_trade(second, "t1")
        second.start()
        until("it is refused", lambda: self.lines.count("another copy of this agent is running"))
        until("it asks again", lambda: len(self.refused_by(second)) > 2)
        self.assertEqual(second.may_open().reason, "INSTANCE_CONFLICT")
        self.assertFalse(second.up)
        # It is said once, not with every attempt, and the first is not disturbed.
        self.assertEqual(self.lines.count("another copy of this agent is running"), 1)
        self.assertTrue(first.may_open())
        refused = self.refused_by(second)
        self.assertGreater(len(refused), 2)
        self.assertEqual(set(self.paths_of(second)), {"/agents/me/heartbeat"})
        self.assertEqual((self.server.trades, second.spool.size), ([], 3))
        self.quiet(first).stop(PATIENCE)
        until("it takes over", lambda: second.up and second.may_open())
        self.assertEqual(self.lines.count("this one takes over"), 1)
        self.assertEqual(len(self.server.trades), 1)

    def test_that_took_over_keeps_the_first_out_when_it_comes_back(self) -> None:
        first = self.running()
        self.server.fault = lambda seen: Fault(drop="before") \
            if seen.headers["x-instance-id"] == first.client.instance_id else None
        until("the first is cut off", lambda: not first.up)
        second = self.agent(folder=os.path.join(self.folder, "second"))
        second.start()

        def takes_over() -> bool:
            """A request of the first may still have been under way."""
            self.server.forget_instance(first.client.instance_id)
            return second.up
        until("the second is up", takes_over)
        self.server.fault = lambda seen: None
        until("the first sees it", lambda: first.may_open().reason == "INSTANCE_CONFLICT")
        self.assertTrue(second.may_open())

    def test_is_one_in_a_copied_folder_also_on_this_machine(self) -> None:
        first = self.running()
        open_trade(first, "t1")
        self.assertTrue(first.wait_until_sent(PATIENCE))
        other = os.path.join(self.folder, "second")
        shutil.copytree(self.folder, other)
        second = self.agent(folder=other)
        second.start()
        until("it is refused", lambda: second.may_open().reason == "INSTANCE_CONFLICT")
        # Both write their second fact. Neither passes for a repetition of the other.
        open_trade(first, "t2")
        open_trade(second, "t3")
        self.assertTrue(first.wait_until_sent(PATIENCE))
        self.quiet(first).stop(PATIENCE)
        self.assertTrue(second.wait_until_sent(PATIENCE))
        self.assertEqual(sorted(one["clientOrderId"] for one in self.server.trades),
                         ["t1", "t2", "t3"])
        self.assertEqual((first.spool.rejected_count, second.spool.rejected_count), (0, 0))

    def test_is_none_after_a_crash_of_the_first(self) -> None:
        self.crashes_and_goes_on("poll")

    def test_is_none_after_a_crash_of_the_first_by_sync(self) -> None:
        self.crashes_and_goes_on("sync")

    def crashes_and_goes_on(self, mode: str) -> None:
        first = self.running(mode=mode)
        # Nothing gets out any more, also no goodbye, and the lock goes with the process.
        self.server.fault = lambda seen: Fault(drop="before")
        first.stop(0.1)
        self.server.fault = lambda seen: None
        second = self.running(mode=mode)
        self.assertTrue(second.may_open())
        self.assertEqual(self.lines.count("another copy"), 0)

    def test_is_noticed_by_a_poll_as_well(self) -> None:
        agent = self.running(wait_seconds=0.05)
        conflict = Fault(status=409, body={"code": "AGENT_INSTANCE_CONFLICT", "retryable": True})
        self.server.fault = lambda seen: conflict if "lease" in seen.path else None
        # For a moment only: the next heartbeat says that there is no other one.
        until("it is noticed", lambda: self.lines.count("another copy of this agent is running"))

    def test_asks_slowly(self) -> None:
        self.running()
        second = self.agent(folder=os.path.join(self.folder, "second"), conflict_seconds=0.4)
        began = time.monotonic()
        second.start()
        until("it asks again", lambda: len(self.refused_by(second)) > 3)
        # Each wait is spread by a fifth; the beginning may ask twice.
        self.assertGreater(time.monotonic() - began, 2 * 0.4 * 0.8)
        self.assertGreaterEqual(tradewarden.CONFLICT_SECONDS, 10)

    def test_with_the_same_spool_does_not_even_begin(self) -> None:
        self.running()
        with self.assertRaises(tradewarden.SpoolLocked):
            tradewarden.Agent(self.server.url, KEY, self.folder)

    def paths_of(self, agent: tradewarden.Agent) -> List[str]:
        return [seen.path for seen in self.server.seen
                if seen.headers["x-instance-id"] == agent.client.instance_id]

    def refused_by(self, agent: tradewarden.Agent) -> List[str]:
        return [path for path in self.paths_of(agent) if path.endswith("heartbeat")]


class Secrets(ServerCase):
    def test_are_in_no_file_and_no_line_of_the_log(self) -> None:
        echo = {"code": "X", "detail": f"Bearer {KEY}"}
        faults = [Fault(status=400, body=echo), Fault(status=503, body=echo), Fault(drop="after")]
        self.server.fault = lambda seen: faults.pop() if faults and is_fact(seen.path) else None
        agent = self.running()
        open_trade(agent, "t1")
        open_trade(agent, "t2")
        with agent.step() as step:
            step.save({"ok": True})
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertGreater(agent.spool.rejected_count, 0)
        agent.stop()
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "rb") as file:
                self.assertNotIn(KEY.encode(), file.read(), name)
        for line in [*self.lines.said, repr(agent), repr(agent.client), repr(agent.spool)]:
            self.assertNotIn(KEY, line)

    def test_a_server_cannot_write_lines_of_its_own_into_the_log(self) -> None:
        forged = {"code": "X", "detail": "no\n2026-01-01 INFO all is well\x1b[2J"}
        self.server.fault = lambda seen: Fault(status=400, body=forged) \
            if is_fact(seen.path) else None
        agent = self.running()
        open_trade(agent, "t1", prediction=False)
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        for line in self.lines.said:
            self.assertNotIn("\n", line)
            self.assertNotIn("\x1b", line)


if __name__ == "__main__":
    unittest.main()
