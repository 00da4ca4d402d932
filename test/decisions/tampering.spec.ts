import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { aDecision, append, numbersOf, tamper, verified } from '../support/decisions.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

/** A stream of seven rows, and what makes it as it was. */
let stream: string;
beforeEach(async () => {
  await tamper(t, 'delete from decision_history', 'delete from decision_heads');
  stream = randomUUID();
  await append(t, ...Array.from({ length: 6 }, () => aDecision(stream, { agentId: randomUUID(), commandId: randomUUID(), haltId: randomUUID() })));
  await append(t, aDecision(stream));
  expect(await verified(t)).toMatchObject({ ok: true, checked: 7, unchecked: 0, findings: [] });
});

const row = (number: number) => `stream = '${stream}' and number = ${number}`;
const problems = async () => (await verified(t)).findings.map(({ problem, number, detail }) => ({ problem, number, detail }));
const first = async () => (await problems())[0];

describe('a superuser who edits a row is found out, with its number', () => {
  it.each([
    ['one byte of the text', `canonical = replace(canonical, '"0.5"', '"0.6"')`, 'SEAL'],
    ['the hash', `hash = translate(hash, '0123456789abcdef', '123456789abcdef0')`, 'SEAL'],
    ['the type', `type = 'human_approved'`, 'COLUMN'],
    ['the time', `at = at + interval '1 microsecond'`, 'COLUMN'],
    ['the id', `id = gen_random_uuid()`, 'COLUMN'],
    ['whose it is', `agent_id = gen_random_uuid()`, 'COLUMN'],
    ['that it is anybody\'s', `agent_id = null`, 'COLUMN'],
    ['the idea', `idea_id = gen_random_uuid()`, 'COLUMN'],
    ['the command', `command_id = gen_random_uuid()`, 'COLUMN'],
    ['the halt', `halt_id = gen_random_uuid()`, 'COLUMN'],
    ['its place in lists', `seq = seq + 1000000`, 'COLUMN'],
    ['its number', `number = 5000`, 'COLUMN'],
    ['the key in the column', `key_id = '0123456789abcdef'`, 'COLUMN'],
    ['a text that is no JSON', `canonical = 'x'`, 'SEAL'],
    ['a text that is another row\'s', `(canonical, hash) = (select canonical, hash from decision_history where number = 2)`, 'COLUMN'],
  ])('%s', async (what, change, problem) => {
    await tamper(t, `update decision_history set ${change} where ${row(4)}`);
    const named = (await problems()).filter((each) => each.problem === problem).map(({ number }) => number);
    expect(named).toEqual([what === 'its number' ? 5000 : 4]);
    // Lists show it, and say so of that row alone.
    const { status, body } = await t.http<{ items: { seal: string }[] }>('GET', '/decisions');
    expect([status, body.items.filter(({ seal }) => seal !== 'intact').length]).toEqual([200, 1]);
  });

  it.each([1, 4, 7])('also with the key in text and column, as if it had been sealed under another: number %d', async (number) => {
    await tamper(t, `update decision_history set key_id = '0123456789abcdef', canonical = regexp_replace(canonical, '"key":"[0-9a-f]{16}"', '"key":"0123456789abcdef"') where ${row(number)}`);
    expect(await problems()).toEqual(expect.arrayContaining([expect.objectContaining({ problem: 'KEY_CHANGED', number })]));
  });

  it('moved into another stream: missing here, and none of that one', async () => {
    const other = randomUUID();
    await append(t, aDecision(other));
    await tamper(t, `update decision_history set stream = '${other}', number = 2 where ${row(7)}`);
    const found = (await verified(t)).findings;
    expect(found).toEqual(expect.arrayContaining([expect.objectContaining({ stream, problem: 'MISSING', number: 7 }), expect.objectContaining({ stream: other, problem: 'COLUMN', number: 2 })]));
  });
});

