"""Tradewarden for Python agents: one file, standard library only, Python 3.9 or newer.

Copy it beside your bot. Two layers:

* ``Client`` makes single calls: heartbeat, lease, complete, fail, extend, sync, records. Each is
  one attempt; ``Client.retrying`` repeats one with backoff.
* ``Agent`` keeps a bot connected through everything that goes wrong: a server that is away, lost
  answers, ``kill -9``, a wrong clock, a second copy. Its threads do the talking; the bot's own code
  stays on one thread, asks ``next_command`` and ``may_open``, and writes facts in ``step``.

Times given to and taken from this module are UTC. Durations are seconds, unless a name says other.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import email.utils
import http.client
import io
import ipaddress
import itertools
import json
import logging
import math
import os
import random
import re
import socket
import ssl
import sys
import threading
import time
import traceback
import urllib.parse
import uuid
import zlib
from typing import (
    Any, Callable, Deque, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional,
    Sequence, Set, Tuple, TypeVar, Union,
)

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Agent", "Answer", "Backoff", "CannotContinue", "Client", "ClockUnknown", "Command",
    "Decision", "DesiredState", "Idea", "InstanceConflict", "Permission", "Reason", "Refused",
    "ServerAway", "Spool", "SpoolDamaged", "SpoolError", "SpoolFull", "SpoolLocked", "Step",
    "SystemClock", "TimeInFuture", "TradewardenError",
]

VERSION = "1.0.0"
Json = Dict[str, Any]
Time = Union[dt.datetime, str, int, None]
T = TypeVar("T")
log = logging.getLogger("tradewarden")

# A Retry-After is honoured up to here: a wrong one must not silence an agent for a day.
RETRY_AFTER_MAX = 300.0
CALL_TIMEOUT = 10.0
CONNECT_TIMEOUT = 5.0
# A hundred leased commands of 64 KiB fit; more is not an answer of this server.
ANSWER_BYTES_MAX = 8 * 1024 * 1024
# One mebibyte is the server's limit for a request.
FACT_BYTES_MAX = 1_000_000
RESULT_BYTES_MAX = 262_144
SYNC_BYTES_MAX = 8_192
SYNC_ELEMENTS_MAX = 24
# The server takes whole numbers that a double holds.
SYNC_SEQ_MAX = 2 ** 53 - 1
# So many numbers of syncs are kept as used by one write, before the first of them goes out.
SYNC_SEQS_TAKEN = 100
# Shorter than the shortest keep-alive in use (Node's 5 s): a connection that idled longer may be
# closed just as a request is sent on it.
IDLE_CONNECTION_SECONDS = 4.0
# The trading lease of a copy that fell silent lasts a minute; asking more often changes nothing.
CONFLICT_SECONDS = 15.0
# Times that are given to us may lead the server's clock this far; it refuses more than 120 s.
FUTURE_TOLERANCE = 60.0
# A fact that the server answers with an error this often, while it answers everything else, is put
# aside: those behind it must not wait for ever.
FACT_ERRORS_MAX = 8
# How long an answer to a command waits for the facts that belong to it.
FACTS_FIRST_SECONDS = 15.0
ANSWERS_KEPT = 500
IDS_KEPT = 1_000
REJECTED_BYTES_MAX = 8 * 1024 * 1024
# A change of what the broker shows is told after this; a market that moves is no change.
POSITIONS_SECONDS = 1.0
QUOTES_SECONDS = 1.0
# What is older is no price any more: the server's gate takes none that is.
QUOTE_AGE_MAX = 10.0
QUOTES_MAX = 1_000

TIME_FIELDS = ("timestamp", "entryTime", "occurredAt", "sourceTime", "at", "quotedAt")
DEAL_FIELDS = ("brokerDealId", "role", "price", "size", "at", "symbol", "direction")
DEALS_MAX = 1_000
FILL_ROLES = ("entry", "exit")
# An idea is priced when it is made: it is told within this, or not at all.
IDEA_SECONDS = 5.0
HALT_MODES = ("reduce", "halt", "flatten")
FINAL_STATUSES = ("closed", "rejected", "cancelled", "expired")
LEVEL_COMMANDS = {"start": "running", "resume": "running", "pause": "paused", "stop": "stopped"}


# ---------------------------------------------------------------------------------------------
# What goes wrong
# ---------------------------------------------------------------------------------------------

class TradewardenError(Exception):
    """Everything that this module raises on purpose, except for wrong arguments (ValueError)."""


class ServerAway(TradewardenError):
    """No answer, or one that says "not now". The request may or may not have been carried out."""

    def __init__(self, message: str, status: int = 0, retry_after: float = 0.0, code: str = "",
                 hopeless: bool = False):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.code = code
        # The server itself says that the same request will fail again.
        self.hopeless = hopeless


class Refused(TradewardenError):
    """A final answer that is not a success: the same request would be refused again."""

    def __init__(self, message: str, status: int, problem: Mapping[str, Any]):
        super().__init__(message)
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", ""))


class InstanceConflict(Refused):
    """Another running copy of this agent holds the trading lease."""

    def __init__(self, message: str, problem: Mapping[str, Any], retry_after: float = 0.0):
        super().__init__(message, 409, problem)
        self.retry_after = retry_after


class CannotContinue(TradewardenError):
    """The key is refused, the agent is gone, or something broke that waiting does not mend."""


class ClockUnknown(TradewardenError):
    """The server has not said what time it is, so no time can be stamped."""


class TimeInFuture(TradewardenError, ValueError):
    """A time that has not come yet by the server's clock: usually broker time taken for UTC."""


class SpoolError(TradewardenError):
    """The spool cannot be used."""


class SpoolFull(SpoolError):
    """There is no room for another fact: the server has been away for very long."""


class SpoolLocked(SpoolError):
    """Another process works with this folder."""


class SpoolDamaged(SpoolError):
    """A line before the last one is broken. No crash does that, so nothing is guessed."""


# ---------------------------------------------------------------------------------------------
# Time
# ---------------------------------------------------------------------------------------------

def _sleepless_clock() -> Optional[int]:
    """Python's own monotonic clock stands still while Linux and macOS sleep; these go on."""
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    number: Optional[int] = getattr(time, name, None)
    try:
        if number is not None:
            time.clock_gettime(number)
    except OSError:  # Some sandboxes have the name only.
        return None
    return number


_SLEEPLESS = _sleepless_clock()


class SystemClock:
    """This machine's clocks. The wall may be hours off and may jump; durations never use it."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        """Seconds that pass also while the machine sleeps: a lease does not outlast that."""
        return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)


_INSTANT = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d))$", re.ASCII
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def seconds_of(value: object) -> Optional[float]:
    """Epoch seconds of an RFC 3339 text with a zone; None for anything else."""
    match = _INSTANT.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        # A leap second is the last one of its minute twice.
        at = dt.datetime(year, month, day, hour, minute, min(second, 59), tzinfo=dt.timezone.utc)
    except ValueError:
        return None
    ahead = 0
    if match.group(9) is not None:
        ahead = int(match.group(10)) * 3600 + int(match.group(11)) * 60
        ahead = -ahead if match.group(9) == "-" else ahead
    fraction = float(f"0.{match.group(7) or 0}")
    return (at - _EPOCH).total_seconds() + fraction - ahead


def iso(seconds: float) -> str:
    """Epoch seconds as RFC 3339 text in UTC, cut to the millisecond: rounding would lie ahead."""
    millis = math.floor(seconds * 1000 + 1e-6)
    at = _EPOCH + dt.timedelta(milliseconds=millis)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"


class ServerClock:
    """What time it is at the server, between two bounds, on this machine's monotonic clock.

    An answer's ``serverTime`` was written after the request was sent and before the answer came,
    so it bounds the difference of the clocks from both sides; each answer narrows the bounds. The
    lower bound is never ahead of the server, whatever this machine's own clock says.
    """

    # Two quartz clocks part by up to 0.2 ms a second: the bounds widen by that until they are
    # narrowed again.
    DRIFT = 0.0002

    def __init__(self, clock: SystemClock):
        self._clock = clock
        self._lock = threading.Lock()
        self._known = False
        # Server's time less the monotonic clock, as of `_since` on that.
        self._lower = self._upper = self._since = 0.0
        self._wall_offset = 0.0

    def observe(self, server_time: object, sent: float, received: float) -> bool:
        """Takes in a serverTime; False when it cannot be read, which changes nothing."""
        at = seconds_of(server_time)
        # The years 2000 to 2199: what is added to a time near the last year would be no time.
        if at is None or not 946_684_800 <= at < 7_258_118_400:
            return False
        # It is cut to the millisecond.
        lower, upper = at - received, at + 0.001 - sent
        with self._lock:
            drift = self._drift(received)
            if self._known and lower <= self._upper + drift and self._lower - drift <= upper:
                lower = max(lower, self._lower - drift)
                upper = min(upper, self._upper + drift)
            self._lower, self._upper, self._since = lower, upper, received
            self._wall_offset = lower + self._clock.monotonic() - self._clock.wall()
            self._known = True
        return True

    @property
    def known(self) -> bool:
        return self._known

    @property
    def skew(self) -> Optional[float]:
        """Seconds that this machine's clock is behind the server's; negative: ahead of it."""
        return self._wall_offset if self._known else None

    def now(self) -> float:
        """Epoch seconds at the server, or a moment earlier. Raises ClockUnknown."""
        with self._lock:
            present = self._present()
            return self._lower - self._drift(present) + present

    def latest(self) -> float:
        """Epoch seconds that the server's clock has not passed yet: for "is it still valid?"."""
        with self._lock:
            present = self._present()
            return self._upper + self._drift(present) + present

    def _present(self) -> float:
        if not self._known:
            raise ClockUnknown("the server has not said what time it is")
        return self._clock.monotonic()

    def _drift(self, present: float) -> float:
        return max(0.0, present - self._since) * self.DRIFT

    def marker(self, process: str) -> Json:
        """Stands for the present until the server's time is known."""
        moment = {"wall": self._clock.wall(), "mono": self._clock.monotonic(), "process": process}
        return {"$time": moment}

    def settle(self, marker: Mapping[str, Any], process: str) -> str:
        """The time behind a marker, never ahead of the present. After a restart it rests on the
        wall clock having been as wrong then as it is now. Raises ClockUnknown."""
        now = self.now()
        if "at" in marker:
            return iso(min(float(marker["at"]), now))
        if marker["process"] == process:
            return iso(now - max(0.0, self._clock.monotonic() - float(marker["mono"])))
        return iso(min(float(marker["wall"]) + self._wall_offset, now))


class Backoff:
    """How long to wait after a failure: doubling, half of it random, so that agents do not come
    back as one; never less than the server asked for."""

    def __init__(self, first: float = 0.25, most: float = 30.0,
                 chance: Callable[[], float] = random.random):
        self._first, self._most, self._chance = first, most, chance
        self._failures = 0

    def next(self, retry_after: float = 0.0) -> float:
        ceiling = min(self._most, self._first * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return max(min(retry_after, RETRY_AFTER_MAX), ceiling / 2 + ceiling / 2 * self._chance())

    def reset(self) -> None:
        self._failures = 0


def retry_after_of(headers: Mapping[str, str], wall: float) -> float:
    """Seconds from a Retry-After of seconds or a date; 0 where it cannot be read. A date counts
    from the answer's own Date: this machine's clock may be an hour off."""
    text = (headers.get("retry-after") or "").strip()
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(text).timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            return 0.0
        try:
            wall = email.utils.parsedate_to_datetime(headers.get("date") or "").timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            pass
        seconds = until - wall
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


# ---------------------------------------------------------------------------------------------
# What the server wants
# ---------------------------------------------------------------------------------------------

class DesiredState(NamedTuple):
    """A level, not an event: the newest one counts. It rides on every answer."""

    state: str
    run: str
    version: int

    @property
    def may_open(self) -> bool:
        return self.state == "active" and self.run == "running"

    @property
    def may_decide(self) -> bool:
        """Under a halt or when stopped the strategy does not even decide."""
        return self.state in ("active", "reducing") and self.run != "stopped"


def read_desired(value: object) -> Optional[DesiredState]:
    """Checks a ``desiredState``. None for what cannot be read: then nothing changes."""
    if not isinstance(value, Mapping):
        return None
    state, run, version = value.get("state"), value.get("run"), value.get("version")
    if state not in ("active", "reducing", "halted", "flatten"):
        return None
    if run not in ("running", "paused", "stopped"):
        return None
    if not isinstance(version, int) or isinstance(version, bool):
        return None
    return DesiredState(str(state), str(run), version)


def read_desired_header(text: Optional[str],
                        known: Optional[DesiredState]) -> Optional[DesiredState]:
    """Reads ``halted;v=12;run=paused``; without ``run`` that stays as it is known."""
    if not text:
        return None
    state, *rest = (part.strip() for part in text.split(";"))
    fields = dict(part.split("=", 1) for part in rest if "=" in part)
    version = fields.get("v", "")
    return read_desired({
        "state": state,
        "run": fields.get("run", known.run if known else None),
        "version": int(version) if re.fullmatch(r"[0-9]{1,15}", version) else None,
    })


class Permission(NamedTuple):
    """Whether a position may be opened now, and if not, why. ``if agent.may_open(): ...``"""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


# ---------------------------------------------------------------------------------------------
# JSON as the server takes it
# ---------------------------------------------------------------------------------------------

def plain(value: Any) -> Any:
    """What ``json`` can write without losing a digit: Decimal and large integers become text,
    times RFC 3339 in UTC. Raises ValueError for NaN, times without a zone, and unknown types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("text with half of a surrogate pair cannot be sent") from None
        if "\0" in value:
            raise ValueError("text with a NUL character cannot be stored")
        return str(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= 2 ** 53 else str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("NaN and infinity are not numbers that can be sent")
        return value
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError("NaN and infinity are not numbers that can be sent")
        return format(value, "f")
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone could mean anything")
        return iso((value - _EPOCH).total_seconds())
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError("names in JSON are text")
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    raise ValueError(f"{type(value).__name__} cannot be sent as JSON")


def encoded(value: Any) -> bytes:
    """JSON in ASCII, without a space too many."""
    text = json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.encode("ascii")


def exact(value: Any) -> Any:
    """As `plain`, for money: a float is none. Raises ValueError."""
    if isinstance(value, float):
        raise ValueError(f"{value!r} is a float, which is not exact: give Decimal or text")
    if isinstance(value, Mapping):
        return plain({key: exact(inner) for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return [exact(inner) for inner in value]
    return plain(value)


def camel(names: Mapping[str, Any]) -> Json:
    """``stop_loss`` becomes ``stopLoss``; names that are spelled so already stay."""
    out: Json = {}
    for name, value in names.items():
        first, *rest = name.split("_")
        out[first + "".join(part[:1].upper() + part[1:] for part in rest)] = value
    return out


def _camel_within(value: Any) -> Any:
    if isinstance(value, Mapping):
        return camel(value)
    return [_camel_within(one) for one in value] if isinstance(value, (list, tuple)) else value


# ---------------------------------------------------------------------------------------------
# Calls
# ---------------------------------------------------------------------------------------------

class Answer(NamedTuple):
    """A success. ``sent`` and ``received`` are on the monotonic clock."""

    status: int
    body: Json
    sent: float
    received: float


class _Secret:
    """Keeps the key out of repr(), logs, pickles and whatever prints local variables."""

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not pickled")


class _TimedSocket:
    """A socket on which a call as a whole has one deadline. A plain one counts each read anew, so
    a server that drips could hold a call for ever; and a timer for each call would be a thread
    for each. `abort` ends a call from another thread."""

    def __init__(self, clock: SystemClock):
        self._clock = clock
        self._lock = threading.Lock()
        self._sock: Optional[socket.socket] = None
        self._readers = 0
        self._closing = False
        self.aborted = False
        self.deadline = 0.0
        self.idle_since = 0.0

    @property
    def connected(self) -> bool:
        return self._sock is not None

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError after it, and after an abort."""
        seconds = self.deadline - self._clock.monotonic()
        if self.aborted or seconds <= 0:
            raise TimeoutError("no answer in time")
        return seconds

    def connect(self, host: str, port: int, tls: Optional[ssl.SSLContext]) -> None:
        sock = socket.create_connection((host, port), min(self.left(), CONNECT_TIMEOUT))
        self._keep(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return
        secure = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        self._keep(secure)
        secure.settimeout(self.left())
        secure.do_handshake()

    def _keep(self, sock: socket.socket) -> None:
        with self._lock:
            self._sock = sock
            if self.aborted:
                raise TimeoutError("interrupted")

    def abort(self) -> None:
        with self._lock:
            self.aborted = True
            if self._sock is not None:
                # The plain socket's: an SSL socket's own would take the session from under a
                # thread that reads from it.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    # What http.client asks of a socket.

    def sendall(self, data: bytes) -> None:
        assert self._sock is not None
        self._sock.settimeout(self.left())
        self._sock.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        if self._sock is None:
            raise OSError("the connection is closed")
        self._sock.settimeout(self.left())
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_TimedReader(self))

    def close(self) -> None:
        """http.client closes the connection before it reads the last answer on it."""
        self._closing = True
        if self._readers == 0:
            self.really_close()

    def reader_closed(self) -> None:
        self._readers -= 1
        if self._closing and self._readers == 0:
            self.really_close()

    def really_close(self) -> None:
        with self._lock:
            sock, self._sock = self._sock, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: _TimedSocket):
        super().__init__()
        self._timed = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._timed.reader_closed()
        super().close()


