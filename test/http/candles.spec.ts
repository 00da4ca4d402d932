import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';

interface Candle {
  id: string; agentId: string | null; revision: number; symbol: string; timeframe: string; openTime: string; closeTime: string; isClosed: boolean;
  open: string; high: string; low: string; close: string; volume: string | null; capturedAt: string; lastCapturedAt: string; outcome: string; differs: string[];
}
interface Page { items: Candle[]; nextCursor: string | null }
interface Batch { items: { id: string; revision: number; outcome: string; differs: string[] }[] }
interface Refusal { code: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let symbol: string;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
  symbol = `PAIR${++made}`;
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const candle = (more: Record<string, unknown> = {}) => ({
  symbol, timeframe: 'M5', openTime: at(0), open: '1.1', high: '1.3', low: '1', close: '1.2', volume: '100', capturedAt: at(5), ...more,
});
const post = async (more: Record<string, unknown> = {}, http: Client = agent.http) => {
  const answer = await http<Candle>('POST', '/snapshots/market', { body: candle(more) });
  if (answer.status !== 201 && answer.status !== 200) throw new Error(answer.text);
  return { ...answer.body, status: answer.status };
};
const postMany = (items: object[], http: Client = agent.http) => http<Batch>('POST', '/snapshots/market', { body: { items } });
const list = async (query: string, http: Client = t.http): Promise<Page> => {
  const answer = await http<Page>('GET', `/snapshots/market?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const stored = async () => (await list(`symbol=${symbol}&limit=500`)).items;
const count = async () => Number((await t.db.query('select count(*) from snapshot_market'))[0]?.['count']);
const eventsOf = (id: string) => t.db.query('select type, agent_id, actor, data from events where subject_id = $1 order by seq', [id]);

describe('a candle', () => {
  it('comes back as it was sent, decimals as text to the last digit', async () => {
    const sent = { symbol: 'BTC-USD', timeframe: '4h', openTime: '2026-01-05T12:00:00.5+02:00', open: 64000.1, high: '64000.123456789012345678', low: 63999, close: '64000.10', volume: '0.5' };
    const answer = await agent.http<Candle>('POST', '/snapshots/market', { body: { ...sent, capturedAt: Date.parse(at(1)) } });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      ...sent, id: expect.any(String), agentId: agent.id, revision: 1, openTime: '2026-01-05T10:00:00.500Z', closeTime: '2026-01-05T14:00:00.500Z', isClosed: false,
      open: '64000.1', low: '63999', close: '64000.1', capturedAt: at(1), lastCapturedAt: at(1), createdAt: expect.any(String), outcome: 'created', differs: [],
    });
    const { outcome: _outcome, differs: _differs, ...shown } = answer.body;
    expect((await list('symbol=BTC-USD&timeframe=H4')).items).toEqual([shown]);
  });

  it('without a time of capture was captured now, by the clock of the database', async () => {
    await t.db.advance(3_600);
    const { capturedAt, isClosed } = await post({ capturedAt: undefined });
    await t.db.advance(-3_600);
    expect(Math.abs(Date.parse(capturedAt) - Date.now() - 3_600_000)).toBeLessThan(30_000);
    expect(isClosed).toBe(true);
  });

  it('is an event, once', async () => {
    const { id } = await post();
    await post();
    expect(await eventsOf(id)).toEqual([{
      type: 'snapshot.created', agent_id: agent.id, actor: `agent:${agent.id}`, data: { kind: 'market', symbol, frame: 'M5', openTime: at(0), revision: 1 },
    }]);
  });

  it('may be sent by an operator, and belongs to no agent then', async () => {
    expect(await post({}, t.http)).toMatchObject({ status: 201, agentId: null });
  });

  it('is stored once for one Idempotency-Key, and a replay answers what the first did', async () => {
    const ask = { body: candle(), headers: { 'idempotency-key': 'c-1' } };
    const first = await agent.http<Candle>('POST', '/snapshots/market', ask);
    const again = await agent.http<Candle>('POST', '/snapshots/market', ask);
    expect([first.status, again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 201, 'true', first.body]);
    expect((await agent.http('POST', '/snapshots/market', { ...ask, body: candle({ close: '1.1' }) })).status).toBe(422);
    expect(await stored()).toHaveLength(1);
    const repeat = { body: candle(), headers: { 'idempotency-key': 'c-2' } };
    for (const replayed of [null, 'true']) {
      const answer = await agent.http<Candle>('POST', '/snapshots/market', repeat);
      expect([answer.status, answer.body.outcome, answer.headers.get('idempotency-replayed')]).toEqual([200, 'repeated', replayed]);
    }
  });
});

describe('a repeated candle', () => {
  it('is answered with the one that is there, and not stored again, whoever sends it and however its timeframe and figures are spelled', async () => {
    const first = await post({ timeframe: 'H1', capturedAt: at(60) });
    const other = await t.agent();
    for (const timeframe of ['H1', '1h', 'M60', '60m']) {
      const repeat = await post({ timeframe, capturedAt: at(61), close: '1.20' }, other.http);
      expect(repeat).toMatchObject({ status: 200, outcome: 'repeated', id: first.id, revision: 1, timeframe: 'H1', differs: [], agentId: null });
    }
    expect(await stored()).toHaveLength(1);
  });

  it('corrects one that was still forming when it was captured; what was seen before is kept', async () => {
    const first = await post({ capturedAt: at(1), volume: '10' });
    const next = await post({ capturedAt: at(2), high: '1.4', close: '1.35', volume: '20' });
    expect(next).toMatchObject({ status: 200, outcome: 'corrected', id: first.id, revision: 2, high: '1.4', close: '1.35', capturedAt: at(2), isClosed: false });
    const last = await post({ capturedAt: at(5), high: '1.4', close: '1.25', volume: '30' });
    expect(last).toMatchObject({ outcome: 'corrected', id: first.id, revision: 3, isClosed: true });
    expect(await stored()).toEqual([expect.objectContaining({ id: first.id, revision: 3, close: '1.25', volume: '30' })]);
    expect(await t.db.query(`select revision, figures->>'close' as close, figures->>'volume' as volume from snapshot_revisions where snapshot_id = $1 order by revision`, [first.id]))
      .toEqual([{ revision: 1, close: '1.2', volume: '10' }, { revision: 2, close: '1.35', volume: '20' }]);
    expect((await eventsOf(first.id)).map(({ type, data }) => [type, (data as { revision: number }).revision])).toEqual([['snapshot.created', 1], ['snapshot.corrected', 2], ['snapshot.corrected', 3]]);
  });

  it('is closed by a capture at its end, also when nothing moved since the one before', async () => {
    await post({ capturedAt: at(2) });
    expect(await post({ capturedAt: at(5) })).toMatchObject({ outcome: 'repeated', revision: 1, capturedAt: at(2), lastCapturedAt: at(5), isClosed: true });
    expect(await post({ capturedAt: at(6), close: '1.01' })).toMatchObject({ outcome: 'kept', close: '1.2' });
  });

  it('changes nothing once it is closed: who sends other figures is told which differ, and an event keeps them', async () => {
    const { id } = await post();
    const answer = await post({ capturedAt: at(9), high: '1.5', close: '1.45' });
    expect(answer).toMatchObject({ status: 200, outcome: 'kept', differs: ['high', 'close'], id, revision: 1, high: '1.3', close: '1.2', lastCapturedAt: at(5) });
    expect((await eventsOf(id)).at(1)).toMatchObject({ type: 'snapshot.differed', data: { sent: { open: '1.1', high: '1.5', low: '1', close: '1.45', volume: '100' }, revision: 1 } });
  });

  it('does not take back what was captured later, when it comes out of order', async () => {
    await post({ capturedAt: at(3), close: '1.25' });
    expect(await post({ capturedAt: at(2), close: '1.15' })).toMatchObject({ outcome: 'kept', differs: ['close'], close: '1.25', capturedAt: at(3) });
    expect(await post({ capturedAt: at(3), close: '1.15' })).toMatchObject({ outcome: 'kept', close: '1.25' });
    expect(await stored()).toEqual([expect.objectContaining({ close: '1.25', revision: 1 })]);
  });

  it('from twenty requests at once on two servers is one row, and one of them made it', async () => {
    const askers = [agent.http, clientOf(second.base, agent.apiKey)];
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post({ openTime: at(round * 5), capturedAt: at(round * 5 + 5) }, askers[i % 2])));
      expect(answers.filter(({ status, outcome }) => status === 201 && outcome === 'created')).toHaveLength(1);
      expect(answers.filter(({ status, outcome }) => status === 200 && outcome === 'repeated')).toHaveLength(19);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    }
    expect(await stored()).toHaveLength(5);
  });

  it('that is corrected from two servers at once ends with the last capture, and every other is kept as a revision or was told so', async () => {
    const askers = [agent.http, clientOf(second.base, agent.apiKey)];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => post({ timeframe: 'H1', capturedAt: new Date(START + i * 1_000).toISOString(), volume: String(i) }, askers[i % 2])));
    const [row] = await stored();
    expect(row).toMatchObject({ volume: '39', lastCapturedAt: new Date(START + 39_000).toISOString() });
    const corrected = answers.filter(({ outcome }) => outcome === 'corrected').length;
    expect(answers.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === 'kept')).toHaveLength(39 - corrected);
    expect(row?.revision).toBe(1 + corrected);
    const kept = await t.db.query('select revision from snapshot_revisions where snapshot_id = $1 order by revision', [row?.id]);
    expect(kept.map(({ revision }) => revision)).toEqual(Array.from({ length: corrected }, (_, i) => i + 1));
  });
});

describe('what a candle may not say', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a high below the low', { high: '0.9' }, 'high'],
    ['an open above the high', { open: '1.300000000000000001' }, 'open'],
    ['a close below the low', { close: '0.999999999999999999' }, 'close'],
    ['NaN', { close: 'NaN' }, 'close'],
    ['Infinity', { high: 'Infinity' }, 'high'],
    ['a price of 0', { low: '0' }, 'low'],
    ['a negative volume', { volume: -1 }, 'volume'],
    ['no open time', { openTime: undefined }, 'openTime'],
    ['an open time without a zone', { openTime: '2026-01-05T10:00:00' }, 'openTime'],
    ['an open time before 1990', { openTime: '1989-12-31T23:59:59.999Z' }, 'openTime'],
    ['a capture before the open', { capturedAt: '2026-01-05T09:57:59Z' }, 'capturedAt'],
    ['a timeframe that is none', { timeframe: 'hourly' }, 'timeframe'],
    ['no symbol', { symbol: '' }, 'symbol'],
    ['another agent', { agentId: '019a0000-0000-7000-8000-00000000dead' }, 'agentId'],
    ['a revision', { revision: 7 }, 'revision'],
  ])('%s', async (_name, more, path) => {
    const before = await count();
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body: candle(more) });
    expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.path)]).toEqual([400, 'VALIDATION_FAILED', [path]]);
    expect(await count()).toBe(before);
  });

  it.each(['openTime', 'capturedAt'])('a %s more than 120 s ahead', async (field) => {
    const ahead = (seconds: number) => candle({ [field]: new Date(Date.now() + seconds * 1_000).toISOString() });
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body: ahead(180) });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'TIME_IN_FUTURE', field]);
    const tolerated = field === 'openTime' ? { ...ahead(60), capturedAt: undefined } : ahead(60);
    expect((await agent.http('POST', '/snapshots/market', { body: tolerated })).status).toBe(201);
  });
});

describe('a batch of candles', () => {
  const day = (n: number, more: Record<string, unknown> = {}) => Array.from({ length: n }, (_, i) => candle({ openTime: at(i * 5), capturedAt: at(i * 5 + 5), ...more }));

  it('stores a thousand and answers each in the order given, with one event', async () => {
    const items = day(1_000).reverse();
    const answer = await postMany(items);
    expect([answer.status, answer.body.items.length]).toEqual([201, 1_000]);
    expect(answer.body.items.every(({ outcome, revision }) => outcome === 'created' && revision === 1)).toBe(true);
    const rows = await t.db.query('select id, open_time from snapshot_market where symbol = $1', [symbol]);
    const byTime = new Map(rows.map((row) => [new Date(row['open_time'] as string).toISOString(), row['id']]));
    expect(answer.body.items.map(({ id }) => id)).toEqual(items.map(({ openTime }) => byTime.get(openTime)));
    expect(await t.db.query(`select type, data from events where agent_id = $1 and type like 'snapshot.%'`, [agent.id]))
      .toEqual([{ type: 'snapshot.batch_stored', data: { kind: 'market', created: 1_000, corrected: 0, repeated: 0, kept: 0, from: expect.any(String), to: expect.any(String) } }]);
    const again = await postMany(items);
    expect([again.status, again.body.items.every(({ outcome }) => outcome === 'repeated')]).toEqual([200, true]);
    expect(again.body.items.map(({ id }) => id)).toEqual(answer.body.items.map(({ id }) => id));
    expect(await stored()).toHaveLength(500);
    expect(await t.db.query(`select 1 from events where agent_id = $1 and type like 'snapshot.%'`, [agent.id])).toHaveLength(1);
  });

  it('tells apart in one answer what is new, corrected, repeated and kept', async () => {
    const [closed, forming, differing] = [await post(), await post({ openTime: at(5), capturedAt: at(6) }), await post({ openTime: at(10), capturedAt: at(15) })];
    const answer = await postMany([
      candle({ openTime: at(10), capturedAt: at(16), close: '1.1' }), candle({ openTime: at(15), capturedAt: at(20) }), candle(), candle({ openTime: at(5), capturedAt: at(10), close: '1.1' }),
    ]);
    expect(answer.status).toBe(201);
    expect(answer.body.items).toEqual([
      { id: differing.id, revision: 1, outcome: 'kept', differs: ['close'] }, { id: expect.any(String), revision: 1, outcome: 'created', differs: [] },
      { id: closed.id, revision: 1, outcome: 'repeated', differs: [] }, { id: forming.id, revision: 2, outcome: 'corrected', differs: [] },
    ]);
  });

  it('with one candle twice stores it once, and is refused with the place when its figures differ', async () => {
    const twice = await postMany([candle({ capturedAt: at(1) }), candle({ capturedAt: at(5), close: '1.20' })]);
    expect(twice.body.items.map(({ outcome }) => outcome)).toEqual(['created', 'repeated']);
    expect(new Set(twice.body.items.map(({ id }) => id)).size).toBe(1);
    expect(await stored()).toEqual([expect.objectContaining({ isClosed: true })]);
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body: { items: [...day(3, { timeframe: 'M1' }), candle({ timeframe: '1m', close: '1.1' })] } });
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'DUPLICATE_IN_BATCH', 'items.3']);
    expect(await stored()).toHaveLength(1);
  });

  it('is stored whole or not at all, and names the item that is wrong', async () => {
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body: { items: [...day(2), candle({ openTime: at(10), high: '0.5' }), candle({ symbol: '' })] } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => error.path)).toEqual(['items.2.high', 'items.3.symbol']);
    expect(await stored()).toEqual([]);
  });

  it.each([0, 1_001])('refuses %s items', async (length) => {
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body: { items: Array.from({ length }, () => candle()) } });
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'items']);
  });

  it.each<[string, unknown, string]>([
    ['a candle beside its items', { items: [{ ...candle(), symbol: 'X' }], symbol: 'X' }, 'symbol'], ['no list', { items: 'x' }, 'items'], ['null', { items: null }, 'items'], ['a text in it', { items: ['x'] }, 'items.0'],
    ['a list in it', { items: [[]] }, 'items.0'],
  ])('refuses %s', async (_name, body, path) => {
    const answer = await agent.http<Refusal>('POST', '/snapshots/market', { body });
    expect([answer.status, answer.body.errors?.map((error) => error.path)]).toEqual([400, [path]]);
  });

  it('from two servers in opposite orders, with single ones between, ends with every candle once and no deadlock', async () => {
    const askers = [agent.http, clientOf(second.base, agent.apiKey)];
    const items = day(200);
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, (_, i) => postMany(i % 2 ? items : [...items].reverse(), askers[i % 2])),
      ...items.slice(0, 40).map(({ openTime, capturedAt }, i) => post({ openTime, capturedAt }, askers[i % 2])),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 201)).toEqual([]);
    const outcomes = answers.flatMap((answer) => ('body' in answer ? answer.body.items : [answer])).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(200);
    expect(outcomes.filter((outcome) => outcome === 'repeated')).toHaveLength(8 * 200 + 40 - 200);
    expect(await stored()).toHaveLength(200);
  });
});

describe('months', () => {
  const monthOf = async (openTime: string) => (await t.db.query(`select tableoid::regclass::text as part from snapshot_market where symbol = $1 and open_time = $2`, [symbol, openTime]))[0]?.['part'];

  it('are made when their first row comes, however old, cut in UTC', async () => {
    for (const [openTime, part] of [
      ['1990-01-01T00:00:00.000Z', 'snapshot_market_y1990m01'], ['2019-12-31T23:59:59.999Z', 'snapshot_market_y2019m12'], ['2020-01-01T00:00:00.000Z', 'snapshot_market_y2020m01'],
    ] as const) {
      expect((await post({ openTime, capturedAt: undefined })).status).toBe(201);
      expect(await monthOf(openTime)).toBe(part);
    }
  });

  it('come with a batch that reaches over many, and with corrections in each', async () => {
    const times = Array.from({ length: 24 }, (_, i) => new Date(Date.UTC(2010, i, 1)).toISOString());
    const forming = await postMany(times.map((openTime) => candle({ timeframe: 'D1', openTime, capturedAt: openTime })));
    const closed = await postMany(times.map((openTime) => candle({ timeframe: 'D1', openTime, close: '1.05', capturedAt: undefined })), clientOf(second.base, agent.apiKey));
    expect([forming.status, closed.status]).toEqual([201, 200]);
    expect(closed.body.items.map(({ outcome }) => outcome)).toEqual(times.map(() => 'corrected'));
    expect((await stored()).map(({ openTime, close }) => [openTime, close])).toEqual(times.reverse().map((openTime) => [openTime, '1.05']));
  });

  it('are made once when many requests on two servers want the same', async () => {
    const askers = [agent.http, clientOf(second.base, agent.apiKey)];
    const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => post({ openTime: new Date(Date.UTC(2001, i % 6, 1, i)).toISOString(), capturedAt: undefined }, askers[i % 2])));
    expect(answers.map(({ outcome }) => outcome)).toEqual(answers.map(() => 'created'));
  });

  it('that are gone, as after retention or a restored backup, are made anew at once', async () => {
    const openTime = '2005-05-05T00:00:00.000Z';
    await post({ openTime, capturedAt: undefined });
    await t.db.query('drop table snapshot_market_y2005m05');
    expect(await post({ openTime })).toMatchObject({ status: 201 });
  });

  it('do not let rows be removed, nor figures be changed without a revision, by nobody', async () => {
    const { id } = await post();
    const part = await monthOf(at(0));
    for (const table of ['snapshot_market', part, 'snapshot_revisions', 'snapshot_indicators', 'snapshot_account', 'snapshot_refs']) {
      await expect(t.db.query(`delete from ${table}`)).rejects.toMatchObject({ code: '42501' });
      await expect(t.db.query(`truncate ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    for (const change of ['close = 1.1', 'revision = revision + 2, close = 1.1', 'revision = revision - 1', 'symbol = $2', 'id = gen_random_uuid(), revision = revision + 1']) {
      await expect(t.db.query(`update snapshot_market set ${change} where id = $1`, change.includes('$2') ? [id, 'X'] : [id])).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each([
    ['a high below the low', 'high = 0.5'], ['NaN', `high = 'NaN'`], ['a volume of Infinity', `volume = 'Infinity'`], ['a close outside', 'close = 9'],
  ])('keep out %s', async (_name, change) => {
    const { id } = await post();
    await expect(t.db.query(`update snapshot_market set revision = revision + 1, ${change} where id = $1`, [id])).rejects.toMatchObject({ code: '23514' });
  });
});

describe('the list of candles', () => {
  it('is newest first by their own time, in pages without gap or repeat, whatever arrives between and however late', async () => {
    const minutes = [0, 5, 10, 15, 20, 25, 30];
    await postMany([...minutes].reverse().flatMap((minute) => ['M5', 'M1'].map((timeframe) => candle({ timeframe, openTime: at(minute), capturedAt: at(minute + 5) }))));
    for (const query of [`symbol=${symbol}`, `symbol=${symbol}&timeframe=M5`, `symbol=${symbol}&to=${at(31)}`]) {
      const seen: Candle[] = [];
      let cursor: string | null = '';
      for (let page = 0; cursor !== null; page++) {
        const next: Page = await list(`${query}&limit=3${cursor ? `&cursor=${cursor}` : ''}`);
        if (page === 0) await post({ openTime: at(1_000 + seen.length), timeframe: 'M5', capturedAt: undefined });
        seen.push(...next.items);
        cursor = next.nextCursor;
      }
      const shown = seen.filter(({ openTime }) => openTime < at(1_000));
      expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
      expect(shown).toHaveLength(query.includes('timeframe') ? 7 : 14);
      expect(shown.map(({ openTime }) => openTime)).toEqual(shown.map(({ openTime }) => openTime).sort().reverse());
    }
  });

  it('reaches over months and years, with and without what lies between', async () => {
    const times = ['2026-01-05T10:00:00.000Z', '2026-01-01T00:00:00.000Z', '2025-12-31T23:59:59.999Z', '2025-06-01T00:00:00.000Z', '2012-02-29T00:00:00.000Z'];
    await postMany(times.map((openTime) => candle({ openTime, capturedAt: undefined })));
    expect((await list(`symbol=${symbol}&timeframe=M5`)).items.map(({ openTime }) => openTime)).toEqual(times);
    expect((await list(`symbol=${symbol}&timeframe=M5&limit=1`)).items.map(({ openTime }) => openTime)).toEqual(times.slice(0, 1));
    expect((await list(`symbol=${symbol}&from=2025-12-31T23:59:59.999Z&to=2026-01-05T10:00:00Z`)).items.map(({ openTime }) => openTime)).toEqual(times.slice(1, 3));
    const first = await list(`symbol=${symbol}&limit=3`);
    expect((await list(`symbol=${symbol}&limit=3&cursor=${first.nextCursor}`)).items.map(({ openTime }) => openTime)).toEqual(times.slice(3));
  });

  it('filters by symbol and timeframe, in any spelling', async () => {
    await postMany(['M5', 'H1', 'D1'].map((timeframe) => candle({ timeframe, capturedAt: undefined })));
    const frames = async (query: string) => (await list(query)).items.map(({ timeframe }) => timeframe);
    expect(await frames(`symbol=${symbol}&timeframe=60m`)).toEqual(['H1']);
    expect(await frames(`symbol=${symbol}&timeframe=1d`)).toEqual(['D1']);
    expect((await frames(`symbol=${symbol}`)).sort()).toEqual(['D1', 'H1', 'M5']);
    expect(await frames(`symbol=${symbol.toLowerCase()}`)).toEqual([]);
    expect((await list('timeframe=1d&limit=500')).items.every(({ timeframe }) => timeframe === 'D1')).toBe(true);
    expect((await list('limit=500')).items.length).toBe(Math.min(500, await count()));
  });

  it('is the market\'s: every agent sees all candles, and of others not who they are', async () => {
    await post();
    const other = await t.agent();
    const seen = await list(`symbol=${symbol}`, other.http);
    expect(seen.items).toEqual([expect.objectContaining({ symbol, agentId: null })]);
    expect((await list(`symbol=${symbol}`, agent.http)).items[0]?.agentId).toBe(agent.id);
    expect((await list(`symbol=${symbol}`)).items[0]?.agentId).toBe(agent.id);
  });

  it.each([
    ['limit=0', 'limit'], ['limit=501', 'limit'], ['cursor=abc', 'cursor'], ['cursor=czE', 'cursor'], [`cursor=${Buffer.from('t999999999999999.1').toString('base64url')}`, 'cursor'],
    ['symbol=a%00b', 'symbol'], ['timeframe=weekly', 'timeframe'], ['from=yesterday', 'from'], ['to=2026-01-05T10:00:00', 'to'], [`from=${at(1)}&to=${at(0)}`, 'to'], ['agentId=1', 'agentId'], ['offset=5', 'offset'],
  ])('refuses ?%s with 400', async (query, path) => {
    const answer = await t.http<Refusal>('GET', `/snapshots/market?${query}`);
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', path]);
  });
});
