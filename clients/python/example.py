"""A small paper-trading agent on Tradewarden: copy it and put your own strategy into it.

    TRADEWARDEN_URL=http://localhost:3000 TRADEWARDEN_API_KEY=tw_... python3 example.py

Prices come from a seeded random walk or from a CSV file. The broker is a file of its own, as a
real one is a machine of its own: it fills what it is told, knows nothing of this process, and is
asked what there is. A signal makes an idea, and the server's gate decides: only what that hands
over is sent to the broker, once. Ended in any way, by Ctrl-C or ``kill -9``, the same command goes
on where it was. It is an example of an agent, not of a way to earn money.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import random
import signal
import sys
import time
from decimal import Decimal
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import tradewarden
from tradewarden import Agent, Command, DesiredState, Idea, Step

Json = Dict[str, Any]

POINT = Decimal("0.00001")
CONTRACT_SIZE = 100_000
SPREAD = 8 * POINT
STOP_DISTANCE, TARGET_DISTANCE = 150 * POINT, 300 * POINT
COMMISSION_PER_LOT = Decimal("3.50")
FAST, SLOW = 5, 20
# The market goes on while the server thinks: an idea that takes longer is given up.
IDEA_SECONDS = 3.0
# Ideas whose command may still come: an approval lasts two minutes.
IDEAS_KEPT = 20
# Unsent facts above which the market waits for the server, as long as there is one.
HIGH_WATER = 100
# Ten are what containers are given to end in.
GOODBYE_SECONDS = 8.0
# Ticks after which the state is kept although nothing happened: what a crash makes the loop walk
# again.
SAVE_EVERY = 50
# Where prices come rarely, what the broker shows is looked at this often all the same.
REPORT_SECONDS = 5.0
# A hundred deals fit into an answer ten times over; the server has all but the newest.
DEALS_SHOWN = 100
MODEL = "example-crossover"


class Tick(NamedTuple):
    """The middle price; and in a replay the time that it was of."""

    price: Decimal
    source_time: Optional[str] = None


def number_in(value: Any) -> Optional[Decimal]:
    """A number from outside; None for what is none, NaN and infinity among it."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


# What an idea that comes to nothing raises; anything else ends the agent.
NO_IDEA = (tradewarden.ServerAway, tradewarden.ClockUnknown, tradewarden.Refused)


def code_of(error: Exception) -> str:
    return str(getattr(error, "code", "")) or (
        "CLOCK_UNKNOWN" if isinstance(error, tradewarden.ClockUnknown) else "SERVER_AWAY")


class Order(NamedTuple):
    """What an ``open_trade`` asks for. Stop and target are None where it says nothing of them."""

    symbol: str
    tag: str
    direction: str
    lots: Decimal
    # The worst price at which it may be filled.
    worst: Decimal
    stop: Optional[Decimal]
    target: Optional[Decimal]


def order_in(payload: Json) -> Optional[Order]:
    """None for one that cannot be carried out as it is asked for: then nothing is guessed."""
    sign = {"long": 1, "short": -1}.get(str(payload.get("direction")))
    symbol, tag = payload.get("symbol"), payload.get("orderTag")
    target = payload.get("takeProfit")
    if isinstance(target, list):
        # This broker keeps one target for the whole of a position.
        target = target[0].get("price") if len(target) == 1 else "several"
    numbers: List[Optional[Decimal]] = []
    for given, absent in ((payload.get("lotSize"), None), (payload.get("limitPrice"), None),
                          (payload.get("maxSlippage"), 0), (payload.get("stopLoss"), None),
                          (target, None)):
        number = number_in(absent if given is None else given)
        if number is None and given is not None or number is not None and number < 0:
            return None
        numbers.append(number)
    lots, limit, slip, stop, aim = numbers
    if sign is None or not (symbol and tag and lots and limit) or slip is None:
        return None
    return Order(str(symbol), str(tag), str(payload["direction"]), lots, limit + sign * slip,
                 stop, aim)


class SyntheticPrices:
    """A random walk that is the same for the same seed, wherever it is taken up again."""

    def __init__(self, seed: int, start: str = "1.10000"):
        self._seed, self._start = seed, Decimal(start)
        self.name = f"the random walk of seed {seed}"

    def next(self, number: int, last: Optional[Decimal]) -> Optional[Tick]:
        chance = random.Random(f"{self._seed}:{number}")
        trend = random.Random(f"{self._seed}:trend:{number // 40}").choice((-6, 6))
        before = self._start if last is None else last
        pull = int((self._start - before) / POINT) // 50
        step = chance.randint(-20, 20) + trend + pull
        return Tick(max(before + step * POINT, POINT * 1_000))