class Client:
    """JSON over HTTP to one server, as one agent. Each method makes one attempt: whether to try
    again is the caller's decision, who alone knows what has happened in the meantime.

    Raises ServerAway for no answer, 408, 425, 429, 5xx and whatever the server calls retryable;
    Refused otherwise. Safe for several threads, not for use after a fork.
    """

    def __init__(self, url: str, api_key: str, *, ca_file: Optional[str] = None,
                 allow_http: bool = False, clock: Optional[SystemClock] = None,
                 instance_id: Optional[str] = None):
        """``ca_file``: certificates to trust in place of the system's. ``allow_http``: send the
        key unencrypted to a host that is not this machine; for private networks only."""
        self._https, self._host, self._port, self._base = _checked_url(url, allow_http)
        if not re.fullmatch(r"[\x21-\x7e]{8,512}", api_key):
            raise ValueError("the API key must be 8 to 512 visible ASCII characters")
        self._key = _Secret(api_key)
        self.clock = clock or SystemClock()
        # A second copy must not pass for the first: an Agent keeps its own under its folder's lock.
        self.instance_id = instance_id or str(uuid.uuid4())
        self.on_headers: Callable[[Mapping[str, str]], None] = lambda headers: None
        self._tls = ssl.create_default_context(cafile=ca_file) if self._https else None
        if self._tls is not None:
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: List[_TimedSocket] = []
        self._in_flight: Set[_TimedSocket] = set()
        self._interrupted = False
        # Of a whole call; a long poll has its waiting time on top.
        self.timeout = CALL_TIMEOUT

    @classmethod
    def from_env(cls, **options: Any) -> Client:
        """With TRADEWARDEN_URL and TRADEWARDEN_API_KEY."""
        url, key, more = settings_from_env()
        return cls(url, key, **{**more, **options})

    def __repr__(self) -> str:
        return f"<Client of {self._host}:{self._port}, instance {self.instance_id}>"

    # -- the contract

    def heartbeat(self, state: Mapping[str, Any]) -> Answer:
        return self.post("/agents/me/heartbeat", state)

    def lease(self, most: int = 1, wait_seconds: float = 0.0, lease_seconds: int = 30) -> Answer:
        """Asks for commands; waits at the server until there is one, ``wait_seconds`` at most."""
        body = {"max": most, "waitSeconds": wait_seconds, "leaseSeconds": lease_seconds}
        return self.post("/agents/me/commands/lease", body, timeout=wait_seconds + self.timeout)

    def complete(self, command_id: str, lease_token: str, result: Optional[Json] = None) -> Answer:
        body: Json = {"leaseToken": lease_token}
        if result is not None:
            body["result"] = result
        return self.post(f"/commands/{_segment(command_id)}/complete", body)

    def fail(self, command_id: str, lease_token: str, outcome: str, code: str, message: str = "",
             retryable: bool = False) -> Answer:
        """``outcome``: not_sent, rejected or unknown. Only after not_sent it may come again."""
        body = {"leaseToken": lease_token, "outcome": outcome, "retryable": retryable,
                "error": {"code": code, "message": message[:2_000]}}
        return self.post(f"/commands/{_segment(command_id)}/fail", body)

    def extend(self, command_id: str, lease_token: str, lease_seconds: int = 30) -> Answer:
        body = {"leaseToken": lease_token, "leaseSeconds": lease_seconds}
        return self.post(f"/commands/{_segment(command_id)}/extend", body)

    def sync(self, body: Mapping[str, Any]) -> Answer:
        """After a lost answer send the same body again, until there is an answer."""
        return self.post("/agents/me/sync", body)

    def predict(self, body: Mapping[str, Any], key: str) -> Answer:
        return self.post("/predictions", body, key=key)

    def trade(self, body: Mapping[str, Any], key: str) -> Answer:
        return self.post("/trades", body, key=key)

    def transition(self, trade_id: str, body: Mapping[str, Any], key: str) -> Answer:
        return self.post(f"/trades/{_segment(trade_id)}/transitions", body, key=key)

    def explain(self, trade_id: str, body: Mapping[str, Any], key: str) -> Answer:
        return self.post(f"/trades/{_segment(trade_id)}/explanations", body, key=key)

    def fill(self, trade_id: str, body: Mapping[str, Any], key: str) -> Answer:
        return self.post(f"/trades/{_segment(trade_id)}/fills", body, key=key)

    def quotes(self, items: Sequence[Mapping[str, Any]]) -> Answer:
        return self.post("/quotes", {"items": list(items)})

    def marks(self, items: Sequence[Mapping[str, Any]]) -> Answer:
        """Each with its ``tradeId``."""
        return self.post("/trades/marks/batch", {"items": list(items)})

    def positions(self, report: Mapping[str, Any]) -> Answer:
        """What the broker shows; the same again changes nothing."""
        return self.post("/agents/me/positions", report)

    def reconcile(self, shown: Mapping[str, Any]) -> Answer:
        """Positions, orders and deals, unasked; the same again changes nothing."""
        return self.post("/agents/me/reconcile", shown)

    def propose(self, idea: Mapping[str, Any], key: str, lease: bool = True) -> Answer:
        """``lease``: where the gate lets it through at once, its command comes with the answer.
        With the same key it is one idea, and the answer the first one."""
        return self.post("/trade-ideas" + ("?lease=1" if lease else ""), idea, key=key)

    def idea(self, idea_id: str) -> Answer:
        return self.get(f"/trade-ideas/{_segment(idea_id)}")

    def ideas(self, **filters: Any) -> Answer:
        """A page, the newest first: ``status``, ``limit``, ``cursor`` and what else there is."""
        given = {name: value for name, value in plain(camel(filters)).items() if value is not None}
        query = urllib.parse.urlencode(given)
        return self.get("/trade-ideas" + (f"?{query}" if query else ""))

    def kill_switch(self, mode: str, reason: str, key: Optional[str] = None) -> Answer:
        """Halts this agent: ``reduce``, ``halt`` or ``flatten``. Only a person releases it."""
        if mode not in HALT_MODES:
            raise ValueError(f"a halt is {', '.join(HALT_MODES)}")
        body = {"scope": {"type": "agent"}, "mode": mode, "reason": reason}
        return self.post("/kill-switch", body, key=key)

    def check(self) -> Answer:
        """Whether an opening would pass now, and what stands in its way; changes nothing."""
        return self.post("/agents/me/check", {})

    # -- the transport

    def get(self, path: str) -> Answer:
        return self._call("GET", path, None, None, self.timeout)

    def post(self, path: str, body: Mapping[str, Any], *, key: Optional[str] = None,
             timeout: Optional[float] = None) -> Answer:
        """``key``: the Idempotency-Key; the same one for the same fact, however often sent."""
        return self._call("POST", path, encoded(body), key, timeout or self.timeout)

    def retrying(self, call: Callable[[], T], within: float = 60.0,
                 backoff: Optional[Backoff] = None) -> T:
        """Repeats a call until it is answered. Raises the last ServerAway when the next attempt
        would begin later than ``within`` seconds from now, or the server called it hopeless. For
        calls that may be repeated: reading, and whatever carries an Idempotency-Key or a lease
        token."""
        backoff = backoff or Backoff()
        deadline = self.clock.monotonic() + within
        while True:
            try:
                return call()
            except ServerAway as away:
                pause = backoff.next(away.retry_after)
                if away.hopeless or self.clock.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)

    def interrupt(self) -> None:
        """Ends the calls that are under way, and makes new ones raise ServerAway too."""
        with self._lock:
            self._interrupted = True
            sockets = list(self._in_flight)
        for sock in sockets:
            sock.abort()

    def resume(self) -> None:
        """Lets calls through again after an interrupt."""
        self._interrupted = False

    def close(self) -> None:
        self.interrupt()
        with self._lock:
            idle, self._idle = self._idle, []
        for sock in idle:
            sock.really_close()

    def _call(self, method: str, path: str, payload: Optional[bytes], key: Optional[str],
              timeout: float) -> Answer:
        if os.getpid() != self._pid:
            raise RuntimeError("this client was made before a fork: make one in each process")
        if payload is not None and len(payload) > FACT_BYTES_MAX:
            raise ValueError(f"a request may be {FACT_BYTES_MAX} bytes at most")
        sent = self.clock.monotonic()
        try:
            status, headers, raw = self._exchange(method, path, payload, key, timeout)
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # AttributeError and ValueError come out of http.client and ssl when a connection is
            # closed under them. The cause is said in words only: its frames hold the headers.
            raise ServerAway(f"{method} {path}: {self.cleaned(_reason(error))}") from None
        received = self.clock.monotonic()
        self.on_headers(headers)
        parsed = _parse_object(raw)
        if 200 <= status < 300:
            if parsed is None:
                # A proxy's page must not count as "recorded".
                raise ServerAway(f"{method} {path}: {status}, but not in JSON", status)
            return Answer(status, parsed, sent, received)
        self._raise_for(method, path, status, headers, parsed or {})
        raise AssertionError("unreachable")

    def _raise_for(self, method: str, path: str, status: int, headers: Mapping[str, str],
                   problem: Json) -> None:
        wait = retry_after_of(headers, self.clock.wall())
        code = problem.get("code")
        code = code if isinstance(code, str) else ""
        message = self.cleaned(f"{method} {path}: {_describe(status, code, problem)}")
        if code == "AGENT_INSTANCE_CONFLICT":
            raise InstanceConflict(message, problem, wait)
        if 300 <= status < 400:
            raise ServerAway(f"{message}: a redirect, which is not followed with a key; the URL "
                             "must be the server's own", status, wait)
        if not code:
            # Every refusal of the server has a code: this one is of something in between, which
            # may be gone in a minute.
            raise ServerAway(f"{message} (not an answer of the server)", status, wait)
        if status >= 500 or status in (408, 425, 429) or problem.get("retryable") is True:
            hopeless = problem.get("retryable") is False
            raise ServerAway(message, status, wait, code, hopeless)
        raise Refused(message, status, problem)

    def _exchange(self, method: str, path: str, payload: Optional[bytes], key: Optional[str],
                  timeout: float) -> Tuple[int, Mapping[str, str], bytes]:
        sock = self._take()
        sock.deadline = self.clock.monotonic() + timeout
        with self._lock:
            sock.aborted = self._interrupted
            self._in_flight.add(sock)
        reusable = False
        try:
            if not sock.connected:
                sock.connect(self._host, self._port, self._tls)
            answer, reusable = self._talk(sock, method, path, payload, key)
            return answer
        except Exception:
            if sock.aborted:
                raise TimeoutError("no answer in time") from None
            raise
        finally:
            with self._lock:
                self._in_flight.discard(sock)
                reusable = reusable and not sock.aborted and not self._interrupted
                if reusable and len(self._idle) < 4:
                    sock.idle_since = self.clock.monotonic()
                    self._idle.append(sock)
                else:
                    reusable = False
            if not reusable:
                sock.really_close()

    def _talk(self, sock: _TimedSocket, method: str, path: str, payload: Optional[bytes],
              key: Optional[str]) -> Tuple[Tuple[int, Mapping[str, str], bytes], bool]:
        line = http.client.HTTPConnection(self._host, self._port)
        line.default_port = 443 if self._https else 80
        line.sock = sock
        line.putrequest(method, f"{self._base}/api/v1{path}")
        line.putheader("Accept", "application/json")
        line.putheader("User-Agent", f"tradewarden-python/{VERSION}")
        line.putheader("X-Instance-Id", self.instance_id)
        if key is not None:
            line.putheader("Idempotency-Key", key)
        if payload is not None:
            line.putheader("Content-Type", "application/json")
            line.putheader("Content-Length", str(len(payload)))
        line.putheader("Authorization", "Bearer " + self._key.reveal())
        line.endheaders(payload)
        response = line.getresponse()
        with contextlib.closing(response):
            raw = _read_all(response)
        # What something in between echoes must not bring the key into a log by way of an answer.
        secret = self._key.reveal
        headers = {name.lower(): value.replace(secret(), "***")
                   for name, value in response.getheaders()}
        raw = raw.replace(secret().encode("ascii"), b"***")
        return (response.status, headers, raw), not response.will_close

    def _take(self) -> _TimedSocket:
        """A connection that was used a moment ago, or a new one."""
        now = self.clock.monotonic()
        with self._lock:
            while self._idle:
                sock = self._idle.pop()
                if now - sock.idle_since < IDLE_CONNECTION_SECONDS:
                    return sock
                sock.really_close()
        return _TimedSocket(self.clock)

    def cleaned(self, text: str) -> str:
        """One short line, without characters that could forge another, and without the key."""
        text = text.replace(self._key.reveal(), "***")
        return "".join(char if char.isprintable() else " " for char in text)[:500]

    def holds_key(self, text: str) -> bool:
        return self._key.reveal() in text


def settings_from_env() -> Tuple[str, str, Json]:
    """URL, key and options from TRADEWARDEN_URL, TRADEWARDEN_API_KEY, TRADEWARDEN_CA_FILE and
    TRADEWARDEN_ALLOW_HTTP=1. Raises ValueError when one of the first two is missing."""
    url = os.environ.get("TRADEWARDEN_URL", "").strip()
    key = os.environ.get("TRADEWARDEN_API_KEY", "").strip()
    for name, value in (("TRADEWARDEN_URL", url), ("TRADEWARDEN_API_KEY", key)):
        if not value:
            raise ValueError(f"{name} is not set")
    return url, key, {"ca_file": os.environ.get("TRADEWARDEN_CA_FILE") or None,
                      "allow_http": os.environ.get("TRADEWARDEN_ALLOW_HTTP") == "1"}


