"""The example as a process, which is killed, cut off and lied to; its broker's books are right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import unittest
from decimal import Decimal
from typing import Any, Dict, List, Optional

import example
import tradewarden
from testing.fake_server import Fault, Seen
from testing.support import KEY, LIMITS, PATIENCE, ServerCase, until

HERE = os.path.dirname(os.path.abspath(__file__))
FULL = bool(os.environ.get("FULL_FIGURES"))

# What it gives up after: a pause must not look like an outage, and all is told in the end.
PATIENT = f"""
import os, signal, sys
sys.path.insert(0, {HERE!r})
import example, tradewarden
for name, seconds in {LIMITS!r}.items():
    setattr(tradewarden, name, seconds)
example.IDEA_SECONDS = float(os.environ.get("IDEA_SECONDS", {PATIENCE!r}))
example.GOODBYE_SECONDS = {PATIENCE!r}
"""
TO_THE_END = PATIENT + "sys.exit(example.main(sys.argv[1:]))\n"
# Kills itself when it comes to a place for the n-th time.
DYING = PATIENT.replace("{", "{{").replace("}", "}}") + """
name, method, when, count = {place!r}
kind = getattr(example, name)
real = getattr(kind, method)
calls = []
def patched(self, *args, **more):
    calls.append(1)
    if when == "before" and len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(self, *args, **more)
    if when == "after" and len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(kind, method, patched)
sys.exit(example.main(sys.argv[1:]))
"""


class ExampleCase(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        self.children: List["subprocess.Popen[str]"] = []
        self.addCleanup(self.kill_all)

    def kill_all(self) -> None:
        for child in self.children:
            child.kill()
            child.communicate()

    def start(self, *args: str, folder: Optional[str] = None, place: Any = None,
              **env: str) -> "subprocess.Popen[str]":
        program = ["-c", TO_THE_END if place is None else DYING.format(place=place)]
        return self.child(program, *args, folder=folder, **env)

    def child(self, program: List[str], *args: str, folder: Optional[str] = None,
              **env: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, *program, "--folder", folder or self.folder, "--json", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "TRADEWARDEN_URL": self.server.url,
                 "TRADEWARDEN_API_KEY": KEY, **env})
        self.children.append(child)
        return child

    def replay(self, *args: str, ticks: int = 400, **more: Any) -> "subprocess.Popen[str]":
        return self.start("--ticks", str(ticks), "--speed", "0", *args, **more)

    def ended(self, child: "subprocess.Popen[str]", code: int = 0) -> Dict[str, Any]:
        out, err = child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, code, err)
        self.assertNotIn(KEY, out + err)
        result: Dict[str, Any] = json.loads(out) if out else {}
        return result

    def books(self, folder: Optional[str] = None) -> Any:
        with open(os.path.join(folder or self.folder, "broker.json"), encoding="utf-8") as file:
            return json.load(file)

    def check_books(self, folder: Optional[str] = None) -> None:
        """What the server was told is what the broker shows: each once, to the cent."""
        books, server = self.books(folder), self.server
        entries = [deal["tag"] for deal in books["deals"] if deal["role"] == "entry"]
        self.assertEqual(len(entries), len(set(entries)), "an order was sent twice")
        told = [trade["clientOrderId"] for trade in server.trades]
        self.assertEqual(sorted(told), sorted(entries))
        fills = [(one["brokerDealId"], one["role"], one["size"]) for one in server.fills]
        deals = [(f"{deal['tag']}-{deal['number']}", deal["role"], deal["lots"])
                 for deal in books["deals"]]
        self.assertEqual(sorted(fills), sorted(deals))
        net = sum((Decimal(one.get("profit", 0)) + Decimal(one.get("commission", 0))
                   for one in server.fills), Decimal(0))
        self.assertEqual(Decimal("10000.00") + net, Decimal(books["balance"]))
        held = {one["tag"]: Decimal(one["lots"]) for one in books["positions"]}
        self.assertEqual({one["clientOrderId"]: Decimal(one["openSize"]) for one in server.trades
                          if one["status"] != "closed"}, held)
        closings = [deal for deal in books["deals"] if "closes" in deal]
        self.assertEqual(len(server.explanations), len(told) + len(closings))
        # Nothing was traded but what the gate handed over, each idea once.
        commands = {one.id: one for one in server.commands}
        self.assertEqual(len({one["ideaId"] for one in server.trades}), len(told))
        for trade in server.trades:
            made = commands[trade["commandId"]]
            self.assertEqual((made.payload["orderTag"], made.payload["ideaId"]),
                             (trade["clientOrderId"], trade["ideaId"]))
        predicted = {one["id"] for one in server.predictions}
        for trade in server.trades:
            if "predictionId" in trade:
                self.assertIn(trade["predictionId"], predicted)

    def check_positions(self) -> None:
        """None of its own trades was taken for somebody else's, none for lost."""
        self.assertGreater(len(self.server.positions), 0)
        self.assertEqual((self.server.adopted, self.server.missed), ([], []))
        last = self.server.positions[-1]
        self.assertEqual((last["complete"], last["positions"], last["orders"]), (True, [], []))


