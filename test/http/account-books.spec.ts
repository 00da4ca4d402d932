import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnexplainedService } from '../../src/accounts/unexplained.service.js';
import { Schedules } from '../../src/database/schedules.js';
import { type AccountDay, Days, type Trader } from '../support/account-days.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { expectWithin, timeOf } from '../support/timing.js';

interface Incident {
  id: string; severity: string; status: string; occurrences: number; summary: string; accountId: string; agentId: string | null; subject: { type: string; id: string };
  data: Record<string, unknown>; resolution: string | null;
}

let t: TestApp;
let second: TestApp;
let days: Days;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  days = new Days(t);
  await days.begin(second);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const incidentsOf = async ({ accountId }: Trader, query = '') => (await t.http<{ items: Incident[] }>('GET', `/incidents?kind=UNEXPLAINED_BALANCE&accountId=${accountId}${query}`)).body.items;
const madeOf = ({ day, realisedProfit, netCashFlows, unexplained }: AccountDay) => `${day}: ${realisedProfit} + ${netCashFlows} + ${unexplained}`;
const lines = async (trader: Trader) => (await days.of(trader)).map(madeOf);
const closeTrade = async ({ agent }: Trader, id: string, at: string, more: Record<string, unknown>) => {
  const { body } = await agent.http<{ version: number }>('GET', `/trades/${id}`);
  const answer = await agent.http('POST', `/trades/${id}/transitions`, { body: { to: 'closed', version: body.version, occurredAt: at, exitPrice: '1.2', exitReason: 'signal', ...more } });
  if (answer.status !== 200) throw new Error(answer.text);
};
/** A live account with an agent that is on it. */
const liveTrader = async () => ({ ...(await days.trader('UTC', '00:00', { kind: 'live' }, { mode: 'live' })), instance: 'one' });

