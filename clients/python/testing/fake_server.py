"""The part of the contract that an agent uses, in memory, on real sockets.

It stands in for a server at the other end of a network, which can be made to fail on purpose. It
keeps what it was told, so that a test can count. Its clock can be moved away from this machine's.
"""

from __future__ import annotations

import calendar
import http.server
import json
import re
import socket
import ssl
import sys
import threading
import time
import uuid
from decimal import Decimal
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

Json = Dict[str, Any]
Reply = Tuple[int, Json]

SYNC_BYTES_MAX = 8_192
SYNC_ELEMENTS_MAX = 24
# Of a command's payload that fits into the answer to a sync.
COMMAND_BYTES_MAX = 6_000
CLOCK_LEAD_SECONDS = 120
TIME_NAMES = ("timestamp", "entryTime", "occurredAt", "sourceTime", "asOf", "lastCycleAt",
              "lastQuoteAt", "at", "quotedAt")


class Seen(NamedTuple):
    """A request that came in, in the order of their coming."""

    method: str
    path: str
    body: Json
    headers: Dict[str, str]
    at: float
    raw: bytes
    # The client's port: which connection it came on.
    peer: int


class Fault(NamedTuple):
    """What happens to a request in place of its answer."""

    # "before" closes the connection before the request is carried out, "after" afterwards.
    drop: Optional[str] = None
    status: int = 0
    headers: Optional[Dict[str, str]] = None
    body: Any = None
    # Raw bytes in place of JSON.
    text: Optional[bytes] = None
    # Seconds until the answer goes out; or between its single bytes.
    delay: float = 0.0
    drip: float = 0.0


def problem(status: int, code: str, detail: str = "", **more: Any) -> Reply:
    return status, {"status": status, "code": code, "detail": detail, "retryable": False, **more}


class FakeCommand:
    def __init__(self, kind: str, payload: Json):
        self.id = str(uuid.uuid4())
        self.type = kind
        self.payload = payload
        self.status = "queued"
        self.attempt = 0
        self.lease_token: Optional[str] = None
        self.lease_until = 0.0
        self.created = 0.0
        self.cancel_requested = False
        self.extended = 0
        # Bodies of complete, fail or acks that were accepted.
        self.answers: List[Json] = []
        # Token and outcome of what ended it: the same answer again is answered the same.
        self.settled_by: Optional[Tuple[str, str]] = None


