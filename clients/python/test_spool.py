"""The file that must outlive the process, in whatever state that leaves it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from typing import Any, List

import tradewarden
from testing.support import Lines
from tradewarden import Fact, Spool, SpoolDamaged, SpoolError, SpoolFull, SpoolLocked

HERE = os.path.dirname(os.path.abspath(__file__))


def fact(number: int, **more: Any) -> Fact:
    return Fact(0, "", more.pop("path", "/trades"), {"n": number, **more.pop("body", {})}, **more)


class SpoolCase(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="tradewarden-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = os.path.join(self.folder, "spool.log")
        self.lines = Lines()
        tradewarden.log.addHandler(self.lines)
        tradewarden.log.propagate = False
        self.addCleanup(tradewarden.log.removeHandler, self.lines)

    def open(self, **options: Any) -> Spool:
        spool = Spool(self.folder, **options)
        self.addCleanup(spool.close)
        return spool

    def again(self, spool: Spool, **options: Any) -> Spool:
        """As a new process finds it after a kill -9: nothing was closed in an orderly way."""
        spool._file_lock.release()
        return self.open(**options)

    def without_waiting_for_the_disk(self) -> None:
        stack = contextlib.ExitStack()
        stack.enter_context(replaced(os, "fsync", lambda fd: None))
        self.addCleanup(stack.close)

    def content(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def write(self, content: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(content)


def numbers(spool: Spool) -> List[int]:
    return [one.body["n"] for one in spool.snapshot()]


class TheSpool(SpoolCase):
    def test_keeps_facts_in_order_without_those_that_were_sent(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1), fact(2)])
        spool.commit({}, [fact(3)])
        spool.mark_sent([(spool.facts[0], None, None)])
        spool = self.again(spool)
        self.assertEqual(numbers(spool), [2, 3])
        spool.commit({}, [fact(4)])
        self.assertEqual([one.seq for one in self.again(spool).snapshot()], [2, 3, 4])

    def test_gives_each_fact_one_key_for_ever_and_no_other_the_same(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1), fact(2)])
        keys = [one.key for one in spool.snapshot()]
        self.assertEqual([one.key for one in self.again(spool).snapshot()], keys)
        other = Spool(tempfile.mkdtemp(dir=self.folder))
        self.addCleanup(other.close)
        other.commit({}, [fact(1), fact(2)])
        self.assertEqual(len({*keys, *(one.key for one in other.snapshot())}), 4)

    def test_keeps_state_ids_and_commands(self) -> None:
        spool = self.open()
        spool.commit({"state": {"tick": 7}}, [fact(1, ref="trade:a")])
        spool.mark_sent([(spool.facts[0], "id-a", None)])
        spool.commit({"begun": [{"id": "c1", "type": "custom", "leaseToken": "t"}]})
        answer = {"id": "c2", "type": "flatten", "kind": "complete", "token": "t", "after": 0}
        spool.commit({"answers": [answer], "agent": "me"})
        spool = self.again(spool)
        self.assertEqual((spool.state, spool.agent_id), ({"tick": 7}, "me"))
        self.assertEqual(spool.id_of("trade:a"), "id-a")
        self.assertEqual(spool.ref_of("id-a"), "trade:a")
        self.assertEqual((list(spool.begun), list(spool.answers)), (["c1"], ["c2"]))
        self.assertEqual(spool.pending_answers(), [("c2", answer)])
        spool.mark_answered("c2", "of an older lease")
        self.assertEqual(len(spool.pending_answers()), 1)
        spool.mark_answered("c2", "t")
        spool = self.again(spool)
        self.assertEqual((spool.pending_answers(), list(spool.answers)), ([], ["c2"]))

    def test_names_one_copy_to_the_server_for_as_long_as_there_is_the_folder(self) -> None:
        spool = self.open()
        name = spool.instance_id
        for _ in range(2):
            spool = self.again(spool)
            self.assertEqual(spool.instance_id, name)
            spool._compact()
        self.assertNotEqual(self.copied(), name)
        # The first has not noticed.
        self.assertEqual(self.again(spool).instance_id, name)

    def copied(self, host: str = socket.gethostname()) -> str:
        """The name in a copy of the folder, which keeps it."""
        other = os.path.join(tempfile.mkdtemp(dir=self.folder), "copy")
        shutil.copytree(self.folder, other, ignore=shutil.ignore_patterns("tmp*"))
        names = []
        with replaced(socket, "gethostname", lambda: host):
            for _ in range(2):
                spool = Spool(other)
                names.append(spool.instance_id)
                spool.close()
        self.assertEqual(names[0], names[1])
        return names[0]

    def test_names_another_copy_on_another_host(self) -> None:
        spool = self.open()
        known = {spool.instance_id, self.copied("another"), self.copied("n\udcffrth")}
        # A folder that all hosts see: the lock may hold on one of them only.
        with replaced(socket, "gethostname", lambda: "a third"):
            known.add(self.again(spool).instance_id)
        self.assertEqual(len(known), 4)

    def test_names_another_copy_when_its_lock_was_deleted_under_it(self) -> None:
        first = self.open()
        os.remove(os.path.join(self.folder, "spool.lock"))
        self.assertNotEqual(self.open().instance_id, first.instance_id)

    def test_gives_facts_of_a_copied_folder_other_keys_but_keeps_those_there_are(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1)])
        other = os.path.join(self.folder, "copy")
        shutil.copytree(self.folder, other)
        copy = Spool(other)
        self.addCleanup(copy.close)
        for one in (spool, copy):
            one.commit({}, [fact(2)])
        first, second = spool.snapshot(), copy.snapshot()
        self.assertEqual(first[0].key, second[0].key)
        self.assertNotEqual(first[1].key, second[1].key)

    def test_names_a_copy_also_when_the_name_was_torn_or_there_is_no_room_for_it(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1)])
        whole = self.content()
        base = json.loads(whole.splitlines()[0].split(b" ", 1)[1])
        for name in ("instance", "syncSeqs"):
            del base["base"][name]  # As a version before it wrote it.
        old = tradewarden._line_of(base) + whole.split(b"\n", 1)[1]
        self.write(old)
        spool = self.again(spool)
        named = spool.instance_id
        line = self.content()[len(old):]
        self.assertIn(named.encode(), line)
        for cut in range(0, len(line), 10):
            self.write(old + line[:cut])
            spool = self.again(spool)
            self.assertEqual(numbers(spool), [1])
            made = spool.instance_id
            self.assertNotEqual(made, named)
            spool = self.again(spool)
            self.assertEqual(spool.instance_id, made)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.write(old)
        with replaced(tradewarden, "_write_all", full):
            spool = self.again(spool)
        self.assertEqual(len(spool.instance_id), 36)
        self.assertEqual(self.lines.count("No space left on device"), 1)
        spool.commit({}, [fact(2)])
        self.assertEqual(numbers(self.again(spool)), [1, 2])

    def test_keeps_which_numbers_of_syncs_were_used(self) -> None:
        spool = self.open()
        self.assertEqual(spool.sync_seqs_taken, 0)
        spool.take_sync_seqs(100)
        spool = self.again(spool)
        self.assertEqual(spool.sync_seqs_taken, 100)
        spool.commit({"state": 1})
        spool._compact()
        self.assertEqual(self.again(spool).sync_seqs_taken, 100)

    def test_is_for_its_owner_only(self) -> None:
        folder = os.path.join(self.folder, "made")
        spool = Spool(folder)
        self.addCleanup(spool.close)
        spool.commit({}, [fact(1)])
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        for name in os.listdir(folder):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            self.assertEqual(mode, 0o600, name)

    def test_is_on_the_disk_before_a_commit_returns(self) -> None:
        spool = self.open()
        synced: List[int] = []
        with replaced(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size)):
            spool.commit({}, [fact(1)])
        self.assertEqual(synced, [len(self.content())])

    def test_has_a_whole_step_or_nothing_of_it_wherever_a_crash_cuts_it(self) -> None:
        self.without_waiting_for_the_disk()
        spool = self.open()
        spool.commit({"state": 1}, [fact(1)])
        before = len(self.content())
        spool.commit({"state": 2}, [fact(2), fact(3)])
        whole = self.content()
        spool.close()
        for cut in range(before, len(whole)):
            self.write(whole[:cut])
            spool = self.open()
            self.assertEqual((spool.state, numbers(spool)), (1, [1]), cut)
            # And what is written next does not stick to the remains.
            spool.commit({"state": 3}, [fact(4)])
            spool = self.again(spool)
            self.assertEqual((spool.state, numbers(spool)), (3, [1, 4]), cut)
            spool.close()

    def test_drops_a_last_line_whose_blocks_came_in_another_order(self) -> None:
        """After a power cut the end may be there and the middle be zeros."""
        spool = self.open()
        spool.commit({}, [fact(1)])
        before = len(self.content())
        spool.commit({}, [fact(2, body={"text": "x" * 5_000})])
        whole = self.content()
        spool.close()
        self.write(whole[:before] + b"\0" * 4_096 + whole[before + 4_096:])
        self.assertEqual(numbers(self.open()), [1])
        with open(os.path.join(self.folder, "spool.torn"), "rb") as torn:
            self.assertGreater(len(torn.read()), 5_000)
        self.assertEqual(self.lines.count("cut off by a crash"), 1)

    def test_does_not_guess_at_a_broken_line_in_the_middle(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1)])
        spool.commit({}, [fact(2)])
        spool.commit({}, [fact(3)])
        whole = self.content()
        spool.close()
        lines = whole.splitlines(keepends=True)
        garbage = lines[0] + b"garbage\n" + b"".join(lines[1:])
        for broken in (whole.replace(b'"n":1', b'"n":9'), garbage, whole[100:], b"{}", b"",
                       b"\0" * 100):
            self.write(broken)
            with self.assertRaises(SpoolDamaged):
                Spool(self.folder)
            self.assertEqual(self.content(), broken)
        # And it gave the lock back.
        self.write(whole)
        self.assertEqual(numbers(self.open()), [1, 2, 3])

    def test_takes_back_half_a_line_when_the_disk_is_full(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1)])
        before = self.content()
        real = spool._file

        class Full:
            """Takes ten bytes, then no more."""

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def write(self, data: Any) -> int:
                if len(data) <= 10:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return real.write(data[:len(data) - 10])  # type: ignore[union-attr,no-any-return]
        spool._file = Full()
        with self.assertRaisesRegex(SpoolError, "No space left"):
            spool.commit({"state": 5}, [fact(2)])
        self.assertEqual((self.content(), spool.state, numbers(spool)), (before, None, [1]))
        spool._file = real
        spool.commit({}, [fact(3)])
        self.assertEqual(numbers(self.again(spool)), [1, 3])

    def test_does_not_go_on_after_a_failed_sync(self) -> None:
        spool = self.open()

        def fail(fd: int) -> None:
            raise OSError(errno.EIO, "Input/output error")
        with replaced(os, "fsync", fail):
            self.assertRaises(SpoolError, spool.commit, {}, [fact(1)])
        self.assertRaises(SpoolError, spool.commit, {}, [fact(2)])
        self.assertTrue(spool.crowded)

    def test_is_bounded_and_keeps_a_fifth_for_trades_that_are_open(self) -> None:
        spool = self.open(facts_max=10)
        for number in range(8):
            spool.commit({}, [fact(number, path="/predictions")])
        self.assertTrue(spool.crowded)
        self.assertRaises(SpoolFull, spool.commit, {"state": 1}, [fact(8, path="/predictions")])
        spool.commit({}, [fact(8), fact(9)], essential=True)
        self.assertRaises(SpoolFull, spool.commit, {"state": 1}, [fact(10)], essential=True)
        self.assertIsNone(spool.state)
        spool = self.again(spool, facts_max=10)
        self.assertEqual(numbers(spool), list(range(10)))
        spool.mark_sent([(one, None, None) for one in spool.snapshot()[:5]])
        self.assertFalse(spool.crowded)
        spool.commit({}, [fact(10)])
        self.assertEqual(numbers(spool), [5, 6, 7, 8, 9, 10])

    def test_is_bounded_in_bytes_too(self) -> None:
        spool = self.open(bytes_max=20_000)
        spool.commit({}, [fact(1, body={"text": "x" * 15_000})])
        self.assertRaises(SpoolFull, spool.commit, {}, [fact(2, body={"text": "x" * 4_000})])
        spool.commit({}, [fact(2, body={"text": "x" * 4_000})], essential=True)
        spool.mark_sent([(one, None, None) for one in spool.snapshot()])
        self.assertEqual((spool._fact_bytes, spool.crowded), (0, False))

    def test_stays_small_however_much_passes_through(self) -> None:
        self.without_waiting_for_the_disk()
        spool = self.open()
        for number in range(3_000):
            name = f"trade:{number}"
            spool.commit({"state": {"pad": "x" * 1_000}}, [fact(number, ref=name)])
            if number == 0:
                continue  # The first one is never answered, and stays.
            spool.mark_sent([(spool.snapshot()[-1], f"id-{number}", None)])
            if number > 1:
                closing = fact(number, path="/trades/{trade}/transitions", trade=str(number),
                               body={"to": "closed"})
                spool.commit({}, [closing])
                spool.mark_sent([(spool.snapshot()[-1], None, None)])
        self.assertLess(len(self.content()), 1_600_000)
        spool = self.again(spool)
        self.assertEqual(numbers(spool), [0])
        # Ids of open trades are kept, those of closed ones for a while.
        self.assertEqual(spool.trade_id("1"), "id-1")
        self.assertEqual(spool.trade_id("2999"), "id-2999")
        self.assertIsNone(spool.trade_id("2"))
        self.assertLess(len(spool._ids), 3_000)

    def test_has_the_old_or_the_new_file_when_it_is_cut_off_while_rewriting(self) -> None:
        for name in ("replace", "fsync", "open"):
            spool = self.open()
            spool.commit({"state": name}, [fact(1)])
            before = numbers(spool)

            def die(*_: Any, **__: Any) -> Any:
                raise OSError(errno.ENOSPC, "No space left on device")
            with replaced(os, name, die):
                with contextlib.suppress(SpoolError):
                    spool._compact()
            spool = self.again(spool)
            self.assertEqual((spool.state, numbers(spool)), (name, before))
            spool.close()

    def test_puts_a_refused_fact_aside_with_the_reason(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1, ref="trade:a"), fact(2)])
        spool.mark_rejected(spool.facts[0], 400, "lotSize")
        self.assertEqual((numbers(spool), spool.id_of("trade:a")), ([2], None))
        path = os.path.join(self.folder, "rejected.jsonl")
        with open(path, "rb") as file:
            line = file.read()
        self.assertEqual((json.loads(line)["status"], json.loads(line)["fact"]["body"]),
                         (400, {"n": 1}))
        # As when a crash came between the two files.
        with open(path, "ab") as file:
            file.write(line + b'{"half')
        spool = self.again(spool)
        self.assertEqual(spool.rejected_count, 1)
        # What comes next has a line of its own.
        spool.mark_rejected(spool.facts[0], 400, "lotSize")
        self.assertEqual(self.again(spool).rejected_count, 2)

    def test_says_so_when_a_refused_fact_cannot_be_put_aside_and_keeps_it(self) -> None:
        spool = self.open()
        spool.commit({}, [fact(1)])
        os.mkdir(os.path.join(self.folder, "rejected.jsonl"))
        with self.assertRaisesRegex(SpoolError, "rejected.jsonl cannot be written"):
            spool.mark_rejected(spool.facts[0], 400, "lotSize")
        self.assertEqual(numbers(spool), [1])

    def test_keeps_no_more_rejections_than_a_bound(self) -> None:
        spool = self.open()
        path = os.path.join(self.folder, "rejected.jsonl")
        with open(path, "wb") as file:
            file.truncate(tradewarden.REJECTED_BYTES_MAX + 1)
        spool.commit({}, [fact(1)])
        spool.mark_rejected(spool.facts[0], 400, "x")
        self.assertLess(os.path.getsize(path), 1_000)
        self.assertTrue(os.path.exists(path + ".1"))

    def test_settles_times_once_and_for_ever(self) -> None:
        spool = self.open()
        marker = {"$time": {"wall": 1.0, "mono": 1.0, "process": "p"}}
        user = {"components": {"$time": "of the user"}}
        spool.commit({}, [fact(1, body={"entryTime": marker, **user}),
                          Fact(0, "", "/predictions/batch", {"items": [{"timestamp": marker}]})])
        spool = self.again(spool)
        self.assertTrue(all(one.unsettled for one in spool.snapshot()))
        spool.settle_times(lambda given: f"settled {given['process']}")
        spool = self.again(spool)
        first, second = spool.snapshot()
        self.assertEqual(first.body["entryTime"], "settled p")
        self.assertEqual(first.body["components"], {"$time": "of the user"})
        self.assertEqual(second.body["items"][0]["timestamp"], "settled p")

    def test_is_what_its_lines_say(self) -> None:
        spool = self.open()
        spool.commit({"state": {"é": "€"}}, [fact(1)])
        for line in self.content().splitlines():
            checksum, text = line.split(b" ", 1)
            self.assertEqual(int(checksum, 16), zlib.crc32(text))
            json.loads(text)


class TwoProcesses(SpoolCase):
    def test_cannot_work_with_one_spool(self) -> None:
        child = self.holder()
        with self.assertRaisesRegex(SpoolLocked, f"process {child.pid} already works with"):
            Spool(self.folder)
        child.kill()
        child.wait()
        # The lock goes with the process, however that ends.
        self.assertEqual(numbers(self.open()), [1])

    def test_nor_can_two_spools_in_one_process(self) -> None:
        self.open()
        self.assertRaises(SpoolLocked, Spool, self.folder)

    def test_a_forked_child_cannot_write_into_its_parents(self) -> None:
        spool = self.open()
        child = os.fork()
        if child == 0:
            try:
                spool.commit({}, [fact(1)])
            except RuntimeError:
                os._exit(7)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        spool.commit({}, [fact(2)])
        self.assertEqual(numbers(self.again(spool)), [2])

    def holder(self) -> "subprocess.Popen[str]":
        code = ("import sys, time, tradewarden as t\n"
                "spool = t.Spool(sys.argv[1])\n"
                "spool.commit({}, [t.Fact(0, '', '/trades', {'n': 1})])\n"
                "print('ready', flush=True)\ntime.sleep(60)\n")
        child = subprocess.Popen([sys.executable, "-c", code, self.folder], cwd=HERE, text=True,
                                 stdout=subprocess.PIPE)
        assert child.stdout is not None
        for clean_up in (child.stdout.close, child.wait, child.kill):
            self.addCleanup(clean_up)
        self.assertEqual(child.stdout.readline(), "ready\n")
        return child


class KillMinusNine(SpoolCase):
    """A process that commits as fast as it can, and says what it has committed."""

    CODE = ("import sys, tradewarden as t\n"
            "spool = t.Spool(sys.argv[1])\n"
            "number = spool.state or 0\n"
            "while True:\n"
            "    number += 1\n"
            "    facts = [t.Fact(0, '', '/trades', {'n': number, 'part': part})"
            " for part in range(3)]\n"
            "    spool.commit({'state': number}, facts)\n"
            "    print(number, flush=True)\n"
            "    if number % 5 == 0:\n"
            "        spool.mark_sent([(one, None, None) for one in spool.snapshot()[:9]])\n"
            "    if number % 7 == 0:\n"
            "        spool._compact()\n")

    def test_at_any_moment_loses_no_step_that_was_committed_and_halves_none(self) -> None:
        rounds = 40 if os.environ.get("FULL_FIGURES") else 8
        last = 0
        for turn in range(rounds):
            child = subprocess.Popen([sys.executable, "-c", self.CODE, self.folder], cwd=HERE,
                                     text=True, stdout=subprocess.PIPE)
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.02 + 0.013 * turn)
            child.send_signal(signal.SIGKILL)
            said = [int(line) for line in child.stdout.read().split() if line]
            child.wait()
            child.stdout.close()
            spool = Spool(self.folder)
            self.assertGreaterEqual(spool.state, said[-1] if said else last)
            last = spool.state
            facts = spool.snapshot()
            self.assertEqual([one.seq for one in facts], sorted({one.seq for one in facts}))
            newest = [one.body["part"] for one in facts if one.body["n"] == last]
            self.assertEqual(newest, [0, 1, 2])
            kept = {one.body["n"] for one in facts}
            self.assertEqual(kept, set(range(min(kept), last + 1)))
            spool.close()


@contextlib.contextmanager
def replaced(module: Any, name: str, value: Any) -> Any:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


if __name__ == "__main__":
    unittest.main()