class TheExample(ExampleCase):
    def test_trades_to_the_end_and_both_sides_have_the_same_books(self) -> None:
        for way in ((), ("--sync",)):
            with self.subTest(way):
                folder = os.path.join(self.folder, "of" + "".join(way))
                for rows in (self.server.trades, self.server.fills,
                             self.server.explanations, self.server.predictions):
                    rows.clear()
                told = self.ended(self.replay(*way, folder=folder))
                self.assertEqual((told["complete"], told["ticks"], told["unsentFacts"],
                                  told["rejectedFacts"]), (True, 400, 0, 0))
                self.assertGreater(told["trades"], 8)
                self.assertEqual(told["trades"], told["closed"])
                self.check_books(folder)
                self.check_positions()
                self.assertTrue(all("predictionId" in one for one in self.server.trades))
                beats = self.server.bodies("/heartbeat")
                self.assertEqual(beats[-1]["status"], "stopped")
                states = beats + [one["state"] for one in self.server.bodies("/sync")]
                self.assertIn(0, [one.get("openPositions") for one in states])

    def test_begun_again_after_its_end_does_nothing(self) -> None:
        # As anybody starts it, with nothing changed.
        program = [os.path.join(HERE, "example.py")]
        first = self.ended(self.child(program, "--ticks", "400", "--speed", "0"))
        trades = len(self.server.trades)
        self.assertEqual(self.ended(self.replay()), first)
        self.assertEqual(len(self.server.trades), trades)

    def test_replays_a_file_with_its_times(self) -> None:
        path = os.path.join(self.folder, "prices.csv")
        walk, price = example.SyntheticPrices(3), None
        with open(path, "w", encoding="utf-8") as file:
            file.write("timestamp,close\n")
            for number in range(300):
                tick = walk.next(number, price)
                assert tick is not None
                price = tick.price
                file.write(f"2022-09-01 {number // 60:02d}:{number % 60:02d}:00,{price}\n")
        told = self.ended(self.replay("--csv", path))
        self.assertEqual((told["complete"], told["ticks"]), (True, 300))
        self.assertRegex(self.server.trades[0]["sourceTime"], "^2022-09-01T")
        self.check_books()

    def test_says_what_is_wrong_before_anything_is_started(self) -> None:
        bad = os.path.join(self.folder, "bad.csv")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("close\n1.1\nNaN\n")
        for args, env, part in ((["--csv", "/nowhere.csv"], {}, "nowhere"),
                                (["--csv", bad], {}, "line 3: 'NaN' is not a price above 0"),
                                (["--speed", "fast"], {}, "--speed"),
                                ([], {"TRADEWARDEN_API_KEY": ""}, "TRADEWARDEN_API_KEY is not set"),
                                ([], {"TRADEWARDEN_URL": "http://example.com"}, "unencrypted")):
            child = self.start(*args, **env)
            _, err = child.communicate(timeout=PATIENCE)
            self.assertEqual(child.returncode, 2, err)
            self.assertIn(part, err)
        self.assertEqual(self.server.seen, [])

    def test_lets_no_second_process_onto_its_folder(self) -> None:
        first = self.start()
        until("it runs", lambda: self.server.seen)
        child = self.replay()
        _, err = child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, 1)
        self.assertIn(f"process {first.pid} already works with", err)

    def test_does_not_go_on_with_other_prices_than_it_began_with(self) -> None:
        first = self.ended(self.replay())
        path = os.path.join(self.folder, "prices.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("close\n" + "1.1\n" * 300)
        for args in (("--csv", path), ("--seed", "2"), ("--symbol", "GBPUSD")):
            child = self.replay(*args)
            out, err = child.communicate(timeout=PATIENCE)
            self.assertEqual((child.returncode, out), (2, ""), err)
            self.assertIn("EURUSD by the random walk of seed 1", err)
            self.assertIn("--folder", err)
        self.assertEqual(self.ended(self.replay()), first)

    def test_ends_when_its_key_is_refused(self) -> None:
        self.server.keys.clear()
        child = self.replay()
        _, err = child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, 1)
        self.assertIn("does not accept the API key", err)

    def test_stops_by_sigterm_with_its_word_said_and_goes_on_from_there(self) -> None:
        took: List[float] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            first = self.start("--ticks", "100000", "--speed", "200")
            known = len(self.server.trades)
            until("a trade", lambda: len(self.server.trades) > known)
            first.send_signal(number)
            began = time.monotonic()
            told = self.ended(first)
            took.append(time.monotonic() - began)
            self.assertEqual((told["complete"], told["unsentFacts"]), (False, 0))
            self.assertEqual(self.server.bodies("/heartbeat")[-1]["status"], "stopped")
        # Containers get ten. One that is late is late each time, a busy machine is not.
        self.assertLess(min(took), 10)
        self.assertTrue(self.ended(self.replay())["complete"])
        self.check_books()


class Hardships(ExampleCase):
    def test_answers_that_are_lost_are_told_again(self) -> None:
        import random
        for way in ((), ("--sync",)):
            with self.subTest(way):
                folder = os.path.join(self.folder, "of" + "".join(way))
                for rows in (self.server.trades, self.server.fills,
                             self.server.explanations, self.server.predictions):
                    rows.clear()
                chance = random.Random(5)

                def lossy(seen: Seen) -> Optional[Fault]:
                    drawn = chance.random()
                    if drawn < 0.08:
                        return Fault(drop="after" if drawn < 0.05 else "before")
                    if drawn < 0.11:
                        return Fault(status=503 if drawn < 0.1 else 429, body={"code": "BUSY"},
                                     headers={"Retry-After": "0"})
                    return None
                self.server.fault = lossy
                told = self.ended(self.replay(*way, folder=folder, ticks=200))
                self.assertTrue(told["complete"])
                self.check_books(folder)

    def test_a_server_that_goes_and_comes_misses_nothing(self) -> None:
        self.server.close()
        child = self.start("--ticks", "100000", "--speed", "150")
        time.sleep(0.5)
        self.server.listen()
        for _ in range(2):
            known = len(self.server.trades)
            until("trades", lambda: len(self.server.trades) > known + 1)
            self.server.close()
            time.sleep(0.5)
            self.server.listen()
        child.terminate()
        self.assertFalse(self.ended(child)["complete"])
        # What it could not tell any more is told by the next.
        told = self.ended(self.replay())
        self.assertEqual((told["complete"], told["unsentFacts"]), (True, 0))
        self.check_books()

    def test_a_server_whose_clock_is_an_hour_off_refuses_nothing(self) -> None:
        for offset in (3600.0, -3600.0):
            self.server.clock_offset = offset
            folder = os.path.join(self.folder, str(offset))
            for rows in (self.server.trades, self.server.fills, self.server.explanations,
                         self.server.predictions):
                rows.clear()
            told = self.ended(self.replay(folder=folder))
            self.assertEqual((told["complete"], told["rejectedFacts"]), (True, 0))
            self.check_books(folder)
            times = [tradewarden.seconds_of(one["entryTime"]) or 0 for one in self.server.trades]
            self.assertLess(max(abs(self.server.now() - at) for at in times), 1_000)

    def test_a_server_that_says_no_time_sees_no_opening(self) -> None:
        self.server.says_time = False
        self.server.heartbeat_seconds = 0.1
        child = self.start("--speed", "500")
        until("it has walked", lambda: any(one.get("cycleCount", 0) > 300 for one in
                                           self.server.bodies("/heartbeat")))
        child.terminate()
        told = self.ended(child)
        self.assertEqual((told["trades"], self.server.predictions), (0, []))
        self.assertGreater(told["unsentFacts"], 3)

    def test_a_halt_ends_openings_and_flatten_closes(self) -> None:
        child = self.start("--speed", "200")

        def flattened() -> bool:
            """A position may have met its stop or target before the agent was told."""
            until("a position", lambda: any(one["status"] == "open"
                                            for one in self.server.trades))
            self.server.set_desired(state="flatten")
            self.server.queue("resume")
            until("all is closed", lambda: all(one["status"] == "closed"
                                               for one in self.server.trades))
            if "flatten" in {one.get("exitReason") for one in self.server.fills}:
                return True
            self.server.set_desired(state="active")
            return False
        self.assertTrue(any(flattened() for _ in range(50)))
        version = self.server.desired["version"]
        until("it is observed", lambda: self.server.bodies("/heartbeat")[-1].get(
            "observedStateVersion") == version)
        opened = self.books()["opened"]
        time.sleep(1)
        self.assertEqual(self.books()["opened"], opened)
        child.terminate()
        self.ended(child)
        self.check_books()

    def test_a_second_copy_with_a_folder_of_its_own_opens_nothing(self) -> None:
        self.server.instance_lease_seconds = 60
        first = self.start("--speed", "200")
        until("a trade", lambda: self.server.trades)
        other = os.path.join(self.folder, "other")
        second = self.start("--speed", "200", folder=other)
        assert second.stderr is not None
        # To its end, which comes when it ends without having said so.
        self.assertTrue(any("another copy of this agent is running" in line
                            for line in second.stderr))
        time.sleep(1)
        second.terminate()
        second.communicate(timeout=PATIENCE)
        first.terminate()
        self.ended(first)
        self.check_books()
        self.assertFalse(os.path.exists(os.path.join(other, "broker.json")))