class FakeServer:
    """Start it with `listen`; set `fault` to a function that answers a Fault or None."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.seen: List[Seen] = []
        self.predictions: List[Json] = []
        self.trades: List[Json] = []
        self.transitions: List[Json] = []
        self.explanations: List[Json] = []
        self.skips: List[Json] = []
        self.takes_skips = True
        self.commands: List[FakeCommand] = []
        self.fills: List[Json] = []
        self.positions: List[Json] = []
        self.reconciled: List[Json] = []
        self.quotes: Dict[str, Json] = {}
        self.marks: List[Json] = []
        # Positions that nobody had told of, and trades that a report lacked, when it came.
        self.adopted: List[Json] = []
        self.missed: List[Json] = []
        self.desired: Json = {"state": "active", "run": "running", "version": 1, "reasons": []}
        self.header_desired: Optional[str] = None
        self.ideas: List[Json] = []
        # What becomes of an idea: its status, and the codes against it.
        self.verdict: Callable[[Json], Tuple[str, List[str]]] = lambda idea: ("auto_executed", [])
        self.valid_seconds = 30.0
        self.idea_lease_seconds = 30.0
        self.halts: List[Json] = []
        self.heartbeat_seconds = 15.0
        self.trading_lease_seconds = 60.0
        # How long the trading lease keeps other copies out. Tests with one folder after another
        # would wait for it; those of two copies and of kill -9 set it to the server's 60 s.
        self.instance_lease_seconds = 0.0
        self.next_poll_ms = 50
        self.clock_offset = 0.0
        self.says_time = True
        self.offers_positions = self.offers_reconcile = True
        self.magic: Any = 1234567
        self.takes_quotes = True
        self.agent_id = "0190aaaa-0000-7000-8000-000000000001"
        self.keys = {"tw_test-key-0123456789"}
        self.fault: Callable[[Seen], Optional[Fault]] = lambda seen: None
        self._holder: Optional[str] = None
        self._held_until = 0.0
        self._once: Dict[str, Tuple[str, Reply]] = {}
        self._syncs: Dict[str, Tuple[int, str, Json]] = {}
        self._http: Optional[http.server.ThreadingHTTPServer] = None
        self._thread: Optional[threading.Thread] = None
        # None while it is away.
        self._listening: Optional[http.server.ThreadingHTTPServer] = None
        self._sockets: set[socket.socket] = set()
        # Polls that wait for a command.
        self.polls = 0
        self._place: Optional[socket.socket] = None
        self.port = 0
        self.tls: Optional[ssl.SSLContext] = None

    # -- life

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def listen(self) -> "FakeServer":
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with fake.lock:
                    fake._sockets.add(self.connection)
                    gone = fake._listening is not self.server
                if gone:
                    hang_up(self.connection)

            def finish(self) -> None:
                fake._sockets.discard(self.connection)
                try:
                    super().finish()
                except OSError:
                    pass

            def do_GET(self) -> None:
                fake._serve(self)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                pass

        if self._place is None and sys.platform == "linux":
            # While this one is away, nobody else is given its port.
            self._place = socket.socket()
            self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._place.bind(("127.0.0.1", self.port))
            self.port = self._place.getsockname()[1]
        self._http = self._listening = Quiet(("127.0.0.1", self.port), Handler)
        if self.tls is not None:
            self._http.socket = self.tls.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Goes away in the middle of whatever is going on; `listen` brings it back. No request is
        taken after it, whichever thread was about to."""
        assert self._http is not None and self._thread is not None
        with self.lock:
            self._listening = None
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        for one in list(self._sockets):
            hang_up(one)
        with self.changed:
            self.changed.notify_all()

    def end(self) -> None:
        """Goes away for good."""
        self.close()
        if self._place is not None:
            self._place.close()

    # -- for tests

    def now(self) -> float:
        return time.time() + self.clock_offset

    def queue(self, kind: str, **payload: Any) -> FakeCommand:
        with self.changed:
            command = FakeCommand(kind, payload)
            command.created = self.now()
            self.commands.append(command)
            self.changed.notify_all()
            return command

    def lapse(self, command: FakeCommand) -> None:
        """As a lapsed lease does: it will be handed out again, with another token. What the gate
        made is handed out once."""
        with self.changed:
            command.lease_token = None
            command.status = "queued"
            if "ideaId" in command.payload:
                self._doubt(command)
            self.changed.notify_all()

    def set_desired(self, **change: Any) -> None:
        with self.lock:
            version = self.desired["version"] + 1
            self.desired = {**self.desired, **change, "version": version}

    def paths(self, since: int = 0) -> List[str]:
        with self.lock:
            return [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", seen.path)
                    for seen in self.seen[since:]]

    def bodies(self, end: str) -> List[Json]:
        with self.lock:
            return [seen.body for seen in self.seen if seen.path.endswith(end)]

    def forget_instance(self, instance: str) -> None:
        """As when a minute has passed in which this copy was silent."""
        with self.lock:
            if self._holder == instance:
                self._held_until = 0.0

    # -- HTTP

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        raw = handler.rfile.read(length) if length else b""
        if len(raw) < length:
            handler.close_connection = True
            return
        path = handler.path[len("/api/v1"):] if handler.path.startswith("/api/v1") else handler.path
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, path, json.loads(raw) if raw else {}, headers,
                    time.monotonic(), raw, handler.client_address[1])
        with self.lock:
            gone = self._listening is not handler.server
            if not gone:
                self.seen.append(seen)
        if gone:
            self._hang_up(handler)
            return
        fault = self.fault(seen) or Fault()
        if fault.delay and fault.drop != "after":
            time.sleep(fault.delay)
        if fault.drop == "before":
            self._hang_up(handler)
        elif fault.status:
            self._send(handler, fault.status, fault.body or {}, fault)
        else:
            status, body = self._answer(seen, handler.connection)
            if fault.drop == "after":
                self._hang_up(handler)
            else:
                self._send(handler, status, body, fault)

    def _hang_up(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        hang_up(handler.connection)

    def _send(self, handler: http.server.BaseHTTPRequestHandler, status: int, body: Any,
              fault: Fault) -> None:
        text = fault.text if fault.text is not None else json.dumps(body).encode()
        with self.lock:
            desired = self.header_desired or "{state};v={version};run={run}".format(**self.desired)
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("X-Desired-State", desired)
            handler.send_header("Content-Length", str(len(text)))
            for name, value in (fault.headers or {}).items():
                handler.send_header(name, value)
            handler.end_headers()
            if fault.drip:
                for index in range(len(text)):
                    handler.wfile.write(text[index:index + 1])
                    time.sleep(fault.drip)
            else:
                handler.wfile.write(text)
        except OSError:
            handler.close_connection = True

    # -- the contract

    def _answer(self, seen: Seen, connection: socket.socket) -> Reply:
        token = seen.headers.get("authorization", "").replace("Bearer ", "")
        if token not in self.keys:
            return problem(401, "KEY_REFUSED", "The API key is unknown.")
        if seen.path == "/agents/me/commands/lease":
            return self._lease(seen, connection)
        with self.lock:
            late = self._time_in_future(seen.body)
            if late:
                return problem(400, "VALIDATION_FAILED", f"{late} lies more than 120 s ahead of "
                               "the server (TIME_IN_FUTURE)")
            return self._exactly_once(seen)

    def _time_in_future(self, value: Any, name: str = "") -> str:
        if isinstance(value, dict):
            found = (self._time_in_future(inner, key) for key, inner in value.items())
            return next((one for one in found if one), "")
        if isinstance(value, list):
            return next((one for one in map(self._time_in_future, value) if one), "")
        if name in TIME_NAMES and isinstance(value, str):
            at = time.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
            if calendar.timegm(at) > self.now() + CLOCK_LEAD_SECONDS:
                return name
        return ""

    def _exactly_once(self, seen: Seen) -> Reply:
        key = seen.headers.get("idempotency-key")
        if key is None:
            return self._route(seen)
        request = json.dumps([seen.path, seen.body], sort_keys=True)
        known = self._once.get(key)
        if known is not None:
            if known[0] != request:
                return problem(422, "IDEMPOTENCY_KEY_REUSED")
            return known[1]
        reply = self._route(seen)
        if reply[0] < 300:
            self._once[key] = (request, reply)
        return reply

    def _route(self, seen: Seen) -> Reply:
        path, body = seen.path.partition("?")[0], seen.body
        parts = path.split("/")[1:]
        if parts[0] == "trade-ideas":
            return self._ideas(seen, parts)
        if path == "/kill-switch":
            self.halts.append(body)
            self.set_desired(state={"reduce": "reducing", "halt": "halted"}.get(
                body["mode"], "flatten"))
            return 201, {"id": str(uuid.uuid4()), **body, "open": []}
        if path == "/agents/me/check":
            return 200, {"ok": True, "checks": [], "opening": {"verdict": "approved"}}
        if path == "/agents/me":
            return 200, {"id": self.agent_id, "name": "bot", "magic": self.magic}
        if path == "/agents/me/heartbeat":
            return self._conflict(seen) or self._heartbeat()
        if path == "/agents/me/sync":
            return self._conflict(seen) or self._sync(seen)
        if path == "/agents/me/positions" and self.offers_positions:
            return self._conflict(seen) or self._report(body)
        if path == "/agents/me/reconcile" and self.offers_reconcile:
            return self._conflict(seen) or self._reconcile(body)
        if path == "/quotes":
            taken = [self._quote(item) for item in body["items"]]
            refused = [reply for reply in taken if reply[0] >= 300]
            return refused[0] if refused else (200, {"items": [item for _, item in taken]})
        if path == "/trades/marks/batch":
            self.marks += body["items"]
            return 200, {"items": []}
        if path == "/predictions":
            return 201, self._add(self.predictions, body)
        if path == "/explanations" and self.takes_skips:
            return 201, self._add(self.skips, body)
        if path == "/predictions/batch":
            return 201, {"items": [{"id": self._add(self.predictions, item)["id"]}
                                   for item in body["items"]]}
        if path == "/trades":
            return self._trade(body)
        if parts[0] == "trades" and parts[-1] == "transitions":
            return self._transition(parts[1], body)
        if parts[0] == "trades" and parts[-1] == "fills":
            return self._fill(parts[1], body)
        if parts[0] == "trades" and len(parts) == 2:
            found = [trade for trade in self.trades if trade["id"] == parts[1]]
            return (200, found[0]) if found else problem(404, "NOT_FOUND", "No such trade.")
        if parts[0] == "trades" and parts[-1] == "explanations":
            if not any(trade["id"] == parts[1] for trade in self.trades):
                return problem(404, "NOT_FOUND", "No such trade.")
            return 201, self._add(self.explanations, {**body, "tradeId": parts[1]})
        if parts[0] == "commands" and len(parts) == 3:
            return self._settle(parts[1], parts[2], body)
        return problem(404, "NOT_FOUND", "No such route.")

    def _conflict(self, seen: Seen) -> Optional[Reply]:
        instance = seen.headers.get("x-instance-id", "")
        now = time.monotonic()
        if self._holder not in (None, instance) and now < self._held_until:
            return problem(409, "AGENT_INSTANCE_CONFLICT", "Another instance trades.",
                           retryable=True)
        self._holder = instance
        self._held_until = now + self.instance_lease_seconds
        if seen.body.get("status") == "stopped":
            self._held_until = 0.0
        return None

    def _times(self) -> Json:
        if not self.says_time:
            return {}
        now = self.now()
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        return {"serverTime": f"{text}.{int(now % 1 * 1000):03d}Z"}

    def _heartbeat(self) -> Reply:
        return 200, {"desiredState": self.desired, **self._times(),
                     "tradingLeaseSeconds": self.trading_lease_seconds,
                     "heartbeatSeconds": self.heartbeat_seconds}

    def _add(self, rows: List[Json], body: Json) -> Json:
        row = {**body, "id": str(uuid.uuid4())}
        rows.append(row)
        return row

    def _trade(self, body: Json) -> Reply:
        for trade in self.trades:
            if trade["clientOrderId"] == body["clientOrderId"]:
                return 200, {**trade, "repeated": True}
        command = next((one for one in self.commands if one.id == body.get("commandId")), None)
        known = None if command is None else command.payload.get("orderTag")
        tag = known or f"TAG{len(self.trades):013d}"
        return 201, self._add(self.trades, {**body, "status": body.get("status", "open"),
                                            "orderTag": tag, "openSize": body["lotSize"]})

    def _fill(self, trade_id: str, body: Json) -> Reply:
        trade = next((one for one in self.trades if one["id"] == trade_id), None)
        if trade is None:
            return problem(404, "NOT_FOUND", "No such trade.")
        for one in self.fills:
            if (one["brokerDealId"], one["role"]) == (body["brokerDealId"], body["role"]):
                if one["tradeId"] != trade_id:
                    return problem(409, "FILL_DEAL_TAKEN", "It is another trade's.")
                return 200, {"trade": dict(trade), "items": [{"repeated": True}]}
        self._add(self.fills, {**body, "tradeId": trade_id})
        self._follow_fills(trade)
        return 201, {"trade": dict(trade), "items": [{}]}

    def _follow_fills(self, trade: Json) -> None:
        sums = {role: sum((Decimal(one["size"]) for one in self.fills
                           if one["tradeId"] == trade["id"] and one["role"] == role), Decimal(0))
                for role in ("entry", "exit")}
        entered = sums["entry"] or Decimal(trade["lotSize"])
        trade["openSize"] = str(max(entered - sums["exit"], Decimal(0)))
        if sums["entry"] and trade["status"] == "pending":
            trade["status"] = "open"
        if sums["exit"] >= entered:
            trade["status"] = "closed"

    # -- what the broker shows

    def _report(self, body: Json) -> Reply:
        """As on a hedging account. What it adopts is not made a trade here."""
        self.positions.append(body)
        adopted, differing = [], []
        seen_ids = set()
        for one in body["positions"]:
            trade = self._trade_of(one)
            if trade is None:
                adopted.append({"tradeId": str(uuid.uuid4()), **one})
                continue
            seen_ids.add(trade["id"])
            if trade["status"] == "open" and Decimal(trade["openSize"]) != Decimal(one["size"]):
                differing.append({**one, "tradeId": trade["id"], "held": one["size"],
                                  "ours": trade["openSize"]})
        missing = [{"tradeId": trade["id"], "size": trade["lotSize"], "symbol": trade["symbol"],
                    "brokerPositionId": trade.get("brokerPositionId")} for trade in self.trades
                   if body["complete"] and trade["status"] == "open"
                   and trade["id"] not in seen_ids and trade["entryTime"] <= body["asOf"]]
        self.adopted += adopted
        self.missed += missing
        return 200, {"applied": True, "asOf": body["asOf"], "complete": body["complete"],
                     "matched": len(seen_ids), "adopted": adopted, "unknown": [],
                     "missing": missing, "closed": [], "differing": differing, "proposals": []}

    def _trade_of(self, shown: Json) -> Optional[Json]:
        names = ("orderTag", "brokerPositionId", "clientOrderId")
        return next((trade for name in names for trade in self.trades
                     if shown.get(name) is not None and trade.get(name) == shown[name]), None)

    def _reconcile(self, body: Json) -> Reply:
        self.reconciled.append(body)
        known = {(one["brokerDealId"], one["role"]) for one in self.fills}
        self._settle_doubts(body)
        unmatched = [deal for deal in body["deals"]
                     if (deal["brokerDealId"], deal["role"]) not in known]
        _, answer = self._report({"asOf": body["asOf"], "complete": True,
                                  "positions": body["positions"], "orders": body["orders"]})
        return 200, {**answer, "settled": [], "deals": {
            "stored": 0, "known": len(body["deals"]) - len(unmatched), "unmatched": unmatched}}

    def _quote(self, item: Json) -> Reply:
        if not self.takes_quotes:
            return problem(400, "VALIDATION_FAILED", "bid: must be above 0")
        known = self.quotes.get(item["symbol"])
        # Two that are under way at once come in any order.
        stored = known is None or known["quotedAt"] <= item["quotedAt"]
        if stored:
            self.quotes[item["symbol"]] = item
        return 200, {"symbol": item["symbol"], "stored": stored}

    def _transition(self, trade_id: str, body: Json) -> Reply:
        trade = next((one for one in self.trades if one["id"] == trade_id), None)
        if trade is None:
            return problem(404, "NOT_FOUND", "No such trade.")
        if any(one["tradeId"] == trade_id and one["brokerDealId"] == body["brokerDealId"]
               for one in self.transitions):
            return 200, {**trade, "repeated": True}
        if trade["status"] == "closed":
            return problem(409, "TRADE_TRANSITION_INVALID", "It is closed.")
        trade["status"] = body["to"]
        self._add(self.transitions, {**body, "tradeId": trade_id})
        return 200, dict(trade)

    # -- ideas

    def _ideas(self, seen: Seen, parts: List[str]) -> Reply:
        if seen.method == "GET" and len(parts) == 1:
            return 200, {"items": self.ideas[::-1], "nextCursor": None}
        if seen.method == "GET":
            found = [idea for idea in self.ideas if idea["id"] == parts[1]]
            return (200, found[0]) if found else problem(404, "NOT_FOUND", "No such idea.")
        status, codes = self.verdict(seen.body)
        reasons = [{"code": code, "message": code, "actual": "1", "limit": "0"} for code in codes]
        idea = self._add(self.ideas, {
            "proposal": seen.body, "status": status, "digest": f"digest-{len(self.ideas)}",
            "decision": {"id": str(uuid.uuid4()), "verdict": status, "reasons": reasons,
                         "rules": []}})
        if status != "auto_executed":
            return 201, idea
        command = self.approve(idea)
        if seen.path.endswith("?lease=1"):
            return 201, {**idea, "command": self._leased(command, self.idea_lease_seconds)}
        return 201, idea

    def approve(self, idea: Json) -> FakeCommand:
        """Its command waits for a lease."""
        asked = idea["proposal"]
        payload = {name: asked[name] for name in ("symbol", "direction", "lotSize", "stopLoss",
                                                  "takeProfit", "strategyId") if name in asked}
        with self.changed:
            tag = f"IDEA{len(self.commands):012d}"
            command = self.queue("open_trade", **payload, ideaId=idea["id"], orderTag=tag,
                                 limitPrice=asked["entryPrice"],
                                 validForSeconds=self.valid_seconds)
            idea["commandId"] = command.id
            return command

    def _leased(self, command: FakeCommand, seconds: float) -> Json:
        command.attempt += 1
        command.lease_token = str(uuid.uuid4())
        command.lease_until = self.now() + seconds
        command.status = "leased"
        return {"id": command.id, "type": command.type, "payload": command.payload,
                "priority": "normal", "attempt": command.attempt,
                "leaseToken": command.lease_token, "leaseExpiresAt": iso(command.lease_until),
                "createdAt": iso(command.created), "expiresAt": None}

    def _doubt(self, command: FakeCommand) -> None:
        """Nobody knows whether its order reached the broker: the agent is asked."""
        command.status, command.lease_token = "unknown", None
        self.queue("reconcile", orderTag=command.payload.get("orderTag"))

    def _settle_doubts(self, result: Json) -> None:
        shown = {one.get("orderTag") for name in ("positions", "orders", "deals")
                 for one in result.get(name, [])}
        for command in self.commands:
            if command.status == "unknown" and command.type == "open_trade":
                found = command.payload["orderTag"] in shown
                command.status = "succeeded" if found else "failed"

    # -- commands

    def _lease(self, seen: Seen, connection: socket.socket) -> Reply:
        until = time.monotonic() + float(seen.body.get("waitSeconds", 0))
        with self.changed:
            conflict = self._conflict(seen)
            if conflict:
                return conflict
            self.polls += 1
            while time.monotonic() < until and not self._queued():
                if self._http is None or not self._thread or not self._thread.is_alive():
                    break
                self.changed.wait(min(0.1, max(0.0, until - time.monotonic())))
                if is_gone(connection):
                    # Nothing is leased for nobody.
                    break
            self.polls -= 1
            if is_gone(connection):
                return 200, {"commands": []}
            return 200, {"commands": self._hand_out(seen.body), "desiredState": self.desired,
                         "nextPollAfterMs": 0, **self._times()}

    def _queued(self) -> List[FakeCommand]:
        for command in list(self.commands):
            if command.status == "leased" and command.lease_until < self.now():
                self.lapse(command)
        return [command for command in self.commands if command.status == "queued"]

    def _hand_out(self, ask: Json, but: Sequence[str] = ()) -> List[Json]:
        out = []
        fit = [command for command in self._queued() if command.id not in but]
        for command in fit[:int(ask.get("max", 10))]:
            out.append(self._leased(command, float(ask.get("leaseSeconds", 30))))
        return out

    def _settle(self, command_id: str, how: str, body: Json) -> Reply:
        command = next((one for one in self.commands if one.id == command_id), None)
        if command is None:
            return problem(404, "NOT_FOUND", "No such command.")
        token = str(body.get("leaseToken"))
        outcome = "succeeded" if how == "complete" else str(body.get("outcome"))
        if command.settled_by == (token, outcome):
            return 200, {"id": command_id, "status": command.status}
        if command.lease_token is None or command.lease_token != token:
            return problem(409, "COMMAND_LEASE_LOST", "This lease has run out.")
        if how == "extend":
            command.extended += 1
            command.lease_until = self.now() + float(body.get("leaseSeconds", 30))
            return 200, {"leaseExpiresAt": iso(command.lease_until),
                         "cancelRequested": command.cancel_requested}
        command.status = {"succeeded": "succeeded", "unknown": "unknown"}.get(outcome, "failed")
        command.settled_by = (token, outcome)
        command.lease_token = None
        command.answers.append(body)
        if command.status == "unknown" and "ideaId" in command.payload:
            self._doubt(command)
        if command.type == "reconcile" and how == "complete":
            self._settle_doubts(body["result"])
        return 200, {"id": command_id, "status": command.status}

    # -- sync

    def _sync(self, seen: Seen) -> Reply:
        if len(seen.raw) > SYNC_BYTES_MAX or not seen.raw.isascii():
            return problem(413, "BODY_TOO_LARGE", "At most 8 KiB of ASCII.")
        elements = [*seen.body.get("trades", []), *seen.body.get("transitions", []),
                    *seen.body.get("fills", []), *seen.body.get("quotes", []),
                    *seen.body.get("acks", [])]
        if len(elements) > SYNC_ELEMENTS_MAX:
            return problem(400, "VALIDATION_FAILED", "At most 24 elements go into one sync.")
        instance = seen.headers["x-instance-id"]
        number = seen.body["syncSeq"]
        # The state may be another one when a sync is repeated.
        text = json.dumps({**seen.body, "state": None}, sort_keys=True)
        last, stored_text, stored = self._syncs.get(instance, (0, "", {}))
        if number < last:
            return problem(409, "SYNC_SEQ_STALE", f"The last one was {last}.", lastSyncSeq=last)
        if number == last:
            if text != stored_text:
                return problem(422, "SYNC_SEQ_REUSED", "This number had other content.")
            return 200, {**stored, "replayed": True, "desiredState": self.desired, **self._times()}
        results = [self._one(element, self._trade, element)
                   for element in seen.body.get("trades", [])]
        for element in seen.body.get("transitions", []):
            results.append(self._one(element, self._sync_transition, element))
        for element in seen.body.get("fills", []):
            results.append(self._one(element, self._sync_fill, element))
        for place, element in enumerate(seen.body.get("quotes", [])):
            results.append({"element": f"quotes[{place}]",
                            **self._one(element, self._quote, element)})
        acks = []
        for ack in seen.body.get("acks", []):
            how = "complete" if ack["outcome"] == "succeeded" else "fail"
            status, body = self._settle(ack["commandId"], how, ack)
            acks.append({"commandId": ack["commandId"], "status": "ok" if status < 300 else
                         "refused", "code": body.get("code")})
        oversized = [one.id for one in self._queued()
                     if len(json.dumps(one.payload)) > COMMAND_BYTES_MAX]
        commands = self._hand_out(seen.body["lease"], oversized) if "lease" in seen.body else []
        reply = {"syncSeq": number, "replayed": False, "commands": commands, "acks": acks,
                 "oversized": oversized,
                 "results": results, "desiredState": self.desired,
                 "tradingLeaseSeconds": self.trading_lease_seconds,
                 "nextPollAfterMs": self.next_poll_ms, **self._times()}
        self._syncs[instance] = (number, text, reply)
        return 200, reply

    def _one(self, element: Json, carry_out: Callable[[Json], Reply], body: Json) -> Json:
        if not re.fullmatch(r"[\x20-\x7e]{1,32}", element["clientRef"]):
            return {"clientRef": None, "status": "refused", "code": "VALIDATION_FAILED"}
        plain = {name: value for name, value in body.items() if name != "clientRef"}
        late = self._time_in_future(plain)
        status, answer = problem(400, "VALIDATION_FAILED", late) if late else carry_out(plain)
        if status >= 300:
            return {"clientRef": element["clientRef"], "status": "refused",
                    "code": answer["code"], "detail": answer["detail"]}
        return {"clientRef": element["clientRef"], "status": "ok",
                "id": answer.get("id", answer.get("trade", {}).get("id")), "version": 1}

    def _sync_transition(self, element: Json) -> Reply:
        return self._transition(*self._addressed(element))

    def _sync_fill(self, element: Json) -> Reply:
        return self._fill(*self._addressed(element))

    def _addressed(self, element: Json) -> Tuple[str, Json]:
        body = dict(element)
        trade_id = body.pop("tradeId", None)
        order = body.pop("clientOrderId", None)
        if trade_id is None:
            trade_id = next((one["id"] for one in self.trades if one["clientOrderId"] == order),
                            "none")
        return trade_id, body


def iso(seconds: float) -> str:
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1000):03d}Z"


def is_gone(sock: socket.socket) -> bool:
    """Whether the client has closed its end."""
    if isinstance(sock, ssl.SSLSocket):
        return False
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def hang_up(sock: socket.socket) -> None:
    """Without a word, and also when the socket is one of TLS."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass
