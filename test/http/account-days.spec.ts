import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Days, type Trader } from '../support/account-days.js';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
let days: Days;
beforeAll(async () => {
  t = await startTestApp();
  days = new Days(t);
  await days.begin();
});
afterAll(() => t.close());

const eventsOf = async ({ accountId }: Trader) =>
  (await t.db.query<{ data: Record<string, unknown>; actor: string }>(`select data, actor from events where account_id = $1 and type = 'account.day_closed' order by seq`, [accountId]));

describe('a trading day', () => {
  it('begins with what was reported last before the rollover, keeps the lowest, and ends with what the next one begins with', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:50Z', 10_000);
    await days.report(trader, '2026-03-06T00:00:05Z', 10_020);
    await days.report(trader, '2026-03-06T12:00:00Z', 9_700, { balance: 10_020 });
    await days.report(trader, '2026-03-06T23:59:00Z', 10_100, { balance: 10_050 });
    await days.report(trader, '2026-03-07T00:00:10Z', 10_090, { balance: 10_060 });
    const [, day, open] = await days.of(trader);
    expect(day).toEqual({
      accountId: trader.accountId, executionMode: 'paper', currency: 'USD', day: '2026-03-06', startsAt: '2026-03-06T00:00:00.000Z', endsAt: '2026-03-07T00:00:00.000Z',
      openingBalance: '10000', openingEquity: '10000', openingEstimated: false, lowestEquity: '9700', netCashFlows: '0', realisedProfit: '0', unpricedTrades: 0, unexplained: '50', unexplainedLoss: '0',
      baselines: { balance: '10000', equity: '10000', higher: '10000', initial: null }, lastBalance: '10050', lastEquity: '10100',
      lastReportedAt: '2026-03-06T23:59:00.000Z', closingBalance: '10050', closingEquity: '10100', closingEstimated: false, estimated: false, closedAt: expect.any(String),
    });
    expect(open).toMatchObject({ day: '2026-03-07', openingBalance: '10050', openingEquity: '10100', lowestEquity: '10090', closingEquity: null, closingEstimated: null, closedAt: null, estimated: false });
    expect(await eventsOf(trader)).toEqual([expect.objectContaining({ actor: 'system' }), { actor: 'system', data: {
      executionMode: 'paper', day: '2026-03-06', startsAt: '2026-03-06T00:00:00.000Z', endsAt: '2026-03-07T00:00:00.000Z', openingEquity: '10000', openingBalance: '10000',
      lowestEquity: '9700', netCashFlows: '0', realisedProfit: '0', unexplained: '50', closingEquity: '10100', closingBalance: '10050', estimated: false,
    } }]);
  });

  it('that is the first one began with what was first said of it, estimated, since nobody saw its rollover', async () => {
    const trader = await days.trader();
    expect(await days.of(trader)).toEqual([]);
    await days.report(trader, '2026-03-05T14:00:00Z', '10000.123456789012345678');
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~10000.123456789012345678 > open, lowest 10000.123456789012345678']);
  });

  it('lasts 23 hours when the clocks spring and 25 when they fall back, and knows its date in its own zone', async () => {
    const trader = await days.trader('America/New_York', '17:00');
    for (const at of ['2026-03-07T21:59:30Z', '2026-03-07T22:00:00Z', '2026-03-08T20:59:30Z', '2026-03-08T21:00:00Z']) await days.report(trader, at, 100);
    expect((await days.of(trader)).map(({ day, startsAt, endsAt }) => [day, startsAt, endsAt])).toEqual([
      ['2026-03-06', '2026-03-06T22:00:00.000Z', '2026-03-07T22:00:00.000Z'], ['2026-03-07', '2026-03-07T22:00:00.000Z', '2026-03-08T21:00:00.000Z'],
      ['2026-03-08', '2026-03-08T21:00:00.000Z', '2026-03-09T21:00:00.000Z'],
    ]);
    const autumn = await days.trader('Europe/Prague', '00:00');
    for (const at of ['2025-10-25T21:59:59Z', '2025-10-25T22:00:00Z', '2025-10-26T22:59:59Z', '2025-10-26T23:00:00Z']) await days.report(autumn, at, 100);
    expect(await days.lines(autumn)).toEqual(['2025-10-25: ~100 > 100, lowest 100', '2025-10-26: 100 > 100, lowest 100', '2025-10-27: 100 > open, lowest 100']);
    expect((await days.of(autumn))[1]).toMatchObject({ startsAt: '2025-10-25T22:00:00.000Z', endsAt: '2025-10-26T23:00:00.000Z' });
  });

  it.each([['02:30, which does not exist that night', '02:30', '2026-03-08T07:30:00.000Z'], ['01:30, the second of two', '01:30', '2026-11-01T06:30:00.000Z']])(
    'begins once at %s', async (_name, rollover, begins) => {
      const trader = await days.trader('America/New_York', rollover);
      const [before, after] = [-5_000, 5_000].map((ms) => new Date(Date.parse(begins) + ms).toISOString());
      await days.report(trader, before ?? '', 100);
      await days.report(trader, after ?? '', 101);
      const [first, second] = await days.of(trader);
      expect([first?.endsAt, first?.closingEquity, second?.startsAt, second?.openingEquity, second?.estimated]).toEqual([begins, '100', begins, '100', false]);
    });

  it('of another rule begins when the present one ends', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T10:00:00Z', 100);
    expect((await t.http('PATCH', `/accounts/${trader.accountId}`, { body: { tradingDay: { zone: 'America/Chicago', rollover: '17:00' } } })).status).toBe(200);
    for (const at of ['2026-03-05T23:59:59Z', '2026-03-06T00:00:00Z', '2026-03-06T22:59:59Z', '2026-03-06T23:00:00Z']) await days.report(trader, at, 100);
    expect((await days.of(trader)).map(({ startsAt, endsAt }) => [startsAt, endsAt])).toEqual([
      ['2026-03-05T00:00:00.000Z', '2026-03-06T00:00:00.000Z'], ['2026-03-06T00:00:00.000Z', '2026-03-06T23:00:00.000Z'], ['2026-03-06T23:00:00.000Z', '2026-03-07T23:00:00.000Z'],
    ]);
  });
});

describe('what is reported', () => {
  it('counts for each execution mode by itself', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const simulated: Trader = { accountId: trader.accountId, agent: await t.agent({ account: body.name, mode: 'simulation' }) };
    await days.report(trader, '2026-03-05T10:00:00Z', 100);
    await days.report(simulated, '2026-03-05T10:00:01Z', 77);
    expect((await days.of(trader)).map(({ executionMode, openingEquity }) => [executionMode, openingEquity]).sort()).toEqual([['paper', '100'], ['simulation', '77']]);
    expect((await days.of(trader, '&executionMode=simulation')).map(({ openingEquity }) => openingEquity)).toEqual(['77']);
  });

  it('by several agents of one account is about one account: the lowest of all, and the latest', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const traders = [trader, ...(await Promise.all(Array.from({ length: 7 }, async () => ({ accountId: trader.accountId, agent: await t.agent({ account: body.name }) }))))];
    await days.report(trader, '2026-03-05T10:00:00Z', 1_000);
    await days.setClock('2026-03-05T11:00:00Z');
    // In any order and at once: one statement may take several.
    for (let round = 0; round < 5; round++) {
      await Promise.all(traders.map(({ agent }, n) => agent.http('POST', '/agents/me/heartbeat', { body: { equity: 1_000 - 10 * round - n, balance: 1_000, asOf: `2026-03-05T10:3${round}:00.00${n}Z` } })));
    }
    // Those that were overtaken by a newer one are left, so what is sure is the latest, and the lowest of each round's last.
    expect((await days.of(trader))[0]).toMatchObject({ lastEquity: '953', lowestEquity: '953', lastReportedAt: '2026-03-05T10:34:00.007Z' });
  });

  it('while the broker is not connected moves nothing, whether that is said now or was said before', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T10:00:00Z', 100);
    await days.report(trader, '2026-03-05T10:01:00Z', 0, { brokerConnected: false });
    await days.report(trader, '2026-03-05T10:02:00Z', 1);
    await days.report(trader, '2026-03-06T10:02:00Z', 2);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > open, lowest 100']);
    await days.report(trader, '2026-03-06T10:03:00Z', undefined, { brokerConnected: true, balance: 100 });
    await days.report(trader, '2026-03-06T10:04:00Z', 98);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > ~100, lowest 100', '2026-03-06: ~100 > open, lowest 98']);
  });

  it('that is older than the last is left, by the same agent or another one', async () => {
    const trader = await days.trader();
    const other = { accountId: trader.accountId, agent: await t.agent({ account: (await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`)).body.name }) };
    await days.report(trader, '2026-03-05T10:00:00Z', 100);
    await days.report(trader, '2026-03-05T10:05:00Z', 110);
    await days.report(trader, '2026-03-05T10:04:59Z', 1);
    await days.report(other, '2026-03-05T10:04:58Z', 2);
    await days.report(other, '2026-03-04T10:04:58Z', 3);
    expect(await days.of(trader)).toEqual([expect.objectContaining({ day: '2026-03-05', lowestEquity: '100', lastEquity: '110', lastReportedAt: '2026-03-05T10:05:00.000Z' })]);
    await days.report(other, '2026-03-05T10:05:00Z', 105);
    expect((await days.of(trader))[0]).toMatchObject({ lastEquity: '105' });
    await days.report(trader, '2026-03-06T10:00:00Z', 120);
    await other.agent.http('POST', '/agents/me/heartbeat', { body: { asOf: '2026-03-05T23:00:00Z', equity: 4, balance: 4 } });
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > ~120, lowest 100', '2026-03-06: ~120 > open, lowest 120']);
  });

  it('of the last day after the schedule has closed it still counts there, and for what the next one begins with', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:50:00Z', 100);
    await days.close('2026-03-06T00:00:05Z');
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > ~100, lowest 100', '2026-03-06: ~100 > open, lowest 100']);
    await days.setClock('2026-03-06T00:00:06Z');
    await trader.agent.http('POST', '/agents/me/heartbeat', { body: { asOf: '2026-03-05T23:59:55Z', equity: 90, balance: 95 } });
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > 90/95, lowest 90', '2026-03-06: 90/95 > open, lowest 90']);
  });

  it('in another currency than the account\'s is none of its figures', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T10:00:00Z', 100, { currency: 'JPY' });
    expect(await days.of(trader)).toEqual([]);
    await days.report(trader, '2026-03-05T10:00:01Z', 100, { currency: 'USD' });
    await days.report(trader, '2026-03-05T10:00:02Z', 1, { currency: 'JPY' });
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > open, lowest 100']);
  });

  it('as a part of the figures leaves the other as it was, and unknown what nobody ever said', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:40Z', undefined, { equity: 100 });
    await days.report(trader, '2026-03-06T00:00:01Z', undefined, { equity: 99 });
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100/null > 100/null, lowest 100', '2026-03-06: 100/null > open, lowest 99']);
    await days.report(trader, '2026-03-06T00:00:02Z', undefined, { balance: 105 });
    expect((await days.of(trader))[1]).toMatchObject({ openingBalance: '105', openingEstimated: true, lastEquity: '99', lastBalance: '105' });
    await days.report(trader, '2026-03-06T00:00:03Z', undefined, { floatingPnl: 1, openPositions: 1 });
    expect((await days.of(trader))[1]).toMatchObject({ lastReportedAt: '2026-03-06T00:00:02.000Z' });
  });

  it('in a sync counts as in a heartbeat, and once more when it is repeated', async () => {
    const trader = await days.trader();
    await days.setClock('2026-03-05T10:00:00Z');
    const sync = (syncSeq: number, state: object) => trader.agent.http<{ replayed: boolean }>('POST', '/agents/me/sync', { body: { syncSeq, state }, headers: { 'x-instance-id': 'one' } });
    expect((await sync(1, { equity: 100, balance: 100, asOf: '2026-03-05T09:59:00Z' })).status).toBe(200);
    expect((await sync(2, { equity: 95, balance: 100, asOf: '2026-03-05T09:59:30Z' })).status).toBe(200);
    expect((await sync(2, { equity: 95, balance: 100, asOf: '2026-03-05T09:59:30Z' })).body.replayed).toBe(true);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > open, lowest 95']);
  });

  it('of more than a week ago, or of 1970, opens no day', async () => {
    const trader = await days.trader();
    await days.setClock('2026-03-05T10:00:00Z');
    for (const asOf of ['1970-01-01T00:00:00Z', '2026-02-26T09:59:59Z']) await trader.agent.http('POST', '/agents/me/heartbeat', { body: { asOf, equity: 1 } });
    expect(await days.of(trader)).toEqual([]);
    await trader.agent.http('POST', '/agents/me/heartbeat', { body: { asOf: '2026-02-26T10:00:30Z', equity: 5 } });
    expect((await days.of(trader)).map(({ day }) => day)).toEqual(['2026-02-26']);
  });

  it('is taken when the clock was set back: the last one lies ahead of it then', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T10:00:00Z', 100);
    await days.report(trader, '2026-03-07T10:00:00Z', 90);
    await days.setClock('2026-03-05T11:00:00Z');
    await trader.agent.http('POST', '/agents/me/heartbeat', { body: { equity: 80, balance: 80 } });
    expect((await days.of(trader)).map(({ day, lowestEquity, lastEquity }) => [day, lowestEquity, lastEquity])).toEqual([['2026-03-05', '80', '80'], ['2026-03-06', '90', null], ['2026-03-07', '90', '90']]);

    const sameDay = await days.trader();
    await days.report(sameDay, '2026-03-05T10:00:00Z', 100);
    await days.setClock('2026-03-05T09:54:00Z');
    await sameDay.agent.http('POST', '/agents/me/heartbeat', { body: { equity: 90, balance: 90 } });
    expect((await days.of(sameDay))[0]).toMatchObject({ lastEquity: '90', lowestEquity: '90' });
  });
});

describe('the list of days', () => {
  it('is newest first, in pages without gap or repeat, and by time', async () => {
    const trader = await days.trader();
    for (let day = 1; day <= 5; day++) await days.report(trader, `2026-03-0${day}T12:00:00Z`, 100 + day);
    const page = async (query: string) => (await t.http<{ items: { day: string }[]; nextCursor: string | null }>('GET', `/accounts/${trader.accountId}/days?${query}`)).body;
    const first = await page('limit=2');
    await days.report(trader, '2026-03-06T12:00:00Z', 1);
    const second = await page(`limit=2&cursor=${first.nextCursor}`);
    const third = await page(`limit=2&cursor=${second.nextCursor}`);
    expect([first, second, third].map(({ items }) => items.map(({ day }) => day.slice(-1)).join(''))).toEqual(['54', '32', '1']);
    expect(third.nextCursor).toBeNull();
    expect((await page('from=2026-03-02T00:00:00Z&to=2026-03-04T00:00:00Z')).items.map(({ day }) => day)).toEqual(['2026-03-03', '2026-03-02']);
  });

  it.each([['limit=0', 'limit'], ['cursor=abc', 'cursor'], [`cursor=${Buffer.from('s999999999').toString('base64url')}`, 'cursor'], ['executionMode=demo', 'executionMode'],
    ['from=2026-01-05', 'from'], ['from=2026-01-05T00:00:00Z&to=2026-01-04T00:00:00Z', 'to'], ['mode=paper', 'mode']])('refuses ?%s with 400', async (query, path) => {
    const trader = await days.trader();
    expect(await t.http('GET', `/accounts/${trader.accountId}/days?${query}`)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ path }] } });
  });

  it('is read by everybody, and by a key for its own account only', async () => {
    const [trader, other] = [await days.trader(), await days.trader()];
    await days.setClock(new Date().toISOString());
    expect((await t.http('GET', `/accounts/${trader.accountId}/days`, { token: await t.person('viewer') })).status).toBe(200);
    expect((await trader.agent.http('GET', `/accounts/${trader.accountId}/days`)).status).toBe(200);
    expect(await trader.agent.http('GET', `/accounts/${other.accountId}/days`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    expect((await t.http('GET', '/accounts/01930000-0000-7000-8000-00000000dead/days')).status).toBe(404);
  });
});
