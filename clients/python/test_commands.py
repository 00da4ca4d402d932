"""Commands: carried out once, answered until the server has heard it."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
import unittest
from typing import Any, List, Optional

import tradewarden
from testing.fake_server import FakeCommand, Fault, Seen
from testing.support import PATIENCE, ServerCase, SkewedClock, open_trade, until

HERE = os.path.dirname(os.path.abspath(__file__))


class CommandCase(ServerCase):
    """Each test runs over long polls; the class below runs the same over sync."""

    mode = "poll"

    def running(self, **options: Any) -> tradewarden.Agent:
        return super().running(**{"mode": self.mode, **options})

    def take(self, agent: tradewarden.Agent, within: float = PATIENCE) -> tradewarden.Command:
        command = agent.next_command(within)
        assert command is not None, "no command came"
        return command

    def done(self, agent: tradewarden.Agent, command: tradewarden.Command, **result: Any) -> None:
        with agent.step() as step:
            step.complete(command, result)

    def answered(self, command: FakeCommand, times: int = 1) -> Any:
        until(f"{command.type} is answered", lambda: len(command.answers) >= times)
        return command.answers[times - 1]

    def stop(self, agent: tradewarden.Agent) -> None:
        agent.stop(0.5)


class ACommand(CommandCase):
    def test_comes_at_once_and_is_answered(self) -> None:
        agent = self.running(wait_seconds=200)
        queued = self.server.queue("flatten", symbol="EURUSD")
        began = time.monotonic()
        command = self.take(agent)
        self.assertLess(time.monotonic() - began, 100)
        self.assertEqual((command.type, command.payload), ("flatten", {"symbol": "EURUSD"}))
        self.done(agent, command, closed=["t1"])
        self.assertEqual(self.answered(queued)["result"], {"closed": ["t1"]})
        self.assertEqual(queued.status, "succeeded")

    def test_that_the_bot_cannot_do_is_given_back(self) -> None:
        agent = self.running()
        queued = self.server.queue("modify_trade")
        with agent.step() as step:
            step.fail(self.take(agent), "not_sent", "COMMAND_UNKNOWN", "not me", retryable=True)
        answer = self.answered(queued)
        self.assertEqual((answer["outcome"], answer["retryable"], answer["error"]),
                         ("not_sent", True, {"code": "COMMAND_UNKNOWN", "message": "not me"}))

    def test_that_changes_the_level_is_answered_by_the_level(self) -> None:
        agent = self.running()
        self.server.set_desired(run="stopped")
        late = self.server.queue("start")
        result = self.answered(late)["result"]
        self.assertEqual((result["applied"], result["run"]), (False, "stopped"))
        self.assertEqual(agent.status, "stopped")
        self.server.set_desired(run="running")
        self.assertTrue(self.answered(self.server.queue("resume"))["result"]["applied"])
        self.assertIsNone(agent.next_command())

    def test_is_leased_one_at_a_time_so_that_an_emergency_overtakes(self) -> None:
        agent = self.running()
        first, second = self.server.queue("modify_trade"), self.server.queue("modify_trade")
        command = self.take(agent)
        time.sleep(0.2)
        self.assertEqual((first.status, second.status), ("leased", "queued"))
        self.done(agent, command)
        self.done(agent, self.take(agent))
        self.answered(second)

    def test_is_told_after_what_it_did(self) -> None:
        agent = self.running()
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        queued = self.server.queue("close_trade")
        command = self.take(agent)
        with agent.step() as step:
            step.transition("t1", "closed", deal_id="d", exit_price=1, exit_reason="operator")
            step.complete(command)
        self.answered(queued)
        if self.mode == "poll":
            paths = [path.split("/")[-1] for path in self.server.paths()]
            self.assertLess(paths.index("transitions"), paths.index("complete"))
        self.assertEqual(self.server.trades[0]["status"], "closed")

    def test_and_its_effect_are_on_the_disk_together_before_anybody_hears_of_either(self) -> None:
        agent = self.running()
        open_trade(agent, "t1")
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        stored: List[Any] = []

        def look(seen: Seen) -> Optional[Fault]:
            if not stored and (seen.path.endswith("/transitions") or seen.body.get("acks")
                               or seen.body.get("transitions")):
                with open(os.path.join(self.folder, "spool.log"), encoding="ascii") as file:
                    records = [json.loads(line.split(" ", 1)[1]) for line in file]
                # Numbers of syncs may have been written down behind it.
                stored.extend(one for one in records if "answers" in one)
            return None
        self.server.fault = look
        queued = self.server.queue("close_trade")
        with agent.step() as step:
            step.complete(self.take(agent), {"closed": 1})
            step.transition("t1", "closed", deal_id="d", exit_price=1, exit_reason="operator")
            step.save({"open": []})
        self.answered(queued)
        self.assertEqual(stored[0]["state"], {"open": []})
        self.assertEqual(stored[0]["answers"][0]["id"], queued.id)
        self.assertEqual(stored[0]["facts"][0]["body"]["brokerDealId"], "d")

    def test_whose_handling_takes_long_keeps_its_lease(self) -> None:
        clock = SkewedClock()
        agent = self.running(lease_seconds=100, clock=clock)
        queued = self.server.queue("flatten")
        command = self.take(agent)
        for times in (1, 2):
            clock.passed += 60
            agent._line.nudge()
            until("it is extended",
                  lambda times=times: queued.extended >= times)  # type: ignore[misc]
        queued.cancel_requested = True
        clock.passed += 60
        agent._line.nudge()
        until("the cancellation is seen", lambda: command.cancel_requested)
        self.done(agent, command)
        self.answered(queued)

    def test_of_a_bot_that_hangs_does_not_keep_its_lease(self) -> None:
        clock = SkewedClock()
        agent = self.running(lease_seconds=100, stall_seconds=40, clock=clock)
        queued = self.server.queue("flatten")
        self.take(agent)
        clock.passed += 60

        def said() -> int:
            """Leases are looked at behind each report but the last."""
            agent._line.nudge()
            states = self.server.bodies("/heartbeat") + [
                one["state"] for one in self.server.bodies("/sync")]
            return sum(one.get("status") == "error" for one in states)
        until("it says so, and again", lambda: said() > 2)
        self.assertEqual(queued.extended, 0)

    def test_kill_is_answered_and_the_agent_says_so(self) -> None:
        agent = self.running()
        kill = self.server.queue("kill")
        self.done(agent, self.take(agent), ending=True)
        self.assertTrue(agent.killed)
        self.assertEqual(agent.may_open().reason, "STOPPING")
        agent.stop(PATIENCE)
        self.assertEqual(self.answered(kill)["result"], {"ending": True})

    def test_kill_that_comes_again_after_a_restart_is_answered_and_ends_nothing(self) -> None:
        agent = self.running()
        kill = self.server.queue("kill")
        self.done(agent, self.take(agent), ending=True)
        self.answered(kill)
        self.stop(agent)
        self.server.set_desired(run="stopped")
        self.server.lapse(kill)
        agent = self.running()
        self.assertEqual(self.answered(kill, 2)["result"], {"ending": True})
        self.assertFalse(agent.killed)
        self.assertEqual(agent.status, "stopped")

    def test_that_cannot_be_read_is_left_to_its_lease(self) -> None:
        agent = self.running()
        fine = {"id": "a", "type": "custom", "leaseToken": "t"}
        # What the spool could not keep is among it: a command is on the disk before the bot has it.
        for raw in (None, 5, {}, {"id": "a"}, {"id": "a", "type": 5, "leaseToken": "t"},
                    {**fine, "attempt": math.inf}, {**fine, "id": "a\0"},
                    {**fine, "payload": {"deep": [math.nan]}}, {**fine, "payload": {"x": "\ud800"}},
                    {**fine, "payload": json.loads('{"a":' * 900 + "0" + "}" * 900)}):
            agent._inbox.take_in([raw], 0.0)
        self.assertIsNone(agent.next_command())
        self.assertEqual(self.lines.count("could not be read"), 10)


class AnAnswerThatIsLost(CommandCase):
    def is_answer(self, seen: Seen) -> bool:
        return seen.path.endswith(("/complete", "/fail")) or bool(seen.body.get("acks"))

    def test_on_its_way_is_given_again(self) -> None:
        for drop in ("before", "after"):
            with self.subTest(drop):
                drops = [1, 1]
                self.server.fault = lambda seen, drop=drop: (  # type: ignore[misc]
                    Fault(drop=drop) if self.is_answer(seen) and drops and drops.pop() else None)
                agent = self.running(folder=os.path.join(self.folder, drop))
                queued = self.server.queue("flatten")
                self.done(agent, self.take(agent), closed=[])
                self.assertTrue(agent.wait_until_sent(PATIENCE))
                self.assertEqual((len(queued.answers), queued.status), (1, "succeeded"))
                self.stop(agent)

    def test_because_the_lease_was_lost_is_given_at_the_next_delivery(self) -> None:
        agent = self.running()
        queued = self.server.queue("flatten")
        lapsed: List[int] = []

        def lapse(seen: Seen) -> Optional[Fault]:
            if self.is_answer(seen) and not lapsed:
                lapsed.append(1)
                self.server.lapse(queued)
            return None
        self.server.fault = lapse
        self.done(agent, self.take(agent), closed=["t1"])
        self.assertEqual(self.answered(queued)["result"], {"closed": ["t1"]})
        self.assertEqual(queued.attempt, 2)
        self.assertIsNone(agent.next_command())
        self.assertEqual(self.lines.count("came again, answered as before"), 1)

    def test_with_the_process_is_given_by_the_next_one(self) -> None:
        agent = self.running()
        queued = self.server.queue("flatten")
        command = self.take(agent)
        self.server.fault = lambda seen: Fault(drop="before")
        self.done(agent, command, closed=["t1"])
        agent.stop(0.1)
        self.server.fault = lambda seen: None
        agent = self.running()
        self.assertEqual(self.answered(queued)["result"], {"closed": ["t1"]})
        self.assertEqual(queued.attempt, 1)

    def test_to_a_command_that_was_delivered_twice_is_the_same_both_times(self) -> None:
        agent = self.running()
        queued = self.server.queue("flatten")
        self.done(agent, self.take(agent), closed=["t1"])
        self.answered(queued)
        self.server.lapse(queued)
        self.assertEqual(self.answered(queued, 2)["result"], {"closed": ["t1"]})
        self.assertIsNone(agent.next_command())

    def test_of_a_refusal_is_not_kept(self) -> None:
        agent = self.running()
        queued = self.server.queue("modify_trade")
        with agent.step() as step:
            step.fail(self.take(agent), "rejected", "PRICE_INVALID")
        # The agent has heard that it is answered.
        self.assertTrue(agent.wait_until_sent(PATIENCE))
        self.server.lapse(queued)
        # What was refused then may be possible now.
        self.done(agent, self.take(agent), changed=True)
        self.assertEqual(self.answered(queued, 2)["result"], {"changed": True})

    def test_while_it_is_still_in_hand_takes_the_new_lease(self) -> None:
        agent = self.running()
        queued = self.server.queue("flatten")
        command = self.take(agent)
        self.server.lapse(queued)
        with agent._line.changed:
            self.server.lapse(queued)
            handed = self.server._hand_out({"max": 1, "leaseSeconds": 30})
        agent._inbox.take_in(handed, 0.0)
        self.done(agent, command, closed=[])
        self.answered(queued)
        self.assertIsNone(agent.next_command())


class AnOpening(CommandCase):
    def test_is_on_the_disk_before_the_bot_sees_it(self) -> None:
        agent = self.running()
        queued = self.server.queue("custom", open="long")
        self.take(agent)
        self.assertEqual(list(agent.spool.begun), [queued.id])
        self.assertEqual(agent.unfinished(), [])

    def test_that_a_crash_interrupted_is_never_handed_out_again(self) -> None:
        agent = self.running()
        queued = self.server.queue("custom", open="long")
        self.take(agent)
        self.stop(agent)
        self.server.lapse(queued)
        agent = self.running()
        answer = self.answered(queued)
        self.assertEqual((answer["outcome"], queued.status), ("unknown", "unknown"))
        self.assertIsNone(agent.next_command())
        # And again the same, should it come again.
        self.server.lapse(queued)
        self.assertEqual(self.answered(queued, 2)["outcome"], "unknown")

    def test_that_a_crash_interrupted_may_be_settled_with_the_brokers_help(self) -> None:
        agent = self.running()
        queued = self.server.queue("custom", open="long")
        self.take(agent)
        self.stop(agent)
        agent = self.agent(mode=self.mode)
        found = agent.unfinished()
        self.assertEqual([(one.id, one.payload, one.interrupted) for one in found],
                         [(queued.id, {"open": "long"}, True)])
        with agent.step() as step:
            step.complete(found[0], {"found": "at the broker"})
        agent.start()
        self.assertEqual(self.answered(queued)["result"], {"found": "at the broker"})
        self.assertEqual(agent.unfinished(), [])

    def test_whose_lease_may_have_run_out_is_not_carried_out(self) -> None:
        clock = SkewedClock()
        agent = self.running(clock=clock, lease_seconds=100)
        queued = self.server.queue("custom")
        until("it is leased", lambda: agent._inbox.queue)
        self.server.fault = lambda seen: Fault(drop="before")
        clock.passed += 110
        self.assertIsNone(agent.next_command())
        self.assertEqual((queued.answers, agent.spool.begun), ([], {}))
        self.assertEqual(self.lines.count("came too late"), 1)

    def test_open_trade_needs_the_permission_to_open_at_the_last_moment(self) -> None:
        agent = self.running()
        queued = self.server.queue("open_trade", validForSeconds=30)
        until("it is leased", lambda: agent._inbox.queue)
        self.server.set_desired(state="halted")
        agent._line.nudge()
        until("the halt is seen", lambda: agent.desired and agent.desired.state == "halted")
        self.assertIsNone(agent.next_command())
        answer = self.answered(queued)
        self.assertEqual((answer["outcome"], answer["error"]["code"]), ("not_sent", "HALTED"))

    def test_open_trade_is_valid_for_a_while_only_counted_by_the_servers_clock(self) -> None:
        for skew in (0.0, 3600.0, -3600.0):
            with self.subTest(skew):
                agent = self.running(clock=SkewedClock(skew),
                                     folder=os.path.join(self.folder, str(skew)))
                fresh = self.server.queue("open_trade", validForSeconds=30)
                command = self.take(agent)
                self.done(agent, command, filled=True)
                self.assertEqual(self.answered(fresh)["result"], {"filled": True})
                # The agent asks all the time, and is not to get it while it is young.
                with self.server.lock:
                    stale = self.server.queue("open_trade", validForSeconds=30)
                    stale.created -= 31
                unknown = self.server.queue("open_trade")

                def both_answered() -> bool:
                    self.assertIsNone(agent.next_command(0.05))
                    return bool(stale.answers and unknown.answers)
                until("both are answered", both_answered)
                self.assertEqual(self.answered(stale)["error"]["code"], "EXPIRED")
                self.assertEqual(self.answered(unknown)["error"]["code"], "VALIDITY_UNKNOWN")
                self.stop(agent)

    def test_is_refused_while_another_copy_trades(self) -> None:
        agent = self.running()
        queued = self.server.queue("open_trade", validForSeconds=30)
        until("it is leased", lambda: agent._inbox.queue)
        conflict = Fault(status=409, body={"code": "AGENT_INSTANCE_CONFLICT"})
        self.server.fault = lambda seen: conflict \
            if seen.path.endswith(("heartbeat", "sync", "lease")) else None
        agent._line.nudge()
        until("the conflict is seen", lambda: agent.may_open().reason == "INSTANCE_CONFLICT")
        self.assertIsNone(agent.next_command())
        self.server.fault = lambda seen: None
        answer = self.answered(queued)
        self.assertEqual(answer["error"]["code"], "INSTANCE_CONFLICT")


class ACommandBySync(ACommand):
    mode = "sync"


class AnAnswerThatIsLostBySync(AnAnswerThatIsLost):
    mode = "sync"


class AnOpeningBySync(AnOpening):
    mode = "sync"


class KillMinusNine(ServerCase):
    """A bot that opens what it is told to, at a broker that is another file."""

    def setUp(self) -> None:
        super().setUp()
        self.server.instance_lease_seconds = 60.0

    CODE = """