def _checked_url(url: str, allow_http: bool) -> Tuple[bool, str, int, str]:
    # The URL is never repeated in a message: whoever puts a password there pastes it anywhere.
    try:
        parts = urllib.parse.urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ValueError("the server's URL cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the server's URL must be like https://tradewarden.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the server's URL must not contain a name or a password")
    if parts.query or parts.fragment:
        raise ValueError("the server's URL must not contain a query or a fragment")
    if re.search(r"[^\x21-\x7e]", parts.hostname + parts.path):
        raise ValueError("the server's URL must be ASCII")
    if parts.scheme == "http" and not allow_http and not _is_this_machine(parts.hostname):
        raise ValueError("http:// would send the API key unencrypted: use https://, or, in a "
                         "private network, allow_http=True or TRADEWARDEN_ALLOW_HTTP=1")
    https = parts.scheme == "https"
    return https, parts.hostname, port or (443 if https else 80), parts.path.rstrip("/")


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _read_all(response: http.client.HTTPResponse) -> bytes:
    chunks: List[bytes] = []
    size = 0
    while True:
        chunk = response.read(65_536)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise http.client.HTTPException(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
    # http.client does not complain when it reads in parts and the connection ends early.
    if response.length:
        raise http.client.HTTPException("the answer ended early")
    return b"".join(chunks)


def _parse_object(raw: bytes) -> Optional[Json]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _describe(status: int, code: str, problem: Mapping[str, Any]) -> str:
    fields = problem.get("errors")
    named = "; ".join(
        f"{one.get('path')}: {one.get('message')}"
        for one in (fields if isinstance(fields, list) else [])[:10] if isinstance(one, dict)
    )
    detail = problem.get("detail") or problem.get("title") or ""
    return " ".join(part for part in (str(status), code, str(detail), named) if part)


def _reason(error: BaseException) -> str:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"


# ---------------------------------------------------------------------------------------------
# What must outlive the process
# ---------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Fact:
    """A record on its way to the server."""

    seq: int
    # The Idempotency-Key: a fact whose answer was lost is sent again with the same one.
    key: str
    # Of the call; `{trade}` stands for the id that the server gave to the trade below.
    path: str
    body: Json
    # The clientOrderId of the trade that the path speaks of.
    trade: Optional[str] = None
    # The name under which later facts mean the id that the server will give to this one.
    ref: Optional[str] = None
    # In the spool, in bytes.
    size: int = dataclasses.field(default=0, compare=False)

    @property
    def unsettled(self) -> bool:
        """Holds a time that is known by this machine's clock only."""
        return any(isinstance(holder.get(name), dict) and "$time" in holder[name]
                   for holder in self._holders() for name in TIME_FIELDS)

    def settle(self, time_of: Callable[[Mapping[str, Any]], str]) -> None:
        for holder in self._holders():
            for name in TIME_FIELDS:
                value = holder.get(name)
                if isinstance(value, dict) and "$time" in value:
                    holder[name] = time_of(value["$time"])

    def _holders(self) -> List[Json]:
        items = self.body.get("items") if self.path == "/predictions/batch" else None
        return items if isinstance(items, list) else [self.body]


class _FileLock:
    """Held by the kernel, so that it goes with the process however that ends."""

    def __init__(self, path: str):
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            self._take()
        except OSError:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace") if fcntl else ""
            os.close(self._file)
            who = f"process {holder.strip()}" if holder.strip() else "another process"
            raise SpoolLocked(f"{who} already works with {os.path.dirname(path)}") from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode("ascii"))

    def _take(self) -> None:
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        import msvcrt  # Windows locks bytes: one far behind what others may want to read.
        os.lseek(self._file, 1 << 30, os.SEEK_SET)
        msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
        os.lseek(self._file, 0, os.SEEK_SET)

    @property
    def place(self) -> str:
        """What is locked: no other process has a lock of this name while this one has it. A copy
        of the folder, on this machine or another, has a lock of its own."""
        file = os.fstat(self._file)
        return f"{socket.gethostname()!a} {file.st_dev} {file.st_ino}"

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Spool:
    """One append-only file that holds everything a crash must not take: unsent facts, the bot's
    own state, which commands were begun and how they were answered, and the ids that the server
    gave. A record is one line with a checksum, synced to the disk before it counts, and each
    record is whole: a step of the bot has happened with all its facts, or it has not.

    A broken last line was never acted on, and is cut off. A broken line before it is no crash's
    doing: then the spool refuses to open, and a person looks.
    """

    def __init__(self, folder: str, *, facts_max: int = 10_000, bytes_max: int = 64 * 1024 * 1024):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._path = os.path.join(self.folder, "spool.log")
        self._rejected_path = os.path.join(self.folder, "rejected.jsonl")
        self._facts_max, self._bytes_max = facts_max, bytes_max
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._file_lock = _FileLock(os.path.join(self.folder, "spool.lock"))
        self._file: Optional[Any] = None
        self._broken: Optional[str] = None
        self.facts: Deque[Fact] = collections.deque()
        self.state: Any = None
        self.agent_id: Optional[str] = None
        self.magic: Optional[int] = None
        self.begun: Dict[str, Json] = {}
        self.answers: "collections.OrderedDict[str, Json]" = collections.OrderedDict()
        self.unsent_answers: "collections.OrderedDict[str, Json]" = collections.OrderedDict()
        self._ids: "collections.OrderedDict[str, Optional[str]]" = collections.OrderedDict()
        self._tags: Dict[str, str] = {}
        # Of each trade that is open: its lot size, and what was entered and left.
        self._open_trades: Dict[str, List[str]] = {}
        self._journal = uuid.uuid4().hex[:12]
        self._last_seq = 0
        self._fact_bytes = 0
        self._bytes = self._base_bytes = 0
        # All syncs of this copy, by this process or one before, have this number at most.
        self._sync_seqs_taken = 0
        self._instance: Any = [str(uuid.uuid4()), self._file_lock.place]
        try:
            self.rejected_count = self._count_rejected()
            self._load()
            self.instance_id = self._same_instance()
        except BaseException:
            self._file_lock.release()
            raise

    # -- reading

    @property
    def size(self) -> int:
        return len(self.facts)

    @property
    def crowded(self) -> bool:
        """Only a fifth is left, which is kept for what happens to trades that are open."""
        return (len(self.facts) >= self._facts_max * 4 // 5
                or self._fact_bytes >= self._bytes_max * 4 // 5 or self._broken is not None)

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def first(self) -> Optional[Fact]:
        with self._lock:
            return self.facts[0] if self.facts else None

    def snapshot(self, most: Optional[int] = None) -> List[Fact]:
        with self._lock:
            return list(itertools.islice(self.facts, most))

    def pending_answers(self) -> List[Tuple[str, Json]]:
        with self._lock:
            return list(self.unsent_answers.items())

    def id_of(self, ref: str) -> Optional[str]:
        """The id behind a name; None while it is not known, or when the server refused it."""
        with self._lock:
            return self._ids.get(ref)

    def trade_id(self, client_order_id: str) -> Optional[str]:
        return self.id_of(f"trade:{client_order_id}")

    def tag_of(self, client_order_id: str) -> Optional[str]:
        with self._lock:
            return self._tags.get(f"trade:{client_order_id}")

    def ref_of(self, given_id: str) -> Optional[str]:
        with self._lock:
            return next((ref for ref, known in self._ids.items() if known == given_id), None)

    @property
    def sync_seqs_taken(self) -> int:
        return self._sync_seqs_taken

    def knows_trade(self, client_order_id: str) -> bool:
        ref = f"trade:{client_order_id}"
        with self._lock:
            return ref in self._ids or any(fact.ref == ref for fact in self.facts)

    # -- writing

    def commit(self, record: Json, drafts: Sequence[Fact] = (), essential: bool = False) -> None:
        """Writes one record, with new facts that get their numbers and keys here. It is on the
        disk when this returns. Raises SpoolFull or SpoolError, and then nothing has happened."""
        with self._lock:
            facts = []
            for number, draft in enumerate(drafts, self._last_seq + 1):
                draft.seq, draft.key = number, f"{self._journal}-{number}"
                facts.append(_fact_to_json(draft))
            # As it will be read again: what was a Decimal is text from now on.
            record = plain({**record, "facts": facts} if facts else record)
            if facts:
                self._check_room(record["facts"], essential)
            self._append(record, sync=True)
            self._apply(record)
            self._compact_if_grown()

    def mark_sent(self, sent: Sequence[Tuple[Fact, Optional[str], Optional[str]]]) -> None:
        """Takes facts out after the server's 2xx, with the ids that it gave, and of trades the
        order tags. Not synced: what is forgotten in a power cut is sent again with the same key."""
        record: Json = {"sent": [[fact.seq, fact.ref if given else None, given]
                                 for fact, given, _ in sent]}
        tags = [[fact.ref, tag] for fact, given, tag in sent if given and tag]
        self._note({**record, "tags": tags} if tags else record)

    def keep_tag(self, client_order_id: str, tag: str) -> None:
        self._note({"tags": [[f"trade:{client_order_id}", tag]]})

    def mark_rejected(self, fact: Fact, status: int, reason: str) -> None:
        """Puts a fact aside into rejected.jsonl, so that those behind it can go on."""
        line = {"at": iso(time.time()), "status": status, "reason": reason,
                "fact": _fact_to_json(fact)}
        with self._lock:
            with contextlib.suppress(OSError):
                if os.path.getsize(self._rejected_path) > REJECTED_BYTES_MAX:
                    os.replace(self._rejected_path, self._rejected_path + ".1")
            try:
                with open(self._rejected_path, "a+b") as file:
                    # Behind half a line, which a crash or a full disk left, it would be lost.
                    end = file.seek(0, os.SEEK_END)
                    file.seek(max(0, end - 1))
                    file.write((b"\n" if file.read() not in (b"", b"\n") else b"")
                               + encoded(line) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise SpoolError(f"rejected.jsonl cannot be written: {error.strerror}") from error
            self.rejected_count += 1
            self._note({"rejected": [[fact.seq, fact.ref]]})

    def take_sync_seqs(self, most: int) -> None:
        """Syncs up to this number may go out. A hundred at a time: each is a write."""
        try:
            self.commit({"syncSeqs": most})
        except SpoolError as error:
            # The server refuses a number that comes twice, and says which was the last.
            log.warning("the numbers of syncs are not kept: %s", error)
            self._sync_seqs_taken = most

    def mark_answered(self, command_id: str, token: str) -> None:
        """The answer under this lease is told; under a newer one it may still wait."""
        self._note({"answered": [[command_id, token]]})

    def settle_times(self, time_of: Callable[[Mapping[str, Any]], str]) -> None:
        """Gives unsettled facts their times, before any of them is sent: a fact that was sent
        must not change any more."""
        with self._lock:
            unsettled = [fact for fact in self.facts if fact.unsettled]
            for fact in unsettled:
                fact.settle(time_of)
            if unsettled:
                self._compact()

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._file.fileno())
                self._file.close()
                self._file = None
            self._broken = "it is closed"
            self._file_lock.release()

    def _note(self, record: Json) -> None:
        with self._lock:
            self._append(record, sync=False)
            self._apply(record)
            self._compact_if_grown()

    def _check_room(self, facts: Sequence[Json], essential: bool) -> None:
        size = sum(len(encoded(fact)) for fact in facts)
        share = 1.0 if essential else 0.8
        if (len(self.facts) + len(facts) > self._facts_max * share
                or self._fact_bytes + size > self._bytes_max * share):
            raise SpoolFull(f"{len(self.facts)} facts wait for the server: there is no room for "
                            "more" + ("" if essential else " that are not about an open trade"))

    def _append(self, record: Json, sync: bool) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("this spool was opened before a fork: it belongs to the parent")
        if self._broken is not None or self._file is None:
            raise SpoolError(f"the spool cannot be written: {self._broken}")
        line = _line_of(record)
        try:
            _write_all(self._file, line)
        except OSError as error:
            # Half a line in the middle would make the file unreadable.
            try:
                self._file.truncate(self._bytes)
                self._file.seek(0, os.SEEK_END)
            except OSError:
                self._broken = "a half written line could not be taken back"
            raise SpoolError(f"the spool cannot be written: {error.strerror}") from error
        self._bytes += len(line)
        if sync:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                # After a failed sync nobody knows what is on the disk.
                self._broken = f"fsync failed ({error.strerror})"
                raise SpoolError(f"the spool cannot be written: {self._broken}") from error

    def _apply(self, record: Json) -> None:
        if "base" in record:
            self._take_base(record["base"])
        for raw in record.get("facts", ()):
            fact = _fact_of_json(raw)
            self.facts.append(fact)
            self._fact_bytes += fact.size
            self._last_seq = max(self._last_seq, fact.seq)
            self._follow_trade(fact)
        for seq, ref, given in record.get("sent", ()):
            self._remove(seq)
            if ref is not None and given is not None:
                self._ids[ref] = given
        for seq, ref in record.get("rejected", ()):
            self._remove(seq)
            if ref is not None:
                self._ids[ref] = None
        for ref, tag in record.get("tags", ()):
            self._tags[ref] = tag
        if "state" in record:
            self.state = record["state"]
        if "agent" in record:
            self.agent_id = record["agent"]
        if "magic" in record:
            self.magic = record["magic"]
        if "instance" in record:
            self._instance, self._journal = record["instance"], record["journal"]
        self._sync_seqs_taken = record.get("syncSeqs", self._sync_seqs_taken)
        for command in record.get("begun", ()):
            self.begun[command["id"]] = command
            while len(self.begun) > ANSWERS_KEPT:
                del self.begun[next(iter(self.begun))]
        for answer in record.get("answers", ()):
            self._keep_answer(answer)
        for command_id, token in record.get("answered", ()):
            if self.unsent_answers.get(command_id, {}).get("token") == token:
                del self.unsent_answers[command_id]

    def _keep_answer(self, answer: Json) -> None:
        command_id = answer["id"]
        self.begun.pop(command_id, None)
        kept = {name: value for name, value in answer.items() if name not in ("token", "after")}
        # A refusal is not kept: nothing was done, and it may be possible when it comes again. Nor
        # is what the broker showed, which is large, and asked for anew it is newer.
        if (kept["kind"] == "complete" and kept["type"] != "reconcile"
                or kept.get("outcome") == "unknown"):
            self.answers[command_id] = kept
            while len(self.answers) > ANSWERS_KEPT:
                self.answers.popitem(last=False)
        self.unsent_answers.pop(command_id, None)
        self.unsent_answers[command_id] = answer

    def _follow_trade(self, fact: Fact) -> None:
        if fact.ref is not None and fact.ref.startswith("trade:"):
            self._open_trades[fact.ref] = [str(fact.body.get("lotSize", "")), "0", "0"]
        elif fact.trade is not None and (fact.body.get("to") in FINAL_STATUSES
                                         or self._leaves_nothing(fact)):
            self._open_trades.pop(f"trade:{fact.trade}", None)

    def _leaves_nothing(self, fact: Fact) -> bool:
        """Counts a fill. A trade that was told without one entered with its lot size."""
        sizes = self._open_trades.get(f"trade:{fact.trade}")
        if sizes is None or not fact.path.endswith("/fills"):
            return False
        side = 1 if fact.body["role"] == "entry" else 2
        with contextlib.suppress(decimal.DecimalException):
            sizes[side] = str(decimal.Decimal(sizes[side]) + decimal.Decimal(fact.body["size"]))
            lots, entered, left = (decimal.Decimal(one) for one in sizes)
            return left >= (entered or lots)
        return False

    def _remove(self, seq: int) -> None:
        for index, fact in enumerate(self.facts):
            if fact.seq == seq:
                del self.facts[index]
                self._fact_bytes -= fact.size
                return

    def _take_base(self, base: Json) -> None:
        self._journal, self._last_seq = base["journal"], base["seq"]
        self.state, self.agent_id = base["state"], base["agent"]
        # A spool that was written before there were these has none.
        self._instance, self._sync_seqs_taken = base.get("instance"), base.get("syncSeqs", 0)
        self.begun = {command["id"]: command for command in base["begun"]}
        self.answers = collections.OrderedDict((one["id"], one) for one in base["answers"])
        self.unsent_answers = collections.OrderedDict(
            (one["id"], one) for one in base["unsent"])
        self._ids = collections.OrderedDict((ref, given) for ref, given in base["ids"])
        self._tags = dict(base.get("tags", ()))
        self.magic = base.get("magic")
        sizes = base.get("sizes", {})
        self._open_trades = {ref: list(sizes.get(ref, ("", "0", "0"))) for ref in base["open"]}
        self.facts.clear()
        self._fact_bytes = 0

    def _load(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._path + ".tmp")
        try:
            with open(self._path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            text = b""
        else:
            if not text:
                raise SpoolDamaged(f"{self._path} is empty, as a spool never is")
        good = number = 0
        while good < len(text):
            number += 1
            end = text.find(b"\n", good)
            record = None if end < 0 else _record_of(text[good:end])
            if record is None:
                # The first line came whole into its place: no crash breaks it.
                if number == 1 or (end >= 0 and end + 1 < len(text)):
                    raise SpoolDamaged(
                        f"{self._path}, line {number}, is not what was written; a crash breaks "
                        "only the last line, so move the file away and look at it")
                self._cut_off(text, good)
                break
            if number == 1 and "base" not in record:
                raise SpoolDamaged(f"{self._path} does not begin as a spool does")
            self._apply(record)
            good = end + 1
        if good == 0:
            self._compact()
            return
        self._bytes = self._base_bytes = good
        self._file = open(self._path, "ab", buffering=0)

    def _same_instance(self) -> str:
        """Names this copy to the server, which lets one copy of an agent trade. It stays with the
        lock, which lets one process in: after ``kill -9`` the next process is the same copy, and
        need not wait a minute until it counts as silent. In a folder that was copied it names
        another copy, whose next facts have the next keys: so both are made anew."""
        place = self._file_lock.place
        if isinstance(self._instance, list) and self._instance[1:] == [place]:
            return str(self._instance[0])
        made = str(uuid.uuid4())
        try:
            self.commit({"instance": [made, place], "journal": uuid.uuid4().hex[:12]})
        except SpoolError as error:
            log.warning("the name of this copy is not kept, so after a crash the server takes the "
                        "next process for another copy, for a minute (%s)", error)
        return made

    def _cut_off(self, text: bytes, good: int) -> None:
        log.warning("the last line of the spool was cut off by a crash, %d bytes; they are kept "
                    "in spool.torn", len(text) - good)
        with open(os.path.join(self.folder, "spool.torn"), "ab") as torn:
            torn.write(text[good:] + b"\n")
        with open(self._path, "r+b") as file:
            file.truncate(good)
            os.fsync(file.fileno())

    def _compact_if_grown(self) -> None:
        if self._bytes > max(1024 * 1024, 3 * self._base_bytes):
            self._compact()

    def _compact(self) -> None:
        """Replaces the file as a whole by one line with all that is still needed."""
        self._forget_ids()
        record = {
            "base": {
                "format": 1, "journal": self._journal, "seq": self._last_seq,
                "state": self.state, "agent": self.agent_id, "begun": list(self.begun.values()),
                "answers": list(self.answers.values()),
                "unsent": list(self.unsent_answers.values()),
                "ids": list(self._ids.items()), "open": sorted(self._open_trades),
                "sizes": self._open_trades, "tags": list(self._tags.items()),
                "magic": self.magic,
                "instance": self._instance, "syncSeqs": self._sync_seqs_taken,
            },
            "facts": [_fact_to_json(fact) for fact in self.facts],
        }
        line = _line_of(record)
        temporary = self._path + ".tmp"
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                              | getattr(os, "O_BINARY", 0), 0o600), "wb", buffering=0) as file:
                _write_all(file, line)
                os.fsync(file.fileno())
            if self._file is not None:
                self._file.close()  # Windows replaces no file that is open.
                self._file = None
            os.replace(temporary, self._path)
            _sync_folder(self.folder)
            self._file = open(self._path, "ab", buffering=0)
        except OSError as error:
            if self._file is None:
                self._broken = f"it could not be rewritten ({error.strerror})"
                raise SpoolError(f"the spool cannot be written: {self._broken}") from error
            # The old file is whole, and can be used on.
            log.warning("the spool could not be made smaller: %s", error.strerror)
            self._base_bytes = self._bytes
            return
        self._bytes = self._base_bytes = len(line)

    def _forget_ids(self) -> None:
        """Of the ids that no open trade and no unsent fact needs, the newest are kept: an
        explanation may still come for a trade that is closed."""
        needed = set(self._open_trades)
        for fact in self.facts:
            if fact.trade is not None:
                needed.add(f"trade:{fact.trade}")
            reference = fact.body.get("predictionId")
            if isinstance(reference, dict) and "$ref" in reference:
                needed.add(reference["$ref"])
        spare = [ref for ref in self._ids if ref not in needed]
        for ref in spare[:max(0, len(spare) - IDS_KEPT)]:
            del self._ids[ref]
            self._tags.pop(ref, None)

    def _count_rejected(self) -> int:
        # A crash between the two files can write one rejection twice: keys are counted.
        keys = set()
        try:
            with open(self._rejected_path, "rb") as file:
                for line in file:
                    with contextlib.suppress(ValueError, KeyError, TypeError):
                        keys.add(json.loads(line)["fact"]["key"])
        except FileNotFoundError:
            pass
        return len(keys)


