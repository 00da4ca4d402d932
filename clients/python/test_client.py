"""Single calls: what they carry, how answers are judged, and what may never get out."""

from __future__ import annotations

import pickle
import socket
import threading
import time
import traceback
import unittest
import os
from typing import Any

import tradewarden
from testing.fake_server import FakeServer, Fault
from testing.support import KEY, ServerCase, until
from tradewarden import Client, InstanceConflict, Refused, ServerAway


class ACall(ServerCase):
    def failure(self, fault: Fault) -> Any:
        self.server.fault = lambda seen: fault
        with self.assertRaises(tradewarden.TradewardenError) as caught:
            self.client().post("/predictions", {})
        return caught.exception

    def test_carries_the_key_the_instance_and_the_idempotency_key(self) -> None:
        client = self.client()
        client.predict({"a": 1}, key="k-1")
        headers = self.server.seen[0].headers
        self.assertEqual(headers["authorization"], f"Bearer {KEY}")
        self.assertEqual(headers["x-instance-id"], client.instance_id)
        self.assertEqual(headers["idempotency-key"], "k-1")
        self.assertEqual(headers["content-type"], "application/json")

    def test_names_another_instance_in_each_client(self) -> None:
        self.assertNotEqual(self.client().instance_id, self.client().instance_id)

    def test_that_says_not_now_may_be_made_again(self) -> None:
        for status in (500, 502, 503, 504, 429, 408, 425):
            body = {"code": "X"}
            away = self.failure(Fault(status=status, headers={"Retry-After": "7"}, body=body))
            self.assertIsInstance(away, ServerAway)
            self.assertEqual((away.status, away.retry_after, away.code), (status, 7.0, "X"))
        away = self.failure(Fault(status=409, body={"code": "IN_USE", "retryable": True}))
        self.assertIsInstance(away, ServerAway)

    def test_that_is_refused_says_why(self) -> None:
        problem = {"code": "X", "detail": "why", "errors": [{"path": "lotSize", "message": "bad"}]}
        for status in (400, 401, 403, 404, 409, 412, 413, 415, 422, 428):
            refused = self.failure(Fault(status=status, body=problem))
            self.assertIs(type(refused), Refused)
            self.assertEqual((refused.status, refused.code), (status, "X"))
            self.assertEqual(str(refused), f"POST /predictions: {status} X why lotSize: bad")

    def test_refused_for_another_instance_is_told_apart_even_if_called_retryable(self) -> None:
        for retryable in (True, False):
            body = {"code": "AGENT_INSTANCE_CONFLICT", "retryable": retryable}
            self.assertIsInstance(self.failure(Fault(status=409, body=body)), InstanceConflict)

    def test_answered_by_something_in_between_is_not_a_refusal(self) -> None:
        """A proxy's page while the server is replaced must not cost a fact."""
        for fault in (Fault(status=404, text=b"<html>no application</html>"),
                      Fault(status=403, body={"message": "blocked"}),
                      Fault(status=404, body={"code": 404}), Fault(status=413, text=b""),
                      Fault(status=200, text=b"<html>sign in to the wifi</html>"),
                      Fault(status=200, text=b""), Fault(status=200, text=b"[1]"),
                      Fault(status=200, text=b"[" * 100_000)):
            self.assertIsInstance(self.failure(fault), ServerAway, fault)

    def test_without_an_answer_may_be_made_again(self) -> None:
        for drop in ("before", "after"):
            self.assertEqual(self.failure(Fault(drop=drop)).status, 0)
        nobody = Client("http://127.0.0.1:9", KEY)
        with self.assertRaises(ServerAway) as caught:
            nobody.get("/agents/me")
        self.assertIn("GET /agents/me", str(caught.exception))

    def test_that_ends_early_is_not_a_success(self) -> None:
        """http.client does not complain about a body that is shorter than it was announced."""
        with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}") as url:
            with self.assertRaises(ServerAway) as caught:
                Client(url, KEY).get("/agents/me")
        self.assertIn("ended early", str(caught.exception))

    def test_that_drips_is_given_up_in_time(self) -> None:
        """Each byte comes within a socket's time-out, and the whole never."""
        client = self.client()
        client.timeout = 0.3
        for fault in (Fault(drip=0.05, status=200, text=b'{"a":' + b" " * 10_000 + b"1}"),
                      Fault(delay=500.0)):
            self.server.fault = lambda seen, fault=fault: fault  # type: ignore[misc]
            began = time.monotonic()
            with self.assertRaises(ServerAway) as caught:
                client.get("/agents/me")
            self.assertLess(time.monotonic() - began, 100)
            self.assertIn("no answer in time", str(caught.exception))

    def test_is_given_up_when_the_headers_drip(self) -> None:
        with raw_server(b"HTTP/1.1 200 OK\r\nX-A: " + b"1" * 25_000, drip=0.02) as url:
            client = Client(url, KEY)
            client.timeout = 0.3
            began = time.monotonic()
            self.assertRaises(ServerAway, client.get, "/agents/me")
            self.assertLess(time.monotonic() - began, 100)

    def test_reads_no_more_than_an_answer_can_have(self) -> None:
        announced = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
        with raw_server(announced + b"x" * 1024, repeat=9 * 1024) as url:
            with self.assertRaises(ServerAway) as caught:
                Client(url, KEY).get("/agents/me")
        self.assertIn("more than", str(caught.exception))

    def test_is_judged_by_what_is_no_http_at_all(self) -> None:
        for bytes_ in (b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999 X\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\n" + b"A" * 70_000, b"HTTP/1.1 200 OK\r\n"
                       + b"A: b\r\n" * 200 + b"\r\n"):
            with raw_server(bytes_) as url:
                self.assertRaises(ServerAway, Client(url, KEY).get, "/agents/me")

    def test_under_way_can_be_interrupted_and_later_ones_work_again(self) -> None:
        client = self.client()
        failed = []

        def poll() -> None:
            try:
                client.lease(1, 500.0)
            except ServerAway as away:
                failed.append(away)
        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        until("the poll waits", lambda: self.server.seen)
        client.interrupt()
        thread.join(100)
        self.assertFalse(thread.is_alive())
        self.assertEqual(len(failed), 1)
        self.assertRaises(ServerAway, client.get, "/agents/me")
        client.resume()
        self.assertEqual(client.get("/agents/me").status, 200)

    def test_uses_its_connection_again_but_not_one_that_idled(self) -> None:
        class Clock(tradewarden.SystemClock):
            """Stands still: between two calls there is no pause."""

            passed = 0.0

            def monotonic(self) -> float:
                return 1_000.0 + self.passed
        clock = Clock()
        client = self.client(clock=clock)
        for _ in range(5):
            client.get("/agents/me")
        self.assertEqual(len({seen.peer for seen in self.server.seen}), 1)
        clock.passed += 5
        client.get("/agents/me")
        self.assertEqual(len({seen.peer for seen in self.server.seen}), 2)
        until("the old one is closed", lambda: len(self.server._sockets) == 1)

    def test_belongs_to_the_process_that_made_it(self) -> None:
        client = self.client()
        child = os.fork()
        if child == 0:
            try:
                client.get("/agents/me")
            except RuntimeError:
                os._exit(7)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(self.server.seen, [])

    def test_of_more_than_the_server_takes_is_not_made(self) -> None:
        self.assertRaises(ValueError, self.client().post, "/trades", {"a": "x" * 1_000_000})

    def test_is_repeated_until_it_is_answered(self) -> None:
        client = self.client()
        faults = [Fault(status=503, body={"code": "X"}, headers={"Retry-After": "1"}),
                  Fault(drop="after"), Fault(status=429, body={"code": "X"})]
        self.server.fault = lambda seen: faults.pop(0) if faults else None
        began = time.monotonic()
        backoff = tradewarden.Backoff(0.01)
        answer = client.retrying(lambda: client.predict({"a": 1}, key="k"), backoff=backoff)
        self.assertEqual(answer.status, 201)
        self.assertGreaterEqual(time.monotonic() - began, 1.0)
        self.assertEqual(len(self.server.predictions), 1)
        self.assertEqual([seen.headers["idempotency-key"] for seen in self.server.seen], ["k"] * 4)

    def test_is_not_repeated_longer_than_wanted_nor_when_it_is_refused(self) -> None:
        client = self.client()
        self.server.fault = lambda seen: Fault(status=503, body={"code": "X"},
                                               headers={"Retry-After": "99"})
        self.assertRaises(ServerAway, client.retrying, lambda: client.get("/agents/me"), 5.0)
        self.server.fault = lambda seen: Fault(status=400, body={"code": "X"})
        self.assertRaises(Refused, client.retrying, lambda: client.get("/agents/me"), 5.0)
        self.server.fault = lambda seen: Fault(status=500, body={"code": "X", "retryable": False})
        self.assertRaises(ServerAway, client.retrying, lambda: client.get("/agents/me"), 5.0)
        self.assertEqual(len(self.server.seen), 3)