describe('a superuser who removes rows is found out', () => {
  it.each([['the first', 1], ['one in the middle', 4], ['the last', 7]])('%s', async (_what, number) => {
    await tamper(t, `delete from decision_history where ${row(number)}`);
    expect(await problems()).toEqual([{ problem: 'MISSING', number, detail: `rows are missing (number ${number})` }]);
  });

  it('a tail of three', async () => {
    await tamper(t, `delete from decision_history where number > 4`);
    expect(await problems()).toEqual([{ problem: 'MISSING', number: 5, detail: 'rows are missing (numbers 5 to 7)' }]);
  });

  it('all rows of a stream, or its head too', async () => {
    await append(t, aDecision('system'));
    await tamper(t, `delete from decision_history where stream = '${stream}'`);
    expect(await problems()).toEqual([{ problem: 'MISSING', number: 1, detail: 'rows are missing (numbers 1 to 7)' }]);
    await tamper(t, `delete from decision_heads where stream = '${stream}'`);
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'STREAMS', number: null })]);
  });

  it('and a later append covers nothing up', async () => {
    await tamper(t, `delete from decision_history where number = 7`);
    await append(t, aDecision(stream));
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'MISSING', number: 7 })]);
  });
});

describe('a superuser who inserts rows is found out', () => {
  const copy = (set: string) => `insert into decision_history select (jsonb_populate_record(d, ${set})).* from decision_history d where ${row(7)}`;

  it('forged at the end', async () => {
    await tamper(t, copy(`jsonb_build_object('number', 8, 'seq', nextval('decision_history_seq'), 'canonical', replace(replace(d.canonical, '"number":7', '"number":8'), d.seq::text, currval('decision_history_seq')::text))`));
    expect(await problems()).toEqual(expect.arrayContaining([expect.objectContaining({ problem: 'SEAL', number: 8 }), expect.objectContaining({ problem: 'HEAD_BEHIND', number: 8 })]));
  });

  it('repeated as it was', async () => {
    await tamper(t, copy(`jsonb_build_object('seq', nextval('decision_history_seq'))`));
    expect(await problems()).toEqual(expect.arrayContaining([expect.objectContaining({ problem: 'EXTRA', number: 7 })]));
  });

  it('with a head moved on to it', async () => {
    await tamper(t, copy(`jsonb_build_object('number', 8, 'seq', nextval('decision_history_seq'))`), `update decision_heads set count = 8 where stream = '${stream}'`);
    expect(await problems()).toEqual(expect.arrayContaining([expect.objectContaining({ problem: 'COLUMN', number: 8 }), expect.objectContaining({ problem: 'HEAD_SEAL' })]));
  });

  it('in a stream without a head', async () => {
    await tamper(t, copy(`jsonb_build_object('stream', 'system', 'seq', nextval('decision_history_seq'))`));
    expect((await verified(t)).findings).toEqual(expect.arrayContaining([expect.objectContaining({ stream: 'system', problem: 'HEAD_MISSING' })]));
  });
});

describe('a superuser who swaps two rows is found out', () => {
  it.each([
    ['their numbers', 'number'], ['their places', 'seq'], ['texts with hashes', 'canonical'],
  ])('%s', async (_what, what) => {
    const set = what === 'canonical' ? '(canonical, hash) = (o.canonical, o.hash)' : `${what} = o.${what}`;
    await tamper(t, `update decision_history d set ${set} from decision_history o where d.number in (3, 5) and o.number = 8 - d.number`);
    const found = await problems();
    expect(found.filter(({ problem }) => problem === 'COLUMN')).toHaveLength(2);
    if (what !== 'canonical') expect(found.map(({ problem }) => problem)).toContain('EXTRA');
  });
});

