import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface BreakerEvent {
  id: string; breakerType: string; action: string; scope: { type: string; id: string | null }; agentId: string | null; accountId: string | null;
  value: string | null; limit: string | null; unit: string | null; reason: string; triggeredAt: string; source: string; reportedBy: string; createdAt: string;
}
interface Page { items: BreakerEvent[]; nextCursor: string | null }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const told = (more: Record<string, unknown> = {}) => ({ breakerType: 'daily_loss', action: 'triggered', reason: 'lost too much', triggeredAt: at(0), ...more });
const report = async (more: Record<string, unknown> = {}, by: TestAgent = agent): Promise<BreakerEvent> => {
  const made = await by.http<BreakerEvent>('POST', '/circuit-breakers/events', { body: told(more) });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const list = async (query: string, http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/circuit-breakers/events?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const ids = async (query: string, http?: Client) => (await list(query, http)).items.map(({ id }) => id);
const count = async () => Number((await t.db.query('select count(*) from circuit_breaker_events'))[0]?.['count']);
const accountOf = async ({ id }: TestAgent) => (await t.db.query<{ account_id: string }>('select account_id from agents where id = $1', [id]))[0]?.account_id ?? '';

/** As the server's own breakers, an import or a person would leave one. */
const stored = async (more: Record<string, unknown> = {}): Promise<string> => {
  const row = {
    id: crypto.randomUUID(), breaker_type: 'drawdown', action: 'triggered', scope_type: 'global', scope_id: null, reason: 'r', triggered_at: at(0),
    reported_by: 'system', source: 'server', ...more,
  };
  const names = Object.keys(row);
  await t.db.query(`insert into circuit_breaker_events (${names.join()}) values (${names.map((_, i) => `$${i + 1}`).join()})`, Object.values(row));
  return row.id;
};

describe('a breaker event that an agent reports', () => {
  it('comes back as it was told, exactly, about the agent itself, and is listed so', async () => {
    const made = await agent.http<BreakerEvent>('POST', '/circuit-breakers/events', {
      body: told({ value: '-512.340000000000000001', limit: 500, unit: 'USD', triggeredAt: '2026-01-05T12:00:00.5+02:00' }), headers: { 'x-request-id': 'breaker-1' },
    });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.any(String), breakerType: 'daily_loss', action: 'triggered', scope: { type: 'agent', id: agent.id }, agentId: agent.id,
      accountId: await accountOf(agent), value: '-512.340000000000000001', limit: '500', unit: 'USD', reason: 'lost too much',
      triggeredAt: '2026-01-05T10:00:00.500Z', source: 'agent', reportedBy: `agent:${agent.id}`, createdAt: expect.any(String),
    });
    expect((await list(`agentId=${agent.id}`)).items).toEqual([made.body]);
    expect(await t.db.query('select correlation_id from circuit_breaker_events where id = $1', [made.body.id])).toEqual([{ correlation_id: 'breaker-1' }]);
  });

  it.each(['triggered', 'warned', 'recovered', 'reset'])('is an event of the log: %s', async (action) => {
    const made = await report({ action, value: 3, limit: 3, unit: 'count' });
    const rows = await t.db.query('select type, agent_id, account_id, actor, data from events where subject_id = $1', [made.id]);
    expect(rows).toEqual([{
      type: `circuit_breaker.${action}`, agent_id: agent.id, account_id: await accountOf(agent), actor: `agent:${agent.id}`,
      data: { breakerType: 'daily_loss', scope: 'agent', scopeId: agent.id, value: '3', limit: '3', unit: 'count', source: 'agent', triggeredAt: at(0) },
    }]);
  });

  it('needs no figures', async () => {
    expect(await report({ value: null, limit: null, unit: null })).toMatchObject({ value: null, limit: null, unit: null });
    expect(await report()).toMatchObject({ value: null, limit: null, unit: null });
  });

  it('is stored without the credentials that its reason tells', async () => {
    const { id, reason } = await report({ reason: 'no answer from postgres://bot:hunter2@db/x?token=abc123 password=hunter3' });
    expect(reason).toBe('no answer from postgres://bot:***@db/x?token=*** password=***');
    expect(await t.db.query('select reason from circuit_breaker_events where id = $1', [id])).toEqual([{ reason }]);
    expect(JSON.stringify(await t.db.query('select data from events where subject_id = $1', [id]))).not.toContain('hunter');
  });

  it('keeps SQL and markup as the text they are', async () => {
    const reason = `x'); drop table circuit_breaker_events; --<script>$1 \${0}`;
    expect((await list(`agentId=${(await report({ reason })).agentId}`)).items[0]?.reason).toBe(reason);
  });

  it('is stored once for one Idempotency-Key', async () => {
    const ask = { body: told(), headers: { 'idempotency-key': 'b-1' } };
    const first = await agent.http<BreakerEvent>('POST', '/circuit-breakers/events', ask);
    const again = await agent.http<BreakerEvent>('POST', '/circuit-breakers/events', ask);
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    expect(again.body).toEqual(first.body);
    expect((await agent.http('POST', '/circuit-breakers/events', { ...ask, body: told({ action: 'reset' }) })).status).toBe(422);
    expect(await ids(`agentId=${agent.id}`)).toEqual([first.body.id]);
    expect(await t.db.query('select count(*)::int as n from events where subject_id = $1', [first.body.id])).toEqual([{ n: 1 }]);
  });

  it('is never lost in silence: what cannot be stored is refused, and leaves no event behind', async () => {
    const before = await t.db.query('select count(*)::int as n from events');
    await t.db.query(`alter table circuit_breaker_events add constraint none_today check (reason <> 'unlucky') not valid`);
    const answer = await agent.http('POST', '/circuit-breakers/events', { body: told({ reason: 'unlucky' }) });
    await t.db.query('alter table circuit_breaker_events drop constraint none_today');
    expect(answer.status).toBe(409);
    expect(await ids(`agentId=${agent.id}`)).toEqual([]);
    expect(await t.db.query('select count(*)::int as n from events')).toEqual(before);
  });
});

