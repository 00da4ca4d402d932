"""What the broker did and shows: fills, positions, prices, and both books laid side by side."""

from __future__ import annotations

import json
import os
import threading
import time
import unittest
from decimal import Decimal
from typing import Any, Dict, List, Optional
from unittest import mock

import tradewarden
from testing.fake_server import Fault, Seen, problem
from testing.support import PATIENCE, ServerCase, SkewedClock, until

HELD = {"symbol": "EURUSD", "direction": "long", "size": "0.1", "entry_price": "1.1",
        "broker_position_id": "t1"}


class BrokerCase(ServerCase):
    """Each test runs over long polls; classes below run the same over sync."""

    mode = "poll"

    def agent(self, folder: Optional[str] = None, **options: Any) -> tradewarden.Agent:
        return super().agent(folder, **{"mode": self.mode, **options})

    def opened(self, agent: tradewarden.Agent, name: str = "t1", **more: Any) -> None:
        with agent.step() as step:
            step.trade(name, symbol="EURUSD", direction="long", lot_size="0.1", entry_price="1.1",
                       broker_position_id=name)
            step.fill(name, "entry", deal_id=f"{name}-in", price="1.1", size="0.1", **more)

    def left(self, agent: tradewarden.Agent, name: str = "t1", size: str = "0.1") -> None:
        with agent.step() as step:
            step.fill(name, "exit", deal_id=f"{name}-out-{size}", price="1.2", size=size,
                      profit="5.00", commission="-0.35", exit_reason="target")

    def sent(self, agent: tradewarden.Agent) -> None:
        self.assertTrue(agent.wait_until_sent(PATIENCE))

    def requests(self, end: str) -> List[Seen]:
        with self.server.lock:
            return [seen for seen in self.server.seen if seen.path.endswith(end)]