describe('what a day earned', () => {
  it('is profit, commission, swap and fee of its fills, and with its cash flows the whole change of the balance', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:50Z', '10000');
    await days.report(trader, '2026-03-06T10:00:00Z', '10000');
    const id = await days.trade(trader);
    await days.fill(trader, id, '2026-03-06T10:10:00Z', { role: 'entry', commission: '-3.50' });
    await days.fill(trader, id, '2026-03-06T11:00:00Z', { profit: '120.25', commission: '-3.5', swap: '-1.2', fee: '-0.05' });
    await days.flow(trader, '2026-03-06T12:00:00Z', 'withdrawal', 500);
    await days.report(trader, '2026-03-06T12:30:00Z', '9612');
    expect((await days.of(trader))[1]).toMatchObject({ realisedProfit: '112', netCashFlows: '-500', unexplained: '0', unexplainedLoss: '0', unpricedTrades: 0, closedAt: null });
    await days.report(trader, '2026-03-06T23:59:50Z', '9612');
    await days.report(trader, '2026-03-07T00:00:10Z', '9612');
    expect(await lines(trader)).toEqual(['2026-03-05: 0 + 0 + 0', '2026-03-06: 112 + -500 + 0', '2026-03-07: 0 + 0 + 0']);
    const [, event] = await t.db.query(`select data from events where account_id = $1 and type = 'account.day_closed' order by seq`, [trader.accountId]);
    expect(event?.['data']).toMatchObject({ day: '2026-03-06', realisedProfit: '112', unexplained: '0' });
  });

  it('has costs on the day of the deal that they are of: a position held over the rollover pays its entry the day before', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T12:00:00Z', 1_000);
    const id = await days.trade(trader);
    await days.fill(trader, id, '2026-03-05T13:00:00Z', { role: 'entry', commission: '-4' });
    await days.report(trader, '2026-03-05T23:59:50Z', 996);
    await days.report(trader, '2026-03-06T00:00:10Z', 996);
    await days.fill(trader, id, '2026-03-06T09:00:00Z', { profit: '50', commission: '-4', swap: '-2' });
    await days.report(trader, '2026-03-06T09:00:10Z', 1_040);
    expect(await lines(trader)).toEqual(['2026-03-05: -4 + 0 + 0', '2026-03-06: 44 + 0 + 0']);
  });

  it.each<[string, string, string, Record<string, unknown>, string[]]>([
    ['without fills, at the time of its exit', '', '', { grossProfit: '30', commission: '-2', swap: '-1' }, ['2026-03-05: 0 + 0 + 27', '2026-03-06: 27 + 0 + 0']],
    ['with fills that say all, which it then repeats', '-1', '31', { grossProfit: '31', commission: '-1' }, ['2026-03-05: -1 + 0 + 28', '2026-03-06: 31 + 0 + -3']],
    ['with fills that do not say the profit', '-1', '', { grossProfit: '28', commission: '-1' }, ['2026-03-05: -1 + 0 + 28', '2026-03-06: 28 + 0 + 0']],
    ['with fills that do not say the costs', '', '30', { grossProfit: '30', swap: '-3' }, ['2026-03-05: 0 + 0 + 27', '2026-03-06: 27 + 0 + 0']],
  ])('counts a trade that is told closed %s, exactly once', async (_name, commission, profit, told, expected) => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:00:00Z', 1_000);
    const id = await days.trade(trader, { entryPrice: '1.1', entryTime: '2026-03-05T23:10:00Z' });
    const hasFills = commission !== '' || profit !== '';
    await days.setClock('2026-03-06T09:59:00Z');
    if (hasFills) await days.fill(trader, id, '2026-03-05T23:10:00Z', { role: 'entry', ...(commission && { commission }) });
    if (hasFills) await days.fill(trader, id, '2026-03-06T09:00:00Z', profit ? { profit } : {});
    await closeTrade(trader, id, '2026-03-06T09:00:00Z', told);
    await days.report(trader, '2026-03-06T10:00:00Z', 1_027);
    const sums = (await lines(trader)).map((line) => line.replace(/ \+ [^+]*$/, ''));
    expect(sums).toEqual(expected.map((line) => line.replace(/ \+ [^+]*$/, '')));
    const { body } = await trader.agent.http<{ netProfit: string }>('GET', `/trades/${id}`);
    expect((await days.of(trader)).reduce((sum, { realisedProfit }) => sum + Number(realisedProfit), 0)).toBe(Number(body.netProfit));
  });

  it('is of its own account and mode, and of positions that nobody told of too', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const simulated: Trader = { accountId: trader.accountId, agent: await t.agent({ account: body.name, mode: 'simulation' }) };
    const stranger = await days.trader();
    for (const each of [trader, simulated, stranger]) await days.report(each, '2026-03-06T10:00:00Z', 100);
    const id = await days.traded(trader, '2026-03-06T10:00:30Z', '2026-03-06T10:01:00Z', '7');
    await t.db.query(`update trades set origin = 'external' where id = $1`, [id]);
    await days.traded(simulated, '2026-03-06T10:00:30Z', '2026-03-06T10:01:00Z', '-5');
    expect((await days.of(trader)).map(({ executionMode, realisedProfit }) => [executionMode, realisedProfit]).sort()).toEqual([['paper', '7'], ['simulation', '-5']]);
    expect((await days.of(stranger))[0]?.realisedProfit).toBe('0');
  });

  it('says how many trades nobody priced, whose result is then unexplained', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-06T10:00:00Z', 100);
    const id = await days.trade(trader, { entryPrice: '1.1', entryTime: '2026-03-06T10:00:00Z' });
    await closeTrade(trader, id, '2026-03-06T10:05:00Z', {});
    await days.report(trader, '2026-03-06T10:06:00Z', 88);
    expect((await days.of(trader))[0]).toMatchObject({ realisedProfit: '0', unpricedTrades: 1, unexplained: '-12', unexplainedLoss: '12' });
  });

  it('of an open day is compared as far as its balance goes, so that a profit told before it is no loss', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-06T10:00:00Z', 100);
    await days.setClock('2026-03-06T10:01:00Z');
    await days.traded(trader, '2026-03-06T10:00:30Z', '2026-03-06T10:00:50Z', '40');
    await days.flow(trader, '2026-03-06T10:00:55Z', 'deposit', 9);
    expect((await days.of(trader))[0]).toMatchObject({ realisedProfit: '40', netCashFlows: '9', unexplained: '0' });
    // An equity without its balance says nothing of that.
    await days.report(trader, '2026-03-06T10:01:30Z', undefined, { equity: 149 });
    expect((await days.of(trader))[0]).toMatchObject({ lastEquity: '149', lastBalance: '100', unexplained: '0' });
    await days.report(trader, '2026-03-06T10:02:00Z', 149);
    expect((await days.of(trader))[0]).toMatchObject({ unexplained: '0' });
  });

  it('is not known where a balance is not', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-06T10:00:00Z', undefined, { equity: 100 });
    expect((await days.of(trader))[0]).toMatchObject({ realisedProfit: '0', unexplained: null, unexplainedLoss: null, baselines: { balance: null, equity: '100', higher: null } });
  });
});