class CsvPrices:
    """The column ``close`` (or the last one) of a file with a heading; times from ``timestamp``,
    RFC 3339 or taken for UTC."""

    def __init__(self, path: str):
        self._ticks: List[Tick] = []
        self.name = os.path.abspath(path)
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            names = rows.fieldnames or []
            if not names:
                raise ValueError(f"{path} has no heading")
            column = "close" if "close" in names else names[-1]
            for row in rows:
                self._ticks.append(self._tick(row, column, f"{path}, line {rows.line_num}"))
        if not self._ticks:
            raise ValueError(f"{path} has no prices")

    @staticmethod
    def _tick(row: Dict[str, str], column: str, where: str) -> Tick:
        price = number_in(row.get(column))
        if price is None or price <= 0:
            raise ValueError(f"{where}: {row.get(column)!r} is not a price above 0")
        text = row.get("timestamp") or ""
        at = tradewarden.seconds_of(text) or tradewarden.seconds_of(text + "Z")
        return Tick(price.quantize(POINT), None if at is None else tradewarden.iso(at))

    def next(self, number: int, last: Optional[Decimal]) -> Optional[Tick]:
        return self._ticks[number] if number < len(self._ticks) else None


class PaperBroker:
    """A hedging account. Each change is on the disk before it is answered, and an order that is
    sent twice is filled twice: it is the agent that must not send it twice."""

    def __init__(self, path: str, balance: str = "10000.00",
                 clock: Callable[[], Optional[str]] = lambda: None):
        """``clock``: RFC 3339 in UTC, as a broker stamps its deals; None while it is not known."""
        self._path, self._clock = path, clock
        self._quote = (Decimal(0), Decimal(0))
        try:
            with open(path, encoding="utf-8") as file:
                self.books: Json = json.load(file)
        except FileNotFoundError:
            self.books = {"balance": balance, "positions": [], "deals": [], "dealCount": 0,
                          "opened": 0, "closed": 0, "won": 0, "lastTick": -1}

    # -- what a broker shows

    @property
    def positions(self) -> List[Json]:
        return list(self.books["positions"])

    def position(self, tag: str) -> Optional[Json]:
        return next((one for one in self.books["positions"] if one["tag"] == tag), None)

    def deals_after(self, number: int) -> List[Json]:
        return [deal for deal in self.books["deals"] if deal["number"] > number]

    def deals_of(self, tag: str) -> List[Json]:
        return [deal for deal in self.books["deals"] if deal["tag"] == tag]

    @property
    def quote(self) -> Tuple[Decimal, Decimal]:
        """Bid and ask."""
        return self._quote

    def entry_price(self, direction: str) -> Decimal:
        return self._quote[1] if direction == "long" else self._quote[0]

    def floating(self, position: Json) -> Decimal:
        return self._profit(position, Decimal(position["lots"]), self._exit_price(position))

    @property
    def equity(self) -> Decimal:
        equity = Decimal(self.books["balance"])
        for one in self.positions:
            equity += self.floating(one)
        return equity

    # -- what happens at a broker

    def on_price(self, tick: int, price: Decimal) -> None:
        """Fills stops and targets, whoever looks; stops first."""
        self._quote = (price - SPREAD / 2, price + SPREAD / 2)
        if tick <= self.books["lastTick"]:
            return  # Walked again after a crash: it has happened.
        for one in self.positions:
            sign, now = self._sign(one), self._exit_price(one)
            if sign * (now - Decimal(one["stop"])) <= 0:
                self._fill_exit(one, Decimal(one["lots"]), Decimal(one["stop"]), "stop", tick)
            elif sign * (now - Decimal(one["target"])) >= 0:
                self._fill_exit(one, Decimal(one["lots"]), Decimal(one["target"]), "target", tick)

    def open(self, tag: str, direction: str, lots: Decimal, tick: int,
             stop: Optional[Decimal] = None, target: Optional[Decimal] = None) -> None:
        """``tag`` is kept in the order's comment. Nothing stands here without a stop."""
        sign, entry = 1 if direction == "long" else -1, self.entry_price(direction)
        stop = entry - sign * STOP_DISTANCE if stop is None else stop
        target = entry + sign * TARGET_DISTANCE if target is None else target
        position = {"tag": tag, "direction": direction, "lots": str(lots), "size": str(lots),
                    "entry": str(entry), "stop": str(stop), "target": str(target), "gross": "0.00",
                    "commission": "0.00", "turnover": "0", "at": self._clock()}
        self.books["positions"].append(position)
        self.books["opened"] += 1
        self._deal(position, "entry", entry, lots, tick)
        self._save(tick)

    def close(self, position: Json, reason: str, tick: int, lots: Optional[Decimal] = None) -> None:
        part = Decimal(position["lots"]) if lots is None else lots
        self._fill_exit(position, part, self._exit_price(position), reason, tick)

    def _fill_exit(self, position: Json, lots: Decimal, price: Decimal, reason: str,
                   tick: int) -> None:
        gross = self._profit(position, lots, price)
        commission = -(lots * COMMISSION_PER_LOT).quantize(Decimal("0.01"))
        for name, amount in (("gross", gross), ("commission", commission),
                             ("turnover", price * lots)):
            position[name] = str(Decimal(position[name]) + amount)
        position["lots"] = str(Decimal(position["lots"]) - lots)
        self.books["balance"] = str(Decimal(self.books["balance"]) + gross + commission)
        deal = self._deal(position, "exit", price, lots, tick)
        deal.update(reason=reason, profit=str(gross), commission=str(commission))
        if Decimal(position["lots"]) == 0:
            average = Decimal(position["turnover"]) / Decimal(position["size"])
            deal["closes"] = {"price": str(average.quantize(POINT)), "gross": position["gross"],
                              "commission": position["commission"]}
            self.books["positions"].remove(position)
            self.books["closed"] += 1
            self.books["won"] += Decimal(position["gross"]) > -Decimal(position["commission"])
        self._save(tick)

    def _deal(self, position: Json, role: str, price: Decimal, lots: Decimal, tick: int) -> Json:
        self.books["dealCount"] += 1
        deal: Json = {"number": self.books["dealCount"], "tag": position["tag"], "role": role,
                      "direction": position["direction"], "price": str(price), "lots": str(lots),
                      "stop": position["stop"], "target": position["target"], "tick": tick,
                      "at": self._clock()}
        self.books["deals"] = [*self.books["deals"], deal][-500:]
        return deal

    def _exit_price(self, position: Json) -> Decimal:
        return self._quote[0] if self._sign(position) > 0 else self._quote[1]

    def _profit(self, position: Json, lots: Decimal, price: Decimal) -> Decimal:
        points: Decimal = self._sign(position) * (price - Decimal(position["entry"]))
        return (points * lots * CONTRACT_SIZE).quantize(Decimal("0.01"))

    @staticmethod
    def _sign(position: Json) -> int:
        return 1 if position["direction"] == "long" else -1

    def _save(self, tick: int) -> None:
        self.books["lastTick"] = max(tick, self.books["lastTick"])
        with open(self._path + ".tmp", "w", encoding="utf-8") as file:
            json.dump(self.books, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".tmp", self._path)


