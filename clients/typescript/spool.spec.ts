import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Spool, type Fact } from './spool.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fact = (seq: number, ref?: string): Fact => ({ seq, key: `k-${seq}`, path: '/trades', body: { n: seq }, ...(ref ? { ref } : {}) });
const file = () => join(folder, 'facts.jsonl');
const lines = () => readFileSync(file(), 'utf8').trim().split('\n');

/** As a new process would find it. */
const reopen = (committedSeq = 999) => new Spool(folder, committedSeq);

function seqsOf(spool: Spool): number[] {
  const seqs: number[] = [];
  for (let first = spool.first(); first; first = spool.first()) {
    seqs.push(first.seq);
    spool.markSent(first);
  }
  return seqs;
}

describe('the spool', () => {
  it('keeps facts over a restart, in order, without those that were sent', () => {
    const spool = reopen();
    spool.append([fact(1), fact(2)]);
    spool.append([fact(3)]);
    spool.markSent(spool.first()!);
    expect(seqsOf(reopen())).toEqual([2, 3]);
  });

  it('remembers the ids that the server gave, over a restart', () => {
    const spool = reopen();
    spool.append([fact(1, 'trade:a'), fact(2, 'trade:b')]);
    spool.markSent(spool.first()!, 'id-a');
    expect([spool.idOf('trade:a'), spool.idOf('trade:b')]).toEqual(['id-a', undefined]);
    expect([reopen().idOf('trade:a'), reopen().refOf('id-a')]).toEqual(['id-a', 'trade:a']);
  });

  it('remembers the order tags that came with them, over a restart and a compacting', () => {
    const spool = reopen();
    spool.append([fact(1, 'trade:a'), fact(2, 'trade:b')]);
    spool.markSent(spool.first()!, 'id-a', 'TAGOFA');
    spool.markSent(spool.first()!, 'id-b', 'TAGOFB');
    const again = reopen();
    again.compact(new Set(['trade:a']), true);
    expect([again.orderTagOf('trade:a'), again.orderTagOf('trade:b')]).toEqual(['TAGOFA', undefined]);
    expect([reopen().orderTagOf('trade:a'), reopen().idOf('trade:a'), reopen().orderTagOf('trade:b')]).toEqual(['TAGOFA', 'id-a', undefined]);
  });

  it.each([1, 5, 20])('drops a last line that a crash cut %i bytes short, and only that', (bytes) => {
    const spool = reopen();
    spool.append([fact(1), fact(2)]);
    const text = readFileSync(file());
    writeFileSync(file(), text.subarray(0, text.length - bytes));
    const again = reopen();
    expect(seqsOf(again)).toEqual([1]);
    // And what is written next does not stick to the remains.
    again.append([fact(2), fact(3)]);
    expect(seqsOf(reopen())).toEqual([2, 3]);
  });

  it('does not guess at a broken line in the middle', () => {
    const spool = reopen();
    spool.append([fact(1)]);
    appendFileSync(file(), 'garbage\n');
    spool.append([fact(2)]);
    expect(() => reopen()).toThrow('line 2');
    expect(lines()).toHaveLength(3);
  });

  it('drops facts that were written just before a crash kept the state from being saved', () => {
    const spool = reopen();
    spool.append([fact(1), fact(2), fact(3)]);
    const again = reopen(2);
    again.append([{ ...fact(3), body: { n: 'made again' } }]);
    expect(again.size).toBe(3);
    seqsOf(again);
    const third = lines().map((line) => JSON.parse(line) as { fact?: Fact }).filter((line) => line.fact?.seq === 3);
    expect(third).toEqual([{ fact: { ...fact(3), body: { n: 'made again' } } }]);
  });

  it('puts a refused fact aside with the reason, and lets the next one go on', () => {
    const spool = reopen();
    spool.append([fact(1, 'trade:a'), fact(2)]);
    spool.markRejected(spool.first()!, { status: 400, reason: 'lotSize', at: '2026-01-01T00:00:00Z' });
    expect(spool.first()!.seq).toBe(2);
    expect(spool.idOf('trade:a')).toBeNull();
    const again = reopen();
    expect([again.rejectedCount, again.first()!.seq, again.idOf('trade:a')]).toEqual([1, 2, null]);
    expect(JSON.parse(readFileSync(join(folder, 'rejected.jsonl'), 'utf8'))).toMatchObject({ status: 400, reason: 'lotSize', fact: { seq: 1 } });
  });

  it('counts a rejection once that a crash wrote twice', () => {
    const spool = reopen();
    spool.append([fact(1)]);
    spool.markRejected(spool.first()!, { status: 400, reason: 'x', at: '' });
    appendFileSync(join(folder, 'rejected.jsonl'), readFileSync(join(folder, 'rejected.jsonl')));
    expect(reopen().rejectedCount).toBe(1);
  });

  it('stays small: compacting keeps the unsent facts and the ids still needed, and nothing else', () => {
    const spool = reopen();
    spool.append([fact(1, 'trade:old'), fact(2, 'trade:open'), fact(3, 'trade:pending')]);
    for (const id of ['id-old', 'id-open', 'id-pending']) spool.markSent(spool.first()!, id);
    spool.append([{ ...fact(4), path: '/trades/{trade:pending}/transitions' }]);
    spool.compact(new Set(['trade:open']), true);
    expect(lines()).toHaveLength(3);
    const again = reopen();
    expect([again.idOf('trade:old'), again.idOf('trade:open'), again.idOf('trade:pending')]).toEqual([undefined, 'id-open', 'id-pending']);
    again.append([fact(5)]);
    expect(seqsOf(again)).toEqual([4, 5]);
  });

  it('lets facts go in order only', () => {
    const spool = reopen();
    spool.append([fact(1), fact(2)]);
    expect(() => spool.markSent(fact(2))).toThrow('in order');
  });
});