describe('a fact that comes late', () => {
  it('changes the day it belongs to, and what the next one begins with, in whichever order they come', async () => {
    const told: [string, (trader: Trader) => Promise<unknown>][] = [
      ['fill', (trader) => days.traded(trader, '2026-03-05T23:00:00Z', '2026-03-06T08:00:00Z', '-60', '-1')],
      ['flow', (trader) => days.flow(trader, '2026-03-06T09:00:00Z', 'deposit', 200)],
    ];
    for (const order of [told, [...told].reverse()]) {
      const trader = await days.trader();
      await days.report(trader, '2026-03-05T20:00:00Z', 1_000);
      await days.report(trader, '2026-03-08T12:00:00Z', 1_138);
      expect((await lines(trader)).at(-1)).toBe('2026-03-08: 0 + 0 + 0');
      for (const [, tell] of order) await tell(trader);
      await days.explain('2026-03-08T12:01:00Z');
      expect(await lines(trader)).toEqual(['2026-03-05: -1 + 0 + 0', '2026-03-06: -61 + 200 + 0', '2026-03-07: 0 + 0 + 0', '2026-03-08: 0 + 0 + 0']);
      expect((await days.of(trader)).map(({ openingBalance }) => openingBalance)).toEqual(['1000', '999', '1138', '1138']);
    }
  });

  it('of the minute before a rollover is on its side of it, told before the next report or after it', async () => {
    for (const isLate of [false, true]) {
      const trader = await days.trader();
      await days.report(trader, '2026-03-05T23:59:30Z', 1_000);
      if (!isLate) await days.traded(trader, '2026-03-05T23:59:40Z', '2026-03-05T23:59:50Z', '-25');
      await days.report(trader, '2026-03-06T00:00:20Z', 975);
      if (isLate) await days.traded(trader, '2026-03-05T23:59:40Z', '2026-03-05T23:59:50Z', '-25');
      await days.explain('2026-03-06T00:00:40Z');
      expect((await days.of(trader)).map((day) => [madeOf(day), day.closingBalance])).toEqual([['2026-03-05: -25 + 0 + 0', '975'], ['2026-03-06: 0 + 0 + 0', null]]);
    }
  });
});