class TradingLoop:
    """One thread: prices, strategy, broker, commands. What the broker shows becomes facts; what
    this loop remembers is one small state that each step keeps together with its facts."""

    def __init__(self, agent: Agent, broker: PaperBroker, prices: Any, symbol: str, ticks: int,
                 per_second: float):
        self.agent, self.broker, self.prices = agent, broker, prices
        self.symbol, self.ticks = symbol, ticks
        self.pause = 1.0 / per_second if per_second > 0 else 0.0
        self.stop_asked = False
        self.state: Json = agent.state or {
            # The run's name in front of every id, so that another folder's run has other ones.
            "run": f"{random.SystemRandom().getrandbits(32):08x}", "tick": 0, "price": None,
            "window": [], "dealSeen": 0, "pending": {}, "lots": "0.10"}
        # Why an idea was had, until its command comes; and how often the gate said no, by code.
        self.state.setdefault("ideas", {})
        self.state.setdefault("skipped", {})
        self._followed: Optional[DesiredState] = None
        # In a replay, the time that the price is of.
        self._source_time: Optional[str] = None
        self._unsaved = 0
        self._reported = 0.0
        agent.on_reconcile(self._broker_shows)
        self._handlers: Dict[str, Callable[[Command], None]] = {
            "custom": self._do_custom, "open_trade": self._do_open_trade,
            "close_trade": self._do_close_trade, "flatten": self._do_flatten,
            "kill": self._do_kill, "update_config": self._do_update_config,
        }

    # -- the loop

    def run(self) -> bool:
        """True when the market has ended; False when the loop was stopped or killed before."""
        if self.state["price"] is None:
            # There is a price before anybody can ask for one.
            self._take_tick()
        else:
            # Not a new one: the one that was there.
            self.broker.on_price(self.state["tick"] - 1, Decimal(self.state["price"]))
        self._settle_what_a_crash_interrupted()
        self._report()
        self.agent.start()
        # A replay misses nothing meanwhile, and where nothing is open nothing must be looked after.
        while not (self.agent.up or self._ending) and not (self.pause and self.broker.positions):
            self._handle(self.agent.next_command(0.2))
        self._tell_deals_after_a_restart()
        due = time.monotonic()
        while not self._ending:
            self._handle(self.agent.next_command(min(0.2, max(0.0, due - time.monotonic()))))
            self._follow(self.agent.desired)
            if time.monotonic() - self._reported > REPORT_SECONDS:
                self._report()
            if time.monotonic() < due or self._waits_for_the_server:
                continue
            if self.state["tick"] >= self.ticks or not self._take_tick():
                return self._finish()
            due = max(due + self.pause, time.monotonic() - 1.0)
        self._save([])
        return False

    @property
    def _ending(self) -> bool:
        return self.stop_asked or self.agent.killed

    @property
    def _waits_for_the_server(self) -> bool:
        """So that a fast replay runs away neither from a slow server nor from one that is away."""
        up = self.agent.up
        busy = self.agent.spool.size > HIGH_WATER if up else not self.pause
        if busy:
            time.sleep(0.02)
        return busy

    def _take_tick(self) -> bool:
        last = self.state["price"]
        number = self.state["tick"]
        tick = self.prices.next(number, None if last is None else Decimal(last))
        if tick is None:
            return False
        self.state.update(tick=number + 1, price=str(tick.price))
        self._source_time = tick.source_time
        # Exits come first and ask nobody.
        self.broker.on_price(number, tick.price)
        crossing = self._crossing(tick.price)
        if crossing is not None:
            self._trade(crossing, tick)
        self._absorb()
        self._report()
        return True

    def _follow(self, desired: Optional[DesiredState]) -> None:
        """What the server wants is a level: looked at in every turn, acted on, and then said.
        Without word from the server nothing changes; least of all is anything closed."""
        if desired is None or desired == self._followed and not (
                desired.state == "flatten" and self.broker.positions):
            return
        # Entry orders that wait at a broker are cancelled here first, whatever the halt; stops and
        # targets never. This broker fills at once, so there are none.
        if desired.state == "flatten":
            self._close_all("flatten")
        self._absorb()
        self._report()
        self.agent.observe(desired)
        self._followed = desired

    def _crossing(self, price: Decimal) -> Optional[str]:
        """``long`` or ``short`` when the fast average has just crossed the slow one."""
        window = [Decimal(one) for one in self.state["window"]]
        was = self._fast_above(window)
        window = [*window, price][-SLOW:]
        self.state["window"] = [str(one) for one in window]
        above = self._fast_above(window)
        if was is None or above is None or was == above:
            return None
        return "long" if above else "short"

    @staticmethod
    def _fast_above(window: List[Decimal]) -> Optional[bool]:
        if len(window) < SLOW:
            return None
        return sum(window[-FAST:]) / FAST > sum(window) / SLOW

    def _trade(self, direction: str, tick: Tick) -> None:
        """Closes what stands against the crossing, and has an idea of its own if it may decide."""
        for position in self.broker.positions:
            if position["direction"] != direction:
                self.broker.close(position, "signal", self.state["tick"] - 1)
        desired = self.agent.desired
        if desired is None or not desired.may_decide or self.agent.spool.crowded:
            return
        # The gate counts what it was told.
        self._absorb()
        proposes = self.agent.up and not self.broker.positions
        with self.agent.step() as step:
            ref = step.prediction(
                model=MODEL, symbol=self.symbol, direction=direction, confidence=self._confidence,
                market_price=tick.price, agent_cycle_number=self.state["tick"],
                used_by_agent=proposes, source_time=tick.source_time)
            # With the number of this tick: after a crash it is not walked again, since an idea
            # missed is cheaper than one had twice.
            step.save(self.state)
        if not proposes:
            return
        try:
            idea = self._propose(direction, f"the average of {FAST} ticks crossed that of {SLOW}",
                                 f"{self.state['run']}-{self.state['tick']:06d}", ref)
        except NO_IDEA as error:
            # Nothing is sent on an idea that nobody has heard.
            logging.warning("no trade: %s", error)
            self._skip([code_of(error)], f"no idea was made: {error}", ref, {})
            return
        if idea.command is not None:
            self._handle(idea.command)

    def _propose(self, direction: str, why: str, key: str, prediction: Optional[str]) -> Idea:
        """Raises what ``Agent.propose`` raises; then nothing is traded."""
        sign, entry = 1 if direction == "long" else -1, self.broker.entry_price(direction)
        bid, ask = self.broker.quote
        self.agent.quote(self.symbol, bid, ask)
        idea = self.agent.propose(
            symbol=self.symbol, direction=direction, lot_size=self.state["lots"], rationale=why,
            confidence=self._confidence, entry_price=entry,
            stop_loss=entry - sign * STOP_DISTANCE,
            take_profit=[{"price": entry + sign * TARGET_DISTANCE, "sizeFraction": "1"}],
            prediction=prediction, key=key, within=IDEA_SECONDS)
        codes = ", ".join(idea.codes)
        logging.info("idea %s, %s: %s %s", idea.id, direction, idea.status, codes)
        if idea.status in ("rejected", "halted_by_risk", "expired"):
            self._skip(idea.codes, f"{idea.status}: {codes}", prediction, {"ideaId": idea.id})
        else:
            kept = {**self.state["ideas"], idea.id: {"why": why, "prediction": prediction}}
            self.state["ideas"] = dict(list(kept.items())[-IDEAS_KEPT:])
        return idea

    def _skip(self, codes: List[str], why: str, prediction: Optional[str], more: Json) -> None:
        """What was not traded is told as fully as what was."""
        skipped = self.state["skipped"]
        for code in codes:
            skipped[code] = skipped.get(code, 0) + 1
        if prediction is not None and not self.agent.spool.crowded:
            with self.agent.step() as step:
                step.skip(prediction, why, risk_factors={"codes": " ".join(codes), **more})
                step.save(self.state)

    @property
    def _confidence(self) -> Decimal:
        """Of the trades so far the share that won, with ten imagined coin tosses in front."""
        won, closed = int(self.broker.books["won"]), int(self.broker.books["closed"])
        return (Decimal(won + 5) / (closed + 10)).quantize(Decimal("0.0001"))

    # -- orders

    def _was_sent(self, tag: str) -> bool:
        """Asked before each sending: the broker's books are right, this process's are not."""
        return bool(self.broker.deals_of(tag))

    def _send(self, order: Order) -> None:
        self.broker.open(order.tag, order.direction, order.lots, self.state["tick"] - 1,
                         order.stop, order.target)

    def _settle_what_a_crash_interrupted(self) -> None:
        """An order that was about to be sent is at the broker, or it is not sent any more. Of one
        that is not there yet nobody knows whether it is on its way: the server asks again."""
        for tag in list(self.state["pending"]):
            if not self._was_sent(tag):
                logging.info("order %s is not at the broker, and is given up", tag)
                del self.state["pending"][tag]
        unfinished = self.agent.unfinished()
        self._absorb()
        for command in unfinished:
            tag = str(command.payload.get("orderTag"))
            with self.agent.step() as step:
                if command.type != "open_trade":
                    # It ends in an idea, or before it: an order goes out by a command of its own.
                    step.fail(command, "not_sent", "INTERRUPTED", "the agent ended meanwhile")
                elif self._was_sent(tag):
                    step.complete(command, self._opened(tag))
                else:
                    step.fail(command, "unknown", "NOT_AT_BROKER",
                              "the agent ended while it was sent; the broker does not show it")
                step.save(self.state)

    def _tell_deals_after_a_restart(self) -> None:
        """Nothing should be new to the server; if something is, it is found at once."""
        if self.broker.books["deals"]:
            try:
                self.agent.reconcile()
            except tradewarden.ClockUnknown:
                pass  # The server asks when it misses something.

    def _close_all(self, reason: str) -> List[str]:
        closed = []
        for position in self.broker.positions:
            self.broker.close(position, reason, self.state["tick"] - 1)
            closed.append(self.agent.trade_id(position["tag"]) or position["tag"])
        return closed

    def _finish(self) -> bool:
        """The market has ended: what is open is closed, so that every trade has a result."""
        self._close_all("square_off")
        self._absorb()
        self._report()
        deadline = time.monotonic() + 120
        while not self._ending and time.monotonic() < deadline:
            if self.agent.wait_until_sent(0.2):
                break
            self._handle(self.agent.next_command())
        return True

    # -- facts

    def _absorb(self, *answers: Callable[[Step], None]) -> None:
        """Turns the broker's new deals into facts, once: ids come from the deals, and the number
        of the last one is kept together with the facts."""
        deals = self.broker.deals_after(self.state["dealSeen"])
        self._unsaved += 1
        if not deals and not answers and self._unsaved < SAVE_EVERY:
            return
        self._save(deals, answers)

    def _save(self, deals: List[Json], answers: Any = ()) -> None:
        with self.agent.step() as step:
            for deal in deals:
                if deal["role"] == "entry":
                    self._tell_entry(step, deal)
                else:
                    self._tell_exit(step, deal)
                self.state["dealSeen"] = deal["number"]
            for answer in answers:
                answer(step)
            step.save(self.state)
        self._unsaved = 0

    def _tell_entry(self, step: Step, deal: Json) -> None:
        tag = deal["tag"]
        intent = self.state["pending"].pop(tag, {})
        step.trade(tag, symbol=self.symbol, direction=deal["direction"], lot_size=deal["lots"],
                   entry_price=deal["price"], entry_time=self._time_of(deal),
                   stop_loss=deal["stop"], take_profit=deal["target"], broker="paper",
                   broker_position_id=tag, prediction=intent.get("prediction"),
                   idea_id=intent.get("idea"), command_id=intent.get("command"),
                   source_time=self._source_time)
        self._tell_fill(step, deal)
        step.explanation(tag, "entry", f"{deal['direction']} at {deal['price']}: "
                                       f"{intent.get('why', 'found at the broker')}")

    def _tell_exit(self, step: Step, deal: Json) -> None:
        self._tell_fill(step, deal)
        whole = deal.get("closes")
        if whole is not None:
            net = Decimal(whole["gross"]) + Decimal(whole["commission"])
            step.explanation(deal["tag"], "exit",
                             f"left at {whole['price']} ({deal['reason']}), {net} USD")

    def _tell_fill(self, step: Step, deal: Json) -> None:
        told = {name: deal[key] for name, key in (
            ("profit", "profit"), ("commission", "commission"), ("exit_reason", "reason"))
            if key in deal}
        step.fill(deal["tag"], deal["role"], deal_id=self._deal_id(deal), price=deal["price"],
                  size=deal["lots"], at=self._time_of(deal), broker_position_id=deal["tag"],
                  source_time=self._source_time, **told)

    @staticmethod
    def _deal_id(deal: Json) -> str:
        return f"{deal['tag']}-{deal['number']}"

    def _time_of(self, deal: Json) -> Optional[str]:
        """None, and so the present, where the broker's time is none to the server."""
        at: Optional[str] = deal.get("at")
        try:
            self.agent.stamp(at)
        except tradewarden.TimeInFuture:
            return None
        return at

    def _report(self) -> None:
        broker = self.broker
        figures: Json = {"balance": broker.books["balance"], "equity": broker.equity,
                         "currency": "USD", "open_positions": len(broker.positions),
                         "cycle_count": self.state["tick"], "broker_connected": True,
                         "trade_allowed": True}
        try:
            figures["last_cycle_at"] = self.agent.now()
        except tradewarden.ClockUnknown:
            pass  # Unknown stays unknown: this machine's clock may be an hour off.
        self.agent.report(**figures)
        self.agent.report_positions(self._positions(), broker_connected=True)
        bid, ask = broker.quote
        self.agent.quote(self.symbol, bid, ask)
        for one in broker.positions:
            self.agent.mark(one["tag"], bid, ask, floating_profit=broker.floating(one))
        self._reported = time.monotonic()

    def _positions(self) -> List[Json]:
        bid, ask = self.broker.quote
        return [{"symbol": self.symbol, "direction": one["direction"], "size": one["lots"],
                 "entryPrice": one["entry"], "stopLoss": one["stop"], "takeProfit": one["target"],
                 "currentPrice": bid if one["direction"] == "long" else ask,
                 "floatingProfit": self.broker.floating(one), "brokerPositionId": one["tag"],
                 "openedAt": one.get("at"), **self._names(one["tag"])}
                for one in self.broker.positions]

    def _names(self, tag: str) -> Json:
        """What a broker keeps with an order, in its comment and its magic number."""
        names = {"clientOrderId": tag, "orderTag": tag,
                 "magic": None if self.agent.magic is None else str(self.agent.magic)}
        return {name: value for name, value in names.items() if value is not None}

    def _broker_shows(self, order_tag: Optional[str]) -> Json:
        """What the server is answered when it asks; all of it is a fact already, or will be."""
        deals = self.broker.books["deals"]
        asked = [deal for deal in deals if deal["tag"] == order_tag]
        return {"positions": self._positions(), "deals": [{
            "brokerDealId": self._deal_id(deal), "role": deal["role"], "price": deal["price"],
            "size": deal["lots"], "symbol": self.symbol, "direction": deal["direction"],
            "at": self._time_of(deal), "brokerPositionId": deal["tag"],
            **{name: deal[key] for name, key in (
                ("profit", "profit"), ("commission", "commission"), ("exitReason", "reason"))
                if key in deal},
            **self._names(deal["tag"])}
            for deal in (asked or deals[-DEALS_SHOWN:]) if self._time_of(deal) is not None]}

    # -- commands

    def _handle(self, command: Optional[Command]) -> None:
        if command is None:
            return
        logging.info("command %s", command.type)
        handler = self._handlers.get(command.type)
        if handler is not None:
            handler(command)
            self._report()
        else:
            # What an agent cannot do it says so, instead of calling it done.
            self._refuse(command, "not_sent", "COMMAND_UNKNOWN", "this agent does not know it")

    def _refuse(self, command: Command, outcome: str, code: str, message: str) -> None:
        with self.agent.step() as step:
            step.fail(command, outcome, code, message)
            step.save(self.state)

    def _answer(self, command: Command, result: Json) -> None:
        """Together with what the command did at the broker."""
        self._absorb(lambda step: step.complete(command, result))

    def _opened(self, tag: str) -> Json:
        deal = next(one for one in self.broker.deals_of(tag) if one["role"] == "entry")
        fill = {"brokerDealId": self._deal_id(deal), "price": deal["price"], "size": deal["lots"],
                "at": self._time_of(deal)}
        return {"orderTag": tag, "brokerOrderId": tag, "brokerPositionId": tag,
                "fill": {name: value for name, value in fill.items() if value is not None}}

    def _do_custom(self, command: Command) -> None:
        """`{"open": "long"}`: a person has an idea, which the gate decides as any other."""
        direction = command.payload.get("open")
        permission = self.agent.may_open()
        if direction not in ("long", "short"):
            self._refuse(command, "rejected", "CUSTOM_UNKNOWN", '{"open": "long" or "short"}')
            return
        if not permission:
            self._refuse(command, "not_sent", permission.reason, "it may not open now")
            return
        try:
            idea = self._propose(str(direction), "asked for by a person", f"cmd-{command.id}", None)
        except NO_IDEA as error:
            self._refuse(command, "not_sent", code_of(error), str(error))
            return
        # Before anything is sent: what is sent belongs to the idea's own command.
        self._answer(command, {"ideaId": idea.id, "status": idea.status, "codes": idea.codes})
        if idea.command is not None:
            self._handle(idea.command)

    def _do_open_trade(self, command: Command) -> None:
        """What the gate let through, at most once: the disk knows of it before the broker does,
        and the broker is asked before it is told."""
        order = order_in(command.payload)
        if order is None:
            self._refuse(command, "not_sent", "ORDER_INVALID", "the order cannot be read")
            return
        if order.symbol != self.symbol:
            self._refuse(command, "not_sent", "SYMBOL_UNKNOWN", f"this agent trades {self.symbol}")
            return
        idea = str(command.payload.get("ideaId"))
        intent = self.state["ideas"].pop(idea, {"why": "the idea passed the gate"})
        self.state["pending"][order.tag] = {
            **intent, "command": command.id, "idea": command.payload.get("ideaId")}
        with self.agent.step() as step:
            step.save(self.state)
        if not self._was_sent(order.tag):
            against = self._why_not_send(command, order)
            if against is not None:
                del self.state["pending"][order.tag]
                self._refuse(command, "not_sent", *against)
                return
            self._send(order)
        self._answer(command, self._opened(order.tag))

    def _why_not_send(self, command: Command, order: Order) -> Optional[Tuple[str, str]]:
        """Looked at last: a code and what it means, or None."""
        permission = self.agent.may_send(command)
        if not permission:
            return permission.reason, "it may not be sent any more"
        price = self.broker.entry_price(order.direction)
        beyond = price - order.worst if order.direction == "long" else order.worst - price
        return ("PRICE_MOVED", f"the price is {price}") if beyond > 0 else None

    def _do_close_trade(self, command: Command) -> None:
        tag = self.agent.client_order_id(str(command.payload.get("tradeId")))
        position = self.broker.position(tag) if tag else None
        if position is None:
            # Not a failure: it may have met its stop a moment ago, and a close that fails comes
            # back for ever.
            self._answer(command, {"closedSize": "0", "note": "no such trade is open"})
            return
        open_lots = Decimal(position["lots"])
        wanted = number_in(command.payload.get("size", open_lots))
        if wanted is None or wanted <= 0:
            self._refuse(command, "rejected", "SIZE_INVALID", "size must be above zero")
            return
        lots = min(wanted, open_lots)
        self.broker.close(position, "operator", self.state["tick"] - 1, lots)
        self._answer(command, {"closedSize": str(lots), "openSize": str(open_lots - lots)})

    def _do_flatten(self, command: Command) -> None:
        concerned = command.payload.get("symbol") in (None, self.symbol)
        self._answer(command, {"closed": self._close_all("flatten") if concerned else []})

    def _do_kill(self, command: Command) -> None:
        """Positions stay, with their stops; the loop ends after the answer."""
        self._answer(command, {"ending": True, "openPositions": len(self.broker.positions)})

    def _do_update_config(self, command: Command) -> None:
        changes = command.payload.get("config")
        only_lots = isinstance(changes, dict) and set(changes) == {"lots"}
        lots = number_in(changes["lots"]) if isinstance(changes, dict) and only_lots else None
        if lots is None or not Decimal("0.01") <= lots <= 10:
            self._refuse(command, "rejected", "CONFIG_INVALID", "only lots, from 0.01 to 10")
            return
        self.state["lots"] = str(lots.quantize(Decimal("0.01")))
        self._answer(command, {"lots": self.state["lots"]})