def _fact_to_json(fact: Fact) -> Json:
    out: Json = {"seq": fact.seq, "key": fact.key, "path": fact.path, "body": fact.body}
    if fact.trade is not None:
        out["trade"] = fact.trade
    if fact.ref is not None:
        out["ref"] = fact.ref
    return out


def _fact_of_json(raw: Json) -> Fact:
    return Fact(raw["seq"], raw["key"], raw["path"], raw["body"], raw.get("trade"), raw.get("ref"),
                len(encoded(raw)))


def _line_of(record: Json) -> bytes:
    text = encoded(record)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _record_of(line: bytes) -> Optional[Json]:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    return _parse_object(text)


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0:]


def _sync_folder(path: str) -> None:
    if os.name == "nt":  # There a folder cannot be opened: the rename is as durable as it gets.
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# ---------------------------------------------------------------------------------------------
# What the bot's own code works with
# ---------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Command:
    """A command that was leased. It is answered in a step: ``step.complete`` or ``step.fail``."""

    id: str
    type: str
    payload: Json
    priority: str
    attempt: int
    lease_token: str
    # Epoch seconds at the server; None where it did not say.
    lease_until: Optional[float]
    created_at: Optional[float]
    # Carried out once at most: begun, and then never handed out again.
    once: bool = False
    # A process before this one began it and ended before it was answered.
    interrupted: bool = False
    # An operator has cancelled it; what is not done yet may be left.
    cancel_requested: bool = False
    lease_lost: bool = False
    extended_at: float = 0.0


class Reason(NamedTuple):
    """Why an idea is not carried out, or not yet: what was found, and the limit."""

    code: str
    message: str
    actual: Any
    limit: Any


class Decision(NamedTuple):
    """The gate's. ``rules``: one for each that was looked at, as the server says it."""

    id: str
    verdict: str
    reasons: Tuple[Reason, ...]
    rules: Tuple[Json, ...]


@dataclasses.dataclass
class Idea:
    """A trade that was proposed, and what the gate says of it. ``status``: auto_executed, approved,
    needs_approval, waiting, rejected, halted_by_risk or expired."""

    id: str
    status: str
    # Of what would be traded: an approval is bound to it.
    digest: str
    decision: Decision
    command_id: Optional[str]
    # The whole answer.
    body: Json
    # Handed over with the answer: carry it out now, it comes by no other way. None: nothing is to
    # be sent now; the command of an idea that waits or needs a person comes from next_command.
    command: Optional[Command] = None

    @property
    def codes(self) -> List[str]:
        """Of the reasons against it; empty for one that passed."""
        return [reason.code for reason in self.decision.reasons]


