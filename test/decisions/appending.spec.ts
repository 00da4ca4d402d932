import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Schedules } from '../../src/database/schedules.js';
import { inTransaction } from '../../src/database/transaction.js';
import { DecisionsService } from '../../src/decisions/decisions.service.js';
import { restSchedules, startTestApp, type TestApp } from '../support/app.js';
import { aDecision, append, numbersOf, verified } from '../support/decisions.js';
import { whenWaiting } from '../support/locks.js';

let t: TestApp;
let second: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('appending', () => {
  it('by eight writers on two servers, to three streams, makes chains without a gap', async () => {
    const streams = [randomUUID(), randomUUID(), 'system'];
    await Promise.all(upTo(8).map(async (writer) => {
      for (let i = 0; i < 50; i++) await append(writer % 2 === 0 ? t : second, aDecision(streams[(i + writer) % 3] ?? ''));
    }));
    const numbers = await Promise.all(streams.map((stream) => numbersOf(t, stream)));
    for (const each of numbers) expect(each).toEqual(upTo(each.length));
    expect(numbers.flat()).toHaveLength(400);
    expect(await verified(t)).toMatchObject({ ok: true, checked: 400, findings: [] });
  });

  it('many times and to several streams in one transaction takes the next numbers', async () => {
    const [a = '', b = ''] = [randomUUID(), randomUUID()].sort();
    await append(t, aDecision(a), aDecision(a), aDecision(b), aDecision(a));
    expect([await numbersOf(t, a), await numbersOf(t, b)]).toEqual([[1, 2, 3], [1]]);
    expect(await verified(t)).toMatchObject({ ok: true });
  });

  it('in a transaction that is rolled back leaves no gap', async () => {
    const stream = randomUUID();
    await append(t, aDecision(stream));
    const service = t.app.get(DecisionsService, { strict: false });
    await expect(inTransaction(t.app.get(DataSource), async (tx) => {
      await service.append(tx, null, aDecision(stream));
      throw new Error('not after all');
    })).rejects.toThrow('not after all');
    await append(t, aDecision(stream));
    expect(await numbersOf(t, stream)).toEqual([1, 2]);
    expect(await verified(t, { stream })).toMatchObject({ ok: true, checked: 2 });
  });

  it('waits for who appends to the same stream, takes its time after that, and waits for nobody else', async () => {
    const [stream, other] = [randomUUID(), randomUUID()];
    await append(t, aDecision(stream), aDecision(other));
    const service = t.app.get(DecisionsService, { strict: false });
    let late: Promise<string[]> = Promise.resolve([]);
    await expect(inTransaction(t.app.get(DataSource), async (tx) => {
      await service.append(tx, null, aDecision(stream));
      late = append(second, aDecision(stream));
      await whenWaiting(t.db, 1);
      await append(second, aDecision(other));
      await t.db.advance(3_600);
      // Rolled back: the row that was waited for is the one that was read, and the clock must be read anew nonetheless.
      throw new Error('not after all');
    })).rejects.toThrow('not after all');
    await late;
    const rows = await t.db.query<{ waited: boolean }>(`select at - lag(at) over (order by seq) > interval '1 hour' as waited from decision_history where stream = $1 order by seq`, [stream]);
    expect(rows.map(({ waited }) => waited)).toEqual([null, true]);
    expect(await numbersOf(t, other)).toEqual([1, 2]);
  });

  it('over the end of a month goes on with the chain', async () => {
    const stream = randomUUID();
    for (let month = 0; month < 3; month++) {
      await append(t, aDecision(stream), aDecision(stream));
      await t.db.advance(31 * 86_400);
    }
    const parts = await t.db.query(`select distinct tableoid from decision_history where stream = $1`, [stream]);
    expect([parts.length, await numbersOf(t, stream)]).toEqual([3, upTo(6)]);
    expect(await verified(t, { stream })).toMatchObject({ ok: true, checked: 6 });
  });

  it('masks credentials in what it seals', async () => {
    const stream = randomUUID();
    await append(t, aDecision(stream, { reason: 'password=hunter2hunter2 and \u0000 \ud800', riskCheckResult: { apiKey: 'hunter2hunter2', rule: 'lot_size' }, humanOverride: { note: 'password=hunter2hunter2' } }));
    const [row] = await t.db.query<{ canonical: string }>('select canonical from decision_history where stream = $1', [stream]);
    expect(row?.canonical).not.toContain('hunter2');
    expect(JSON.parse(row?.canonical ?? '')).toMatchObject({ riskCheckResult: { apiKey: '***', rule: 'lot_size' }, previous: null, number: 1 });
    expect(await verified(t, { stream })).toMatchObject({ ok: true, checked: 1 });
  });

  it('tells an event, with the correlation id and the actor of the caller', async () => {
    const stream = randomUUID();
    const agentId = randomUUID();
    const service = t.app.get(DecisionsService, { strict: false });
    const caller = { principal: { kind: 'agent', agentId } as never, correlationId: 'from-far' };
    const { id } = await inTransaction(t.app.get(DataSource), (tx) => service.append(tx, caller, aDecision(stream, { agentId })));
    expect(await t.db.query(`select type, agent_id, account_id, actor, correlation_id, data->>'number' as number from events where subject_id = $1`, [id])).toEqual([
      { type: 'decision.recorded', agent_id: agentId, account_id: stream, actor: `agent:${agentId}`, correlation_id: 'from-far', number: '1' },
    ]);
  });
});