def options(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A small paper-trading agent on Tradewarden.")
    parser.add_argument("--folder", default="data/python-example", help="what it remembers")
    parser.add_argument("--symbol", default="EURUSD")
    parser.add_argument("--csv", help="prices from a file with a column close")
    parser.add_argument("--seed", type=int, default=1, help="of the random walk")
    parser.add_argument("--ticks", type=int, default=sys.maxsize, help="ends after so many")
    parser.add_argument("--speed", type=float, default=2.0, help="ticks a second; 0: at once")
    parser.add_argument("--sync", action="store_true", help="one short call for everything")
    parser.add_argument("--json", action="store_true", help="the summary as one object")
    return parser.parse_args(argv)


def time_at(agent: Agent) -> Optional[str]:
    """This paper broker's clock is the server's: this machine's may be an hour off."""
    try:
        return tradewarden.iso(agent.now().timestamp())
    except tradewarden.ClockUnknown:
        return None


def summary(loop: TradingLoop, complete: bool) -> Json:
    books, spool = loop.broker.books, loop.agent.spool
    return {"complete": complete, "ticks": loop.state["tick"], "trades": books["opened"],
            "closed": books["closed"], "won": books["won"], "balance": books["balance"],
            "skipped": loop.state["skipped"], "unsentFacts": spool.size,
            "rejectedFacts": spool.rejected_count}


def main(argv: Optional[List[str]] = None) -> int:
    given = options(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr,
                        format="%(asctime)s %(levelname)s %(message)s")
    try:
        prices: Any = CsvPrices(given.csv) if given.csv else SyntheticPrices(given.seed)
        agent = Agent.from_env(given.folder, mode="sync" if given.sync else "poll",
                               agent_version="example-python/1.1.0")
    except (ValueError, OSError) as error:
        print(f"example.py: {error}", file=sys.stderr)
        return 2
    except tradewarden.SpoolError as error:
        print(f"example.py: {error}", file=sys.stderr)
        return 1
    broker = PaperBroker(os.path.join(given.folder, "broker.json"), clock=lambda: time_at(agent))
    loop = TradingLoop(agent, broker, prices, given.symbol, given.ticks, given.speed)
    # Going on at tick 500 of another market would fill its orders at prices that never met.
    market = f"{given.symbol} by {prices.name}"
    begun = loop.state.setdefault("market", market)
    if begun != market:
        agent.stop()
        print(f"example.py: {given.folder} is in the middle of {begun}, and this is {market}: "
              "name another --folder, or delete that one", file=sys.stderr)
        return 2

    def ask_to_stop(number: int, frame: Any) -> None:
        # Nothing but a flag: a handler runs between two instructions of the loop.
        loop.stop_asked = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    try:
        complete = loop.run()
        code = 0
    except tradewarden.TradewardenError as error:
        print(f"example.py: {error}", file=sys.stderr)
        complete, code = False, 1
    finally:
        agent.stop(GOODBYE_SECONDS)
    told = summary(loop, complete)
    print(json.dumps(told) if given.json else
          "  ".join(f"{name} {value}" for name, value in told.items()))
    return code


if __name__ == "__main__":
    sys.exit(main())