class Step:
    """What happened at one moment: facts, the bot's state, answers to commands. All of it is on
    the disk when the ``with`` block ends, or nothing of it when that raises.

    Names of further fields may be spelled ``stop_loss`` or ``stopLoss``. Prices and sizes are best
    given as Decimal or text. A time is a datetime with a zone, RFC 3339 text or epoch
    milliseconds, by the server's clock (``agent.now()``); None means the present.
    """

    def __init__(self, agent: Agent):
        self._agent = agent
        self.facts: List[Fact] = []
        self.answers: List[Tuple[Command, Json]] = []
        self.record: Json = {}

    def prediction(self, *, model: str, symbol: str, direction: str, confidence: Any,
                   timestamp: Time = None, **more: Any) -> str:
        """Answers a name by which ``trade(prediction=...)`` means it."""
        ref = f"prediction:{uuid.uuid4().hex[:16]}"
        body = {"model": model, "symbol": symbol, "direction": direction,
                "confidence": confidence, "timestamp": timestamp, **camel(more)}
        self._add("/predictions", body, ref=ref)
        return ref

    def predictions(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Up to a thousand at once, all or none."""
        if not 1 <= len(items) <= 1_000:
            raise ValueError("a batch is 1 to 1,000 predictions")
        bodies = [self._dated({"timestamp": None, **camel(item)}) for item in items]
        self._add("/predictions/batch", {"items": bodies})

    def trade(self, client_order_id: str, *, symbol: str, direction: str, lot_size: Any,
              entry_time: Time = None, prediction: Optional[str] = None, **more: Any) -> None:
        """A trade that was opened, or with ``status="pending"`` is to be. ``client_order_id`` is
        unique for the agent for ever: told twice, it is the same trade."""
        body = {"clientOrderId": client_order_id, "symbol": symbol, "direction": direction,
                "lotSize": lot_size, **camel(more)}
        if body.get("status") != "pending":
            body["entryTime"] = entry_time
        if prediction is not None:
            body["predictionId"] = {"$ref": prediction}
        self._add("/trades", body, ref=f"trade:{client_order_id}")

    def transition(self, client_order_id: str, to: str, *, deal_id: str, occurred_at: Time = None,
                   **more: Any) -> None:
        """A trade's next status, as a dated fact: ``deal_id`` is the broker's, and told twice it
        is the same fact. ``to="closed"`` needs ``exit_price`` and ``exit_reason``."""
        body = {"to": to, "brokerDealId": deal_id, "occurredAt": occurred_at, **camel(more)}
        self._about(client_order_id, "transitions", body)

    def fill(self, client_order_id: str, role: str, *, deal_id: str, price: Any, size: Any,
             at: Time = None, **more: Any) -> None:
        """What the broker did for a trade: ``role`` is entry or exit, ``deal_id`` the broker's own,
        told twice it is the same fact. The trade follows: it opens with its first entry, and is
        closed when as much has left as entered. ``profit``, ``commission``, ``swap`` and ``fee``
        are those of this deal; costs are negative. An exit may say its ``exit_reason``."""
        if role not in FILL_ROLES:
            raise ValueError("a fill is an entry or an exit")
        body = {"brokerDealId": deal_id, "role": role, "price": price, "size": size,
                **camel(more)}
        self._about(client_order_id, "fills", {**exact(body), "at": at})

    def explanation(self, client_order_id: str, kind: str, explanation: str, **more: Any) -> None:
        """``kind``: entry, exit or review."""
        body = {"kind": kind, "explanation": explanation, **camel(more)}
        self._about(client_order_id, "explanations", body)

    def skip(self, prediction: str, explanation: str, **more: Any) -> None:
        """Why what was predicted is not traded. There is no trade that it could be about."""
        self._add("/explanations", {"kind": "skip", "explanation": explanation, **camel(more),
                                    "predictionId": {"$ref": prediction}})

    def complete(self, command: Command, result: Optional[Mapping[str, Any]] = None) -> None:
        """It is done. Delivered again it is answered the same, and nothing is done twice."""
        answer: Json = {"kind": "complete"}
        if result is not None:
            answer["result"] = dict(result)
            if len(encoded(result)) > RESULT_BYTES_MAX:
                raise ValueError("a result may be 256 KiB at most")
        self.answers.append((command, answer))

    def fail(self, command: Command, outcome: str, code: str, message: str = "",
             retryable: bool = False) -> None:
        """``outcome``: not_sent, rejected, or unknown when it may have reached the broker."""
        if outcome not in ("not_sent", "rejected", "unknown"):
            raise ValueError("an outcome is not_sent, rejected or unknown")
        self.answers.append((command, {
            "kind": "fail", "outcome": outcome, "retryable": retryable,
            "error": {"code": code[:100], "message": message[:2_000]}}))

    def save(self, state: Any) -> None:
        """The bot's own state, as JSON; ``agent.state`` after a restart. Keep it small: it is
        written whole with each step that changes it."""
        self.record["state"] = state

    def _about(self, client_order_id: str, what: str, body: Json) -> None:
        ref = f"trade:{client_order_id}"
        known = self._agent.spool.knows_trade(client_order_id)
        if not known and not any(draft.ref == ref for draft in self.facts):
            raise ValueError(f"the trade {client_order_id!r} is not known here: tell it first "
                             "(told again, the server answers with the one that it has)")
        self._add(f"/trades/{{trade}}/{what}", body, trade=client_order_id)

    def _add(self, path: str, body: Json, *, trade: Optional[str] = None,
             ref: Optional[str] = None) -> None:
        checked = plain(self._dated(body) if "items" not in body else body)
        line = encoded(checked)
        if len(line) > FACT_BYTES_MAX:
            raise ValueError(f"a fact may be {FACT_BYTES_MAX} bytes at most")
        if self._agent.client.holds_key(line.decode("ascii")):
            raise ValueError("a fact must not contain the API key")
        self.facts.append(Fact(0, "", path, checked, trade, ref))

    def _dated(self, body: Json) -> Json:
        dated = dict(body)
        for name in TIME_FIELDS:
            if name == "sourceTime" and dated.get(name) is None:
                continue
            if name in dated:
                dated[name] = self._agent.stamp(dated[name])
        return dated


# ---------------------------------------------------------------------------------------------
# How the agent talks: the line, the reports, the facts, the commands, and two ways to run them
# ---------------------------------------------------------------------------------------------

class _Line:
    """The connection as the rest sees it: up or down, what the server wants, whether trading is
    allowed; and how failures are waited out. `changed` guards what the threads share."""

    def __init__(self, client: Client, stall_seconds: float, conflict_seconds: float):
        self.client = client
        self.clock = client.clock
        self.server_clock = ServerClock(self.clock)
        # Of times by the monotonic clock, which begins anew: the instance id outlives the process.
        self.process = str(uuid.uuid4())
        self.changed = threading.Condition(threading.RLock())
        self.stopping = False
        self.fatal: Optional[CannotContinue] = None
        self.desired: Optional[DesiredState] = None
        self.up = False
        # It was up at least once: the server knows what there was at the start.
        self.reported = False
        self._away_said = False
        self.conflict = False
        # When the server took this agent's own halt, on the monotonic clock; infinite until then.
        self.halted_at: Optional[float] = None
        # When the request was sent whose answer said what is desired.
        self._desired_asked = -math.inf
        self.heartbeat_seconds = 15.0
        # Counts facts and answers that got through.
        self.progress = 0
        # A heartbeat is due now.
        self.nudged = False
        # The server's Retry-After, on the monotonic clock.
        self.not_before = -math.inf
        self.started = False
        self._app_seen = self.clock.monotonic()
        self._stall_seconds, self._conflict_seconds = stall_seconds, conflict_seconds
        self._trading_lease = (0.0, 0.0)
        self._conflict_said = -math.inf
        self._skew_said = 0.0
        self._timeless_said = -math.inf
        client.on_headers = self._see_headers

    # -- the bot's loop

    def app_is_alive(self) -> float:
        """The bot has called in. Answers when, on the monotonic clock."""
        with self.changed:
            was_stalled, self._app_seen = self.stalled, self.clock.monotonic()
            if was_stalled:
                self.changed.notify_all()
            return self._app_seen

    @property
    def app_silence(self) -> float:
        return self.clock.monotonic() - self._app_seen

    @property
    def stalled(self) -> bool:
        return self.started and self.app_silence > self._stall_seconds

    # -- what every answer brings

    def _see_headers(self, headers: Mapping[str, str]) -> None:
        self._see(read_desired_header(headers.get("x-desired-state"), self.desired))

    def _see(self, seen: Optional[DesiredState]) -> None:
        """Keeps the newer one: answers to parallel calls arrive in any order."""
        with self.changed:
            known = self.desired
            if seen is None or (known is not None and seen.version < known.version):
                return
            self.desired = seen
            if seen != known:
                log.info("desired state: %s, %s (version %d)", seen.state, seen.run, seen.version)
                self.changed.notify_all()

    def learn(self, answer: Answer, stored: bool = False) -> None:
        """Takes in the desired state and, unless the answer is an old one, the time."""
        if not stored:
            given = answer.body.get("serverTime")
            self.server_clock.observe(given, answer.sent, answer.received)
        seen = read_desired(answer.body.get("desiredState"))
        self._see(seen)
        if seen is not None and not stored:
            with self.changed:
                self._desired_asked = max(self._desired_asked, answer.sent)
        skew = self.server_clock.skew
        if skew is None:
            if self.clock.monotonic() - self._timeless_said > 60.0:
                self._timeless_said = self.clock.monotonic()
                log.warning("the server does not say what time it is: nothing will be opened")
            return
        with self.changed:
            self.changed.notify_all()  # Facts may have waited for it.
        if abs(skew - self._skew_said) > 5.0:
            self._skew_said = skew
            log.warning("this machine's clock is %.0f s %s the server's; the server's is used",
                        abs(skew), "behind" if skew > 0 else "ahead of")

    def take_trading_lease(self, seconds: object, sent: float) -> None:
        with self.changed:
            self._trading_lease = (sent, _positive(seconds, 0.0))
            if self.conflict:
                self.conflict = False
                self._conflict_said = -math.inf
                log.warning("the other copy of this agent is silent: this one takes over")

    def trading_lease_left(self) -> float:
        sent, seconds = self._trading_lease
        return max(0.0, sent + seconds - self.clock.monotonic())

    @property
    def halts_itself(self) -> bool:
        """Until an answer to a later request says what is desired, none of before may count."""
        return self.halted_at is not None and self._desired_asked <= self.halted_at

    def server_time_at(self, moment: float) -> float:
        """Epoch seconds at the server when the monotonic clock showed `moment`."""
        return self.server_clock.now() - max(0.0, self.clock.monotonic() - moment)

    def come_up(self) -> None:
        with self.changed:
            if self.stopping:
                return
            if self.reported:
                log.info("the server is back, and knows everything again")
            self.up = self.reported = True
            self.changed.notify_all()

    def note_progress(self) -> None:
        with self.changed:
            self.progress += 1
            self.changed.notify_all()

    # -- waiting and failing

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Waits for something, the end of the agent, or the time to pass."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopping or until(), max(0.0, seconds))
            return until()

    def check_fatal(self) -> None:
        if self.fatal is not None:
            raise self.fatal

    def wait_as_asked(self) -> None:
        self.wait(self.not_before - self.clock.monotonic())

    def nudge(self) -> None:
        """Makes the next heartbeat due now, so that a change is seen at once."""
        with self.changed:
            self.nudged = True
            self.changed.notify_all()

    def attempt(self, work: Callable[[], object], backoff: Backoff) -> bool:
        """True when it went through; otherwise the failure has been waited out."""
        before = self.progress
        try:
            work()
        except TradewardenError as error:
            if self.progress != before:
                # Something got through: this failure is not the one before come again.
                backoff.reset()
            if not self.stopping:
                self._cope(error, backoff)
            return False
        backoff.reset()
        return True

    def _cope(self, error: TradewardenError, backoff: Backoff) -> None:
        if isinstance(error, InstanceConflict):
            self._stand_back(error)
        elif isinstance(error, ServerAway):
            pause = backoff.next(error.retry_after)
            self._mark_down(error)
            self.wait(pause)
        elif isinstance(error, Refused):
            raise _cannot_continue(error) from error
        elif isinstance(error, CannotContinue):
            raise error
        else:
            raise CannotContinue(str(error)) from error

    def _stand_back(self, conflict: InstanceConflict) -> None:
        """Another copy trades: this one opens nothing, and asks again now and then."""
        now = self.clock.monotonic()
        with self.changed:
            self.conflict, self.up = True, False
            self._trading_lease = (0.0, 0.0)
            if now - self._conflict_said >= 60.0:
                self._conflict_said = now
                log.warning("another copy of this agent is running: this one opens nothing, and "
                            "takes over when that one is silent (%s)", conflict)
        pause = self._conflict_seconds * (0.8 + 0.4 * random.random())
        self.wait(max(pause, min(conflict.retry_after, RETRY_AFTER_MAX)))

    def _mark_down(self, error: ServerAway) -> None:
        """No answer, a 5xx or an answer of something else means that the server is away; other
        refusals for now are about one call only."""
        if error.status == 429 or (0 < error.status < 500 and error.code):
            return
        with self.changed:
            wait = min(error.retry_after, RETRY_AFTER_MAX)
            self.not_before = max(self.not_before, self.clock.monotonic() + wait)
            if self.up or not (self.reported or self._away_said):
                log.warning("the server is away (%s); going on alone, exits are still managed",
                            error)
                self._away_said = True
            self.up = False
            self.changed.notify_all()

    def guarded(self, loop: Callable[[], None]) -> None:
        """Runs a thread's loop. One that dies unseen would leave half an agent behind."""
        try:
            loop()
        except CannotContinue as error:
            self._give_up(error)
        except BaseException as error:
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            log.error("unexpected: %s", self.client.cleaned("".join(lines)[-450:]))
            self._give_up(CannotContinue(f"unexpected: {self.client.cleaned(_reason(error))}"))

    def _give_up(self, error: CannotContinue) -> None:
        with self.changed:
            if self.fatal is None and not self.stopping:
                log.error("%s", error)
                self.fatal = error
            self.stopping = True
            self.up = False
            self.changed.notify_all()


class _State(NamedTuple):
    """The body of a heartbeat, and of when its figures are on the monotonic clock."""

    body: Json
    figures: float


class _Reporter:
    """What the server is told about the agent as it is now."""

    def __init__(self, line: _Line, spool: Spool, reports: _BrokerReports, version: str,
                 config_hash: Optional[str], status: Callable[[], str]):
        self._line, self._client, self._spool = line, line.client, spool
        self._reports = reports
        self._version, self._config_hash, self._status = version, config_hash, status
        self._observed: Optional[int] = None
        self._told_status = ""
        self._figures: Optional[Tuple[float, Json]] = None
        self._figures_refused = ""
        # Of the newest figures that the server has, on the monotonic clock; and the time, by the
        # server's, before which it takes a report for an older one than it has.
        self._told_figures = -math.inf
        self._told_as_of = 0.0
        # The last report was refused for its time: the server's clock was set back.
        self._timeless = False
        self._identified = False

    def set_figures(self, figures: Json) -> None:
        with self._line.changed:
            self._figures = (self._line.app_is_alive(), figures)
            self._figures_refused = ""

    def observe(self, version: int) -> None:
        with self._line.changed:
            if version != self._observed:
                self._observed = version
                # That no entry order is left counts when a report shows it.
                self._reports.tell_again()
                self._line.nudge()

    @property
    def status_told(self) -> bool:
        """An agent that the server takes for one that is still starting may open nothing."""
        return self._told_status == self._status()

    def heartbeat(self) -> None:
        state = self.state()
        try:
            answer = self._client.heartbeat(state.body)
        except InstanceConflict:
            raise
        except Refused as refused:
            if refused.status != 400 or not self.leave_out(str(refused)):
                raise
            state = self.state()
            answer = self._client.heartbeat(state.body)
        self.heard(state, answer)
        self._line.take_trading_lease(answer.body.get("tradingLeaseSeconds"), answer.sent)
        seconds = _positive(answer.body.get("heartbeatSeconds"), 15.0)
        self._line.heartbeat_seconds = min(60.0, seconds)
        self._line.learn(answer)

    def leave_out(self, reason: str) -> bool:
        """What cannot be stored must not cost the agent its life: times that the server has not
        reached, or else the figures. False when there is nothing to leave out."""
        if "TIME_IN_FUTURE" in reason and not self._timeless:
            # An answer to a report without times says what time it is now.
            self._timeless, self._told_as_of = True, 0.0
            return True
        if self._figures is None or self._figures_refused:
            return False
        log.error("the reported figures are refused, and left out: %s", reason)
        self._figures_refused = reason[:200]
        return True

    def heard(self, state: _State, answer: Answer) -> None:
        """The server has this report, and takes none that is older."""
        with self._line.changed:
            self._timeless = False
            self._told_status = str(state.body.get("status"))
            self._line.changed.notify_all()
            self._told_figures = max(self._told_figures, state.figures)
            as_of = state.body.get("asOf") or answer.body.get("serverTime")
            self._told_as_of = max(self._told_as_of, seconds_of(as_of) or 0.0)

    def state(self) -> _State:
        """With the figures that the server has not seen: old ones are not passed off as new."""
        line = self._line
        with line.changed:
            body: Json = {"status": self._status(), "agentVersion": self._version}
            if self._config_hash is not None:
                body["configHash"] = self._config_hash
            troubles, figures = [], -math.inf
            if line.stalled:
                troubles.append(f"the bot's loop has not called in for {line.app_silence:.0f} s")
            if self._figures_refused:
                troubles.append(f"figures refused: {self._figures_refused}")
            elif (self._figures is not None and self._figures[0] > self._told_figures
                    and not self._timeless):
                figures = self._figures[0]
                body.update(self._with_server_times(self._figures[1]))
            if self._spool.crowded:
                troubles.append(f"{self._spool.size} facts wait to be sent")
            if self._reports.trouble:
                troubles.append(self._reports.trouble)
            if self._spool.rejected_count:
                troubles.append(f"{self._spool.rejected_count} facts were rejected "
                                "(rejected.jsonl)")
            body["errorMessage"] = "; ".join(troubles)[:500] or None
            if self._observed is not None:
                body["observedStateVersion"] = self._observed
            if line.server_clock.known and not self._timeless:
                if self._told_as_of > line.server_clock.latest() + FUTURE_TOLERANCE:
                    self._told_as_of = 0.0
                at = line.clock.monotonic() if figures == -math.inf else figures
                body["asOf"] = iso(max(line.server_time_at(at), self._told_as_of))
            return _State(body, figures)

    def _with_server_times(self, figures: Json) -> Json:
        """Without any while the server's time is not known."""
        out = dict(figures)
        for name in ("lastCycleAt", "lastQuoteAt"):
            given = seconds_of(out.pop(name, None))
            if given is not None and self._line.server_clock.known:
                out[name] = iso(min(given, self._line.server_clock.now()))
        return out

    def identify(self) -> None:
        """Facts of one agent must not be told as another's because a key or a folder was mixed
        up."""
        if self._identified:
            return
        said = self._client.get("/agents/me").body
        agent_id = _id_in(said)
        if not agent_id:
            raise ServerAway("GET /agents/me: no id in the answer", 200)
        if self._spool.agent_id is None:
            self._spool.commit({"agent": agent_id})
        elif self._spool.agent_id != agent_id:
            raise CannotContinue(f"{self._spool.folder} belongs to agent {self._spool.agent_id}, "
                                 f"and the key to agent {agent_id}")
        magic = said.get("magic")
        if isinstance(magic, int) and not isinstance(magic, bool) and magic != self._spool.magic:
            self._spool.commit({"magic": magic})
        self._identified = True


@dataclasses.dataclass
class _Shown:
    """What the broker showed, when, and the last fact that had been written down by then."""

    body: Json
    at: float
    after: int
    # None while the server's time is not known.
    as_of: Optional[str] = None
    # Since when it waits for those facts, on the monotonic clock.
    waits_since: float = math.inf


class _BrokerReports:
    """What the broker shows. In an outage's wake it goes before the facts; otherwise after those
    that were written down before it, or the server would take our own trades for somebody else's,
    and miss those that we closed."""

    def __init__(self, line: _Line, spool: Spool):
        self._line, self._client, self._spool = line, line.client, spool
        self._newest: Optional[_Shown] = None
        # Fast bots show something else before the facts of the first are told: this one stays.
        self._chosen: Optional[_Shown] = None
        self._told_substance: Any = None
        self._told_at = -math.inf
        # When it was asked for once more, and of when what is shown must be.
        self._again = (-math.inf, -math.inf)
        self._unasked: Optional[_Shown] = None
        self._absent: Set[str] = set()
        self._said: Set[str] = set()
        self.trouble = ""

    @property
    def newest(self) -> Optional[_Shown]:
        return self._newest

    def show(self, body: Json) -> None:
        with self._line.changed:
            self._newest = self._dated(_Shown(body, self._line.clock.monotonic(),
                                              self._spool.last_seq))
            self._line.changed.notify_all()

    def tell_again(self) -> None:
        """Soon, also if nothing in it has changed."""
        with self._line.changed:
            if self._newest is not None:
                self._again = (self._line.clock.monotonic(), self._newest.at)
                self._told_substance = None
                self._line.changed.notify_all()

    def show_all(self, body: Json) -> None:
        """With deals, unasked; has its asOf."""
        with self._line.changed:
            now = self._line.clock.monotonic()
            self._unasked = _Shown(body, now, self._spool.last_seq, body["asOf"], now)
            self._line.changed.notify_all()

    def _dated(self, shown: _Shown) -> _Shown:
        """A millisecond early, since trades that enter in the one after would count as lacking.
        For good: what is learned of the server's time later must not move it past an entry."""
        if shown.as_of is None and self._line.server_clock.known:
            shown.as_of = iso(self._line.server_time_at(shown.at) - 0.001)
        return shown

    def due_in(self) -> float:
        """Seconds until something can be told; infinite while there is nothing."""
        with self._line.changed:
            if not self._line.server_clock.known:
                return math.inf
            unasked = math.inf if self._unasked is None else self._facts_told_in(self._unasked)
            chosen = (self._newest_due_in() if self._chosen is None
                      else self._facts_told_in(self._chosen))
            return min(unasked, chosen)

    def _newest_due_in(self) -> float:
        if self._newest is None or "positions" in self._absent:
            return math.inf
        changed = _substance(self._newest.body) != self._told_substance
        pause = POSITIONS_SECONDS if changed else self._line.heartbeat_seconds
        return self._told_at + pause - self._line.clock.monotonic()

    def _facts_told_in(self, shown: _Shown) -> float:
        first = self._spool.first()
        if first is None or first.seq > shown.after:
            return 0.0
        return shown.waits_since + FACTS_FIRST_SECONDS - self._line.clock.monotonic()

    def tell_if_due(self) -> None:
        with self._line.changed:
            if not self._line.server_clock.known:
                return
            if self._chosen is None and self._newest_due_in() <= 0:
                assert self._newest is not None
                self._chosen = self._newest
                self._chosen.waits_since = self._line.clock.monotonic()
            chosen, unasked = self._chosen, self._unasked
        if chosen is not None and self._facts_told_in(chosen) <= 0:
            self._tell(chosen)
        if unasked is not None and self._facts_told_in(unasked) <= 0:
            self._tell_all(unasked)

    def tell_the_last(self) -> None:
        """When the agent ends: what changed in its last second, too."""
        with self._line.changed:
            newest = self._newest
            is_new = newest is not None and _substance(newest.body) != self._told_substance
        if newest is not None and is_new and self._line.server_clock.known:
            self._tell(newest)

    def tell_positions(self) -> None:
        """Before the facts, as after an outage."""
        with self._line.changed:
            newest = self._newest
        if newest is not None:
            self._tell(newest)

    def _tell(self, shown: _Shown) -> None:
        if "positions" in self._absent or self._dated(shown).as_of is None:
            return
        began = self._line.clock.monotonic()
        answer = self._post("positions", {"asOf": shown.as_of, **shown.body})
        with self._line.changed:
            self._chosen = None
            self._told_at = self._line.clock.monotonic()
            # One that was on its way when another was asked for is not that.
            is_new = began >= self._again[0] and shown.at >= self._again[1]
            self._told_substance = _substance(shown.body) if is_new else None
        if answer is not None:
            self._hear(answer)

    def _tell_all(self, shown: _Shown) -> None:
        answer = None if "reconcile" in self._absent else self._post("reconcile", shown.body)
        with self._line.changed:
            if self._unasked is shown:
                self._unasked = None
        if answer is None:
            return
        self._hear(answer)
        deals = answer.get("deals")
        deals = deals if isinstance(deals, dict) else {}
        log.info("reconciled: %s new deals, %s known", deals.get("stored"), deals.get("known"))
        for deal in _listed(deals.get("unmatched")):
            log.warning("the server knows no trade of the deal %s", self._client.cleaned(str(deal)))

    def _post(self, what: str, body: Json) -> Optional[Json]:
        """None after a refusal, which is shown: the same would be refused again."""
        try:
            answer = getattr(self._client, what)(body).body
        except InstanceConflict:
            raise
        except Refused as refused:
            _must_go_on(refused)
            # An older server has no such route; that is not asked again.
            if refused.status == 404:
                self._absent.add(what)
            said = f"the {what} report is refused: {refused}"
            if self.trouble != said[:200]:
                log.error("%s", said)
            self.trouble = "" if refused.status == 404 else said[:200]
            return None
        self.trouble = ""
        return dict(answer)

    def _hear(self, answer: Json) -> None:
        """Warns of each thing once, as long as it lasts."""
        found: List[str] = []
        if answer.get("code"):
            applied = "not applied" if answer.get("applied") is False else "not taken for complete"
            found.append(f"the positions report was {applied}: {answer['code']}")
        for name, words in (
                ("adopted", "nobody told of it: the server has adopted it as"),
                ("missing", "the broker does not show it any more: unknown now is"),
                ("closed", "the broker has not shown it twice: closed now is")):
            found += [f"{words} trade {one.get('tradeId')} ({one.get('size')} {one.get('symbol')}, "
                      f"position {one.get('brokerPositionId')})"
                      for one in _listed(answer.get(name))]
        found += [f"the broker holds {one.get('held')} {one.get('symbol')}, the server's trades "
                  f"{one.get('ours')} (position {one.get('brokerPositionId')})"
                  for one in _listed(answer.get("differing"))]
        for said in found:
            if said not in self._said:
                log.warning("%s", self._client.cleaned(said))
        self._said = set(found)


def _listed(value: object) -> List[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _substance(body: Mapping[str, Any]) -> Any:
    """What a report says beside prices, which always move."""
    moving = ("currentPrice", "floatingProfit", "swap", "commission")
    return body.get("complete"), body.get("brokerConnected"), [
        {name: value for name, value in one.items() if name not in moving}
        for one in [*body["positions"], *body["orders"]]]


class _Market:
    """The newest quote of each symbol and the newest mark of each trade. They are told once, or
    never: one that is old would be worse than none."""

    def __init__(self, line: _Line, spool: Spool):
        self._line, self._client, self._spool = line, line.client, spool
        self._quotes: Dict[str, Tuple[float, Json]] = {}
        # Told or not.
        self._newest: Dict[str, Tuple[float, Json]] = {}
        self._marks: Dict[str, Tuple[float, Json]] = {}
        self._due = -math.inf
        self._refusal = ""

    def quote(self, quotes: Sequence[Json]) -> None:
        for kept in (self._quotes, self._newest):
            self._take(kept, {quote["symbol"]: quote for quote in quotes})

    def mark(self, client_order_id: str, mark: Json) -> None:
        self._take(self._marks, {client_order_id: mark})

    def _take(self, kept: Dict[str, Tuple[float, Json]], news: Mapping[str, Json]) -> None:
        with self._line.changed:
            now = self._line.clock.monotonic()
            for name, one in news.items():
                kept.pop(name, None)
                kept[name] = (now, one)
            while len(kept) > QUOTES_MAX:
                del kept[next(iter(kept))]
            self._line.changed.notify_all()

    def due_in(self) -> float:
        with self._line.changed:
            some = self._quotes or any(self._spool.trade_id(name) for name in self._marks)
            return self._due - self._line.clock.monotonic() if some else math.inf

    def tell_if_due(self) -> None:
        if self.due_in() > 0:
            return
        quotes = self.take_quotes(QUOTES_MAX, FACT_BYTES_MAX)
        if quotes:
            items = [{name: value for name, value in one.items() if name != "clientRef"}
                     for one in quotes]
            self._post(lambda: self._client.quotes(items))
        self.tell_marks_if_due()
        self._due = self._line.clock.monotonic() + QUOTES_SECONDS

    def tell_now(self, symbol: str) -> None:
        """Before an idea, which is held against it."""
        with self._line.changed:
            self._forget_old(self._newest)
            kept = self._newest.get(symbol)
            # Told a moment ago it may still be on its way: it is told once more.
            self._quotes.pop(symbol, None)
        if kept is not None:
            self._post(lambda: self._client.quotes([kept[1]]))

    def tell_marks_if_due(self) -> None:
        """Of trades whose id is known; the others' wait for that as long as they are new."""
        with self._line.changed:
            if self._line.clock.monotonic() < self._due:
                return
            self._forget_old(self._marks)
            ids = {name: self._spool.trade_id(name) for name in self._marks}
            items = [{"tradeId": given, **self._marks.pop(name)[1]}
                     for name, given in ids.items() if given is not None]
        if items:
            self._due = self._line.clock.monotonic() + QUOTES_SECONDS
            self._post(lambda: self._client.marks(items))

    def take_quotes(self, most: int, room: int) -> List[Json]:
        """As elements of a sync, which fit into so many bytes."""
        taken: List[Json] = []
        with self._line.changed:
            self._forget_old(self._quotes)
            for symbol in list(self._quotes):
                element = {"clientRef": f"q{len(taken)}", **self._quotes[symbol][1]}
                room -= len(encoded(element)) + 1
                if len(taken) >= most or room < 0:
                    break
                del self._quotes[symbol]
                taken.append(element)
        return taken

    def _forget_old(self, kept: Dict[str, Tuple[float, Json]]) -> None:
        oldest = self._line.clock.monotonic() - QUOTE_AGE_MAX
        for name in [name for name, (at, _) in kept.items() if at < oldest]:
            del kept[name]

    def _post(self, call: Callable[[], object]) -> None:
        try:
            call()
        except InstanceConflict:
            raise
        except Refused as refused:
            _must_go_on(refused)
            self.refused(str(refused))
        except ServerAway as away:
            # One that is asked to wait is told no more; the next one will be newer.
            if away.status != 429:
                raise

    def refused(self, reason: str) -> None:
        if reason != self._refusal:
            self._refusal = reason
            log.error("prices are refused: %s", reason)


class _Sender:
    """Facts in their order, and the answers to commands; one sending at a time, whoever asks."""

    def __init__(self, line: _Line, spool: Spool):
        self._line, self._client, self._spool = line, line.client, spool
        self.lock = threading.RLock()
        self._answer_since: Dict[str, float] = {}
        # Trades whose order tag was asked for: an answer to a sync does not say it.
        self._tags_wanted: Set[str] = set()
        # The fact that met errors last, and how many.
        self._errors = (0, 0)

    def expect_answer(self, command_id: str) -> None:
        """Before the sender can see it: one of unknown age goes out at once."""
        self._answer_since[command_id] = self._line.clock.monotonic()

    def has_work(self) -> bool:
        first = self._spool.first()
        sendable = first is not None and (self._line.server_clock.known or not first.unsettled)
        return sendable or bool(self._spool.unsent_answers or self._tags_wanted)

    def want_tag(self, client_order_id: str) -> None:
        with self._line.changed:
            self._tags_wanted.add(client_order_id)
            self._line.changed.notify_all()

    def fetch_tags(self) -> None:
        for client_order_id in list(self._tags_wanted):
            given = self._spool.trade_id(client_order_id)
            try:
                answer = None if given is None else self._client.get(f"/trades/{_segment(given)}")
            except Refused as refused:
                _must_go_on(refused)
                log.warning("the order tag of %s: %s", client_order_id, refused)
                answer = None
            tag = None if answer is None else _tag_in(answer.body)
            if tag is not None:
                self._spool.keep_tag(client_order_id, tag)
            with self._line.changed:
                self._tags_wanted.discard(client_order_id)

    def next_fact(self) -> Optional[Fact]:
        """The oldest fact, if it can be sent: one whose time is not known yet waits for that."""
        fact = self._spool.first()
        if fact is not None and fact.unsettled:
            if not self._line.server_clock.known:
                return None
            self._spool.settle_times(
                lambda marker: self._line.server_clock.settle(marker, self._line.process))
        return fact

    def send_all(self, until: Optional[float] = None) -> bool:
        """Sends facts, and answers when the facts that belong to them are told. False when the
        time was over first."""
        with self.lock:
            while not self._line.stopping or until is not None:
                self.send_answers()
                fact = self.next_fact()
                if fact is None:
                    self.fetch_tags()
                    return True
                if until is not None and self._line.clock.monotonic() >= until:
                    return False
                self.send_fact(fact)
            return False

    def send_for_a_heartbeat(self) -> bool:
        """As much as can be told until the next heartbeat: a backlog must not silence that."""
        return self.send_all(self._line.clock.monotonic() + self._line.heartbeat_seconds)

    def send_fact(self, fact: Fact) -> None:
        target = self._addressed(fact)
        if target is None:
            self.reject(fact, 0, f"it is about the trade {fact.trade}, which the server has not")
            return
        try:
            answer = self._client.post(*target, key=fact.key)
        except InstanceConflict:
            raise
        except Refused as refused:
            _must_go_on(refused)
            if refused.status == 404 and fact.path == "/explanations":
                # A server that takes them with trades only: nothing else is lost with it.
                log.warning("the server takes no explanation of what was not traded")
                self._spool.mark_sent([(fact, None, None)])
                return
            self.reject(fact, refused.status, str(refused))
            return
        except ServerAway as away:
            if away.status < 400 or away.status in (408, 425, 429, 503):
                raise
            seq, count = self._errors
            self._errors = (fact.seq, count + 1 if seq == fact.seq else 1)
            if self._errors[1] < FACT_ERRORS_MAX:
                raise
            self.reject(fact, away.status, str(away))
            return
        self._spool.mark_sent([(fact, _id_in(answer.body), _tag_in(answer.body))])
        self._line.note_progress()

    def _addressed(self, fact: Fact) -> Optional[Tuple[str, Json]]:
        """Path and body with the ids that the server gave; None when it refused the trade."""
        path = fact.path
        if fact.trade is not None:
            given = self._spool.trade_id(fact.trade)
            if given is None:
                return None
            path = path.replace("{trade}", _segment(given))
        return path, self.with_prediction(fact)

    def with_prediction(self, fact: Fact) -> Json:
        """A trade stands without its prediction when the server refused that."""
        reference = fact.body.get("predictionId")
        if not isinstance(reference, dict) or "$ref" not in reference:
            return fact.body
        body = {name: value for name, value in fact.body.items() if name != "predictionId"}
        given = self._spool.id_of(reference["$ref"])
        return body if given is None else {**body, "predictionId": given}

    def reject(self, fact: Fact, status: int, reason: str) -> None:
        self._spool.mark_rejected(fact, status, reason)
        log.error("REJECTED fact %d (%s): %s; %d in rejected.jsonl", fact.seq, fact.path, reason,
                  self._spool.rejected_count)
        with self._line.changed:
            self._line.changed.notify_all()  # Somebody may wait until none is left.

    def due_answers(self, everything: bool = False, told: int = 0) -> List[Tuple[str, Json]]:
        """What a command did is told before the answer to it, but not for ever. `told`: facts up
        to this one go out together with the answers."""
        # In this order: a step that is committed in between brings its answer with its facts.
        pending = self._spool.pending_answers()
        first = self._spool.first()
        next_untold = math.inf if first is None else max(first.seq, told + 1)
        now = self._line.clock.monotonic()
        return [(command_id, answer) for command_id, answer in pending
                if everything or answer["after"] < next_untold
                or now - self._answer_since.get(command_id, -math.inf) > FACTS_FIRST_SECONDS]

    def send_answers(self, everything: bool = False) -> None:
        with self.lock:
            for command_id, answer in self.due_answers(everything):
                try:
                    if answer["kind"] == "complete":
                        self._client.complete(command_id, answer["token"], answer.get("result"))
                    else:
                        error = answer["error"]
                        self._client.fail(command_id, answer["token"], answer["outcome"],
                                          error["code"], error["message"], answer["retryable"])
                except InstanceConflict:
                    raise
                except Refused as refused:
                    _must_go_on(refused)
                    log.warning("answer to command %s: %s", answer["type"], refused)
                self.mark_answered(command_id, answer["token"])

    def mark_answered(self, command_id: str, token: str) -> None:
        self._spool.mark_answered(command_id, token)
        self._answer_since.pop(command_id, None)
        self._line.note_progress()


class _Inbox:
    """Commands from their lease to the bot's hand: each carried out once, whatever happens."""

    def __init__(self, line: _Line, spool: Spool, once: Iterable[str], lease_seconds: int,
                 may_open: Callable[[], Permission]):
        self._line, self._client, self._spool = line, line.client, spool
        self._once: FrozenSet[str] = frozenset(once)
        self.lease_seconds = lease_seconds
        self._may_open = may_open
        self.queue: Deque[Command] = collections.deque()
        self.in_hand: Dict[str, Command] = {}
        self.killed = False

    def wants_command(self) -> bool:
        # One at a time: a flatten that comes must not wait behind what was leased before it.
        return not (self.queue or self.in_hand or self.killed or self._line.stalled)

    def lease(self, wait_seconds: float) -> None:
        """Asks for a command, with a poll that the server may answer late."""
        line = self._line
        began = line.clock.monotonic()
        answer = self._client.lease(1, wait_seconds, self.lease_seconds)
        line.learn(answer)
        commands = answer.body.get("commands")
        self.take_in(commands, answer.sent)
        if not commands and wait_seconds > 0:
            # An empty answer that came at once must not turn into a tight loop.
            asked = _positive(answer.body.get("nextPollAfterMs"), 0.0) / 1000
            line.wait(min(30.0, max(asked, 0.2 - (line.clock.monotonic() - began))))

    def take_in(self, raws: object, sent: float) -> None:
        for raw in raws if isinstance(raws, list) else []:
            try:
                command = _command_of(raw)
            except (KeyError, TypeError, ValueError, RecursionError):
                log.warning("a command could not be read, and is left to its lease")
                continue
            command.extended_at = sent
            command.once = command.type in self._once
            self._line.nudge()
            self._sort(command)

    def accept(self, raw: object, sent: float) -> Optional[Command]:
        """A command that came with the answer to an idea, straight into the bot's hand. None when
        it was there before, as when an idea is told twice, or may not be carried out any more."""
        try:
            command = _command_of(raw)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, RecursionError):
            log.warning("an idea's command could not be read, and is left to its lease")
            return None
        command.extended_at = sent
        command.once = command.type in self._once
        with self._line.changed:
            if (command.id in self._spool.answers or command.id in self._spool.begun
                    or self._is_here(command)):
                return None
            self.in_hand[command.id] = command
        return command if not command.once or self._begin(command) else None

    def may_send(self, command: Command) -> Permission:
        why = self._why_not(command)
        return Permission(not why, why)

    def _sort(self, command: Command) -> None:
        known = self._spool.answers.get(command.id)
        if known is not None:
            log.info("command %s came again, answered as before", command.type)
            self._answer(command, {name: value for name, value in known.items()
                                   if name not in ("id", "type")})
        elif self._is_here(command):
            pass
        elif command.id in self._spool.begun:
            log.warning("command %s was begun before a restart: what became of it is unknown",
                        command.type)
            self._answer(command, {
                "kind": "fail", "outcome": "unknown", "retryable": False,
                "error": {"code": "INTERRUPTED", "message": "the agent ended while it was sent"}})
        elif command.type in LEVEL_COMMANDS:
            # Only announces a change of the desired state, which is a level and has come with the
            # same answer: a `start` that arrives after a kill finds "stopped", and does nothing.
            desired = self._line.desired
            applied = desired is not None and desired.run == LEVEL_COMMANDS[command.type]
            self._answer(command, {"kind": "complete", "result": {
                "applied": applied, "run": desired.run if desired else None,
                "stateVersion": desired.version if desired else None}})
        else:
            with self._line.changed:
                self.queue.append(command)
                self._line.changed.notify_all()

    def _is_here(self, command: Command) -> bool:
        """Its lease lapsed while it waited here or was worked on: the new one takes its place."""
        with self._line.changed:
            mine = self.in_hand.get(command.id) or next(
                (one for one in self.queue if one.id == command.id), None)
            if mine is None:
                return False
            mine.lease_token, mine.lease_until = command.lease_token, command.lease_until
            mine.extended_at, mine.lease_lost = command.extended_at, False
            return True

    def _answer(self, command: Command, answer: Json) -> None:
        self._spool.commit({"answers": [_answer_of(command, answer, 0)]})
        with self._line.changed:
            self._line.changed.notify_all()

    def take(self, timeout: float) -> Optional[Command]:
        """The next one for the bot; None when there is none in time, or the agent ends."""
        line = self._line
        deadline = line.clock.monotonic() + timeout
        while True:
            line.app_is_alive()
            line.wait(deadline - line.clock.monotonic(), lambda: bool(self.queue))
            line.app_is_alive()
            with line.changed:
                if line.fatal is not None:
                    raise line.fatal
                if not self.queue or line.stopping:
                    return None
                command = self.queue.popleft()
                self.in_hand[command.id] = command
            if not command.once or self._begin(command):
                return command

    def _begin(self, command: Command) -> bool:
        """Before a command that is handed out once leaves this module, the disk knows of it."""
        why = self._why_not(command)
        if not why:
            self._spool.commit({"begun": [_command_to_json(command)]})
            return True
        if why == "COMMAND_LEASE_LOST":
            log.warning("command %s came too late: its lease has run out", command.type)
        else:
            log.warning("command %s is not carried out: %s", command.type, why)
            # What is to be opened was priced for then: it is not tried again, but decided anew.
            self._answer(command, {
                "kind": "fail", "outcome": "not_sent", "retryable": command.type != "open_trade",
                "error": {"code": why, "message": "refused before anything was sent"}})
        with self._line.changed:
            self.in_hand.pop(command.id, None)
        return False

    def _why_not(self, command: Command) -> str:
        server_clock = self._line.server_clock
        if not server_clock.known:
            return "CLOCK_UNKNOWN"
        latest = server_clock.latest()
        if command.lease_lost or command.lease_until is None or command.lease_until <= latest:
            return "COMMAND_LEASE_LOST"
        if command.type != "open_trade":
            return ""
        permission = self._may_open()
        if not permission:
            return permission.reason
        valid = command.payload.get("validForSeconds")
        if isinstance(valid, bool) or not isinstance(valid, (int, float)) or not valid > 0:
            return "VALIDITY_UNKNOWN"
        if command.created_at is None or command.created_at + valid <= latest:
            return "EXPIRED"
        return ""

    def finished(self, command: Command, kind: str) -> None:
        with self._line.changed:
            self.in_hand.pop(command.id, None)
            if command.type == "kill" and kind == "complete":
                self.killed = True

    def keep_leases(self) -> None:
        """Extends what the bot has in hand, as long as the bot is seen to be alive."""
        line = self._line
        with line.changed:
            now = line.clock.monotonic()
            due = [one for one in [*self.in_hand.values(), *self.queue]
                   if now - one.extended_at > self.lease_seconds / 2 and not one.lease_lost]
            if line.stalled:
                return
        for command in due:
            try:
                answer = self._client.extend(command.id, command.lease_token, self.lease_seconds)
            except InstanceConflict:
                raise
            except Refused as refused:
                _must_go_on(refused)
                log.warning("command %s: %s", command.type, refused)
                command.lease_lost = True
                with line.changed:
                    if command in self.queue:
                        self.queue.remove(command)
                continue
            command.extended_at = answer.sent
            command.lease_until = seconds_of(answer.body.get("leaseExpiresAt"))
            command.cancel_requested = answer.body.get("cancelRequested") is True


class _Polling:
    """Three threads: heartbeats, facts with answers, and a long poll for commands."""

    def __init__(self, line: _Line, reporter: _Reporter, reports: _BrokerReports, market: _Market,
                 sender: _Sender, inbox: _Inbox, wait_seconds: float):
        self._line, self._reporter, self._sender, self._inbox = line, reporter, sender, inbox
        self._reports, self._market = reports, market
        self._wait_seconds = wait_seconds
        self.loops = [self._run_heartbeats, self._run_facts, self._run_commands]

    def _run_heartbeats(self) -> None:
        line, backoff, due = self._line, Backoff(), 0.0
        while not line.stopping:
            now = line.clock.monotonic()
            if not line.up:
                if line.attempt(self._recover, backoff):
                    due = line.clock.monotonic() + line.heartbeat_seconds
            elif now >= due or line.nudged or not self._reporter.status_told:
                line.nudged = False
                due = now + line.heartbeat_seconds
                line.attempt(self._reporter.heartbeat, backoff)
            for work in (self._reports.tell_if_due, self._market.tell_if_due,
                         self._inbox.keep_leases):
                if line.up:
                    line.attempt(work, backoff)
            pause = min(due - line.clock.monotonic(), self._inbox.lease_seconds / 4,
                        self._tells_in())
            line.wait(pause, lambda: line.nudged or not line.up or self._tells_in() <= 0
                      or not self._reporter.status_told)

    def _tells_in(self) -> float:
        return min(self._reports.due_in(), self._market.due_in())

    def _recover(self) -> None:
        """After a start or an outage: heartbeat, positions, facts in order. Then it is up."""
        self._line.wait_as_asked()
        told = False
        while not told and not self._line.stopping:
            self._reporter.heartbeat()
            self._reporter.identify()
            self._reports.tell_positions()
            told = self._sender.send_for_a_heartbeat()
        self._line.come_up()

    def _run_facts(self) -> None:
        line, backoff = self._line, Backoff()
        while not line.stopping:
            if line.wait(30.0, lambda: line.up and self._sender.has_work()):
                line.attempt(self._sender.send_all, backoff)

    def _run_commands(self) -> None:
        line, backoff = self._line, Backoff()
        while not line.stopping:
            if line.wait(30.0, lambda: line.up and self._inbox.wants_command()):
                line.attempt(lambda: self._inbox.lease(self._wait_seconds), backoff)


@dataclasses.dataclass
class _Outstanding:
    """A sync whose answer has not come: it is repeated as it is until there is one."""

    body: Json
    state: _State
    facts: List[Fact]
    first_sent: float
    sendings: int = 0


# What is about a trade and goes into a sync, and under which name.
SYNC_LISTS = {"/trades/{trade}/transitions": "transitions", "/trades/{trade}/fills": "fills"}


class _Syncing:
    """One thread, and one call for everything that fits into it."""

    def __init__(self, line: _Line, reporter: _Reporter, reports: _BrokerReports, market: _Market,
                 sender: _Sender, inbox: _Inbox, spool: Spool):
        self._line, self._reporter, self._sender, self._inbox = line, reporter, sender, inbox
        self._reports, self._market = reports, market
        self._client, self._spool = line.client, spool
        self.loops = [self._run]
        # Above all that a process before this one may have used.
        self._seq = spool.sync_seqs_taken
        # How often in a row the server refused a sync as a whole.
        self._refusals = 0
        self._outstanding: Optional[_Outstanding] = None
        self._next_poll = 0.0
        # Commands wait that are too large for any answer to a sync.
        self._oversized = False

    def _run(self) -> None:
        line, backoff = self._line, Backoff()
        while not line.stopping:
            line.nudged = False
            if line.attempt(self._exchange, backoff):
                line.wait(0.02)
                line.wait(self._next_poll, lambda: line.nudged or self._sender.has_work()
                          or not self._reporter.status_told)
            elif line.conflict:
                # It changed nothing there, and its figures grow old.
                self._outstanding = None
            if line.up:
                line.attempt(self._inbox.keep_leases, backoff)

    def _exchange(self) -> None:
        line = self._line
        if not line.up:
            line.wait_as_asked()
            self._reporter.heartbeat()
            self._reporter.identify()
            self._reports.tell_positions()
        with self._sender.lock:
            if not line.up and self._outstanding and "lease" in self._outstanding.body:
                # It asks for work, and may not be changed: so the facts go before it.
                if not self._sender.send_for_a_heartbeat():
                    return
            if self._outstanding is None:
                if line.up:
                    self._reports.tell_if_due()
                    self._market.tell_marks_if_due()
                self._send_what_does_not_fit()
                self._outstanding = self._build()
            outstanding = self._outstanding
            outstanding.sendings += 1
            try:
                answer = self._client.sync(outstanding.body)
            except Refused as refused:
                self._outstanding = None
                self._take_refusal(refused)
                return
            self._outstanding = None
            self._refusals = 0
            self._take(outstanding, answer)
        if not line.up and not self._sender.next_fact():
            line.come_up()

    def _send_what_does_not_fit(self) -> None:
        """Predictions, explanations and what is too large go by calls of their own, in order."""
        if self._refusals:
            self._sender.send_for_a_heartbeat()
        until = self._line.clock.monotonic() + self._line.heartbeat_seconds
        while self._line.clock.monotonic() < until and not self._line.stopping:
            fact = self._sender.next_fact()
            if fact is None or self._element(fact, set()) is not None:
                break
            self._sender.send_fact(fact)
        if not self._spool.size:
            self._sender.fetch_tags()
        if any(len(encoded(_ack_of(command_id, answer))) > SYNC_BYTES_MAX // 4
               for command_id, answer in self._sender.due_answers()):
            self._sender.send_answers()
        if self._oversized and self._line.up and self._inbox.wants_command():
            self._inbox.lease(0.0)

    def _element(self, fact: Fact, told: Set[str]) -> Optional[Tuple[str, Json]]:
        """A fact as an element of a sync, and in which list; None when it cannot be one. `told`:
        trades that go out with it."""
        if fact.unsettled:
            return None
        if fact.path == "/trades":
            where = "trades"
            element = {"clientRef": fact.key, **self._sender.with_prediction(fact)}
        elif fact.path in SYNC_LISTS:
            given = self._spool.trade_id(str(fact.trade))
            if given is None and fact.trade not in told:
                return None
            named = {"clientOrderId": fact.trade} if given is None else {"tradeId": given}
            where, element = SYNC_LISTS[fact.path], {"clientRef": fact.key, **named, **fact.body}
        else:
            return None
        return None if len(encoded(element)) > SYNC_BYTES_MAX // 2 else (where, element)

    def _build(self) -> _Outstanding:
        self._seq += 1
        if self._seq > self._spool.sync_seqs_taken:
            self._spool.take_sync_seqs(self._seq + SYNC_SEQS_TAKEN - 1)
        line, state = self._line, self._reporter.state()
        body: Json = {"syncSeq": self._seq, "state": state.body}
        # On return the facts are told first, and only then work is asked for.
        if line.up and self._inbox.wants_command():
            body["lease"] = {"max": 1, "leaseSeconds": self._inbox.lease_seconds}
        room = SYNC_BYTES_MAX - len(encoded(body)) - 100
        facts: List[Fact] = []
        lists: Dict[str, List[Json]] = {"trades": [], "acks": [], "quotes": []}
        lists.update((name, []) for name in SYNC_LISTS.values())
        if not self._refusals:
            facts, room = self._fill(lists, room)
            for command_id, answer in self._sender.due_answers(told=facts[-1].seq if facts else 0):
                ack = _ack_of(command_id, answer)
                room -= len(encoded(ack)) + 1
                if room < 0 or len(facts) + len(lists["acks"]) == SYNC_ELEMENTS_MAX:
                    break
                lists["acks"].append(ack)
            if line.up:
                most = SYNC_ELEMENTS_MAX - len(facts) - len(lists["acks"])
                lists["quotes"] = self._market.take_quotes(most, room)
        body.update({name: elements for name, elements in lists.items() if elements})
        return _Outstanding(body, state, facts, line.clock.monotonic())

    def _fill(self, lists: Dict[str, List[Json]], room: int) -> Tuple[List[Fact], int]:
        """As many facts from the first on as there is room for, and the room that is left."""
        facts: List[Fact] = []
        told: Set[str] = set()
        for fact in self._spool.snapshot(SYNC_ELEMENTS_MAX - 1):
            found = self._element(fact, told)
            size = 0 if found is None else len(encoded(found[1])) + 1
            if found is None or size > room:
                break
            room -= size
            lists[found[0]].append(found[1])
            facts.append(fact)
            if fact.path == "/trades":
                told.add(str(fact.body["clientOrderId"]))
        return facts, room

    def _take(self, outstanding: _Outstanding, answer: Answer) -> None:
        line, body = self._line, answer.body
        self._reporter.heard(outstanding.state, answer)
        # The answer may be the first one's, stored: what it grants began then.
        line.take_trading_lease(body.get("tradingLeaseSeconds"), outstanding.first_sent)
        line.learn(answer, stored=body.get("replayed") is True or outstanding.sendings > 1)
        self._take_results(outstanding.facts, body.get("results"))
        acks = _by(body.get("acks"), "commandId")
        for ack in outstanding.body.get("acks", ()):
            said = acks.get(ack["commandId"])
            if said is None:
                continue
            if said.get("status") != "ok":
                log.warning("answer to a command: %s", self._refusal_in(said))
            self._sender.mark_answered(ack["commandId"], ack["leaseToken"])
        self._next_poll = min(30.0, _positive(body.get("nextPollAfterMs"), 1000.0) / 1000)
        self._oversized = bool(body.get("oversized"))
        self._inbox.take_in(body.get("commands"), outstanding.first_sent)

    def _take_results(self, facts: Sequence[Fact], given: object) -> None:
        results = _by(given, "clientRef")
        sent: List[Tuple[Fact, Optional[str], Optional[str]]] = []
        for fact in facts:
            result = results.get(fact.key)
            if result is None or result.get("retryable") is True:
                continue  # It keeps its place, and goes out again.
            if result.get("status") == "ok":
                is_named = fact.ref is not None
                sent.append((fact, _id_in(result) if is_named else None,
                             _tag_in(result) if is_named else None))
            else:
                self._sender.reject(fact, 0, self._refusal_in(result))
        if sent:
            self._spool.mark_sent(sent)
            self._line.note_progress()
        for name, result in _by(given, "element").items():
            if result.get("status") == "ok":
                continue
            if name == "state":
                self._reporter.leave_out(self._refusal_in(result))
            elif name.startswith("quotes"):
                self._market.refused(self._refusal_in(result))

    def _refusal_in(self, result: Mapping[str, Any]) -> str:
        return self._client.cleaned(f"{result.get('code')} {result.get('detail', '')}".strip())

    def _take_refusal(self, refused: Refused) -> None:
        if isinstance(refused, InstanceConflict):
            raise refused
        if refused.code in ("SYNC_SEQ_STALE", "SYNC_SEQ_REUSED"):
            # As when the folder came back from a backup.
            self._seq = max(self._seq, _last_sync_seq_in(refused.problem))
        else:
            # Not one element but the whole was refused: facts and figures are left out in turn.
            self._refusals += 1
            if self._refusals == 2:
                self._reporter.leave_out(str(refused))
            if refused.status not in (400, 413, 422) or self._refusals > 2:
                raise refused
        log.warning("%s", refused)


# ---------------------------------------------------------------------------------------------
# A bot that stays connected
# ---------------------------------------------------------------------------------------------

class Agent:
    """Keeps one bot connected. In mode ``poll`` three threads send heartbeats, facts and long
    polls; in mode ``sync`` one thread exchanges everything in short calls.

    The bot's own code calls ``next_command`` often (it is how the agent knows that the bot's loop
    still turns), writes what happens in ``with agent.step() as step``, and asks ``may_open``
    immediately before it sends an order. Exits need nobody's permission.
    """

    def __init__(self, url: str, api_key: str, folder: str, *, mode: str = "poll",
                 agent_version: str = f"tradewarden-python/{VERSION}",
                 config_hash: Optional[str] = None,
                 once: Iterable[str] = ("open_trade", "custom"), lease_seconds: int = 30,
                 wait_seconds: float = 20.0, stall_seconds: float = 60.0,
                 conflict_seconds: float = CONFLICT_SECONDS, ca_file: Optional[str] = None,
                 allow_http: bool = False, clock: Optional[SystemClock] = None,
                 facts_max: int = 10_000):
        """``folder`` keeps the spool, and is locked. ``once``: types of commands that are never
        handed out a second time. ``stall_seconds``: a loop that does not call in for so long is
        reported as an error. ``config_hash``: of what the bot is configured with; another one than
        before is told to a person. Raises SpoolLocked, SpoolDamaged, ValueError."""
        if mode not in ("poll", "sync"):
            raise ValueError("the mode is poll or sync")
        self.client = Client(url, api_key, ca_file=ca_file, allow_http=allow_http, clock=clock)
        self.spool = Spool(folder, facts_max=facts_max)
        self.client.instance_id = self.spool.instance_id
        self._line = _Line(self.client, stall_seconds, conflict_seconds)
        self._reports = _BrokerReports(self._line, self.spool)
        self._market = _Market(self._line, self.spool)
        self._reporter = _Reporter(self._line, self.spool, self._reports, agent_version,
                                   config_hash, lambda: self.status)
        self._sender = _Sender(self._line, self.spool)
        self._inbox = _Inbox(self._line, self.spool, once, lease_seconds, self.may_open)
        self._reconciles: Optional[Callable[[Optional[str]], Mapping[str, Any]]] = None
        parts = (self._line, self._reporter, self._reports, self._market, self._sender,
                 self._inbox)
        self._way: Union[_Polling, _Syncing] = (
            _Syncing(*parts, self.spool) if mode == "sync" else _Polling(*parts, wait_seconds))
        self._step_lock = threading.RLock()
        self._threads: List[threading.Thread] = []
        self._stopped = False

    @classmethod
    def from_env(cls, folder: str, **options: Any) -> Agent:
        """With TRADEWARDEN_URL and TRADEWARDEN_API_KEY."""
        url, key, more = settings_from_env()
        return cls(url, key, folder, **{**more, **options})

    def __repr__(self) -> str:
        return f"<Agent {self.status}, {self.spool.size} facts unsent, {self.client!r}>"

    def __enter__(self) -> Agent:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- from start to stop

    def start(self) -> None:
        if self._threads or self._stopped:
            raise RuntimeError("an agent is started once")
        self._line.app_is_alive()
        self._line.started = True
        for loop in self._way.loops:
            name = f"tradewarden{loop.__name__}"
            self._threads.append(threading.Thread(target=self._line.guarded, args=(loop,),
                                                  name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self, goodbye_seconds: float = 3.0) -> None:
        """Ends the threads, tells the server what it can in a few seconds, and closes the spool.
        What was not told is told after the next start."""
        line = self._line
        with line.changed:
            if self._stopped:
                return
            was_up = line.up
            self._stopped = line.stopping = True
            line.changed.notify_all()
        self.client.interrupt()
        deadline = line.clock.monotonic() + CONNECT_TIMEOUT + 1.0
        for thread in self._threads:
            thread.join(max(0.1, deadline - line.clock.monotonic()))
        if was_up and line.fatal is None and not any(one.is_alive() for one in self._threads):
            self._say_goodbye(goodbye_seconds)
        with self._step_lock:
            self.spool.close()
        self.client.close()

    def _say_goodbye(self, seconds: float) -> None:
        self.client.timeout = seconds
        self.client.resume()
        try:
            if self._tell_the_rest(self._line.clock.monotonic() + seconds):
                self._reports.tell_the_last()
            # With this word the trading lease is given back: another copy need not wait for it.
            self.client.heartbeat({**self._reporter.state().body, "status": "stopped"})
        except TradewardenError as error:
            log.warning("could not say goodbye: %s", error)

    def _tell_the_rest(self, until: float) -> bool:
        backoff = Backoff(0.1, 1.0)
        while True:
            try:
                everything = self._sender.send_all(until)
                self._sender.send_answers(everything=True)
                return everything
            except ServerAway as away:
                # It may still be busy with the call that was interrupted a moment ago.
                pause = backoff.next(away.retry_after)
                if self._line.clock.monotonic() + pause > until:
                    log.warning("%d facts stay for the next start: %s", self.spool.size, away)
                    return False
                time.sleep(pause)

    def check(self) -> None:
        """Raises CannotContinue when the agent has given up."""
        self._line.check_fatal()

    def wait_until_up(self, timeout: float) -> bool:
        return self._line.wait(timeout, lambda: self._line.up)

    def wait_until_sent(self, timeout: float) -> bool:
        """Until the server has every fact and every answer."""
        return self._line.wait(
            timeout, lambda: not self.spool.facts and not self.spool.unsent_answers)

    # -- how things are

    @property
    def state(self) -> Any:
        """What the last step saved, also by a process before this one; None at first. A copy:
        what is changed in it counts when a step saves it."""
        return plain(self.spool.state)

    @property
    def desired(self) -> Optional[DesiredState]:
        """What the server wants; None before its first answer: then treat it as paused."""
        return self._line.desired

    @property
    def killed(self) -> bool:
        """A ``kill`` was completed: end the loop, then ``stop()``."""
        return self._inbox.killed

    @property
    def up(self) -> bool:
        """The server answers, and knows everything."""
        return self._line.up

    @property
    def status(self) -> str:
        line = self._line
        with line.changed:
            if line.fatal is not None or line.stalled:
                return "error"
            if line.stopping or self.killed:
                return "stopping"
            return "starting" if line.desired is None else line.desired.run

    def may_open(self) -> Permission:
        """Whether a position may be opened at this moment."""
        line = self._line
        with line.changed:
            line.app_is_alive()
            desired = line.desired
            if line.fatal is not None:
                return Permission(False, "CANNOT_CONTINUE")
            if line.stopping or self.killed:
                return Permission(False, "STOPPING")
            if line.conflict:
                return Permission(False, "INSTANCE_CONFLICT")
            if desired is None:
                return Permission(False, "NO_ANSWER_YET")
            if line.halts_itself:
                return Permission(False, "HALTING")
            if desired.state != "active":
                return Permission(False, desired.state.upper())
            if desired.run != "running":
                return Permission(False, desired.run.upper())
            if not line.server_clock.known:
                return Permission(False, "CLOCK_UNKNOWN")
            if not line.reported:
                return Permission(False, "NOT_REPORTED_YET")
            if line.trading_lease_left() <= 0:
                return Permission(False, "LEASE_LAPSED")
            if self.spool.crowded:
                return Permission(False, "SPOOL_FULL")
            return Permission(True)

    def may_send(self, command: Command) -> Permission:
        """Whether the order of an ``open_trade`` may go out at this moment: as ``may_open``, and
        its lease and its validity have not run out. The price is the bot's to look at."""
        self._line.app_is_alive()
        return self._inbox.may_send(command)

    def trading_lease_left(self) -> float:
        """Seconds, counted from before the request that brought the lease."""
        return self._line.trading_lease_left()

    # -- what is to be traded

    def propose(self, *, symbol: str, direction: str, lot_size: Any, rationale: str,
                confidence: Any = None, prediction: Optional[str] = None,
                key: Optional[str] = None, lease: bool = True, within: float = IDEA_SECONDS,
                **more: Any) -> Idea:
        """Asks the gate for a trade. Further fields: entry_price, entry_range, stop_loss,
        take_profit, valid_for_seconds, strategy_id, executor_agent_id, expected_hold. It goes
        behind the facts that are written down, since they count, and behind the newest quote; never
        into the spool. With ``key`` it is one idea, however often told.

        Only ``idea.command`` may be sent to the broker. Raises ServerAway when there is no answer
        within so many seconds, ClockUnknown, Refused for what is no idea, and ValueError: then
        nothing is to be traded. An idea whose answer was lost may stand at the server; a command
        that was handed over with it is never carried out."""
        body = {"symbol": symbol, "direction": direction, "lotSize": lot_size,
                "rationale": rationale, "confidence": confidence, **camel(more)}
        body = exact({name: _camel_within(value) for name, value in body.items()
                      if value is not None})
        if self.client.holds_key(encoded(body).decode("ascii")):
            raise ValueError("an idea must not contain the API key")
        line = self._line
        deadline = line.clock.monotonic() + within
        self._tell_facts_first(within)
        given = None if prediction is None else self.spool.id_of(prediction)
        if given is not None:
            body["predictionId"] = given
        self._market.tell_now(symbol)
        name = key or f"idea-{uuid.uuid4().hex}"
        answer = self.client.retrying(lambda: self.client.propose(body, name, lease),
                                      max(0.0, deadline - line.clock.monotonic()))
        line.app_is_alive()
        idea = _idea_of(answer.body)
        raw = answer.body.get("command")
        if raw is not None:
            idea.command = self._inbox.accept(raw, answer.sent)
        return idea

    def _tell_facts_first(self, within: float) -> None:
        line, last = self._line, self.spool.last_seq

        def told() -> bool:
            first = self.spool.first()
            return (line.up and (first is None or first.seq > last)
                    and self._reporter.status_told)
        line.check_fatal()
        if not line.server_clock.known:
            raise ClockUnknown("the server has not said what time it is")
        line.app_is_alive()
        if not (line.up and line.wait(within, told)):
            raise ServerAway("an idea is priced now or not at all, and the server is away")
        line.app_is_alive()

    def idea(self, idea_id: str) -> Idea:
        """As it is now, without its command. Raises ServerAway, Refused."""
        return _idea_of(self.client.idea(idea_id).body)

    def ideas(self, **filters: Any) -> List[Idea]:
        """A page of the newest. Raises ServerAway, Refused."""
        return [_idea_of(one) for one in _listed(self.client.ideas(**filters).body.get("items"))]

    def kill_switch(self, mode: str, reason: str, within: float = 10.0) -> Json:
        """Halts this agent: ``reduce``, ``halt`` or ``flatten``. It opens nothing from this call
        on, also when that raises ServerAway because the server could not be told: then not in this
        process any more, until it was told. Only a person releases it. Raises Refused, too."""
        if mode not in HALT_MODES:
            raise ValueError(f"a halt is {', '.join(HALT_MODES)}")
        line, key = self._line, f"halt-{uuid.uuid4().hex}"
        with line.changed:
            line.halted_at = math.inf
        answer = self.client.retrying(lambda: self.client.kill_switch(mode, reason, key), within)
        with line.changed:
            line.halted_at = answer.received
        line.nudge()
        return answer.body

    # -- time

    def now(self) -> dt.datetime:
        """The present by the server's clock, or a moment earlier. Raises ClockUnknown."""
        return _EPOCH + dt.timedelta(seconds=self._line.server_clock.now())

    def stamp(self, value: Time) -> Any:
        """A time for a fact. While the server's time is not known it becomes a marker, which is
        replaced before the fact is sent. Raises TimeInFuture."""
        server_clock = self._line.server_clock
        if value is None:
            if server_clock.known:
                return iso(server_clock.now())
            return server_clock.marker(self._line.process)
        at = _seconds_given(value)
        if not server_clock.known:
            return {"$time": {"at": at}}
        if at > server_clock.latest() + FUTURE_TOLERANCE:
            ahead = at - server_clock.now()
            raise TimeInFuture(f"{iso(at)} is {ahead:.0f} s ahead of the server: use agent.now(), "
                               "not this machine's clock, and no broker time as if it were UTC")
        return iso(min(at, server_clock.now()))

    # -- what the bot tells

    def observe(self, desired: Optional[DesiredState]) -> None:
        """The bot has acted on this desired state: entry orders cancelled, and so on."""
        if desired is not None:
            self._reporter.observe(desired.version)

    def report(self, **figures: Any) -> None:
        """Figures for the next heartbeats: equity, balance, currency, open_positions, margin,
        margin_free, floating_pnl, cycle_count, last_cycle_at, broker_connected, trade_allowed,
        last_quote_at, broker_account. Raises ValueError for NaN and its like."""
        self._reporter.set_figures(plain(camel(figures)))

    def report_positions(self, positions: Sequence[Mapping[str, Any]],
                         orders: Sequence[Mapping[str, Any]] = (), complete: bool = True,
                         **more: Any) -> None:
        """What the broker shows, after the step that tells what has changed in it: a position of
        which the server was told nothing is somebody else's. An empty list from a broker that is
        not connected is not ``complete``; ``broker_connected=False`` says so. A change goes out
        within a second or two, the rest with the heartbeats. Raises ValueError for floats."""
        self._reports.show(exact({
            "complete": complete, **camel(more), "positions": [camel(one) for one in positions],
            "orders": [camel(one) for one in orders]}))

    def quote(self, symbol: str, bid: Any, ask: Any, quoted_at: Time = None) -> None:
        """The present price. Only the newest is told, once a second at most, and none that is
        older than 10 s: it is not kept for a server that is away. Raises ValueError for floats,
        TimeInFuture."""
        self.quotes([{"symbol": symbol, "bid": bid, "ask": ask, "quoted_at": quoted_at}])

    def quotes(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Several at once: ``symbol``, ``bid``, ``ask`` and, if not now, ``quoted_at``."""
        if self._line.server_clock.known:
            self._market.quote([self._priced(item) for item in items])

    def mark(self, client_order_id: str, bid: Any, ask: Any, quoted_at: Time = None,
             **more: Any) -> None:
        """The price at which a trade stands; its highest and lowest are kept with it. As short
        lived as a quote. Further fields: floating_profit, probability, momentum, source_time."""
        if self._line.server_clock.known:
            self._market.mark(client_order_id, self._priced(
                {"bid": bid, "ask": ask, "quoted_at": quoted_at, **more}))

    def _priced(self, item: Mapping[str, Any]) -> Json:
        given = camel(item)
        at = self.stamp(given.pop("quotedAt", None))
        return {**exact(given), "quotedAt": at}

    def on_reconcile(self, handler: Callable[[Optional[str]], Mapping[str, Any]]) -> None:
        """Lets ``next_command`` answer ``reconcile``. The handler is called on the bot's own
        thread with the order tag that is asked about, or None, and answers what the broker shows:
        ``deals``, each with broker_deal_id, role, price, size, at, symbol, direction and what else
        is known of it; ``positions`` and ``orders``, or those that were reported last."""
        self._reconciles = handler

    def reconcile(self) -> None:
        """Tells the server unasked what the broker shows, as after a doubt: when the facts that
        are written down are told. Raises ClockUnknown, ValueError."""
        self._reports.show_all(self._broker_shows(None))

    def _broker_shows(self, order_tag: Optional[str]) -> Json:
        if self._reconciles is None:
            raise ValueError("there is no on_reconcile")
        # From before it is asked, as in a report.
        as_of = iso(self._line.server_clock.now() - 0.001)
        shown = camel(self._reconciles(order_tag))
        deals = shown.pop("deals", None)
        if not isinstance(deals, (list, tuple)) or len(deals) > DEALS_MAX:
            raise ValueError(f"deals are a list, of the newest {DEALS_MAX:,} at most")
        if "positions" not in shown:
            known = self._reports.newest
            if known is None or not known.body["complete"]:
                raise ValueError("positions are needed: the last report was none that is complete")
            # Nobody looked since.
            as_of = known.as_of or iso(self._line.server_time_at(known.at) - 0.001)
            shown = {**known.body, **shown}
            del shown["complete"]
        return {**exact(shown), "asOf": as_of,
                "positions": exact([camel(one) for one in shown["positions"]]),
                "orders": exact([camel(one) for one in shown.get("orders", ())]),
                "deals": [self._deal(camel(deal)) for deal in deals]}

    def _deal(self, deal: Json) -> Json:
        lacks = [name for name in DEAL_FIELDS if deal.get(name) is None]
        if lacks:
            raise ValueError(f"a deal needs {', '.join(lacks)}")
        return dict(exact({**deal, "at": self.stamp(deal["at"])}))

    @contextlib.contextmanager
    def step(self) -> Iterator[Step]:
        """``with agent.step() as step: ...``: all that it says is kept, or nothing. Raises
        SpoolFull, SpoolError."""
        with self._step_lock:
            step = Step(self)
            yield step
            self._commit(step)

    def _commit(self, step: Step) -> None:
        facts, answers = step.facts, step.answers
        record = dict(step.record)
        if answers:
            after = self.spool.last_seq + len(facts)
            record["answers"] = [_answer_of(*answer, after) for answer in answers]
        if not record and not facts:
            return
        for command, _ in answers:
            self._sender.expect_answer(command.id)
        essential = any(fact.path.startswith("/trades") for fact in facts)
        self.spool.commit(record, facts, essential)
        self._line.app_is_alive()
        for command, answer in answers:
            self._inbox.finished(command, answer["kind"])
        with self._line.changed:
            self._line.nudged = self._line.nudged or bool(answers)
            self._line.changed.notify_all()

    def trade_id(self, client_order_id: str) -> Optional[str]:
        """The server's id of a trade; None while it is not known."""
        return self.spool.trade_id(client_order_id)

    def client_order_id(self, trade_id: str) -> Optional[str]:
        ref = self.spool.ref_of(trade_id.lower())
        return ref[len("trade:"):] if ref is not None and ref.startswith("trade:") else None

    def order_tag_of(self, client_order_id: str) -> Optional[str]:
        """What the server called a trade's order; put into a broker's comment it tells whose a
        position is. None while it is not known: then it is asked for."""
        tag = self.spool.tag_of(client_order_id)
        if tag is None and self.spool.trade_id(client_order_id) is not None:
            self._sender.want_tag(client_order_id)
        return tag

    @property
    def magic(self) -> Optional[int]:
        """The agent's number for the orders that it sends. None before its first answer ever."""
        return self.spool.magic

    # -- what the bot is told

    def unfinished(self) -> List[Command]:
        """Commands that a process before this one began and did not answer. Ask the broker what
        became of them, and answer them in a step before ``start``; one that is not answered is
        called unknown when it comes again."""
        with self._line.changed:
            return [dataclasses.replace(_command_of(plain(raw)), once=True, interrupted=True)
                    for raw in self.spool.begun.values() if raw["id"] not in self._inbox.in_hand]

    def next_command(self, timeout: float = 0.0) -> Optional[Command]:
        """The next command, or None when none came within ``timeout`` seconds or the agent is
        stopping; a ``reconcile`` is answered here when there is an ``on_reconcile``. Raises
        CannotContinue."""
        clock = self._line.clock
        deadline = clock.monotonic() + timeout
        while True:
            command = self._inbox.take(max(0.0, deadline - clock.monotonic()))
            if command is None or command.type != "reconcile" or self._reconciles is None:
                return command
            self._answer_reconcile(command)

    def _answer_reconcile(self, command: Command) -> None:
        shown: Optional[Json] = None
        why = ""
        try:
            tag = command.payload.get("orderTag")
            shown = self._broker_shows(tag if isinstance(tag, str) else None)
        except Exception as error:  # Whatever a broker's library raises: the loop goes on.
            why = self.client.cleaned(_reason(error))
            log.error("what the broker shows could not be told: %s", why)
        with self.step() as step:
            if shown is not None and len(encoded(shown)) <= RESULT_BYTES_MAX:
                step.complete(command, shown)
            else:
                step.fail(command, "not_sent", "RECONCILE_FAILED",
                          why or "it is more than a result may hold", retryable=True)


def _positive(value: object, fallback: float) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isfinite(value) and value > 0:
            return float(value)
    return fallback


def _seconds_given(value: Time) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value / 1000
    text = plain(value) if isinstance(value, dt.datetime) else value
    at = seconds_of(text)
    if at is None:
        raise ValueError("a time is a datetime with a zone, RFC 3339 text with a zone, or epoch "
                         "milliseconds")
    return at


def _by(elements: object, name: str) -> Dict[str, Json]:
    return {str(one.get(name)): one for one in (elements if isinstance(elements, list) else [])
            if isinstance(one, dict)}


def _ack_of(command_id: str, answer: Mapping[str, Any]) -> Json:
    ack: Json = {"commandId": command_id, "leaseToken": answer["token"]}
    if answer["kind"] == "complete":
        ack["outcome"] = "succeeded"
        if answer.get("result") is not None:
            ack["result"] = answer["result"]
    else:
        ack.update(outcome=answer["outcome"], error=answer["error"],
                   retryable=answer["retryable"])
    return ack


def _last_sync_seq_in(problem: Mapping[str, Any]) -> int:
    """0 where none can be read, or one above which the server takes no other."""
    last = problem.get("lastSyncSeq")
    if not isinstance(last, int) or isinstance(last, bool):
        # An older server says it for people only.
        found = re.search(r"\d+", str(problem.get("detail", "")), re.ASCII)
        last = int(found.group()[:17]) if found else 0
    return last if last < SYNC_SEQ_MAX else 0


def _id_in(answer: Mapping[str, Any]) -> Optional[str]:
    """Ids are printable ASCII: anything else the spool could not keep, or a path not hold."""
    given = answer.get("id")
    return given if isinstance(given, str) and re.fullmatch(r"[\x21-\x7e]+", given) else None


def _tag_in(answer: Mapping[str, Any]) -> Optional[str]:
    given = answer.get("orderTag")
    return given if isinstance(given, str) and re.fullmatch(r"[A-Z0-9]{16}", given) else None


def _command_of(raw: Mapping[str, Any]) -> Command:
    """Raises KeyError, TypeError or ValueError; the last also for what the spool cannot keep, such
    as NaN, 1e999 or half a surrogate pair."""
    plain(raw)
    for name in ("id", "type", "leaseToken"):
        if not isinstance(raw[name], str) or not raw[name]:
            raise ValueError(name)
    payload = raw.get("payload")
    return Command(
        id=raw["id"], type=raw["type"], payload=payload if isinstance(payload, dict) else {},
        priority=str(raw.get("priority", "normal")), attempt=int(raw.get("attempt", 1)),
        lease_token=raw["leaseToken"], lease_until=seconds_of(raw.get("leaseExpiresAt")),
        created_at=seconds_of(raw.get("createdAt")))


def _answer_of(command: Command, answer: Mapping[str, Any], after: int) -> Json:
    """As the spool keeps it. `after`: the last fact that belongs to it."""
    return {"id": command.id, "type": command.type, **answer, "token": command.lease_token,
            "after": after}


def _idea_of(body: Mapping[str, Any]) -> Idea:
    """Raises ServerAway for what is no answer to an idea: nothing is traded on it."""
    said = body.get("decision")
    decided = said if isinstance(said, dict) else {}
    if _id_in(body) is None or not isinstance(body.get("status"), str):
        raise ServerAway("the answer to an idea cannot be read", 200)
    # An idea that is read says those of its last decision.
    reasons = tuple(
        Reason(str(one.get("code")), str(one.get("message", "")), one.get("actual"),
               one.get("limit")) for one in _listed(decided.get("reasons", body.get("reasons"))))
    given = body.get("commandId")
    return Idea(
        id=body["id"], status=body["status"], digest=str(body.get("digest", "")),
        decision=Decision(str(decided.get("id", "")), str(decided.get("verdict", "")), reasons,
                          tuple(_listed(decided.get("rules")))),
        command_id=given if isinstance(given, str) else None, body=dict(body))


def _command_to_json(command: Command) -> Json:
    return {"id": command.id, "type": command.type, "payload": command.payload,
            "priority": command.priority, "attempt": command.attempt,
            "leaseToken": command.lease_token}


def _must_go_on(refused: Refused) -> None:
    """Raises CannotContinue when it is the key that is refused, and not this one call."""
    if refused.status == 401 or refused.code == "SCOPE_MISSING":
        raise _cannot_continue(refused) from refused


def _cannot_continue(refused: Refused) -> CannotContinue:
    if refused.status == 401:
        why = "the server does not accept the API key (revoked, expired or of another server)"
    elif refused.status == 403:
        why = "the API key may not do this"
    else:
        why = "the server refuses this agent"
    return CannotContinue(f"{why}: {refused}")