class KillMinusNine(ExampleCase):
    PLACES = [
        ("TradingLoop", "_take_tick", "before", 120), ("TradingLoop", "_trade", "before", 3),
        ("TradingLoop", "_send", "before", 2), ("PaperBroker", "_save", "before", 4),
        ("TradingLoop", "_propose", "before", 2), ("TradingLoop", "_propose", "after", 2),
        ("PaperBroker", "open", "after", 3), ("PaperBroker", "_fill_exit", "after", 2),
        ("TradingLoop", "_save", "before", 3), ("TradingLoop", "_save", "after", 4),
        ("TradingLoop", "_finish", "before", 1), ("TradingLoop", "_finish", "after", 1),
    ]

    def test_in_every_phase_sends_no_order_twice_and_loses_no_fact(self) -> None:
        for way in ((), ("--sync",)):
            with self.subTest(way):
                folder = os.path.join(self.folder, "of" + "".join(way))
                for rows in (self.server.trades, self.server.fills,
                             self.server.explanations, self.server.predictions):
                    rows.clear()
                for place in self.PLACES:
                    # What is left of the market after the last kill is its end.
                    ticks = 100 if "_finish" in place else 3_000
                    child = self.replay(*way, ticks=ticks, folder=folder, place=place)
                    _, err = child.communicate(timeout=PATIENCE)
                    self.assertEqual(child.returncode, -signal.SIGKILL, (place, err))
                last = self.replay(*way, ticks=100, folder=folder)
                self.assertTrue(self.ended(last)["complete"])
                self.check_books(folder)
                spool = tradewarden.Spool(folder)
                self.assertEqual(spool.state["pending"], {})
                spool.close()

    def test_with_a_fact_on_the_wire_loses_and_doubles_nothing(self) -> None:
        running: List["subprocess.Popen[str]"] = []
        facts: List[str] = []

        def kill(seen: Seen) -> Optional[Fault]:
            if not seen.path.startswith(("/trades", "/predictions")):
                return None
            facts.append(seen.path)
            if len(facts) % 7:
                return None
            running[0].kill()
            return Fault(drop="after" if len(facts) % 2 else "before")
        self.server.fault = kill
        complete, kills = False, 0
        while not complete:
            running.insert(0, self.replay(ticks=600))
            out, err = running[0].communicate(timeout=PATIENCE)
            self.assertIn(running[0].returncode, (0, -signal.SIGKILL), err)
            kills += running[0].returncode != 0
            complete = '"complete": true' in out
        self.assertGreater(kills, 4)
        self.check_books()

    def test_at_any_moment_comes_to_equal_books(self) -> None:
        complete = False
        for turn in range(200 if FULL else 60):
            child = self.start("--ticks", "400", "--speed", "400")
            known = len(self.server.seen)
            until("its first request", lambda: len(self.server.seen) > known
                  or child.poll() is not None)
            time.sleep(0.005 + (0.011 if FULL else 0.05) * turn)
            child.kill()
            out, _ = child.communicate()
            complete = '"complete": true' in out
            if complete:
                break
        self.assertTrue(complete or self.ended(self.replay())["complete"])
        self.ended(self.replay())
        self.check_books()

    def test_while_it_carries_out_an_opening_opens_once(self) -> None:
        for place, at_broker in ((("TradingLoop", "_do_custom", "before", 1), False),
                                 (("TradingLoop", "_propose", "before", 1), False),
                                 (("TradingLoop", "_propose", "after", 1), False),
                                 (("TradingLoop", "_do_open_trade", "before", 1), False),
                                 (("TradingLoop", "_send", "before", 1), False),
                                 (("PaperBroker", "open", "after", 1), True),
                                 (("TradingLoop", "_answer", "before", 2), True),
                                 (("TradingLoop", "_do_custom", "after", 1), True)):
            with self.subTest(place):
                folder = os.path.join(self.folder, "-".join(map(str, place)))
                trades, commands = len(self.server.trades), len(self.server.commands)
                # So slow that the strategy has nothing to say, but with a price.
                args = ("--speed", "0.001")
                self.server.queue("custom", open="long")
                first = self.start(*args, folder=folder, place=place)
                _, err = first.communicate(timeout=PATIENCE)
                self.assertEqual(first.returncode, -signal.SIGKILL, err)
                known = len(self.server.seen)
                second = self.start(*args, folder=folder)
                # What it says of what it began comes first; what it never had lapses.
                until("it asks for work", lambda: any(
                    seen.path.endswith("/lease") for seen in self.server.seen[known:]))
                for command in self.server.commands[commands:]:
                    if command.status == "leased" and command.type != "reconcile":
                        self.server.lapse(command)
                until("all is settled", lambda: all(
                    one.status in ("succeeded", "failed")
                    for one in self.server.commands[commands:]))
                second.terminate()
                self.ended(second)
                sent = len(self.books(folder)["deals"]) if os.path.exists(
                    os.path.join(folder, "broker.json")) else 0
                # What the broker has not seen ends unsent, and is had anew only by a person who
                # asks: the custom command comes again if nobody heard an answer to it.
                self.assertEqual(len(self.server.trades) - trades, sent)
                opens = [one.status for one in self.server.commands[commands:]
                         if one.type == "open_trade"]
                self.assertEqual(opens.count("succeeded"), sent)
                self.assertLessEqual(sent, 1)
                if at_broker:
                    self.assertEqual((sent, opens), (1, ["succeeded"]))