describe('heads', () => {
  const said = () => jest.mocked(Logger.prototype.log).mock.calls.map(([line]) => String(line)).filter((line) => line.startsWith('decision head '));

  it('go to the log once an hour, those that moved', async () => {
    // Looked at by the clock they would be said between two lines.
    for (const app of [t, second]) restSchedules(app);
    const [stream, quiet] = [randomUUID(), randomUUID()];
    await append(t, aDecision(stream), aDecision(stream), aDecision(quiet));
    const spy = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    try {
      await t.db.advance(7_200);
      await t.app.get(Schedules).runDue();
      const heads = await t.db.query<{ stream: string; head: string }>('select stream, head from decision_heads where stream in ($1, $2)', [stream, quiet]);
      for (const each of heads) expect(said()).toContain(`decision head ${each.stream} ${each.stream === stream ? 2 : 1} ${each.head}`);
      expect(said().filter((line) => line.includes('*'))).toEqual([]);
      spy.mockClear();
      await t.db.advance(7_200);
      await append(t, aDecision(stream));
      await t.app.get(Schedules).runDue();
      expect(said()).toEqual([expect.stringMatching(`^decision head ${stream} 3 [0-9a-f]{64}$`)]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('the statements', () => {
  const prepared = () => inTransaction(t.app.get(DataSource), async (tx) => {
    await t.app.get(DecisionsService, { strict: false }).append(tx, null, aDecision('system'));
    return (await tx.query<{ name: string }[]>(`select name from pg_prepared_statements where name like 'decision%' order by 1`)).map(({ name }) => name);
  });

  it('are prepared, also inside a transaction', async () => {
    expect(await prepared()).toEqual(expect.arrayContaining([expect.stringMatching(/^decision_append/), expect.stringMatching(/^decision_lock/)]));
  });

  it('whose names a pooler has lost run once, without names', async () => {
    await prepared();
    const stream = randomUUID();
    let tries = 0;
    await inTransaction(t.app.get(DataSource), async (tx) => {
      if (++tries === 1) await t.app.get(DecisionsService, { strict: false }).append(tx, null, aDecision(stream));
      if (tries === 1) await tx.query('deallocate all');
      await t.app.get(DecisionsService, { strict: false }).append(tx, null, aDecision(stream));
    });
    expect([tries, await numbersOf(t, stream)]).toEqual([2, [1]]);
  });
});

describe('the writer', () => {
  it('cannot set a head back, remove it or the count of streams, nor touch a row', async () => {
    const stream = randomUUID();
    await append(t, aDecision(stream), aDecision(stream));
    const writer = new pg.Client({ connectionString: t.db.url });
    await writer.connect();
    try {
      for (const statement of [
        `update decision_heads set count = count - 1 where stream = '${stream}'`, `update decision_heads set count = count + 2 where stream = '${stream}'`,
        `update decision_heads set head = '' where stream = '${stream}'`, `delete from decision_heads`, 'truncate decision_heads', `delete from decision_heads where stream = '*'`,
        `update decision_history set canonical = ''`, 'delete from decision_history', 'truncate decision_history', 'alter table decision_history add mine int',
        'alter table decision_history disable trigger all', 'alter table decision_heads disable trigger all',
      ]) await expect([statement, writer.query(statement)].at(1)).rejects.toMatchObject({ code: '42501' });
    } finally {
      await writer.end();
    }
    expect(await verified(t, { stream })).toMatchObject({ ok: true, checked: 2 });
  });
});

describe('another AUDIT_KEY', () => {
  const keys = { AUDIT_KEY: 'a7Kp2Lx9Vn4Qw8Zr3Ty6Ub1Ci5Mo0Jhs' };

  it('is told apart from a change, and with the former key named everything is verified over it', async () => {
    const stream = randomUUID();
    await append(t, aDecision(stream), aDecision(stream));
    const rotated = await t.second(keys);
    const knowing = await t.second({ ...keys, AUDIT_KEYS_FORMER: 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy' });
    try {
      expect(await verified(rotated, { stream })).toMatchObject({ ok: false, checked: 2, unchecked: 2, found: 1, findings: [{ problem: 'KEY_UNKNOWN', number: 1 }] });
      await append(rotated, aDecision(stream), aDecision(stream));
      expect(await verified(rotated, { stream })).toMatchObject({ ok: false, checked: 4, unchecked: 2, found: 1, findings: [{ problem: 'KEY_UNKNOWN', number: 1 }] });
      expect((await verified(t, { stream })).findings.map(({ problem, number }) => [problem, number])).toEqual([['KEY_UNKNOWN', 3]]);
      expect(await verified(knowing, { stream })).toMatchObject({ ok: true, checked: 4, unchecked: 0 });
    } finally {
      await knowing.close();
      await rotated.close();
    }
  });
});