describe('a superuser who changes a head is found out', () => {
  const keep = 'create table kept as select * from decision_heads';
  const restore = `delete from decision_heads; insert into decision_heads select * from kept; drop table kept`;

  it('by an old one, seal and all', async () => {
    await tamper(t, keep);
    await append(t, aDecision(stream), aDecision(stream));
    await tamper(t, restore);
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'HEAD_BEHIND', number: 8 })]);
    // What is appended then repeats a number.
    await append(t, aDecision(stream));
    expect((await problems()).map(({ problem }) => problem)).toContain('EXTRA');
  });

  it.each([
    ['its count', 'count = 6'], ['its hash', `head = repeat('a', 64)`], ['its seal', `mac = repeat('a', 64)`], ['its key', `key_id = '0123456789abcdef'`],
  ])('%s, also after a later append has sealed a new one', async (what, change) => {
    await tamper(t, `update decision_heads set ${change} where stream = '${stream}'`);
    expect((await first())?.problem).toMatch(/^(HEAD_SEAL|KEY_UNKNOWN)$/);
    await append(t, aDecision(stream));
    expect((await problems()).map(({ problem }) => problem)).toEqual(expect.arrayContaining([what === 'its key' ? 'KEY_CHANGED' : 'HEAD_WAS_CHANGED']));
  });

  it('by removing it: what is appended then begins anew, and does not fit', async () => {
    await tamper(t, `delete from decision_heads where stream = '${stream}'`);
    expect((await problems()).map(({ problem }) => problem)).toEqual(['STREAMS', 'HEAD_MISSING']);
    await append(t, aDecision(stream));
    expect((await problems()).map(({ problem }) => problem)).toContain('EXTRA');
  });

  it('or the count of streams, also after a new stream has sealed it anew', async () => {
    await tamper(t, `delete from decision_history where stream = '${stream}'`, `delete from decision_heads where stream = '${stream}'`, `update decision_heads set count = 0 where stream = '*'`);
    expect((await first())?.problem).toBe('HEAD_SEAL');
    await append(t, aDecision('system'));
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'HEAD_WAS_CHANGED', number: 1 })]);
  });

  it('and with a tail removed too, by the heads that were logged', async () => {
    await tamper(t, keep);
    await append(t, aDecision(stream));
    const [head] = await t.db.query<{ head: string }>(`select head from decision_heads where stream = $1`, [stream]);
    const logged = new Map([[stream, new Map([[8, head?.head ?? '']])]]);
    expect(await verified(t, { logged })).toMatchObject({ ok: true });
    await tamper(t, restore, 'delete from decision_history where number = 8');
    expect(await verified(t)).toMatchObject({ ok: true });
    expect(await verified(t, { logged })).toMatchObject({ ok: false, findings: [{ problem: 'NOT_AS_LOGGED', number: 8 }] });
    // Another row in its place does not help.
    await append(t, aDecision(stream));
    expect(await verified(t, { logged })).toMatchObject({ ok: false, findings: [{ problem: 'NOT_AS_LOGGED', number: 8 }] });
  });
});

describe('a superuser who puts rows of another past in place of those of this one is found out, though each is sealed', () => {
  /** Goes back to before row 8 and lets another be written; both are there then, the first one in `past`. */
  async function fork(): Promise<void> {
    await tamper(t, 'create table kept as select * from decision_heads');
    await append(t, aDecision(stream, { reason: 'one past' }));
    await tamper(t, 'create table past as select * from decision_history where number = 8', 'delete from decision_history where number = 8', 'delete from decision_heads; insert into decision_heads select * from kept; drop table kept');
    await append(t, aDecision(stream, { reason: 'another past' }));
    expect(await problems()).toEqual([]);
  }
  const exchange = ['delete from decision_history where number = 8', 'insert into decision_history select * from past', 'drop table past'];

  it('at the end, by the head', async () => {
    await fork();
    await tamper(t, ...exchange);
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'HEAD_DIFFERS', number: 8 })]);
  });

  it('in the middle, by the row after', async () => {
    await fork();
    await append(t, aDecision(stream));
    await tamper(t, ...exchange);
    expect(await problems()).toEqual([expect.objectContaining({ problem: 'LINK', number: 9 })]);
  });
});

it('rows of many pages are looked through, and the one that was changed is the one that is named', async () => {
  await append(t, ...Array.from({ length: 500 }, () => aDecision('system')));
  expect(await verified(t)).toMatchObject({ ok: true, checked: 507 });
  await tamper(t, `update decision_history set canonical = replace(canonical, '"0.5"', '"0.6"') where stream = 'system' and number in (201, 450)`);
  expect((await problems()).map(({ problem, number }) => [problem, number])).toEqual([['SEAL', 201], ['SEAL', 450]]);
  expect(await numbersOf(t, 'system')).toHaveLength(500);
});