class TheGate(ExampleCase):
    def the_command(self) -> Any:
        return until("an opening", lambda: [one for one in self.server.commands
                                            if one.type == "open_trade"])[-1]

    def answer_to(self, command: Any) -> Any:
        return until("it is answered", lambda: command.answers)[0]

    def ask_for_one(self, *args: str, **more: Any) -> "subprocess.Popen[str]":
        """So slow that the strategy has nothing to say."""
        child = self.start("--speed", "0.001", *args, **more)
        self.server.queue("custom", open="long")
        return child

    def test_that_refuses_is_obeyed_and_what_it_said_is_told_as_a_skip(self) -> None:
        said = {"long": ("rejected", ["MAX_TRADES", "REWARD_LOW"]),
                "short": ("halted_by_risk", ["TRADING_DISABLED"])}
        self.server.verdict = lambda idea: said[idea["direction"]]
        told = self.ended(self.replay(ticks=200))
        self.assertEqual((told["trades"], told["rejectedFacts"], self.server.trades), (0, 0, []))
        self.assertEqual(set(told["skipped"]), {"MAX_TRADES", "REWARD_LOW", "TRADING_DISABLED"})
        ideas = {idea["id"]: idea for idea in self.server.ideas}
        self.assertEqual(len(self.server.skips), len(ideas))
        for skip in self.server.skips:
            idea = ideas.pop(skip["riskFactors"]["ideaId"])
            status, codes = said[idea["proposal"]["direction"]]
            self.assertEqual((skip["kind"], skip["riskFactors"]["codes"], skip["predictionId"]),
                             ("skip", " ".join(codes), idea["proposal"]["predictionId"]))
            self.assertIn(status, skip["explanation"])

    def test_is_told_of_a_skip_where_the_server_takes_none(self) -> None:
        self.server.verdict = lambda idea: ("rejected", ["MAX_TRADES"])
        self.server.takes_skips = False
        told = self.ended(self.replay(ticks=100))
        self.assertGreater(told["skipped"]["MAX_TRADES"], 0)
        self.assertEqual((told["unsentFacts"], told["rejectedFacts"]), (0, 0))

    def test_hears_of_each_idea_what_is_risked_at_the_price_of_now(self) -> None:
        open_then: List[int] = []

        def passes(idea: Any) -> Any:
            open_then.append(sum(one["status"] == "open" for one in self.server.trades))
            return "auto_executed", []
        self.server.verdict = passes
        told = self.ended(self.replay(ticks=200))
        self.assertGreater(told["trades"], 2)
        # What made room for it was told before.
        self.assertEqual(set(open_then), {0})
        predictions = {one["id"]: one for one in self.server.predictions}
        for idea in self.server.ideas:
            asked = idea["proposal"]
            sign = 1 if asked["direction"] == "long" else -1
            entry, stop = Decimal(asked["entryPrice"]), Decimal(asked["stopLoss"])
            aim = Decimal(asked["takeProfit"][0]["price"])
            self.assertEqual((sign * (entry - stop), sign * (aim - entry)),
                             (example.STOP_DISTANCE, example.TARGET_DISTANCE))
            made = predictions[asked["predictionId"]]
            self.assertEqual(entry - sign * example.SPREAD / 2, Decimal(made["marketPrice"]))
            self.assertTrue(made["usedByAgent"])

    def test_asks_a_person_and_the_approved_idea_is_traded_with_its_reason(self) -> None:
        self.server.verdict = lambda idea: ("needs_approval", ["CONFIDENCE_LOW"])
        child = self.start("--speed", "20")
        idea = until("an idea", lambda: self.server.ideas)[0]
        self.assertEqual(self.server.trades, [])
        with self.server.lock:
            command = self.server.approve(idea)
            # A price that has moved meanwhile may refuse it: the limit is a wide one.
            command.payload["maxSlippage"] = "0.01"
        self.assertEqual(self.answer_to(command)["result"]["orderTag"],
                         command.payload["orderTag"])
        child.terminate()
        self.ended(child)
        trade = self.server.trades[0]
        self.assertEqual((trade["ideaId"], trade["commandId"], trade["predictionId"]),
                         (idea["id"], command.id, idea["proposal"]["predictionId"]))
        self.assertIn("crossed", self.server.explanations[0]["explanation"])
        self.check_books()

    def test_halts_between_its_answer_and_the_order_and_none_is_sent(self) -> None:
        def halt(seen: Seen) -> Optional[Fault]:
            if seen.path.startswith("/trade-ideas"):
                self.server.set_desired(state="reducing")
            return None
        self.server.fault = halt
        child = self.ask_for_one()
        answer = self.answer_to(self.the_command())
        self.assertEqual((answer["outcome"], answer["error"]["code"], answer["retryable"]),
                         ("not_sent", "REDUCING", False))
        child.terminate()
        self.assertEqual(self.ended(child)["trades"], 0)

    def test_bounds_the_price_the_stop_and_the_time_of_the_order(self) -> None:
        child = self.start("--speed", "0.001")
        walk, price = example.SyntheticPrices(1), None
        for number in range(2):
            tick = walk.next(number, price)
            assert tick is not None
            price = tick.price
        sell = (price or Decimal(0)) - example.SPREAD / 2
        until("the second price", lambda: self.server.quotes.get("EURUSD", {}).get(
            "bid") == str(sell))
        order = {"symbol": "EURUSD", "direction": "short", "lotSize": "0.1", "ideaId": "i1",
                 "validForSeconds": 30}
        codes = []
        orders: List[Dict[str, Any]] = [
            {"limitPrice": str(sell + example.POINT)},
            {"limitPrice": str(sell + 3 * example.POINT), "maxSlippage": "0.00002"},
            {"limitPrice": str(sell), "validForSeconds": 0.000001},
            {"limitPrice": str(sell), "stopLoss": "none"},
            {"limitPrice": str(sell),
             "takeProfit": [{"price": "1", "sizeFraction": "0.5"}] * 2},
            {"limitPrice": str(sell + 2 * example.POINT), "maxSlippage": "0.00002",
             "stopLoss": "1.12", "takeProfit": "1.05"}]
        for number, more in enumerate(orders):
            command = self.server.queue("open_trade", **{
                **order, "orderTag": f"TAG{number:013d}", **more})
            answer = self.answer_to(command)
            codes.append(answer.get("error", {}).get("code"))
            self.assertFalse(answer.get("retryable"), answer)
        self.assertEqual(codes, ["PRICE_MOVED", "PRICE_MOVED", "EXPIRED", "ORDER_INVALID",
                                 "ORDER_INVALID", None])
        child.terminate()
        self.assertEqual(self.ended(child)["trades"], 1)
        trade = self.server.trades[0]
        self.assertEqual((trade["clientOrderId"], trade["stopLoss"], trade["takeProfit"],
                          trade["entryPrice"]), ("TAG0000000000005", "1.12", "1.05", str(sell)))

    def test_that_is_not_heard_trades_nothing(self) -> None:
        self.server.fault = lambda seen: Fault(drop="after") if (
            seen.path.startswith("/trade-ideas")) else None
        child = self.ask_for_one(IDEA_SECONDS="6")
        custom = until("it is asked for", lambda: self.server.commands)[0]
        answer = self.answer_to(custom)
        self.assertEqual((answer["outcome"], answer["error"]["code"]), ("not_sent", "SERVER_AWAY"))
        command = self.the_command()
        self.server.lapse(command)
        until("the broker was asked", lambda: command.status == "failed")
        child.terminate()
        self.assertEqual(self.ended(child)["trades"], 0)

    def test_and_a_lapsed_lease_end_openings_and_close_nothing(self) -> None:
        self.server.heartbeat_seconds, self.server.trading_lease_seconds = 0.1, 1.5
        # An idea that is on its way then must not hold the market up for long.
        child = self.start("--speed", "100", IDEA_SECONDS="3")
        until("a position", lambda: any(one["status"] == "open" for one in self.server.trades))
        self.server.fault = lambda seen: Fault(status=503, body={"code": "DRAINING"})
        # Much longer than the lease: what began before it lapsed has come to its end.
        time.sleep(4)
        opened = self.books()["opened"]
        until("it is left by its stop, its target or a signal", lambda: not self.books()[
            "positions"])
        time.sleep(0.5)
        books = self.books()
        self.assertEqual((books["opened"], books["positions"]), (opened, []))
        self.assertLessEqual({deal["reason"] for deal in books["deals"] if "reason" in deal},
                             {"stop", "target", "signal"})
        self.server.fault = lambda seen: None
        # An entry and an exit are explained each, behind what else there is to tell of them.
        until("all is known", lambda: len(self.server.explanations) >= 2 * books["closed"])
        child.terminate()
        self.ended(child)
        self.check_books()

    def test_is_answered_by_what_the_broker_shows_before_a_halt_is_observed(self) -> None:
        child = self.start("--speed", "0.001")
        until("it is up", lambda: self.server.positions)
        known = len(self.server.seen)
        self.server.set_desired(state="halted")
        self.server.queue("resume")
        version = self.server.desired["version"]
        # Between two prices that are 1,000 s apart.
        until("it is observed", lambda: any(
            one.get("observedStateVersion") == version for one in self.server.bodies("/heartbeat")))
        until("it is shown", lambda: any(seen.path.endswith("/positions")
                                         for seen in self.server.seen[known:]))
        child.terminate()
        self.ended(child)