import json, os, signal, sys, tradewarden as t
url, folder, die_at, seconds, mode = sys.argv[1:]
def broker_has(tag):
    return os.path.exists(os.path.join(folder, "orders")) and \\
        tag in open(os.path.join(folder, "orders")).read().split()
def die(where):
    if die_at == where:
        os.kill(os.getpid(), signal.SIGKILL)
agent = t.Agent(url, "tw_test-key-0123456789", os.path.join(folder, "spool"), mode=mode,
                conflict_seconds=0.1, wait_seconds=1, lease_seconds=2)
for command in agent.unfinished():
    with agent.step() as step:
        if broker_has(command.id):
            step.trade(command.id, symbol="S", direction="long", lot_size=1, entry_price=1)
            step.complete(command, {"found": True})
        else:
            step.fail(command, "not_sent", "NOT_AT_BROKER", retryable=True)
agent.start()
while seconds != "0":
    command = agent.next_command(1)
    if command is None:
        continue
    die("begun")
    with open(os.path.join(folder, "orders"), "a") as orders:
        orders.write(command.id + "\\n")
    die("sent")
    with agent.step() as step:
        step.trade(command.id, symbol="S", direction="long", lot_size=1, entry_price=1)
        step.complete(command, {"found": False})
    die("committed")
    agent.wait_until_sent(5)
    die("told")
