"""Ideas: priced when they are made, told once, and sent only as what the gate hands over."""

from __future__ import annotations

import time
import unittest
from decimal import Decimal
from typing import Any, List, Optional

import tradewarden
from testing.fake_server import FakeCommand, Fault, Seen
from testing.support import KEY, PATIENCE, ServerCase, SkewedClock, open_trade, until

LOST = Fault(drop="after")


def of_ideas(seen: Seen) -> bool:
    return seen.method == "POST" and seen.path.startswith("/trade-ideas")


class IdeaCase(ServerCase):
    mode = "poll"

    def running(self, **options: Any) -> tradewarden.Agent:
        return super().running(**{"mode": self.mode, **options})

    def propose(self, agent: tradewarden.Agent, **more: Any) -> tradewarden.Idea:
        return agent.propose(**{
            "symbol": "EURUSD", "direction": "long", "lot_size": Decimal("0.1"),
            "rationale": "the averages crossed", "confidence": "0.8", "entry_price": "1.10000",
            "stop_loss": Decimal("1.09850"),
            "take_profit": [{"price": "1.103", "size_fraction": 1}], "within": PATIENCE, **more})

    def told_ideas(self) -> List[Seen]:
        return [seen for seen in self.server.seen if of_ideas(seen)]

    def command(self) -> FakeCommand:
        return next(one for one in self.server.commands if one.type == "open_trade")

    def handed(self, idea: tradewarden.Idea) -> tradewarden.Command:
        assert idea.command is not None, idea
        return idea.command