class Commands(ExampleCase):
    def setUp(self) -> None:
        super().setUp()
        # Two prices now and the next in 1,000 s: the strategy stays out of the way.
        self.child = self.start("--speed", "0.001")

    def answer(self, kind: str, **payload: Any) -> Any:
        command = self.server.queue(kind, **payload)
        return until(f"{kind} is answered", lambda: command.answers)[0]

    def opened(self) -> str:
        known = len(self.server.trades)
        said = self.answer("custom", open="long")["result"]
        self.assertEqual((said["status"], said["codes"]), ("auto_executed", []))
        return str(until("the trade is told", lambda: self.server.trades[known:])[-1]["id"])

    def test_open_close_in_parts_and_flatten(self) -> None:
        trade = self.opened()
        made = next(one for one in self.server.commands if one.type == "open_trade")
        answer = until("it is answered", lambda: made.answers)[0]["result"]
        fill = self.server.fills[0]
        self.assertEqual(answer, {
            "orderTag": made.payload["orderTag"], "brokerOrderId": made.payload["orderTag"],
            "brokerPositionId": made.payload["orderTag"],
            "fill": {"brokerDealId": fill["brokerDealId"], "price": fill["price"], "size": "0.10",
                     "at": fill["at"]}})
        self.assertEqual((self.server.trades[0]["stopLoss"], self.server.trades[0]["takeProfit"]),
                         (made.payload["stopLoss"], made.payload["takeProfit"][0]["price"]))
        part = self.answer("close_trade", tradeId=trade, size="0.04")["result"]
        self.assertEqual((part["closedSize"], part["openSize"]), ("0.04", "0.06"))
        sizes: List[Any] = ["NaN", "-1", 0, "x", {}]
        for size in sizes:
            answer = self.answer("close_trade", tradeId=trade, size=size)
            self.assertEqual(answer["error"]["code"], "SIZE_INVALID", size)
        rest = self.answer("close_trade", tradeId=trade, size=5)["result"]
        self.assertEqual((rest["closedSize"], rest["openSize"]), ("0.06", "0.00"))
        gone = self.answer("close_trade", tradeId=trade)["result"]
        self.assertEqual(gone["closedSize"], "0")
        other = self.opened()
        until("it is told", lambda: len(self.server.trades) == 2)
        self.assertEqual(self.answer("flatten", symbol="GBPUSD")["result"], {"closed": []})
        closed = self.answer("flatten")["result"]["closed"]
        self.assertEqual(closed, [self.server.trades[1]["id"]])
        self.assertIn(other, [one["id"] for one in self.server.trades])
        self.child.terminate()
        self.ended(self.child)
        self.check_books()

    def test_open_trade_keeps_to_symbol_and_price(self) -> None:
        price = self.price()
        order = {"orderTag": "ABCDEFGH12345678", "symbol": "EURUSD", "direction": "long",
                 "lotSize": "0.2", "validForSeconds": 30}
        far = self.answer("open_trade", **order, limitPrice=str(price - Decimal("0.01")))
        self.assertEqual(far["error"]["code"], "PRICE_MOVED")
        for bad in ({}, {"limitPrice": "NaN"}, {"limitPrice": "9", "lotSize": "x"},
                    {"limitPrice": "9", "direction": "up"}):
            refused = self.answer("open_trade", **{**order, **bad})
            self.assertEqual(refused["error"]["code"], "ORDER_INVALID", bad)
        other = self.answer("open_trade", **{**order, "symbol": "GBPUSD"}, limitPrice="9")
        self.assertEqual(other["error"]["code"], "SYMBOL_UNKNOWN")
        done = self.answer("open_trade", **order, limitPrice=str(price + Decimal("0.01")))
        self.assertEqual(done["result"]["orderTag"], "ABCDEFGH12345678")
        found = self.answer("reconcile", orderTag="ABCDEFGH12345678")["result"]
        self.assertEqual([one["role"] for one in found["deals"]], ["entry"])
        self.assertEqual(len(found["positions"]), 1)

    def price(self) -> Decimal:
        tick = example.SyntheticPrices(1).next(0, None)
        assert tick is not None
        return tick.price

    def test_settings_kill_and_what_it_does_not_know(self) -> None:
        self.assertEqual(self.answer("update_config", config={"lots": "0.3"})["result"],
                         {"lots": "0.30"})
        for config in ({"lots": 0}, {"lots": "NaN"}, {"other": 1}, None):
            answer = self.answer("update_config", config=config)
            self.assertEqual(answer["error"]["code"], "CONFIG_INVALID")
        self.assertEqual(self.answer("custom", dance=True)["error"]["code"], "CUSTOM_UNKNOWN")
        unknown = self.answer("modify_trade", tradeId="x")
        self.assertEqual((unknown["outcome"], unknown["error"]["code"]),
                         ("not_sent", "COMMAND_UNKNOWN"))
        kill = self.answer("kill")
        self.assertEqual(kill["result"], {"ending": True, "openPositions": 0})
        self.assertFalse(self.ended(self.child)["complete"])


