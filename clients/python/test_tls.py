"""The key goes to whom the certificate names, and to nobody else."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from typing import Optional

from testing.fake_server import FakeServer
from testing.support import KEY, ServerCase
from tradewarden import Client, ServerAway


@unittest.skipUnless(shutil.which("openssl"), "needs openssl")
class Tls(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.mkdtemp(dir=self.folder)
        self.certificate = os.path.join(folder, "cert.pem")
        key = os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        self.secure = FakeServer()
        self.secure.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.secure.tls.load_cert_chain(self.certificate, key)
        self.secure.listen()
        self.addCleanup(self.secure.end)

    def client_for(self, host: str, ca_file: Optional[str]) -> Client:
        client = Client(f"https://{host}:{self.secure.port}", KEY, ca_file=ca_file)
        self.addCleanup(client.close)
        return client

    def test_a_certificate_that_is_trusted_is_taken(self) -> None:
        client = self.client_for("localhost", self.certificate)
        self.assertEqual([client.get("/agents/me").status for _ in range(3)], [200] * 3)

    def test_one_that_nobody_signed_or_of_another_name_never_sees_the_key(self) -> None:
        for host, ca_file in (("localhost", None), ("127.0.0.1", self.certificate)):
            with self.assertRaises(ServerAway) as caught:
                self.client_for(host, ca_file).get("/agents/me")
            self.assertIn("not trusted", str(caught.exception))
        self.assertEqual(self.secure.seen, [])

    def test_a_call_under_way_can_be_interrupted(self) -> None:
        client = self.client_for("localhost", self.certificate)
        threading.Timer(0.2, client.interrupt).start()
        began = time.monotonic()
        self.assertRaises(ServerAway, client.lease, 1, 500.0)
        self.assertLess(time.monotonic() - began, 100)

    def test_a_certificate_that_cannot_be_read_stops_everything(self) -> None:
        with self.assertRaises(OSError):
            self.client_for("localhost", "/nowhere.pem")


if __name__ == "__main__":
    unittest.main()
