import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { limit, limitAll } from '../support/ideas.js';

interface Mark { at: string; kind: string; label: string; id: string | null; data: Record<string, unknown> }
interface Marks { items: Mark[]; cut: boolean }

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const marksOf = async (agent: TestAgent, query = '', mode = 'paper'): Promise<Marks> => {
  const answer = await t.http<Marks>('GET', `/reports/curve-marks?account=${agent.name}&mode=${mode}&${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
/** Without those for everybody, which other tests make too. */
const labels = ({ items }: Marks) => items.filter(({ kind, data }) => kind !== 'risk_config_changed' && data['scope'] !== 'global').map(({ kind, label }) => `${kind} ${label}`);
const day = (n: number) => `2026-01-${String(n).padStart(2, '0')}T00:00:00.000Z`;
const idea = (agent: TestAgent, version: string | null, at: string) => t.db.query(
  `insert into trade_ideas (id, account_id, execution_mode, proposer_id, executor_id, agent_version, symbol, direction, lot_size, valid_for_seconds, rationale, status, digest, reasons, decided_at, decided_by, actor, created_at)
   values ($1, $2, 'paper', $3, $3, $4, 'EURUSD', 'long', 1, 60, 'because', 'rejected', repeat('0', 64), '[]', app_clock(), 'system', 'system', $5)`, [randomUUID(), agent.accountId, agent.id, version, at]);
const halt = async (scope: string, id: string | null, more: Record<string, unknown> = {}) => {
  const row: Record<string, unknown> = { scope_type: scope, scope_id: id, mode: 'halt', reason: 'why', source: 'person', imposed_by: 'user:x', imposed_at: day(10), ...more };
  const names = Object.keys(row);
  const [made] = await t.db.query<{ id: string }>(`insert into halts (${names.join(', ')}) values (${names.map((_, n) => `$${n + 1}`).join(', ')}) returning id`, Object.values(row));
  return made?.id ?? '';
};

describe('the marks of an equity curve', () => {
  it('are dated and in the order of time: versions when first seen, limits, halts, breakers, money', async () => {
    const agent = await t.agent();
    for (const [version, n] of [['1.0', 2], ['1.1', 3], ['1.0', 4], [null, 5], ['1.1', 6]] as const) await idea(agent, version, day(n));
    await t.db.query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by) values (gen_random_uuid(), $1, 'deposit', 1000.50, $2, 'system')`, [agent.accountId, day(1)]);
    const stopped = await halt('account', agent.accountId, { released_at: day(11), released_by: 'user:x', release_reason: 'well' });
    await halt('account', agent.accountId, { source: 'breaker', breaker: 'drawdown', execution_mode: 'paper', imposed_at: day(12), released_at: day(13), released_by: 'system', release_reason: 'cooled down' });
    const told = await agent.http('POST', '/circuit-breakers/events', { body: { breakerType: 'own_limit', action: 'triggered', value: '5.50', limit: '5', unit: 'USD', reason: 'too much', triggeredAt: day(14) } });
    expect(told.status).toBe(201);
    await limit(t, 'agent', agent.id, { maxLotSize: '0.5' });
    const marks = await marksOf(agent);
    expect(labels(marks)).toEqual([
      'cash_flow deposit 1000.5 USD', `agent_version ${agent.name} 1.0`, `agent_version ${agent.name} 1.1`, `halt_imposed halt of account ${agent.name}: why`, `halt_released halt of account ${agent.name} released: well`,
      `breaker_tripped drawdown of account ${agent.name} tripped: why`, `breaker_reset drawdown of account ${agent.name} reset: cooled down`, `breaker_tripped own_limit of agent ${agent.name} tripped: too much`,
      expect.stringMatching(new RegExp(`^limits_changed limits of agent ${agent.name}, version 1`)),
    ]);
    expect(marks.cut).toBe(false);
    expect(marks.items.map(({ at }) => at)).toEqual(marks.items.map(({ at }) => at).sort());
    expect(marks.items.find(({ kind }) => kind === 'halt_imposed')).toEqual({
      at: day(10), kind: 'halt_imposed', label: `halt of account ${agent.name}: why`, id: stopped,
      data: { scope: 'account', scopeId: agent.accountId, name: agent.name, mode: 'halt', breaker: null, reason: 'why', by: 'user:x' },
    });
    expect(marks.items.filter(({ kind }) => kind === 'agent_version').map(({ at }) => at)).toEqual([day(2), day(3)]);
    expect(labels(await marksOf(agent, `from=${day(2)}&to=${day(10)}`))).toEqual([`agent_version ${agent.name} 1.0`, `agent_version ${agent.name} 1.1`]);
    const viewer = await t.person('viewer');
    expect((await t.http('GET', `/reports/curve-marks?account=${agent.accountId}&mode=paper`, { token: viewer })).status).toBe(200);
  });

  it('are those of the book: not another account\'s, nor another mode\'s', async () => {
    const [mine, other] = [await t.agent(), await t.agent()];
    for (const each of [mine, other]) {
      await idea(each, `of ${each.name}`, day(1));
      await halt('agent', each.id);
      await halt('symbol', 'EURUSD', { account_id: each.accountId, reason: each.name });
    }
    await halt('account', mine.accountId, { source: 'breaker', breaker: 'drawdown', execution_mode: 'live', reason: 'live' });
    expect(labels(await marksOf(mine)).sort()).toEqual([`agent_version ${mine.name} of ${mine.name}`, `halt_imposed halt of agent ${mine.name}: why`, `halt_imposed halt of symbol EURUSD: ${mine.name}`]);
    expect(labels(await marksOf(mine, '', 'live')).sort()).toEqual([`breaker_tripped drawdown of account ${mine.name} tripped: live`, `halt_imposed halt of symbol EURUSD: ${mine.name}`]);
  });

  it('have what holds for everybody, on every book', async () => {
    const agent = await t.agent();
    const everywhere = await halt('global', null, { reason: 'all of it', imposed_at: day(20), expires_at: day(21), released_at: day(25), released_by: 'system', release_reason: 'expired' });
    const { items } = await marksOf(agent, '', 'simulation');
    expect(items.filter(({ id }) => id === everywhere).map(({ at, kind, label }) => [at, kind, label])).toEqual([
      [day(20), 'halt_imposed', 'halt of everything: all of it'], [day(21), 'halt_released', 'halt of everything expired'],
    ]);
    await limitAll(t, { maxLotSize: '7' });
    const { body: config } = await t.http<{ version: number }>('GET', '/risk-config');
    const changes = (await marksOf(agent)).items.filter(({ kind }) => kind === 'risk_config_changed');
    expect(changes.at(-1)).toMatchObject({ label: expect.stringMatching(new RegExp(`^limits for everybody, version ${config.version}`)), data: { version: config.version } });
    expect(changes.at(-1)?.data['changed']).toContainEqual(expect.objectContaining({ field: 'maxLotSize', after: '7' }));
  });

  it('are cut to the newest thousand, and say so', async () => {
    const agent = await t.agent();
    await t.db.query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by)
      select gen_random_uuid(), $1, 'deposit', n, timestamptz '2026-02-01' + n * interval '1 minute', 'system' from generate_series(1, 1005) n`, [agent.accountId]);
    const { items, cut } = await marksOf(agent, 'from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z');
    expect([items.length, cut, items[0]?.data['amount'], items.at(-1)?.data['amount']]).toEqual([1_000, true, '6', '1005']);
    const earlier = await marksOf(agent, `from=2026-02-01T00:00:00Z&to=${items[0]?.at}`);
    expect([earlier.items.length, earlier.cut]).toEqual([5, false]);
  });

  it('are for people, and of one book', async () => {
    const agent = await t.agent();
    expect(await agent.http('GET', `/reports/curve-marks?account=${agent.name}&mode=paper`)).toMatchObject({ status: 403, body: { code: 'ONLY_PEOPLE' } });
    expect(await t.http('GET', '/reports/curve-marks?account=nowhere&mode=paper')).toMatchObject({ status: 404 });
    for (const [query, path] of [['mode=paper', 'account'], [`account=${agent.name}`, 'mode'], [`account=${agent.name}&mode=paper&from=${day(2)}&to=${day(1)}`, 'to']]) {
      expect(await t.http('GET', `/reports/curve-marks?${query}`)).toMatchObject({ status: 400, body: { errors: [expect.objectContaining({ path })] } });
    }
  });
});