describe('what a breaker event may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no type', { breakerType: undefined }, 'breakerType'],
    ['a type in another spelling', { breakerType: 'Daily Loss' }, 'breakerType'],
    ['a type that is too long', { breakerType: 'a'.repeat(65) }, 'breakerType'],
    ['no action', { action: undefined }, 'action'],
    ['an action that is none', { action: 'tripped' }, 'action'],
    ['no reason', { reason: ' ' }, 'reason'],
    ['a reason without end', { reason: 'x'.repeat(1_001) }, 'reason'],
    ['no time', { triggeredAt: undefined }, 'triggeredAt'],
    ['a time without a zone', { triggeredAt: '2026-01-05T10:00:00' }, 'triggeredAt'],
    ['a value of NaN', { value: 'NaN' }, 'value'],
    ['a limit without end', { limit: 'Infinity' }, 'limit'],
    ['a value with 19 digits behind the point', { value: '0.1234567890123456789' }, 'value'],
    ['a unit that is a sentence', { unit: 'dollars a day' }, 'unit'],
    ['another agent', { agentId: '019a0000-0000-7000-8000-00000000dead' }, 'agentId'],
    ['a wider scope', { scope: 'global' }, 'scope'],
    ['that the server found it', { source: 'server' }, 'source'],
  ])('%s', async (_name, more, path) => {
    const before = await count();
    const answer = await agent.http<Refusal>('POST', '/circuit-breakers/events', { body: told(more) });
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, 'VALIDATION_FAILED', [path]]);
    expect(await count()).toBe(before);
  });

  it('a time more than 120 s ahead', async () => {
    const ahead = (seconds: number) => told({ triggeredAt: new Date(Date.now() + seconds * 1_000).toISOString() });
    const answer = await agent.http<Refusal>('POST', '/circuit-breakers/events', { body: ahead(180) });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', 'triggeredAt']);
    expect((await agent.http('POST', '/circuit-breakers/events', { body: ahead(60) })).status).toBe(201);
  });
});