"""

    def start(self, die_at: str, mode: str) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen([sys.executable, "-c", self.CODE, self.server.url, self.folder,
                                  die_at, "60", mode], cwd=HERE)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_in_every_phase_sends_an_order_once_and_tells_it_once(self) -> None:
        for mode in ("poll", "sync"):
            for phase in ("begun", "sent", "committed", "told"):
                with self.subTest(mode=mode, phase=phase):
                    self.one_order(mode, phase)

    def one_order(self, mode: str, phase: str) -> None:
        queued = self.server.queue("custom", open="long")
        first = self.start(phase, mode)
        self.assertEqual(first.wait(PATIENCE), -signal.SIGKILL)
        if queued.status == "leased":
            # Its lease lapses, as it does after half a minute.
            self.server.lapse(queued)
        second = self.start("never", mode)
        until("it is settled", lambda: queued.status in ("succeeded", "failed"))
        if queued.status == "failed":
            # Not sent, as the broker said: it may come again, and then is carried out.
            self.assertEqual(phase, "begun")
            self.server.lapse(queued)
            until("it is done", lambda: queued.status == "succeeded")
        until("it is told", lambda: any(one["clientOrderId"] == queued.id
                                        for one in self.server.trades))
        second.kill()
        second.wait()
        with open(os.path.join(self.folder, "orders"), encoding="ascii") as orders:
            self.assertEqual(orders.read().split().count(queued.id), 1)
        told = [one for one in self.server.trades if one["clientOrderId"] == queued.id]
        self.assertEqual(len(told), 1)

    def test_with_an_answer_or_a_fact_on_the_wire_loses_and_doubles_nothing(self) -> None:
        for mode in ("poll", "sync"):
            for drop in ("before", "after"):
                with self.subTest(mode=mode, drop=drop):
                    try:
                        self.one_on_the_wire(mode, drop)
                    finally:
                        self.doCleanups()
                        self.setUp()

    def one_on_the_wire(self, mode: str, drop: str) -> None:
        queued = self.server.queue("custom", open="long")
        running: List["subprocess.Popen[bytes]"] = []
        ends = ["/trades", "/complete"] if mode == "poll" else ["/sync"]

        def kill(seen: Seen) -> Optional[Fault]:
            told = mode == "poll" or bool(seen.body.get("acks") or seen.body.get("trades"))
            if ends and seen.path.endswith(ends[0]) and told:
                ends.pop(0)
                running[0].kill()
                return Fault(drop=drop)
            return None
        self.server.fault = kill
        deadline = time.monotonic() + PATIENCE
        while ends or queued.status != "succeeded":
            self.assertLess(time.monotonic(), deadline)
            running.insert(0, self.start("never", mode))
            until("its end, or the command's", lambda: running[0].poll() is not None
                  or (not ends and queued.status == "succeeded"))
            if queued.status == "leased":
                self.server.lapse(queued)
        running[0].kill()
        running[0].wait()
        self.server.fault = lambda seen: None
        told = [one for one in self.server.trades if one["clientOrderId"] == queued.id]
        self.assertEqual(len(told), 1)
        with open(os.path.join(self.folder, "orders"), encoding="ascii") as orders:
            self.assertEqual(orders.read().split().count(queued.id), 1)


if __name__ == "__main__":
    unittest.main()
