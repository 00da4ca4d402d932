"""Everything in one short call, and the same call again until it is answered."""

from __future__ import annotations

import time
import unittest
from unittest import mock
from typing import Any, Callable, List, Optional

import tradewarden
from testing.fake_server import SYNC_BYTES_MAX, Fault, Seen
from testing.support import PATIENCE, ServerCase, SkewedClock, close_trade, open_trade, until


class SyncCase(ServerCase):
    def running(self, **options: Any) -> tradewarden.Agent:
        return super().running(**{"mode": "sync", **options})

    def way(self, agent: tradewarden.Agent) -> Any:
        return agent._way

    def syncs(self) -> List[Seen]:
        with self.server.lock:
            return [seen for seen in self.server.seen if seen.path == "/agents/me/sync"]

    def on_sync(self, fault: Callable[[Seen], Optional[Fault]]) -> None:
        self.server.fault = lambda seen: fault(seen) if seen.path.endswith("/sync") else None


class ASync(SyncCase):
    def test_carries_state_trades_transitions_answers_and_the_wish_for_work(self) -> None:
        agent = self.running()
        agent.report(equity="10")
        queued = self.server.queue("flatten")
        command = until("a command", lambda: agent.next_command(1))
        with agent.step() as step:
            step.trade("t1", symbol="S", direction="long", lot_size=1, entry_price=1)
            step.transition("t1", "closed", deal_id="d", exit_price=2, exit_reason="flatten")
            step.complete(command, {"closed": 1})
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        body = next(seen.body for seen in self.syncs() if "trades" in seen.body)
        self.assertEqual(set(body) - {"lease"},
                         {"syncSeq", "state", "trades", "transitions", "acks"})
        self.assertEqual(body["transitions"][0]["clientOrderId"], "t1")
        self.assertEqual(body["acks"][0]["outcome"], "succeeded")
        self.assertTrue(any(seen.body["state"].get("equity") == "10" for seen in self.syncs()))
        self.assertEqual(queued.status, "succeeded")
        until("work is asked for", lambda: "lease" in self.syncs()[-1].body)
        self.assertEqual(agent.trade_id("t1"), self.server.trades[0]["id"])

    def test_counts_up_by_one(self) -> None:
        self.running()
        until("some", lambda: len(self.syncs()) > 5)
        numbers = [seen.body["syncSeq"] for seen in self.syncs()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_goes_on_above_the_numbers_of_the_process_before(self) -> None:
        last = 0
        for _ in range(3):
            agent = self.running()
            known = len(self.syncs())
            until("some", lambda known=known: len(self.syncs()) > known + 3)
            agent.stop(0.3)
            numbers = [seen.body["syncSeq"] for seen in self.syncs()[known:]]
            self.assertGreater(numbers[0], last)
            last = max(numbers)
        self.assertEqual(self.lines.count("SYNC_SEQ"), 0)
        self.assertLess(last, 100_000)

    def test_takes_more_numbers_before_it_uses_them(self) -> None:
        with mock.patch.object(tradewarden, "SYNC_SEQS_TAKEN", 3):
            agent = self.running()
            for _ in range(8):
                known = len(self.syncs())
                until("another", lambda known=known: len(self.syncs()) > known)
                self.assertLessEqual(self.syncs()[-1].body["syncSeq"], agent.spool.sync_seqs_taken)
            self.assertLess(agent.spool.sync_seqs_taken, self.syncs()[-1].body["syncSeq"] + 5)

    def test_goes_out_also_when_its_number_cannot_be_kept(self) -> None:
        def fail(*_: Any, sync: bool) -> None:
            raise tradewarden.SpoolError("No space left on device")
        with mock.patch.object(tradewarden, "SYNC_SEQS_TAKEN", 3):
            agent = self.running()
            with mock.patch.object(agent.spool, "_append", fail):
                known = len(self.syncs())
                until("some", lambda: len(self.syncs()) > known + 8)
                self.assertTrue(agent.may_open())
        self.assertGreater(self.lines.count("the numbers of syncs are not kept"), 1)

    def test_renews_the_trading_lease(self) -> None:
        clock = SkewedClock()
        agent = self.running(clock=clock)
        clock.passed += 100
        until("another one", lambda: agent.may_open())

    def test_keeps_the_order_of_facts_with_those_that_need_calls_of_their_own(self) -> None:
        agent = self.running()
        for number in range(3):
            open_trade(agent, f"t{number}")
        close_trade(agent, "t0")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        order = []
        for seen in self.server.seen:
            if seen.path.endswith("/sync"):
                order += [("trade", one["clientOrderId"]) for one in seen.body.get("trades", [])]
                order += [("close", "") for _ in seen.body.get("transitions", [])]
            elif seen.path == "/predictions":
                order.append(("prediction", ""))
            elif seen.path.endswith("/explanations"):
                order.append(("explanation", ""))
        expected = [pair for number in range(3) for pair in (
            ("prediction", ""), ("trade", f"t{number}"), ("explanation", ""))]
        self.assertEqual(order, [*expected, ("close", "")])
        self.assertEqual([one["predictionId"] for one in self.server.trades],
                         [one["id"] for one in self.server.predictions])

    def test_is_at_most_8_kib_of_ascii_however_much_there_is_to_say(self) -> None:
        agent = self.agent(mode="sync")
        for number in range(60):
            with agent.step() as step:
                step.trade(f"é-{number}", symbol="S", direction="long", lot_size=1, entry_price=1,
                           broker="ü" * 60)
        with agent.step() as step:
            # Too large for any: it goes by itself.
            step.trade("large", symbol="S", direction="long", lot_size=1, entry_price=1,
                       broker="x" * 7_000)
            step.transition("large", "closed", deal_id="d", exit_price=1, exit_reason="stop")
        agent.start()
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        sizes = [len(seen.raw) for seen in self.syncs()]
        self.assertLessEqual(max(sizes), SYNC_BYTES_MAX)
        self.assertGreater(max(sizes), SYNC_BYTES_MAX * 3 // 4)
        self.assertTrue(all(seen.raw.isascii() for seen in self.syncs()))
        self.assertEqual([one["clientOrderId"] for one in self.server.trades],
                         [f"é-{number}" for number in range(60)] + ["large"])
        self.assertEqual(len(self.server.transitions), 1)

    def test_has_at_most_24_elements_and_asks_for_work_when_all_of_a_start_is_told(self) -> None:
        agent = self.agent(mode="sync")
        with agent.step() as step:
            for number in range(60):
                step.trade(f"t{number}", symbol="S", direction="long", lot_size=1, entry_price=1)
        agent.start()
        until("work is asked for", lambda: agent.up and "lease" in self.syncs()[-1].body)
        sizes = [len(seen.body.get("trades", [])) for seen in self.syncs()]
        self.assertEqual((max(sizes), sum(sizes)), (23, 60))
        asked = next(index for index, seen in enumerate(self.syncs()) if "lease" in seen.body)
        self.assertEqual(sum(sizes[:asked]), 60)

    def test_takes_a_command_that_is_too_large_for_it_by_a_lease(self) -> None:
        agent = self.running()
        with self.server.lock:
            large = self.server.queue("custom", text="x" * 7_000)
            small = self.server.queue("flatten")
        for queued in (small, large):
            command = until("a command", lambda: agent.next_command(1))
            self.assertEqual(command.id, queued.id)
            with agent.step() as step:
                step.complete(command, {})
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual((small.attempt, large.attempt), (1, 1))

    def test_of_a_state_that_is_refused_goes_on_without_the_figures(self) -> None:
        real = self.server._sync

        def sync(seen: Seen) -> Any:
            status, answer = real(seen)
            if "equity" in seen.body["state"]:
                refusal = {"element": "state", "clientRef": None, "status": "refused",
                           "code": "VALIDATION_FAILED", "detail": "equity: must be a number"}
                answer["results"].insert(0, refusal)
            return status, answer
        self.server._sync = sync  # type: ignore[method-assign]
        agent = self.running()
        agent.report(equity="1e9")
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        until("they are left out", lambda: "equity" not in self.syncs()[-1].body["state"])
        self.assertIn("equity: must be", self.syncs()[-1].body["state"]["errorMessage"])

    def test_with_a_large_result_sends_it_by_itself(self) -> None:
        agent = self.running()
        queued = self.server.queue("reconcile")
        command = until("a command", lambda: agent.next_command(1))
        with agent.step() as step:
            step.complete(command, {"deals": ["x" * 100] * 500})
        until("it is answered", lambda: queued.answers)
        self.assertEqual(len(queued.answers[0]["result"]["deals"]), 500)

    def test_after_an_outage_tells_facts_before_it_asks_for_work(self) -> None:
        agent = self.running()
        self.server.close()
        for number in range(40):
            open_trade(agent, f"t{number}", prediction=False)
        until("it is missed", lambda: not agent.up)
        told_when_asked: List[int] = []

        def count(seen: Seen) -> Optional[Fault]:
            if "lease" in seen.body:
                told_when_asked.append(len(self.server.trades))
            return None
        self.on_sync(count)
        self.server.listen()
        until("work is asked for", lambda: agent.up and told_when_asked)
        self.assertEqual(told_when_asked[0], 40)


class ASyncWithoutAnAnswer(SyncCase):
    def test_is_repeated_as_it_is_until_there_is_one(self) -> None:
        for fault in (Fault(drop="before"), Fault(drop="after"), Fault(status=200, text=b"<html>"),
                      Fault(status=502), Fault(status=503, body={"code": "UNAVAILABLE"}),
                      Fault(status=429, body={"code": "RATE_LIMITED"})):
            with self.subTest(fault):
                agent = self.running(folder=f"{self.folder}/{id(fault)}")
                faults = [fault] * 3

                def three_times(seen: Seen) -> Optional[Fault]:
                    return faults.pop() if seen.body.get("trades") and faults else None
                self.on_sync(three_times)
                name = f"t{id(fault)}"
                with agent.step() as step:
                    step.trade(name, symbol="S", direction="long", lot_size=1, entry_price=1)
                until("the answer", lambda: not faults and self.way(agent)._outstanding is None)
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                sent = [seen for seen in self.syncs()
                        if any(one["clientOrderId"] == name for one in seen.body.get("trades", []))]
                self.assertEqual((len(sent), len({seen.raw for seen in sent})), (4, 1))
                told = [one for one in self.server.trades if one["clientOrderId"] == name]
                self.assertEqual(len(told), 1)
                agent.stop(0.3)

    def test_gives_the_command_that_was_in_it_once(self) -> None:
        agent = self.running()
        dropped: List[int] = []

        def lose(seen: Seen) -> Optional[Fault]:
            if "lease" in seen.body and not dropped:
                dropped.append(1)
                self.server.queue("flatten")
                return Fault(drop="after")
            return None
        self.on_sync(lose)
        command = until("the command", lambda: agent.next_command(1))
        queued = self.server.commands[0]
        with agent.step() as step:
            step.complete(command, {})
        until("it is answered", lambda: queued.answers)
        self.assertEqual((queued.attempt, dropped), (1, [1]))
        self.assertIsNone(agent.next_command(0.3))

    def test_gives_a_lease_that_counts_from_the_first_sending(self) -> None:
        clock = SkewedClock()
        self.server.trading_lease_seconds = 600
        agent = self.running(clock=clock)
        dropped: List[int] = []

        def lose(seen: Seen) -> Optional[Fault]:
            if not dropped:
                dropped.append(1)
                # The stored answer comes when most of the lease that it names is over.
                clock.passed += 400
                self.server.next_poll_ms = 30_000
                return Fault(drop="after")
            return None
        self.on_sync(lose)
        until("the answer is lost", lambda: dropped)
        # What the heartbeat in between brings is a whole one.
        until("it comes", lambda: 0 < agent.trading_lease_left() < 250, 100)

    def test_does_not_set_the_clock_by_a_stored_answer(self) -> None:
        agent = self.running()
        clock = agent.client.clock
        before = agent._line.server_clock.now() - clock.monotonic()
        stored = tradewarden.Answer(200, {"replayed": True, "serverTime": "2020-01-01T00:00:00Z",
                                          "tradingLeaseSeconds": 60}, 0.0, clock.monotonic())
        outstanding = tradewarden._Outstanding({}, tradewarden._State({}, 0.0), [],
                                              clock.monotonic())
        self.way(agent)._take(outstanding, stored)
        self.assertAlmostEqual(agent._line.server_clock.now() - clock.monotonic(), before,
                               delta=1_000)


class ARefusal(SyncCase):
    def trades(self, agent: tradewarden.Agent, *names: str) -> None:
        with agent.step() as step:
            for name in names:
                step.trade(name, symbol="S", direction="long", lot_size=1, entry_price=1)
                step.transition(name, "closed", deal_id="d", exit_price=1, exit_reason="stop")

    def test_of_one_element_concerns_that_and_what_depends_on_it(self) -> None:
        real = self.server._trade
        self.server._trade = lambda body: (  # type: ignore[method-assign]
            (400, {"code": "VALIDATION_FAILED", "detail": "no"})
            if body["clientOrderId"] == "bad" else real(body))
        agent = self.running()
        self.trades(agent, "t1", "bad", "t2")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual([one["clientOrderId"] for one in self.server.trades], ["t1", "t2"])
        self.assertEqual(len(self.server.transitions), 2)
        self.assertEqual(agent.spool.rejected_count, 2)
        self.assertTrue(agent.up)

    def test_for_now_and_an_element_that_was_not_answered_keep_their_place(self) -> None:
        real: Any = self.server._one
        spoiled: List[str] = []

        def spoil(element: Any, *rest: Any) -> Any:
            result = real(element, *rest)
            if element.get("clientOrderId") in ("t1", "t2") and len(spoiled) < 2:
                spoiled.append(element["clientOrderId"])
                return {"clientRef": "what?"} if len(spoiled) == 1 else {
                    "clientRef": element["clientRef"], "status": "refused",
                    "code": "UNAVAILABLE", "retryable": True}
            return result
        setattr(self.server, "_one", spoil)
        agent = self.running()
        with agent.step() as step:
            for name in ("t1", "t2", "t3"):
                step.trade(name, symbol="S", direction="long", lot_size=1, entry_price=1)
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual((spoiled, agent.spool.rejected_count), (["t1", "t2"], 0))
        self.assertEqual(len(self.server.trades), 3)
        self.assertTrue(all(agent.trade_id(name) for name in ("t1", "t2", "t3")))

    def test_of_the_number_as_too_low_goes_on_above_the_servers(self) -> None:
        for last, problem in ((500, {"code": "SYNC_SEQ_STALE", "lastSyncSeq": 500}),
                              (600, {"code": "SYNC_SEQ_REUSED", "lastSyncSeq": 600}),
                              (700, {"code": "SYNC_SEQ_STALE", "detail": "The last was 700."})):
            agent = self.running(folder=f"{self.folder}/{len(problem)}{len(self.server.seen)}")

            def numbers(of: str = agent.client.instance_id) -> List[int]:
                return [seen.body["syncSeq"] for seen in self.syncs()
                        if seen.headers["x-instance-id"] == of]
            faults = [Fault(status=422 if "REUSED" in problem["code"] else 409, body=problem)]
            self.on_sync(lambda seen: faults.pop() if faults else None)
            until("it goes on", lambda: numbers()[-1] > last)
            self.assertEqual(min(number for number in numbers() if number > last), last + 1)
            agent.stop(0.3)

    def test_of_the_number_that_names_none_there_can_be_does_not_follow_it(self) -> None:
        for last in (2 ** 53 - 1, 10 ** 30, True, "900", None):
            self.assertEqual(tradewarden._last_sync_seq_in({"lastSyncSeq": last}), 0, last)
        self.assertEqual(tradewarden._last_sync_seq_in({"detail": "9" * 5_000}), 0)

    def test_of_the_number_as_used_takes_the_next(self) -> None:
        agent = self.running()
        faults = [Fault(status=422, body={"code": "SYNC_SEQ_REUSED"})]
        self.on_sync(lambda seen: faults.pop() if seen.body.get("trades") and faults else None)
        self.trades(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.assertEqual(len(self.server.trades), 1)

    def test_of_the_whole_falls_back_to_calls_that_say_which_part(self) -> None:
        for spoiled in ("trades", "equity"):
            with self.subTest(spoiled):
                agent = self.running(folder=f"{self.folder}/{spoiled}")
                agent.report(equity="1e999")
                self.server.fault = lambda seen, spoiled=spoiled: (  # type: ignore[misc]
                    Fault(status=400, body={"code": "VALIDATION_FAILED", "detail": "no"})
                    if seen.path.endswith("/sync")
                    and (spoiled in seen.body or spoiled in seen.body["state"]) else None)
                self.trades(agent, f"{spoiled}-1")
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                until("it goes on", lambda: self.way(agent)._refusals == 0)
                self.assertEqual(self.server.trades[-1]["status"], "closed")
                agent.stop(0.3)

    def test_of_everything_ends_with_a_word(self) -> None:
        agent = self.running()
        self.on_sync(lambda seen: Fault(status=400, body={"code": "VALIDATION_FAILED"}))
        until("it gives up", lambda: agent.status == "error")
        self.assertRaises(tradewarden.CannotContinue, agent.check)

    def test_by_a_server_without_sync_ends_with_a_word(self) -> None:
        self.on_sync(lambda seen: Fault(status=404, body={"code": "NOT_FOUND"}))
        agent = self.agent(mode="sync")
        agent.start()
        until("it gives up", lambda: agent.status == "error")

    def test_because_of_another_copy_begins_with_a_new_number_and_fresh_figures(self) -> None:
        self.server.instance_lease_seconds = 60.0
        first = self.running()
        second = self.agent(folder=f"{self.folder}/second", mode="sync")
        open_trade(second, "t1", prediction=False)
        second.start()
        until("it is refused", lambda: second.may_open().reason == "INSTANCE_CONFLICT")
        time.sleep(0.3)
        self.assertTrue(first.may_open())
        self.assertEqual(self.server.trades, [])
        self.quiet(first).stop(PATIENCE)
        until("it takes over", lambda: second.up and second.may_open())
        self.assertEqual(len(self.server.trades), 1)
        conflict = Fault(status=409, body={"code": "AGENT_INSTANCE_CONFLICT", "retryable": True})
        faults = [conflict, conflict]
        seen_bodies: List[Any] = []

        def refuse(seen: Seen) -> Optional[Fault]:
            seen_bodies.append(seen.body)
            return faults.pop() if faults else None
        self.on_sync(refuse)
        until("it goes on", lambda: not faults and second.up and len(seen_bodies) > 4)
        numbers = [body["syncSeq"] for body in seen_bodies]
        self.assertEqual(len(set(numbers)), len(numbers))


if __name__ == "__main__":
    unittest.main()