describe('the list of breaker events', () => {
  it('answers with rows of every kind, and finds each by each filter', async () => {
    const account = crypto.randomUUID();
    const everywhere = await stored({ breaker_type: 'zz_error_rate', triggered_at: at(1), value: '0.25', limit_value: '0.2', unit: 'fraction' });
    const ofAccount = await stored({ breaker_type: 'zz_daily_loss', action: 'recovered', scope_type: 'account', scope_id: account, account_id: account, triggered_at: at(2) });
    const ofStrategy = await stored({ breaker_type: 'zz_streak', scope_type: 'strategy', scope_id: 'trend', triggered_at: at(3) });
    const ofSymbol = await stored({ breaker_type: 'zz_stale', action: 'warned', scope_type: 'symbol', scope_id: 'EURUSD', triggered_at: at(4) });
    const byPerson = await stored({ breaker_type: 'zz_streak', action: 'reset', scope_type: 'strategy', scope_id: 'trend', triggered_at: at(5), source: 'person', reported_by: `user:${crypto.randomUUID()}` });
    const own = (await report({ breakerType: 'zz_drawdown', triggeredAt: at(6) })).id;
    const all = [own, byPerson, ofSymbol, ofStrategy, ofAccount, everywhere];

    // The whole table with rows from other tests, without a filter: what one of the originals answered with a 500.
    const every = await ids('limit=500');
    expect(every).toEqual(expect.arrayContaining(all));
    expect(every).toHaveLength(await count());
    const found = async (query: string) => (await ids(`${query}&limit=500`)).filter((id) => all.includes(id));
    expect(await found(`from=${at(1)}`)).toEqual(all);
    expect(await found('type=zz_streak')).toEqual([byPerson, ofStrategy]);
    expect(await found('action=triggered')).toEqual([own, ofStrategy, everywhere]);
    expect(await found('action=warned')).toEqual([ofSymbol]);
    expect(await found('action=recovered')).toEqual([ofAccount]);
    expect(await found('action=reset')).toEqual([byPerson]);
    expect(await found('scope=global')).toEqual([everywhere]);
    expect(await found('scope=agent')).toEqual([own]);
    expect(await found(`scope=agent&scopeId=${agent.id}`)).toEqual([own]);
    expect(await found(`scope=account&scopeId=${account}`)).toEqual([ofAccount]);
    expect(await found('scope=strategy&scopeId=trend')).toEqual([byPerson, ofStrategy]);
    expect(await found('scope=symbol&scopeId=EURUSD')).toEqual([ofSymbol]);
    expect(await found('scope=symbol&scopeId=eurusd')).toEqual([]);
    expect(await found(`agentId=${agent.id}`)).toEqual([own]);
    expect(await found(`from=${at(2)}&to=${at(5)}`)).toEqual([ofSymbol, ofStrategy, ofAccount]);
    expect(await found(`from=${START + 300_000}`)).toEqual([own, byPerson]);
    expect(await found(`type=zz_streak&action=reset&scope=strategy&scopeId=trend&from=${at(5)}&to=${at(6)}`)).toEqual([byPerson]);
    expect(await found(`agentId=${agent.id}&type=zz_drawdown&action=triggered&scope=agent&scopeId=${agent.id}&to=${at(7)}`)).toEqual([own]);
    expect(await found(`agentId=${agent.id}&type=zz_streak`)).toEqual([]);

    const shown = (await list('type=zz_error_rate')).items;
    expect(shown).toEqual([expect.objectContaining({ scope: { type: 'global', id: null }, agentId: null, accountId: null, value: '0.25', limit: '0.2', unit: 'fraction', source: 'server', reportedBy: 'system' })]);
  });

  it('is newest first by the breaker\'s own time, in pages without gap or repeat, whatever arrives between', async () => {
    for (const minute of [1, 2, 2, 5, 0]) await report({ triggeredAt: at(minute), value: minute });
    const first = await list(`agentId=${agent.id}&limit=2`);
    await report({ triggeredAt: at(9), value: 9 });
    const second = await list(`agentId=${agent.id}&limit=2&cursor=${first.nextCursor}`);
    const third = await list(`agentId=${agent.id}&limit=2&cursor=${second.nextCursor}`);
    const shown = [first, second, third].flatMap(({ items }) => items);
    expect(shown.map(({ value }) => value)).toEqual(['5', '2', '2', '1', '0']);
    expect(new Set(shown.map(({ id }) => id)).size).toBe(5);
    expect(third.nextCursor).toBeNull();
  });

  it.each([
    ['limit=0', 'limit'], ['limit=501', 'limit'], ['cursor=abc', 'cursor'], [`cursor=${Buffer.from('s999999999').toString('base64url')}`, 'cursor'], ['type=Daily', 'type'],
    ['action=tripped', 'action'], ['scope=planet', 'scope'], ['scopeId=EURUSD', 'scopeId'], ['scope=global&scopeId=EURUSD', 'scopeId'], ['agentId=1', 'agentId'],
    ['from=2026-01-05T10:00:00', 'from'], ['to=yesterday', 'to'], ['severity=high', 'severity'], ['offset=-1', 'offset'],
  ])('refuses ?%s with 400', async (query, path) => {
    const answer = await t.http<Refusal>('GET', `/circuit-breakers/events?${query}`);
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', path]);
  });
});