describe('a balance that nothing explains', () => {
  const fallen = async (trader: Trader, at = '2026-03-06T10:05:00Z', balance = 950) => {
    await days.report(trader, '2026-03-06T10:00:00Z', 1_000);
    await days.traded(trader, '2026-03-06T10:00:00Z', '2026-03-06T10:01:00Z', '0');
    await days.report(trader, at, balance);
  };

  it('is told after a minute, once, and is over with the fill that explains it', async () => {
    const trader = await days.trader();
    await fallen(trader);
    await days.explain('2026-03-06T10:05:10Z');
    await days.explain('2026-03-06T10:06:09Z');
    expect(await incidentsOf(trader)).toEqual([]);
    for (const second of [10, 30, 50]) await days.explain(`2026-03-06T10:06:${second}Z`);
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    expect(await incidentsOf(trader)).toEqual([expect.objectContaining({
      severity: 'warning', status: 'open', occurrences: 1, accountId: trader.accountId, agentId: null, subject: { type: 'account_day', id: `${trader.accountId}:paper:2026-03-06T00:00:00Z` },
      summary: `The balance of ${body.name} (paper) fell by 50 USD on 2026-03-06, and no fill, trade or cash flow says why.`,
      data: { executionMode: 'paper', day: '2026-03-06', startsAt: '2026-03-06T00:00:00.000Z', unexplained: '-50', currency: 'USD', unpricedTrades: 0 },
    })]);
    await days.traded(trader, '2026-03-06T10:02:00Z', '2026-03-06T10:03:00Z', '-20');
    await days.explain('2026-03-06T10:07:00Z');
    expect(await incidentsOf(trader, '&status=open')).toEqual([expect.objectContaining({ occurrences: 2, data: expect.objectContaining({ unexplained: '-30' }) })]);
    await days.flow(trader, '2026-03-06T10:04:00Z', 'withdrawal', -30);
    await days.explain('2026-03-06T10:08:00Z');
    expect(await incidentsOf(trader)).toEqual([expect.objectContaining({ status: 'resolved', resolution: 'what was told since explains it' })]);
    expect((await t.db.query(`select type from events where account_id = $1 and type like 'incident.%' and data ->> 'kind' = 'UNEXPLAINED_BALANCE' order by seq`, [trader.accountId])).map(({ type }) => type)).toEqual(['incident.opened', 'incident.resolved']);
  });

  it('is nothing when it is explained within the minute, or within a cent for each deal', async () => {
    const [quick, rounded] = [await days.trader(), await days.trader()];
    for (const trader of [quick, rounded]) await days.report(trader, '2026-03-06T10:00:00Z', 1_000);
    await days.report(quick, '2026-03-06T10:05:00Z', 950);
    await days.explain('2026-03-06T10:05:10Z');
    await days.traded(quick, '2026-03-06T10:02:00Z', '2026-03-06T10:03:00Z', '-50');
    for (let n = 0; n < 2; n++) await days.traded(rounded, '2026-03-06T10:02:00Z', '2026-03-06T10:03:00Z', '10.004');
    await days.report(rounded, '2026-03-06T10:06:00Z', '1020.02');
    for (const minute of [7, 9]) await days.explain(`2026-03-06T10:0${minute}:00Z`);
    expect([await incidentsOf(quick), await incidentsOf(rounded)]).toEqual([[], []]);
    await days.report(rounded, '2026-03-06T10:09:30Z', '1020.05');
    for (const minute of [10, 12]) await days.explain(`2026-03-06T10:${minute}:00Z`);
    expect(await incidentsOf(rounded)).toEqual([expect.objectContaining({ severity: 'warning', summary: expect.stringContaining('rose by 0.042') })]);
  });

  it('is critical of a live account that fell, also of one that never tells a trade; elsewhere such a one is left alone', async () => {
    const [fell, rose, demo] = [await liveTrader(), await liveTrader(), await days.trader()];
    for (const [trader, balance] of [[fell, 90], [rose, 110], [demo, 90]] as const) {
      await days.report(trader, '2026-03-06T10:00:00Z', 100, { brokerConnected: true });
      await days.report(trader, '2026-03-06T10:01:00Z', balance, { brokerConnected: true });
    }
    for (const minute of [2, 4]) await days.explain(`2026-03-06T10:0${minute}:00Z`);
    expect((await incidentsOf(fell)).map(({ severity }) => severity)).toEqual(['critical']);
    expect((await incidentsOf(rose)).map(({ severity }) => severity)).toEqual(['warning']);
    expect(await incidentsOf(demo)).toEqual([]);
    expect((await days.of(demo))[0]).toMatchObject({ unexplained: '-10', unexplainedLoss: '10' });
  });

  it('of a day that is over stays with that day, beside what the next one lacks', async () => {
    const trader = await days.trader();
    await fallen(trader);
    await days.report(trader, '2026-03-06T23:59:50Z', 950);
    await days.report(trader, '2026-03-07T00:00:10Z', 950);
    await days.report(trader, '2026-03-07T01:00:00Z', 960);
    for (const minute of [1, 3]) await days.explain(`2026-03-07T01:0${minute}:00Z`);
    expect((await incidentsOf(trader)).map(({ data }) => [data['day'], data['unexplained']]).sort()).toEqual([['2026-03-06', '-50'], ['2026-03-07', '10']]);
    const [event] = await t.db.query(`select data from events where account_id = $1 and type = 'account.day_closed'`, [trader.accountId]);
    expect(event?.['data']).toMatchObject({ unexplained: '-50' });
  });

  it('is over eight days after its day when it was acknowledged, and not before; otherwise it stays', async () => {
    const [seen, unseen] = [await days.trader(), await days.trader()];
    for (const trader of [seen, unseen]) await fallen(trader);
    for (const minute of [6, 8]) await days.explain(`2026-03-06T10:0${minute}:00Z`);
    const [incident] = await incidentsOf(seen);
    expect((await t.http('POST', `/incidents/${incident?.id}/ack`, { body: { note: 'a fee of the broker' } })).status).toBe(200);
    await days.close('2026-03-14T23:00:00Z');
    await days.explain('2026-03-14T23:59:00Z');
    expect((await incidentsOf(seen)).map(({ status }) => status)).toEqual(['acknowledged']);
    await days.explain('2026-03-15T00:01:00Z');
    expect((await incidentsOf(seen)).map(({ status, resolution }) => [status, resolution])).toEqual([['resolved', 'acknowledged, and nothing more can be told of that day']]);
    expect((await incidentsOf(unseen)).map(({ status }) => status)).toEqual(['open']);
    await days.explain('2026-03-15T00:05:00Z');
    expect((await incidentsOf(seen)).map(({ status }) => status)).toEqual(['resolved']);
  });

  it('is looked for by the schedule', async () => {
    const trader = await days.trader();
    await fallen(trader);
    for (const at of ['2026-03-06T10:05:10Z', '2026-03-06T10:06:30Z']) {
      await days.setClock(at);
      await t.db.query(`update schedules set next_run_at = app_clock(), lease_until = null where name = 'accounts.explain-days'`);
      await t.app.get(Schedules).runDue();
    }
    await days.begin();
    expect(await incidentsOf(trader)).toHaveLength(1);
  });

  it('is seen once by whoever looks at it at once', async () => {
    const trader = await days.trader();
    await fallen(trader);
    await days.explain('2026-03-06T10:05:10Z');
    await days.setClock('2026-03-06T10:06:30Z');
    await Promise.all(Array.from({ length: 16 }, (_, n) => (n % 2 ? t : second).app.get(UnexplainedService).look()));
    expect(await incidentsOf(trader)).toEqual([expect.objectContaining({ occurrences: 1 })]);
  });

  it('is one incident, and its books add up, whatever two servers and many clients do at once', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const traders = [trader, ...(await Promise.all(Array.from({ length: 5 }, async () => ({ accountId: trader.accountId, agent: await t.agent({ account: body.name }) }))))];
    await days.report(trader, '2026-03-05T23:59:55Z', 10_000);
    await days.report(trader, '2026-03-06T00:00:05Z', 10_000);
    await days.traded(trader, '2026-03-06T00:01:00Z', '2026-03-06T00:02:00Z', '0');
    await days.report(trader, '2026-03-06T10:00:00Z', 9_000);
    await days.explain('2026-03-06T10:00:30Z');
    await days.setClock('2026-03-06T10:03:00Z');
    const beat = ({ agent }: Trader, n: number) => agent.http('POST', '/agents/me/heartbeat', { body: { equity: 9_000, balance: 9_000, asOf: `2026-03-06T10:02:0${n}Z` } });
    const look = (app: TestApp) => days.explain('2026-03-06T10:03:00Z', app);
    const work = traders.flatMap((each, n) => [
      ...Array.from({ length: 4 }, () => days.traded(each, '2026-03-05T23:00:00Z', '2026-03-06T09:00:00Z', '-10', '-0.5')),
      days.flow(each, '2026-03-06T09:30:00Z', 'correction', -10), beat(each, n), look(n % 2 ? t : second),
    ]);
    await Promise.all(work);
    await Promise.all([look(t), look(second)]);
    // 24 trades of -10 and twice -0.5, six corrections of -10: of 1,000 that is 312. The entries were before the first report.
    const [first, today] = await days.of(trader);
    expect([first?.realisedProfit, today?.realisedProfit, today?.netCashFlows, today?.unexplained]).toEqual(['-12', '-252', '-60', '-688']);
    expect([first?.unexplained, first?.closingBalance]).toEqual(['0', '10000']);
    expect(await incidentsOf(trader)).toHaveLength(1);
  });
});

describe('a day with 10,000 fills', () => {
  it('is answered from the index', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-06T10:00:00Z', 100);
    const id = await days.trade(trader);
    await t.db.query(`insert into fills (trade_id, agent_id, account_id, book_id, execution_mode, broker_deal_id, role, price, size, profit, filled_at, late, actor)
      select $1, $2, $3, $2, 'paper', 'x' || n, 'exit', 1, 1, 0.01, timestamptz '2026-03-06 10:00:01Z' + n * interval '1 second', false, 'x' from generate_series(1, 10000) n`, [id, trader.agent.id, trader.accountId]);
    await t.db.query('vacuum analyze fills');
    await expectWithin(2_000, () => timeOf(async () => expect((await days.of(trader))[0]?.realisedProfit).toBe('100')));
    const plan = (await t.db.query(`explain select sum(profit) from fills where account_id = '${trader.accountId}' and execution_mode = 'paper' and filled_at >= '2026-03-06' and filled_at < '2026-03-06 10:10'`));
    expect(JSON.stringify(plan)).toContain('fills_book_time');
  });
});