class TheBroker(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        self.broker = example.PaperBroker(os.path.join(self.folder, "broker.json"))
        self.broker.on_price(0, Decimal("1.10000"))

    def test_fills_stops_and_targets_on_the_side_that_costs(self) -> None:
        self.broker.open("a", "long", Decimal("0.10"), 0)
        self.broker.open("b", "short", Decimal("0.10"), 0)
        self.assertEqual([one["entry"] for one in self.broker.positions], ["1.10004", "1.09996"])
        self.broker.on_price(1, Decimal("1.10151"))  # The ask is at 1.10155: past the short's stop.
        self.assertEqual([one["tag"] for one in self.broker.positions], ["a"])
        self.broker.on_price(2, Decimal("1.10308"))  # And the bid at 1.10304, the long's target.
        exits = [deal for deal in self.broker.books["deals"] if deal["role"] == "exit"]
        self.assertEqual([(one["tag"], one["reason"], one["price"]) for one in exits],
                         [("b", "stop", "1.10146"), ("a", "target", "1.10304")])
        self.assertEqual([one["closes"]["gross"] for one in exits], ["-15.00", "30.00"])
        self.assertEqual(self.broker.books["balance"], "10014.30")

    def test_fills_nothing_by_prices_of_before_the_order(self) -> None:
        self.broker.on_price(9, Decimal("1.10000"))
        self.broker.open("a", "long", Decimal("0.10"), 9)
        self.broker.on_price(8, Decimal("1.00000"))
        self.assertEqual(len(self.broker.positions), 1)
        self.broker.on_price(10, Decimal("1.00000"))
        self.assertEqual(self.broker.positions, [])

    def test_fills_an_order_that_is_sent_twice_twice_and_the_loop_does_not(self) -> None:
        for _ in range(2):
            self.broker.open("same", "long", Decimal("0.10"), 0)
        self.assertEqual(len(self.broker.deals_of("same")), 2)
        agent = self.agent()
        loop = example.TradingLoop(agent, self.broker, None, "EURUSD", 1, 0)
        agent.may_send = lambda command: tradewarden.Permission(True)  # type: ignore[method-assign]
        order = {"orderTag": "TAG", "symbol": "EURUSD", "direction": "long", "lotSize": "0.10",
                 "limitPrice": "1.2"}
        for number in (1, 2):
            loop._do_open_trade(tradewarden.Command(f"c{number}", "open_trade", order, "normal",
                                                    1, f"token-{number}", None, None))
        self.assertEqual(len(self.broker.deals_of("TAG")), 1)
        self.assertEqual([answer["result"]["orderTag"] for _, answer in
                          agent.spool.pending_answers()], ["TAG", "TAG"])

    def test_keeps_its_books_over_a_restart(self) -> None:
        self.broker.open("a", "long", Decimal("0.10"), 0)
        again = example.PaperBroker(os.path.join(self.folder, "broker.json"))
        self.assertEqual(again.books, self.broker.books)


class TheMarket(unittest.TestCase):
    def test_is_the_same_for_the_same_seed_wherever_it_is_taken_up(self) -> None:
        def walk(begin: int, price: Optional[Decimal]) -> List[Decimal]:
            source, out = example.SyntheticPrices(7), []
            for number in range(begin, 200):
                tick = source.next(number, price)
                assert tick is not None
                price = tick.price
                out.append(price)
            return out
        whole = walk(0, None)
        self.assertEqual(walk(100, whole[99]), whole[100:])
        self.assertGreater(len(set(whole)), 100)


if __name__ == "__main__":
    unittest.main()