class AFill(BrokerCase):
    def test_goes_out_behind_its_trade_that_had_no_id_yet_and_the_trade_follows(self) -> None:
        agent = self.agent()
        self.opened(agent)
        self.left(agent, size="0.04")
        self.left(agent, size="0.06")
        agent.start()
        self.sent(agent)
        self.assertEqual([(one["brokerDealId"], one["role"], one["size"])
                          for one in self.server.fills],
                         [("t1-in", "entry", "0.1"), ("t1-out-0.04", "exit", "0.04"),
                          ("t1-out-0.06", "exit", "0.06")])
        trade = self.server.trades[0]
        self.assertEqual({one["tradeId"] for one in self.server.fills}, {trade["id"]})
        self.assertEqual((trade["status"], Decimal(trade["openSize"])), ("closed", 0))
        exit_fill = self.server.fills[-1]
        self.assertEqual((exit_fill["profit"], exit_fill["commission"], exit_fill["exitReason"]),
                         ("5.00", "-0.35", "target"))
        self.assertLess(abs((tradewarden.seconds_of(exit_fill["at"]) or 0) - time.time()), 1_000)

    def test_is_one_fact_however_often_it_is_told_and_whatever_answers_are_lost(self) -> None:
        losses: List[str] = []

        def lose(seen: Seen) -> Optional[Fault]:
            if not seen.path.endswith(("/fills", "/sync", "/trades")) or len(losses) == 5:
                return None
            losses.append(seen.path)
            return Fault(drop="after" if len(losses) % 2 else "before")
        self.server.fault = lose
        agent = self.agent()
        self.opened(agent)
        for _ in range(3):
            self.left(agent)
        with mock.patch.object(tradewarden.Backoff, "next", lambda *_: 0.01):
            agent.start()
            self.sent(agent)
        self.assertEqual(len(losses), 5)
        self.assertEqual([one["brokerDealId"] for one in self.server.fills],
                         ["t1-in", "t1-out-0.1"])
        self.assertEqual(agent.spool.rejected_count, 0)

    def test_is_kept_through_an_outage_and_a_restart(self) -> None:
        first = self.running()
        self.opened(first)
        self.sent(first)
        self.server.close()
        self.left(first)
        first.stop(0.1)
        self.server.listen()
        self.sent(self.running())
        self.assertEqual([one["role"] for one in self.server.fills], ["entry", "exit"])

    def test_that_is_none_leaves_nothing_of_its_step(self) -> None:
        agent = self.agent()
        self.opened(agent)
        known = agent.spool.size
        good: Dict[str, Any] = {"role": "exit", "deal_id": "d", "price": "1.2", "size": "0.1"}
        bad: Dict[str, Any] = {
            "price": 1.2, "size": 0.1, "profit": 5.5, "role": "both", "commission": float("nan"),
            "swap": Decimal("NaN"), "at": "yesterday"}
        for name, value in bad.items():
            with self.assertRaises(ValueError, msg=name), agent.step() as step:
                step.save({"lost": True})
                step.fill("t1", **{**good, name: value})
        with self.assertRaisesRegex(ValueError, "not known here"), agent.step() as step:
            step.fill("t2", **good)
        self.assertEqual((agent.spool.size, agent.state), (known, None))

    def test_that_is_refused_is_put_aside_and_those_behind_it_go_on(self) -> None:
        agent = self.running()
        self.opened(agent, "t1")
        self.opened(agent, "t2")
        with agent.step() as step:
            step.fill("t2", "entry", deal_id="t1-in", price="1.1", size="0.1")
        self.left(agent, "t2")
        self.sent(agent)
        self.assertEqual([one["brokerDealId"] for one in self.server.fills],
                         ["t1-in", "t2-in", "t2-out-0.1"])
        self.assertEqual(agent.spool.rejected_count, 1)
        with open(os.path.join(self.folder, "rejected.jsonl"), encoding="utf-8") as file:
            self.assertIn("FILL_DEAL_TAKEN", file.read())

    def test_has_the_servers_time_whatever_this_machine_shows(self) -> None:
        for skew in (3600.0, -3600.0):
            name = f"t{skew:.0f}"
            agent = self.agent(os.path.join(self.folder, name), clock=SkewedClock(skew))
            self.opened(agent, name)
            agent.start()
            until("it is up", lambda: agent.up)
            self.left(agent, name)
            self.sent(agent)
            agent.stop()
            with self.server.lock:
                times = [tradewarden.seconds_of(one["at"]) or 0 for one in self.server.fills[-2:]]
            self.assertEqual(len(times), 2)
            for at in times:
                self.assertLess(abs(at - time.time()), 1_000)

    def test_of_a_trade_that_was_refused_goes_aside_with_it(self) -> None:
        agent = self.running()
        self.server._trade = (  # type: ignore[method-assign]
            lambda body: problem(400, "VALIDATION_FAILED", "no such symbol"))
        self.opened(agent)
        self.sent(agent)
        self.assertEqual((self.server.fills, agent.spool.rejected_count), ([], 2))