class AnIdea(IdeaCase):
    def test_that_passes_brings_its_command_which_comes_by_no_other_way(self) -> None:
        agent = self.running()
        idea = self.propose(agent)
        self.assertEqual((idea.status, idea.codes, idea.command_id),
                         ("auto_executed", [], self.command().id))
        self.assertEqual((idea.digest, idea.decision.verdict), ("digest-0", "auto_executed"))
        command = self.handed(idea)
        self.assertEqual((command.id, command.type, command.payload["ideaId"], command.once),
                         (self.command().id, "open_trade", idea.id, True))
        self.assertTrue(agent.may_send(command))
        self.assertIsNone(agent.next_command(0.3))
        with agent.step() as step:
            step.complete(command, {"orderTag": command.payload["orderTag"]})
        until("it is answered", lambda: self.command().answers)
        self.assertEqual(self.command().status, "succeeded")

    def test_goes_behind_the_facts_that_count_and_the_newest_quote(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: Fault(delay=0.1) if "/trades" in seen.path else None
        agent.quote("EURUSD", "1.1", "1.2")
        open_trade(agent, "t1")
        with agent.step() as step:
            ref = step.prediction(model="m", symbol="EURUSD", direction="long", confidence="0.8")
        agent.quote("EURUSD", "1.3", "1.4")
        self.propose(agent, prediction=ref)
        told = self.told_ideas()[0]
        self.assertEqual(told.body["predictionId"], self.server.predictions[-1]["id"])
        before = self.server.seen[:self.server.seen.index(told)]
        self.assertTrue(any("t1" in str(seen.body) for seen in before))
        self.assertEqual(self.server.quotes["EURUSD"]["bid"], "1.3")
        self.assertTrue(any("1.3" in str(seen.body.get("items", "")) for seen in before
                            if seen.path == "/quotes"))

    def test_is_told_exactly_and_with_a_key(self) -> None:
        agent = self.running()
        self.propose(agent, key="my-key", valid_for_seconds=20, strategyId="s", expected_hold=None)
        told = self.told_ideas()[0]
        self.assertEqual((told.path, told.headers["idempotency-key"]),
                         ("/trade-ideas?lease=1", "my-key"))
        self.assertEqual(told.body, {
            "symbol": "EURUSD", "direction": "long", "lotSize": "0.1", "confidence": "0.8",
            "rationale": "the averages crossed", "entryPrice": "1.10000", "stopLoss": "1.09850",
            "takeProfit": [{"price": "1.103", "sizeFraction": 1}], "validForSeconds": 20,
            "strategyId": "s"})

    def test_that_is_none_is_not_told(self) -> None:
        agent = self.running()
        for bad in ({"lot_size": 0.1}, {"stop_loss": float("nan")}, {"rationale": KEY},
                    {"entry_range": {"low": 1.1}}, {"take_profit": [{"price": 1.5}]}):
            with self.assertRaises(ValueError, msg=str(bad)):
                self.propose(agent, **bad)
        self.assertEqual(self.told_ideas(), [])

    def test_that_is_refused_by_the_gate_brings_the_codes_and_nothing_to_send(self) -> None:
        agent = self.running()
        for status, codes in (("rejected", ["MAX_TRADES", "NO_STOP"]), ("waiting", []),
                              ("halted_by_risk", ["TRADING_DISABLED"])):
            self.server.verdict = lambda idea, said=(status, codes): said  # type: ignore[misc]
            idea = self.propose(agent)
            self.assertEqual((idea.status, idea.codes, idea.command, idea.command_id),
                             (status, codes, None, None))
        self.assertEqual(idea.decision.reasons[0],
                         ("TRADING_DISABLED", "TRADING_DISABLED", "1", "0"))

    def test_that_a_person_approves_brings_its_command_later(self) -> None:
        agent = self.running()
        self.server.verdict = lambda idea: ("needs_approval", ["CONFIDENCE_LOW"])
        idea = self.propose(agent)
        self.assertIsNone(idea.command)
        self.server.approve(self.server.ideas[0])
        command = agent.next_command(PATIENCE)
        assert command is not None
        self.assertEqual((command.type, command.payload["ideaId"]), ("open_trade", idea.id))

    def test_can_be_made_without_taking_its_command_at_once(self) -> None:
        agent = self.running()
        idea = self.propose(agent, lease=False)
        self.assertEqual((idea.command, idea.command_id), (None, self.command().id))
        command = agent.next_command(PATIENCE)
        assert command is not None
        self.assertEqual(command.id, idea.command_id)

    def test_can_be_read_again_and_says_why(self) -> None:
        agent = self.running()
        self.server.verdict = lambda idea: ("rejected", ["NO_STOP"])
        idea = self.propose(agent)
        said = self.server.ideas[0]
        # Read, it says what its last decision said, not the decision.
        said["reasons"] = said.pop("decision")["reasons"]
        again = agent.idea(idea.id)
        self.assertEqual((again.id, again.status, again.codes), (idea.id, "rejected", ["NO_STOP"]))
        self.assertEqual([one.id for one in agent.ideas(status="rejected", limit=5)], [idea.id])
        self.assertIn("/trade-ideas?status=rejected&limit=5", self.server.paths())
        with self.assertRaises(tradewarden.Refused):
            agent.idea("none")
        self.assertEqual(agent.client.check().body["opening"], {"verdict": "approved"})


class AnIdeaAnd(IdeaCase):
    def test_a_server_that_is_away_is_not_had_later(self) -> None:
        agent = self.running()
        self.server.close()
        with self.assertRaises(tradewarden.ServerAway):
            self.propose(agent, within=0.5)
        until("it is seen to be away", lambda: not agent.up)
        began = time.monotonic()
        with self.assertRaises(tradewarden.ServerAway):
            self.propose(agent)
        # Nobody waits for a server that is known to be away: exits must go on.
        self.assertLess(time.monotonic() - began, PATIENCE / 2)
        self.assertEqual(agent.spool.size, 0)
        self.server.listen()
        until("it is back", lambda: agent.up)
        self.assertEqual(self.server.ideas, [])

    def test_facts_that_do_not_get_through_keep_it_back(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: Fault(status=429, body={"code": "BUSY"}) if (
            seen.path == "/trades" or seen.body.get("trades")) else None
        open_trade(agent, "t1", prediction=False)
        with self.assertRaises(tradewarden.ServerAway):
            self.propose(agent, within=0.4)
        self.assertEqual(self.told_ideas(), [])

    def test_a_lost_answer_is_one_idea_and_one_command(self) -> None:
        agent = self.running()
        lost: List[Seen] = []

        def lose(seen: Seen) -> Optional[Fault]:
            if of_ideas(seen) and len(lost) < 2:
                lost.append(seen)
                return LOST
            return None
        self.server.fault = lose
        command = self.handed(self.propose(agent))
        self.assertEqual((len(self.server.ideas), len(self.told_ideas())), (1, 3))
        self.assertEqual(len({seen.headers["idempotency-key"] for seen in self.told_ideas()}), 1)
        self.assertEqual(command.id, self.command().id)

    def test_an_answer_that_never_comes_ends_unsent(self) -> None:
        agent = self.quiet(self.running())
        agent.report_positions([])
        agent.on_reconcile(lambda tag: {"deals": []})
        self.server.fault = lambda seen: LOST if of_ideas(seen) else None
        with self.assertRaises(tradewarden.ServerAway):
            self.propose(agent, within=0.5)
        self.server.fault = lambda seen: None
        self.assertEqual(self.command().status, "leased")
        self.server.lapse(self.command())
        until("it is settled", lambda: agent.next_command(0.05) is None
              and self.command().status == "failed")

    def test_an_answer_that_cannot_be_read_is_none(self) -> None:
        agent = self.running()
        for text in (b"{}", b'{"id": 5, "status": "auto_executed"}', b"[]"):
            self.server.fault = lambda seen, said=text: Fault(  # type: ignore[misc]
                status=201, text=said) if of_ideas(seen) else None
            with self.assertRaises(tradewarden.ServerAway):
                self.propose(agent, within=0.3)
        self.server.fault = lambda seen: Fault(status=201, body={
            "id": "i1", "status": "auto_executed", "decision": 7, "command": {"id": 1},
            "commandId": 3}) if of_ideas(seen) else None
        idea = self.propose(agent)
        self.assertEqual((idea.command, idea.command_id, idea.codes), (None, None, []))

    def test_the_same_key_again_do_not_bring_the_command_twice(self) -> None:
        agent = self.running()
        first = self.propose(agent, key="k")
        self.assertIsNone(self.propose(agent, key="k").command)
        with agent.step() as step:
            step.complete(self.handed(first))
        until("it is answered", lambda: self.command().answers)
        self.assertIsNone(self.propose(agent, key="k").command)
        with self.assertRaises(tradewarden.Refused) as raised:
            self.propose(agent, key="k", direction="short")
        self.assertEqual(raised.exception.code, "IDEMPOTENCY_KEY_REUSED")

    def test_a_process_that_dies_on_the_way_to_the_broker_are_asked_about(self) -> None:
        agent = self.running()
        command = self.handed(self.propose(agent))
        agent.stop(0.3)
        other = self.agent(mode=self.mode)
        self.assertEqual([(one.id, one.interrupted) for one in other.unfinished()],
                         [(command.id, True)])

    def test_an_unknown_time_are_not_told(self) -> None:
        self.server.says_time = False
        agent = self.running()
        with self.assertRaises(tradewarden.ClockUnknown):
            self.propose(agent)
        self.assertEqual(self.told_ideas(), [])


class WhatIsHandedOver(IdeaCase):
    def refused(self, idea: tradewarden.Idea) -> Any:
        self.assertIsNone(idea.command)
        return until("it is answered", lambda: self.command().answers)[0]

    def test_too_late_is_left_to_its_lease(self) -> None:
        clock = SkewedClock()
        agent = self.running(clock=clock)
        real = agent.client.propose

        def late(*args: Any) -> tradewarden.Answer:
            answer = real(*args)
            self.time_passes(clock, 40)
            return answer
        agent.client.propose = late  # type: ignore[method-assign]
        self.assertIsNone(self.propose(agent).command)
        self.assertEqual((self.command().answers, agent.unfinished()), ([], []))

    def test_under_a_halt_that_came_with_it_is_not_sent_and_not_tried_again(self) -> None:
        agent = self.running()

        def halt(seen: Seen) -> Optional[Fault]:
            if of_ideas(seen) and self.server.desired["state"] == "active":
                self.server.set_desired(state="halted")
            return None
        self.server.fault = halt
        answer = self.refused(self.propose(agent))
        self.assertEqual((answer["outcome"], answer["error"]["code"], answer["retryable"]),
                         ("not_sent", "HALTED", False))

    def test_without_a_trading_lease_is_not_sent(self) -> None:
        agent = self.running()
        # None at all: one of 10 ms was renewed by a heartbeat just before the idea was proposed.
        self.server.trading_lease_seconds = 0
        self.server.set_desired(run="paused")
        self.server.set_desired(run="running")
        agent.observe(agent.desired)
        until("the lease has run out", lambda: agent.trading_lease_left() == 0)
        answer = self.refused(self.propose(agent))
        self.assertEqual((answer["outcome"], answer["error"]["code"]),
                         ("not_sent", "LEASE_LAPSED"))

    def test_is_looked_at_again_just_before_it_is_sent(self) -> None:
        clock = SkewedClock()
        self.server.trading_lease_seconds = 10_000
        self.server.valid_seconds, self.server.idea_lease_seconds = 100, 300
        # Of its own accord it extends no lease here.
        agent = self.running(clock=clock, lease_seconds=10_000)
        command = self.handed(self.propose(agent))
        self.assertTrue(agent.may_send(command))
        self.time_passes(clock, 150)
        self.assertEqual(agent.may_send(command), (False, "EXPIRED"))
        self.time_passes(clock, 200)
        self.assertEqual(agent.may_send(command), (False, "COMMAND_LEASE_LOST"))

    def test_is_not_sent_when_the_agent_is_paused_meanwhile(self) -> None:
        agent = self.running()
        command = self.handed(self.propose(agent))
        self.server.set_desired(run="paused")
        agent.client.get("/agents/me")
        self.assertEqual(agent.may_send(command), (False, "PAUSED"))


class AHaltOfItsOwn(IdeaCase):
    def test_is_told_and_ends_openings_at_once(self) -> None:
        agent = self.running()
        self.assertTrue(agent.may_open())
        agent.kill_switch("reduce", "the model has gone mad")
        self.assertEqual(self.server.halts, [{"scope": {"type": "agent"}, "mode": "reduce",
                                              "reason": "the model has gone mad"}])
        self.assertFalse(agent.may_open())
        until("it is known why", lambda: agent.may_open().reason == "REDUCING")
        # A person releases it.
        self.server.set_desired(state="active")
        agent.client.heartbeat({})
        until("it may again", agent.may_open)

    def test_holds_here_also_when_nobody_could_be_told(self) -> None:
        agent = self.running()
        self.server.fault = lambda seen: Fault(drop="before") if (
            seen.path == "/kill-switch") else None
        with self.assertRaises(tradewarden.ServerAway):
            agent.kill_switch("halt", "too many errors", within=0.3)
        agent.client.heartbeat({})
        self.assertEqual(agent.may_open(), (False, "HALTING"))
        self.assertIsNone(self.propose(agent).command)
        self.server.fault = lambda seen: None
        agent.kill_switch("halt", "too many errors")
        until("it is known", lambda: agent.may_open().reason == "HALTED")
        self.assertEqual(len(self.server.halts), 1)

    def test_of_an_answer_from_before_it_is_not_undone(self) -> None:
        agent = self.running()
        agent.kill_switch("halt", "x")
        # An answer that was on its way: what it says is older than the halt. No other comes now.
        with agent._line.changed:
            agent._line.desired = tradewarden.DesiredState("active", "running", 99)
            agent._line._desired_asked = agent._line.halted_at or 0.0
            self.assertEqual(agent.may_open(), (False, "HALTING"))

    def test_is_one_of_three(self) -> None:
        agent = self.running()
        with self.assertRaises(ValueError):
            agent.kill_switch("stop", "x")
        self.assertTrue(agent.may_open())


class ADesiredState(IdeaCase):
    def test_is_observed_together_with_what_the_broker_shows(self) -> None:
        self.server.heartbeat_seconds = 60
        agent = self.running()
        agent.report_positions([])
        until("it is told", lambda: self.server.positions)
        self.server.set_desired(state="halted")
        agent.client.get("/agents/me")
        agent.report_positions([])
        agent.observe(agent.desired)
        # Nothing in it has changed, and the next heartbeat with one is a minute off.
        until("it is shown again", lambda: len(self.server.positions) > 1, 45)


class HowItIs(IdeaCase):
    """A server that takes an agent for one that is starting or paused lets it open nothing."""

    def told(self) -> List[Any]:
        return [body.get("status") for body in self.server.bodies("/heartbeat")
                + [one["state"] for one in self.server.bodies("/sync")]]

    def test_is_told_at_once_and_before_an_idea(self) -> None:
        self.server.heartbeat_seconds = 60
        agent = self.running()
        self.propose(agent)
        self.assertEqual(self.told()[-1], "running")
        for run in ("paused", "running"):
            self.server.set_desired(run=run)
            agent.client.get("/agents/me")
            until("it is told", lambda run=run: self.told()[-1] == run, 45)  # type: ignore[misc]

    def test_what_the_broker_shows_in_the_end_is_told_too(self) -> None:
        agent = self.running()
        agent.report_positions([{"symbol": "EURUSD", "direction": "long", "size": "1"}])
        until("it is told", lambda: self.server.positions)
        agent.report_positions([])
        self.quiet(agent).stop(PATIENCE)
        self.assertEqual(self.server.positions[-1]["positions"], [])
        self.assertEqual(self.server.bodies("/heartbeat")[-1]["status"], "stopped")


class HowItIsOverSync(HowItIs):
    mode = "sync"


class AnIdeaOverSync(AnIdea):
    mode = "sync"


class AnIdeaOverSyncAnd(AnIdeaAnd):
    mode = "sync"


class WhatIsHandedOverOverSync(WhatIsHandedOver):
    mode = "sync"


if __name__ == "__main__":
    unittest.main()
