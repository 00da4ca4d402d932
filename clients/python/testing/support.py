"""What several tests need: folders, agents, and patience."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
import unittest
from typing import Any, Callable, List, Optional
from unittest import mock

import tradewarden
from testing.fake_server import FakeServer

KEY = "tw_test-key-0123456789"
# Against hanging only: on a busy machine any thread may stand still for seconds, anywhere.
PATIENCE = 300.0
# What the client gives up after, and a test is not about: a pause must not look like an outage.
LIMITS = {"CALL_TIMEOUT": 120.0, "CONNECT_TIMEOUT": 60.0, "FACTS_FIRST_SECONDS": PATIENCE,
          "QUOTE_AGE_MAX": PATIENCE}


def until(what: str, check: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Waits for something that is bound to happen, on a busy machine late; says what did not."""
    deadline = time.monotonic() + within
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to this: {what}")
        time.sleep(0.005)


class SkewedClock(tradewarden.SystemClock):
    """A machine whose clock is wrong, and may jump."""

    def __init__(self, skew: float = 0.0):
        self.skew = skew
        self.passed = 0.0

    def wall(self) -> float:
        return super().wall() + self.skew + self.passed

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


class Lines(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.said: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))

    def count(self, part: str) -> int:
        return sum(part in line for line in self.said)


class ServerCase(unittest.TestCase):
    """A fake server, a folder, and agents that are stopped in the end."""

    def setUp(self) -> None:
        self.server = FakeServer().listen()
        self.folder = tempfile.mkdtemp(prefix="tradewarden-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.server.end)
        for name, seconds in LIMITS.items():
            limit = mock.patch.object(tradewarden, name, seconds)
            limit.start()
            self.addCleanup(limit.stop)
        self.lines = Lines()
        logger = logging.getLogger("tradewarden")
        logger.addHandler(self.lines)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        self.addCleanup(logger.removeHandler, self.lines)

    def client(self, **options: Any) -> tradewarden.Client:
        client = tradewarden.Client(self.server.url, KEY, **options)
        self.addCleanup(client.close)
        return client

    def agent(self, folder: Optional[str] = None, **options: Any) -> tradewarden.Agent:
        options = {"wait_seconds": 0.5, "conflict_seconds": 0.1, "stall_seconds": 600.0, **options}
        agent = tradewarden.Agent(self.server.url, KEY, folder or self.folder, **options)
        self.addCleanup(agent.stop, 0.3)
        return agent

    def running(self, **options: Any) -> tradewarden.Agent:
        agent = self.agent(**options)
        agent.start()
        until("the agent is up", lambda: agent.up)
        return agent

    def quiet(self, agent: tradewarden.Agent) -> tradewarden.Agent:
        """Until what follows a start is told: the next heartbeat comes when it is due."""
        until("its status is told", lambda: agent.up and agent._reporter.status_told)
        return agent

    def polls(self, agent: tradewarden.Agent) -> tradewarden.Agent:
        """Until nothing is under way but a poll, which should be a long one."""
        until("it polls", lambda: self.server.polls)
        return self.quiet(agent)

    def time_passes(self, clock: "SkewedClock", seconds: float) -> None:
        """For the agent and for the server, which would otherwise set the agent's clock back."""
        with self.server.lock:
            clock.passed += seconds
            self.server.clock_offset += seconds


def open_trade(agent: tradewarden.Agent, name: str, prediction: bool = True) -> None:
    """A prediction, the trade that follows from it, and why; in one step."""
    with agent.step() as step:
        ref = step.prediction(model="m", symbol="EURUSD", direction="long",
                              confidence="0.8") if prediction else None
        step.trade(name, symbol="EURUSD", direction="long", lot_size="0.1", entry_price="1.1",
                   prediction=ref)
        step.explanation(name, "entry", "because")


def close_trade(agent: tradewarden.Agent, name: str) -> None:
    with agent.step() as step:
        step.transition(name, "closed", deal_id=f"{name}-exit", exit_price="1.2",
                        exit_reason="target")