class Positions(BrokerCase):
    def test_wait_for_the_facts_that_were_written_down_before_them(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: (
            Fault(delay=0.05) if seen.path.endswith(("/trades", "/fills", "/sync")) else None)
        with mock.patch.object(tradewarden, "POSITIONS_SECONDS", 0.02):
            for number in range(12):
                name = f"t{number}"
                self.opened(agent, name)
                agent.report_positions([{**HELD, "broker_position_id": name}])
                until("the next", lambda name=name: agent.trade_id(name))  # type: ignore[misc]
                self.left(agent, name)
                agent.report_positions([])
            known = len(self.server.positions)
            until("the last report", lambda: len(self.server.positions) > known
                  and not self.server.positions[-1]["positions"])
        self.assertTrue(any(one["positions"] for one in self.server.positions))
        self.assertEqual((self.server.adopted, self.server.missed), ([], []))

    def test_wait_for_facts_only_so_long(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: (
            Fault(status=429, body={"code": "RATE_LIMITED"}) if seen.path == "/trades" else None)
        with mock.patch.object(tradewarden, "FACTS_FIRST_SECONDS", 0.3):
            with agent.step() as step:
                step.prediction(model="m", symbol="S", direction="long", confidence="0.5")
            if self.mode == "poll":
                self.opened(agent)
            agent.report_positions([])
            until("the report", lambda: self.server.positions)

    def test_are_of_before_what_happens_next_however_fast_that_is(self) -> None:
        agent = self.running()
        shown = agent._reports
        for number in range(200):
            agent.report_positions([])
            assert shown.newest is not None and shown.newest.as_of is not None
            self.assertLess(shown.newest.as_of, agent.stamp(None), number)

    def test_go_out_when_they_change_and_else_with_the_heartbeats(self) -> None:
        self.server.heartbeat_seconds = 60
        agent = self.agent()
        agent.report_positions([])
        agent.start()
        until("the first", lambda: len(self.server.positions) == 1)
        agent.report_positions([{**HELD, "floating_profit": "1"}])
        until("the change", lambda: len(self.server.positions) == 2, 45)
        for profit in ("2", "3", "4"):
            agent.report_positions([{**HELD, "floating_profit": profit}])
        until("it is answered", lambda: agent._reports.due_in() > 0)
        self.assertGreater(agent._reports.due_in(), 10)
        agent.report_positions([{**HELD, "stop_loss": "1.0"}])
        until("the stop", lambda: len(self.server.positions) == 3, 45)

    def test_that_surprise_the_server_are_warned_of_once(self) -> None:
        self.server.heartbeat_seconds = 0.05
        agent = self.running()
        self.opened(agent, "mine")
        self.sent(agent)
        agent.report_positions([HELD])
        for part in ("nobody told of it: the server has adopted it", "does not show it any more"):
            until(part, lambda part=part: self.lines.count(part))  # type: ignore[misc]
        agent.report_positions([{**HELD, "size": "0.3", "broker_position_id": "mine"}])
        until("the size", lambda: self.lines.count("the broker holds 0.3 EURUSD"))
        known = len(self.server.positions)
        until("some more reports", lambda: len(self.server.positions) > known + 3)
        self.assertEqual(self.lines.count("the broker holds 0.3 EURUSD"), 1)

    def test_that_are_not_applied_or_refused_are_shown(self) -> None:
        self.server.heartbeat_seconds = 0.05
        said: Dict[str, Any] = {"applied": False, "code": "ACCOUNT_MISMATCH"}
        self.server.fault = lambda seen: (
            Fault(status=said.get("status", 200), body=said)
            if seen.path.endswith("/positions") else None)
        agent = self.agent()
        agent.report_positions([HELD])
        agent.start()
        until("the first", lambda: self.lines.count("was not applied: ACCOUNT_MISMATCH"))
        said.update(status=400, code="VALIDATION_FAILED", detail="positions.0.size: above 0")

        def told() -> Any:
            with self.server.lock:
                states = [seen.body.get("state", seen.body) for seen in self.server.seen
                          if seen.path.endswith(("/heartbeat", "/sync"))]
            return states[-1].get("errorMessage") or ""
        until("the heartbeat says so", lambda: "positions.0.size" in told())
        self.assertEqual(self.lines.count("positions report is refused"), 1)
        self.server.fault = lambda seen: None
        until("it is well again", lambda: told() == "")

    def test_with_floats_are_none(self) -> None:
        agent = self.agent()
        for bad in ({"size": 0.1}, {"entry_price": 1.1}, {"floatingProfit": float("inf")}):
            with self.assertRaises(ValueError, msg=str(bad)):
                agent.report_positions([{**HELD, **bad}])
        self.assertIsNone(agent._reports.newest)


class Prices(BrokerCase):
    def quoted(self) -> List[Dict[str, Any]]:
        with self.server.lock:
            return [one for seen in self.server.seen
                    for one in (seen.body.get("items", []) if seen.path == "/quotes"
                                else seen.body.get("quotes", []))]

    def test_are_told_as_they_are_now_and_not_those_between(self) -> None:
        agent = self.running()
        for number in range(500):
            agent.quote("EURUSD", Decimal("1.1") + number, Decimal("1.2") + number)
        until("the last", lambda: self.server.quotes.get("EURUSD", {}).get("bid") == "500.1")
        self.assertLess(len(self.quoted()), 400)
        self.assertLess(abs((tradewarden.seconds_of(
            self.server.quotes["EURUSD"]["quotedAt"]) or 0) - time.time()), 1_000)

    def test_of_several_symbols_go_together(self) -> None:
        agent = self.running()
        names = [f"S{number}" for number in range(60)]
        agent.quotes([{"symbol": name, "bid": "1", "ask": "2"} for name in names])
        until("all of them", lambda: set(self.server.quotes) == set(names))

    def test_that_grew_old_in_an_outage_are_not_told(self) -> None:
        clock = SkewedClock()
        agent = self.running(clock=clock)
        self.opened(agent)
        self.sent(agent)
        self.server.fault = lambda seen: Fault(status=503)
        with mock.patch.object(tradewarden.Backoff, "next", lambda *_: 0.01):
            until("it notices", lambda: (agent._line.nudge(), not agent.up)[1])
            agent.quote("OLD", "1", "2")
            agent.mark("t1", "1", "2")
            self.time_passes(clock, PATIENCE + 1)
            agent.quote("NEW", "1", "2")
            self.server.fault = lambda seen: None
            until("the new one", lambda: "NEW" in self.server.quotes)
        self.assertEqual((set(self.server.quotes), self.server.marks), ({"NEW"}, []))
        self.assertEqual(agent.spool.size, 0)

    def test_of_a_trade_wait_for_its_id(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: (
            Fault(delay=0.5) if seen.path.endswith(("/trades", "/sync")) else None)
        self.opened(agent)
        agent.mark("t1", "1.1", "1.2", floating_profit="-3.50", probability="0.6")
        agent.mark("nobody", "1.1", "1.2")
        mark = until("the mark", lambda: self.server.marks)[0]
        self.assertEqual((mark["tradeId"], mark["bid"], mark["floatingProfit"]),
                         (self.server.trades[0]["id"], "1.1", "-3.50"))

    def test_that_are_refused_hold_nothing_up_and_are_said_once(self) -> None:
        self.server.heartbeat_seconds = 0.05
        agent = self.running()
        self.opened(agent)
        self.sent(agent)
        self.server.takes_quotes = False
        with mock.patch.object(tradewarden, "QUOTES_SECONDS", 0.02):
            def refused() -> bool:
                agent.quote("EURUSD", "2", "1")
                time.sleep(0.01)
                return len(self.quoted()) > 5
            until("several", refused)
            until("it is said", lambda: self.lines.count("prices are refused") == 1)
            self.left(agent)
            self.sent(agent)
        self.assertTrue(agent.up)
        self.assertEqual(self.lines.count("prices are refused"), 1)

    def test_over_a_limit_are_dropped_without_a_wait(self) -> None:
        agent = self.running()
        limited = Fault(status=429, headers={"Retry-After": "300"}, body={"code": "RATE_LIMITED"})
        self.server.fault = lambda seen: (
            limited if seen.path in ("/quotes", "/trades/marks/batch") else None)
        agent.quote("EURUSD", "1", "2")
        self.opened(agent)
        self.sent(agent)
        agent.mark("t1", "1", "2")
        until("a price was offered", lambda: self.requests("/batch"))
        beats = len(self.requests("/heartbeat")) + len(self.requests("/sync"))
        agent._line.nudge()
        until("it goes on", lambda: len(self.requests("/heartbeat")) + len(
            self.requests("/sync")) > beats, 200)
        self.assertTrue(agent.up)

    def test_as_floats_or_of_tomorrow_are_none(self) -> None:
        agent = self.running()
        for bid, ask in ((1.1, "1.2"), ("1.1", 1.2)):
            with self.assertRaises(ValueError):
                agent.quote("EURUSD", bid, ask)
            with self.assertRaises(ValueError):
                agent.mark("t1", bid, ask)
        with self.assertRaises(tradewarden.TimeInFuture):
            agent.quote("EURUSD", "1", "2", int(time.time() + 3600) * 1000)


class BothBooks(BrokerCase):
    DEAL = {"broker_deal_id": "d1", "role": "entry", "price": Decimal("1.10"), "size": "0.1",
            "at": None, "symbol": "EURUSD", "direction": "long", "broker_position_id": "p9"}

    def deal(self, agent: tradewarden.Agent, **more: Any) -> Dict[str, Any]:
        return {**self.DEAL, "at": agent.now(), **more}

    def answered(self, agent: tradewarden.Agent, **payload: Any) -> Any:
        command = self.server.queue("reconcile", **payload)
        until("it is answered", lambda: (agent.next_command(0.05), command.answers)[1])
        return command.answers[0]

    def test_are_answered_on_the_bots_own_thread_with_what_was_reported(self) -> None:
        agent = self.running()
        asked: List[Any] = []

        def shows(order_tag: Optional[str]) -> Dict[str, Any]:
            asked.append((order_tag, threading.current_thread().name))
            return {"deals": [self.deal(agent)]}
        agent.on_reconcile(shows)
        agent.report_positions([HELD], [{"broker_order_id": "o1"}], broker_connected=True)
        result = self.answered(agent, orderTag="ABCDEFGH12345678")["result"]
        self.assertEqual(asked, [("ABCDEFGH12345678", "MainThread")])
        self.assertEqual(set(result),
                         {"asOf", "brokerConnected", "positions", "orders", "deals"})
        self.assertEqual(result["positions"][0]["brokerPositionId"], "t1")
        self.assertEqual(result["deals"][0]["price"], "1.10")
        self.assertRegex(result["deals"][0]["at"], "Z$")

    def test_are_looked_at_anew_when_the_command_comes_again(self) -> None:
        agent = self.running()
        calls: List[int] = []

        def shows(_: Optional[str]) -> Dict[str, Any]:
            calls.append(1)
            return {"positions": [], "deals": []}
        agent.on_reconcile(shows)
        self.answered(agent)
        # The agent has heard that it is answered.
        self.sent(agent)
        command = self.server.commands[-1]
        self.server.lapse(command)
        until("the second", lambda: (agent.next_command(0.05), len(command.answers) == 2)[1])
        self.sent(agent)
        self.assertEqual(len(calls), 2)
        self.assertEqual(agent.spool.answers, {})

    def test_that_cannot_be_shown_are_not_made_up(self) -> None:
        agent = self.running()
        bad: List[Any] = [
            lambda tag: 1 / 0, lambda tag: {}, lambda tag: {"deals": None},
            lambda tag: {"deals": []},  # No positions were reported yet.
            lambda tag: {"positions": [], "deals": [{**self.deal(agent), "size": 0.1}]},
            lambda tag: {"positions": [], "deals": [{"brokerDealId": "d"}]},
            lambda tag: {"positions": [], "deals": [self.deal(agent)] * 1_001},
            lambda tag: {"positions": [{"comment": "x" * 300_000}], "deals": []}]
        for handler in bad:
            agent.on_reconcile(handler)
            answer = self.answered(agent)
            self.assertEqual((answer["outcome"], answer["error"]["code"], answer["retryable"]),
                             ("not_sent", "RECONCILE_FAILED", True))
        agent.report_positions([], complete=False)
        agent.on_reconcile(lambda tag: {"deals": []})
        self.assertIn("none that is complete", self.answered(agent)["error"]["message"])

    def test_go_to_the_bot_itself_where_it_has_not_said_how(self) -> None:
        agent = self.running()
        self.server.queue("reconcile")
        command = until("the command", lambda: agent.next_command(0.1))
        self.assertEqual(command.type, "reconcile")

    def test_unasked_go_behind_the_facts_and_come_through_lost_answers(self) -> None:
        agent = self.running()
        agent.on_reconcile(lambda tag: {"positions": [HELD], "deals": [
            self.deal(agent, broker_deal_id="t1-in"), self.deal(agent, broker_deal_id="other")]})
        lost: List[str] = []

        def lose(seen: Seen) -> Optional[Fault]:
            if seen.path.endswith(("/trades", "/fills")):
                return Fault(delay=0.2)
            if not seen.path.endswith("/reconcile") or len(lost) == 2:
                return None
            lost.append(seen.path)
            return Fault(drop="before" if len(lost) == 1 else "after")
        self.server.fault = lose
        self.opened(agent)
        with mock.patch.object(tradewarden.Backoff, "next", lambda *_: 0.01):
            agent.reconcile()
            until("it got through", lambda: self.lines.count("the server knows no trade of"))
        self.assertEqual(self.lines.count("reconciled: 0 new deals"), 1)
        self.assertEqual(self.server.adopted, [])
        self.assertEqual(self.lines.count("the server knows no trade of the deal"), 1)
        told = [seen for seen in self.server.seen if seen.path.endswith(("/fills", "/reconcile"))
                or "fills" in seen.body]
        self.assertEqual([seen.path.endswith("/reconcile") for seen in told][:2], [False, True])
        bodies = [json.dumps(one, sort_keys=True) for one in self.server.reconciled]
        self.assertEqual((len(bodies), len(set(bodies))), (2, 1))

    def test_unasked_are_told_to_no_server_that_cannot_take_them(self) -> None:
        self.server.offers_reconcile = False
        agent = self.running()
        agent.on_reconcile(lambda tag: {"positions": [], "deals": []})
        for _ in range(3):
            agent.reconcile()
            until("it is done with", lambda: agent._reports._unasked is None)
        self.assertEqual(len(self.requests("/reconcile")), 1)

    def test_unasked_need_a_way_to_ask_the_broker_and_the_servers_time(self) -> None:
        with self.assertRaisesRegex(ValueError, "on_reconcile"):
            self.agent().reconcile()
        other = self.agent(os.path.join(self.folder, "other"))
        other.on_reconcile(lambda tag: {"positions": [], "deals": []})
        with self.assertRaises(tradewarden.ClockUnknown):
            other.reconcile()


class Names(BrokerCase):
    def test_the_order_tag_is_known_when_the_trade_is_and_after_a_restart(self) -> None:
        agent = self.running()
        self.assertIsNone(agent.order_tag_of("t1"))
        self.opened(agent)
        self.sent(agent)
        # Asked for once: each time it is not known yet it would be fetched.
        agent.order_tag_of("t1")
        tag = until("the tag", lambda: agent.spool.tag_of("t1"))
        self.assertEqual((agent.order_tag_of("t1"), tag), (tag, self.server.trades[0]["orderTag"]))
        asked = len([path for path in self.server.paths() if path == "/trades/ID"])
        self.assertEqual(asked, 0 if self.mode == "poll" else 1)
        agent.stop()
        again = self.agent()
        self.assertEqual(again.order_tag_of("t1"), tag)
        self.assertIsNone(again.order_tag_of("t2"))

    def test_the_magic_number_is_known_from_the_first_answer_on(self) -> None:
        agent = self.agent()
        self.assertIsNone(agent.magic)
        agent.start()
        until("it is up", lambda: agent.up)
        self.assertEqual(agent.magic, 1234567)
        agent.stop()
        self.assertEqual(self.agent().magic, 1234567)

    def test_of_an_older_server_are_unknown(self) -> None:
        self.server.magic = None
        agent = self.running()
        self.assertIsNone(agent.magic)

    def test_ids_of_a_trade_are_kept_until_its_fills_have_closed_it(self) -> None:
        with mock.patch.object(tradewarden, "IDS_KEPT", 0):
            agent = self.running()
            self.opened(agent)
            self.left(agent, size="0.04")
            self.sent(agent)
            agent.stop()
            agent = self.running()
            agent.spool._compact()
            self.assertIsNotNone(agent.trade_id("t1"))
            self.left(agent, size="0.06")
            self.sent(agent)
            agent.spool._compact()
            self.assertIsNone(agent.trade_id("t1"))
            agent.stop()
            # Read again it is the same, although the sizes were kept in a base and in facts.
            self.assertIsNone(self.agent().trade_id("t1"))


class AFillOverSync(AFill):
    mode = "sync"

    def test_shares_a_call_with_its_trade(self) -> None:
        agent = self.agent()
        self.opened(agent)
        self.left(agent)
        agent.start()
        self.sent(agent)
        self.assertEqual(self.requests("/fills"), [])
        body = next(seen.body for seen in self.requests("/sync") if "fills" in seen.body)
        self.assertEqual([one["clientOrderId"] for one in body["fills"]], ["t1", "t1"])


class PositionsOverSync(Positions):
    mode = "sync"


class PricesOverSync(Prices):
    mode = "sync"


class BothBooksOverSync(BothBooks):
    mode = "sync"


class NamesOverSync(Names):
    mode = "sync"


if __name__ == "__main__":
    unittest.main()