describe('who may do what with breaker events', () => {
  it('nobody without credentials; only agents with the scope "records" report, every person reads', async () => {
    expect((await t.http('POST', '/circuit-breakers/events', { token: null, body: told() })).status).toBe(401);
    expect((await t.http('GET', '/circuit-breakers/events', { token: null })).status).toBe(401);
    expect((await t.http('POST', '/circuit-breakers/events', { body: told() })).status).toBe(403);
    expect((await t.http('GET', '/circuit-breakers/events', { token: await t.person('viewer') })).status).toBe(200);
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${agent.id}/keys`, { body: { name: 'commands only', scopes: ['commands'] } });
    const limited = clientOf(t.base, key.apiKey);
    expect((await limited('POST', '/circuit-breakers/events', { body: told() })).status).toBe(403);
    expect((await limited('GET', '/circuit-breakers/events')).status).toBe(200);
  });

  it('shows an agent its own only, and refuses another agent by name', async () => {
    const other = await t.agent();
    await report({}, other);
    await stored({ scope_type: 'agent', scope_id: other.id, agent_id: other.id });
    await stored();
    const mine = await report();
    expect(await ids('', agent.http)).toEqual([mine.id]);
    expect(await ids(`scope=agent&scopeId=${other.id}`, agent.http)).toEqual([]);
    const foreign = await agent.http<Refusal>('GET', `/circuit-breakers/events?agentId=${other.id}`);
    expect([foreign.status, foreign.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
  });
});

describe('the table of breaker events', () => {
  it('refuses to be changed, also by its owner', async () => {
    const { id } = await report();
    for (const statement of [`update circuit_breaker_events set reason = 'x' where id = $1`, 'delete from circuit_breaker_events where id = $1']) {
      await expect(t.db.query(statement, [id])).rejects.toMatchObject({ code: '42501' });
    }
    await expect(t.db.query('truncate circuit_breaker_events')).rejects.toMatchObject({ code: '42501' });
  });

  it.each([
    ['a value of NaN', { value: 'NaN' }], ['a limit of Infinity', { limit_value: 'Infinity' }], ['a global scope with an id', { scope_id: 'x' }],
    ['an agent\'s without one', { scope_type: 'agent' }], ['another action', { action: 'tripped' }], ['another source', { source: 'nobody' }], ['another spelling', { breaker_type: 'Daily Loss' }],
  ])('keeps out %s', async (_name, more) => {
    await expect(stored(more)).rejects.toMatchObject({ code: '23514' });
  });
});