class AKey(ServerCase):
    def test_does_not_follow_a_redirect(self) -> None:
        other = FakeServer().listen()
        self.addCleanup(other.end)
        for status in (301, 302, 303, 307, 308):
            location = {"Location": f"{other.url}/api/v1/agents/me"}
            self.server.fault = lambda seen: Fault(status=status, headers=location)
            with self.assertRaises(ServerAway) as caught:
                self.client().get("/agents/me")
            self.assertIn("redirect", str(caught.exception))
        self.assertEqual(other.seen, [])

    def test_is_in_no_repr_pickle_message_or_traceback(self) -> None:
        client = self.client()
        shown = [repr(client), str(client), repr(client.__dict__)]
        self.assertRaises(TypeError, pickle.dumps, client)
        self.assertRaises(TypeError, pickle.dumps, client._key)
        echo = {"code": "X", "detail": f"you sent Bearer {KEY}", "title": KEY,
                "errors": [{"path": KEY, "message": KEY}]}
        for fault in (Fault(status=400, body=echo), Fault(status=503, body=echo),
                      Fault(drop="before"), Fault(status=302, headers={"Location": f"/?k={KEY}"}),
                      Fault(status=409, body={**echo, "code": "AGENT_INSTANCE_CONFLICT"})):
            self.server.fault = lambda seen, fault=fault: fault  # type: ignore[misc]
            try:
                client.post("/trades", {})
            except tradewarden.TradewardenError as error:
                shown += [str(error), repr(error), traceback.format_exc()]
                # What a crash reporter collects: the variables of every frame (but this one's).
                frames = error.__traceback__ and error.__traceback__.tb_next
                lines = traceback.TracebackException(type(error), error, frames,
                                                     capture_locals=True)
                shown += list(lines.format())
        self.assertGreater(len([one for one in shown if "***" in one]), 3)
        for text in shown:
            # The source line above is shown, and names the constant only.
            self.assertNotIn(KEY, text)

    def test_that_cannot_be_a_header_is_refused_without_being_said(self) -> None:
        for key in ("tw_abc\r\nX-Evil: 1", "tw_abc\n", "", "short", "tw_äöü_long_enough",
                    "a" * 600):
            with self.assertRaises(ValueError) as caught:
                Client("http://127.0.0.1:1", key)
            self.assertNotIn(key or "nothing", str(caught.exception))
            self.assertNotIn("evil", str(caught.exception).lower())

    def test_goes_unencrypted_to_this_machine_only(self) -> None:
        for url in ("http://127.0.0.1:3000", "http://[::1]:3000", "http://localhost:3000",
                    "https://tradewarden.example.com", "https://10.0.0.7/base/"):
            Client(url, KEY)
        for url in ("http://10.0.0.7:3000", "http://tradewarden:3000", "http://localhost.evil.com"):
            with self.assertRaises(ValueError):
                Client(url, KEY)
            Client(url, KEY, allow_http=True)

    def test_goes_to_a_url_without_credentials_only_and_the_url_is_not_said(self) -> None:
        for url in ("https://me:hunter2@example.com", "https://hunter2@example.com",
                    "https://example.com?token=hunter2", "https://example.com#hunter2",
                    "ftp://hunter2", "hunter2", "", "https://", "https://exa mple/hunter2",
                    "https://host:port-hunter2", "https://[hunter2", "https://h/hunter2\r\nX: 1"):
            with self.assertRaises(ValueError) as caught:
                Client(url, KEY)
            self.assertNotIn("hunter2", str(caught.exception))

    def test_comes_from_the_environment(self) -> None:
        before = dict(os.environ)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)
        os.environ.update(TRADEWARDEN_URL=self.server.url + "/", TRADEWARDEN_API_KEY=f" {KEY}\n")
        client = Client.from_env()
        self.addCleanup(client.close)
        self.assertEqual(client.get("/agents/me").status, 200)
        for name in ("TRADEWARDEN_URL", "TRADEWARDEN_API_KEY"):
            kept = os.environ.pop(name)
            with self.assertRaises(ValueError) as caught:
                Client.from_env()
            self.assertIn(name, str(caught.exception))
            os.environ[name] = kept

    def test_a_path_in_the_url_is_kept(self) -> None:
        client = Client(self.server.url + "/behind/a/proxy/", KEY)
        self.addCleanup(client.close)
        self.assertRaises(Refused, client.get, "/agents/me")
        self.assertEqual(self.server.seen[0].path, "/behind/a/proxy/api/v1/agents/me")

    def test_an_id_cannot_leave_its_place_in_a_path(self) -> None:
        self.assertRaises(Refused, self.client().complete, "../../users?x=1#", "t")
        self.assertEqual(self.server.seen[0].path, "/commands/..%2F..%2Fusers%3Fx%3D1%23/complete")


class raw_server:
    """Answers every connection with the same bytes, then closes it."""

    def __init__(self, answer: bytes, drip: float = 0.0, repeat: int = 1):
        self._answer, self._drip, self._repeat = answer, drip, repeat
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                near.recv(65_536)
                if self._drip:
                    for index in range(len(self._answer)):
                        near.send(self._answer[index:index + 1])
                        time.sleep(self._drip)
                else:
                    for _ in range(self._repeat):
                        near.sendall(self._answer)
                near.shutdown(socket.SHUT_WR)
                near.settimeout(1)
                near.recv(65_536)
            except OSError:
                pass
            finally:
                near.close()


if __name__ == "__main__":
    unittest.main()
