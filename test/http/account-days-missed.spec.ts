import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Days } from '../support/account-days.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { holding, whenWaiting } from '../support/locks.js';

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

describe('a rollover that nobody saw', () => {
  it('takes the higher figure when it fell meanwhile: the fall is a loss of the day that hears of it', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:50Z', 10_000);
    await days.report(trader, '2026-03-06T20:00:00Z', 10_000);
    await days.report(trader, '2026-03-07T08:00:00Z', 9_400);
    expect(await days.lines(trader)).toEqual([
      '2026-03-05: ~10000 > 10000, lowest 10000', '2026-03-06: 10000 > ~10000, lowest 10000', '2026-03-07: ~10000 > open, lowest 9400',
    ]);
  });

  it('takes the higher figure when it rose meanwhile: the rise is no cushion for the day that hears of it', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-06T20:00:00Z', 10_000);
    await days.report(trader, '2026-03-07T08:00:00Z', 10_300, { balance: 9_900 });
    expect(await days.lines(trader)).toEqual(['2026-03-06: ~10000 > ~10300/10000, lowest 10000', '2026-03-07: ~10300/10000 > open, lowest 10300']);
  });

  it.each([[90, false], [91, true]])('is one when the last report is %s s old: %s', async (seconds, estimated) => {
    const trader = await days.trader();
    await days.report(trader, new Date(Date.parse('2026-03-06T00:00:00Z') - seconds * 1_000).toISOString(), 100);
    await days.report(trader, '2026-03-06T00:00:00Z', 101);
    expect(await days.lines(trader)).toEqual(estimated ? ['2026-03-05: ~100 > ~101, lowest 100', '2026-03-06: ~101 > open, lowest 101'] : ['2026-03-05: ~100 > 100, lowest 100', '2026-03-06: 100 > open, lowest 100']);
  });

  it('of a whole weekend and a change of the clocks closes every day between', async () => {
    const trader = await days.trader('America/New_York', '17:00');
    await days.report(trader, '2026-03-06T21:55:00Z', 5_000);
    await days.report(trader, '2026-03-09T13:00:00Z', 4_900);
    expect(await days.lines(trader)).toEqual([
      '2026-03-05: ~5000 > ~5000, lowest 5000', '2026-03-06: ~5000 > ~5000, lowest 5000', '2026-03-07: ~5000 > ~5000, lowest 5000', '2026-03-08: ~5000 > open, lowest 4900',
    ]);
    const bounds = await days.of(trader);
    expect(bounds.slice(1).map(({ startsAt }) => startsAt)).toEqual(bounds.slice(0, -1).map(({ endsAt }) => endsAt));
    expect(await t.db.query(`select 1 from events where type = 'account.day_closed' and account_id = $1`, [trader.accountId])).toHaveLength(3);
  });

  it('of years leaves the days before the last 400 out', async () => {
    const trader = await days.trader();
    await days.setClock('2026-03-05T12:00:00Z');
    await days.report(trader, '2026-03-05T12:00:00Z', 100);
    await t.db.query(`update account_days set starts_at = starts_at - interval '3 years', ends_at = ends_at - interval '3 years', first_reported_at = first_reported_at - interval '3 years',
      last_reported_at = last_reported_at - interval '3 years' where account_id = $1`, [trader.accountId]);
    await days.report(trader, '2026-03-05T12:01:00Z', 90);
    const all = await days.of(trader);
    expect([all.length, all.at(0)?.startsAt, all.at(1)?.startsAt, all.at(-1)?.day]).toEqual([402, '2023-03-05T00:00:00.000Z', '2025-01-29T00:00:00.000Z', '2026-03-05']);
  });
});

describe('the schedule', () => {
  it('closes the day that is over and opens the next, and what comes later makes the same of it as without the schedule', async () => {
    const [closed, lazy] = [await days.trader(), await days.trader()];
    for (const trader of [closed, lazy]) await days.report(trader, '2026-03-05T20:00:00Z', 100);
    await t.db.query(`update account_days set closed_at = app_clock(), closing_estimated = true where account_id = $1`, [lazy.accountId]);
    await days.close('2026-03-06T00:00:10Z');
    expect(await days.lines(closed)).toEqual(['2026-03-05: ~100 > ~100, lowest 100', '2026-03-06: ~100 > open, lowest 100']);
    await days.close('2026-03-07T00:00:10Z');
    await days.close('2026-03-07T00:00:20Z');
    expect(await days.lines(closed)).toHaveLength(3);
    for (const trader of [closed, lazy]) await days.report(trader, '2026-03-07T09:00:00Z', 120);
    expect(await days.lines(closed)).toEqual(['2026-03-05: ~100 > ~120, lowest 100', '2026-03-06: ~120 > ~120, lowest 120', '2026-03-07: ~120 > open, lowest 120']);
    expect(await days.lines(lazy)).toEqual(await days.lines(closed));
  });

  it('does nothing twice, and nothing before its time', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:58Z', 100);
    await days.close('2026-03-05T23:59:59Z');
    expect(await days.lines(trader)).toHaveLength(1);
    await days.close('2026-03-06T00:00:01Z');
    const once = await t.db.query('select * from account_days where account_id = $1 order by seq', [trader.accountId]);
    await days.close('2026-03-06T00:00:02Z', t, second);
    expect(await t.db.query('select * from account_days where account_id = $1 order by seq', [trader.accountId])).toEqual(once);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > 100, lowest 100', '2026-03-06: 100 > open, lowest 100']);
  });

  it('opens no more days for agents that are all retired, until one reports again', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:58Z', 100);
    await t.http('PATCH', `/agents/${trader.agent.id}`, { body: { retired: true } });
    await days.close('2026-03-06T00:00:01Z');
    await days.close('2026-03-08T00:00:01Z');
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > 100, lowest 100']);
    await t.http('PATCH', `/agents/${trader.agent.id}`, { body: { retired: false } });
    const { body: key } = await t.http<{ apiKey: string }>('POST', `/agents/${trader.agent.id}/keys`, { body: { name: 'again' } });
    await days.setClock('2026-03-08T12:00:00Z');
    await t.http('POST', '/agents/me/heartbeat', { token: key.apiKey, body: { equity: 90, balance: 90 } });
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~100 > 100, lowest 100', '2026-03-06: 100 > ~100, lowest 100', '2026-03-07: ~100 > ~100, lowest 100', '2026-03-08: ~100 > open, lowest 90']);
  });

  it('closes the others when the database has lost the zone of one, which goes on hearing its agents', async () => {
    const [lost, sound] = [await days.trader(), await days.trader()];
    for (const trader of [lost, sound]) await days.report(trader, '2026-03-05T23:59:58Z', 100);
    await t.db.query(`update accounts set zone = 'Europe/Atlantis' where id = $1`, [lost.accountId]);
    await days.close('2026-03-06T00:00:01Z');
    expect([(await days.lines(lost)).length, (await days.lines(sound)).length]).toEqual([1, 2]);
    expect(await t.db.query(`select last_error from schedules where name = 'accounts.close-days'`)).toEqual([{ last_error: expect.stringContaining(lost.accountId) }]);
    await days.report(lost, '2026-03-06T00:00:02Z', 90);
    await t.db.query(`update accounts set zone = 'UTC' where id = $1`, [lost.accountId]);
    await days.report(lost, '2026-03-06T00:00:03Z', 95);
    expect(await days.lines(lost)).toEqual(['2026-03-05: ~100 > 100, lowest 100', '2026-03-06: 100 > open, lowest 95']);
  });
});

describe('money that comes in or goes out', () => {
  it('is in the day in which the broker booked it, and in what is reported after it', async () => {
    const trader = await days.trader();
    await days.report(trader, '2026-03-05T23:59:50Z', 1_000);
    await days.report(trader, '2026-03-06T10:00:00Z', 1_000);
    await days.flow(trader, '2026-03-06T11:00:00Z', 'deposit', 500);
    await days.report(trader, '2026-03-06T11:00:05Z', 1_500);
    await days.flow(trader, '2026-03-06T12:00:00Z', 'withdrawal', 200);
    await days.report(trader, '2026-03-06T23:59:55Z', 1_300);
    await days.report(trader, '2026-03-07T00:00:05Z', 1_300);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~1000 > 1000, lowest 1000', '2026-03-06: 1000 > 1300, lowest 1000, flows 300', '2026-03-07: 1300 > open, lowest 1300']);
  });

  it.each<[string, string, string[]]>([
    ['before the rollover, after the last report', '2026-03-05T23:59:55Z', ['2026-03-05: ~1000 > 1500, lowest 1000, flows 500', '2026-03-06: 1500 > open, lowest 1500']],
    ['at the rollover, which is the new day', '2026-03-06T00:00:00Z', ['2026-03-05: ~1000 > 1000, lowest 1000', '2026-03-06: 1000 > open, lowest 1000, flows 500']],
    ['after the rollover, before the next report', '2026-03-06T00:00:02Z', ['2026-03-05: ~1000 > 1000, lowest 1000', '2026-03-06: 1000 > open, lowest 1000, flows 500']],
  ])('%s counts on its own side of it, told before the next report or after it', async (_name, at, lines) => {
    const [early, late] = [await days.trader(), await days.trader()];
    for (const trader of [early, late]) await days.report(trader, '2026-03-05T23:59:50Z', 1_000);
    await days.flow(early, at, 'deposit', 500);
    for (const trader of [early, late]) await days.report(trader, '2026-03-06T00:00:05Z', 1_500);
    await days.flow(late, at, 'deposit', 500);
    expect(await days.lines(early)).toEqual(lines);
    expect(await days.lines(late)).toEqual(lines);
  });

  it('during a missed rollover is no profit and no loss, on whichever day of it', async () => {
    for (const [kind, amount, last] of [['deposit', 500, 1_500], ['withdrawal', 400, 600]] as const) {
      const trader = await days.trader();
      await days.report(trader, '2026-03-05T12:00:00Z', 1_000);
      await days.report(trader, '2026-03-08T12:00:00Z', last);
      // Told late: until then it looked like a profit, or like a loss of the last day.
      await days.flow(trader, '2026-03-06T15:00:00Z', kind, amount);
      expect(await days.lines(trader)).toEqual([
        '2026-03-05: ~1000 > ~1000, lowest 1000', `2026-03-06: ~1000 > ~${last}, lowest 1000, flows ${last - 1_000}`,
        `2026-03-07: ~${last} > ~${last}, lowest ${last}`, `2026-03-08: ~${last} > open, lowest ${last}`,
      ]);
    }
  });

  it('before anything was reported, and before the first day, changes nothing but the first day itself', async () => {
    const trader = await days.trader();
    await days.flow(trader, '2025-06-01T00:00:00Z', 'deposit', 7);
    await days.flow(trader, '2026-03-05T09:00:00Z', 'deposit', 1_000);
    await days.report(trader, '2026-03-05T12:00:00Z', 1_007);
    expect(await days.lines(trader)).toEqual(['2026-03-05: ~7 > open, lowest 7, flows 1000']);
  });

  it('belongs to each execution mode of the account', async () => {
    const trader = await days.trader();
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
    const simulated = { accountId: trader.accountId, agent: await t.agent({ account: body.name, mode: 'simulation' }) };
    for (const each of [trader, simulated]) await days.report(each, '2026-03-05T12:00:00Z', 100);
    await days.flow(trader, '2026-03-05T13:00:00Z', 'deposit', 9);
    expect((await days.of(trader)).map(({ netCashFlows }) => netCashFlows)).toEqual(['9', '9']);
  });
});

describe('two servers at one rollover', () => {
  it('make one day of it, whatever they do at once: reports, the schedule, a deposit', async () => {
    for (let round = 0; round < 8; round++) {
      const trader = await days.trader('Asia/Kathmandu', '00:00');
      const { body } = await t.http<{ name: string }>('GET', `/accounts/${trader.accountId}`);
      const agents = [trader.agent, ...(await Promise.all(Array.from({ length: 5 }, () => t.agent({ account: body.name }))))];
      await days.report(trader, '2026-03-05T18:14:50Z', 1_000);
      await t.db.query(`update schedules set next_run_at = '-infinity', lease_until = null where name = 'accounts.close-days'`);
      await days.setClock('2026-03-05T18:15:30Z');
      const beats = agents.map((agent, n) => [t, second][n % 2]?.http('POST', '/agents/me/heartbeat', { token: agent.apiKey, body: { equity: 990, balance: 1_000 } }));
      const answers = await Promise.all([...beats, days.flow(trader, '2026-03-05T18:15:20Z', 'withdrawal', 10), days.close('2026-03-05T18:15:30Z', t, second)]);
      expect(answers.slice(0, 6).map((answer) => answer?.status === 200 ? 200 : answer?.text)).toEqual(Array(6).fill(200));
      expect(await days.lines(trader)).toEqual(['2026-03-05: ~1000 > 1000, lowest 1000', '2026-03-06: 1000 > open, lowest 990, flows -10']);
      expect(await t.db.query(`select 1 from events where type = 'account.day_closed' and account_id = $1`, [trader.accountId])).toHaveLength(1);
    }
  });

  it('wait for each other where one holds the day, and others do not wait with them', async () => {
    const [trader, other] = [await days.trader(), await days.trader()];
    for (const each of [trader, other]) await days.report(each, '2026-03-05T12:00:00Z', 100);
    let held: Promise<{ status: number }> | undefined;
    await holding(t.db, 'select 1 from account_days where account_id = $1 for update', [trader.accountId], async () => {
      held = trader.agent.http('POST', '/agents/me/heartbeat', { body: { equity: 90, balance: 100 } });
      await whenWaiting(t.db, 1);
      await days.report(other, '2026-03-05T12:00:30Z', 95);
      expect((await days.of(other))[0]).toMatchObject({ lowestEquity: '95' });
    });
    expect((await held)?.status).toBe(200);
    expect((await days.of(trader))[0]).toMatchObject({ lowestEquity: '90' });
  });
});

/** Their limits come with the breakers; here is what those are reckoned from. More of them in account-peaks.spec.ts. */
describe('the rules of proprietary-trading firms', () => {
  it('one that takes the balance at midnight in Prague, and the highest of them', async () => {
    const trader = await days.trader('Europe/Prague', '00:00', { initialBalance: 100_000 });
    await days.report(trader, '2026-03-27T22:59:50Z', 100_000);
    await days.report(trader, '2026-03-28T22:59:50Z', 103_200, { balance: 104_000 });
    await days.report(trader, '2026-03-29T21:59:50Z', 103_500, { balance: 103_000 });
    await days.report(trader, '2026-03-29T22:00:10Z', 103_500, { balance: 103_000 });
    const all = await days.of(trader);
    // Day 1 ends with 104,000, day 2 with 103,000, after 23 hours: the limit of 10 % stays at 104,000 - 10,000.
    expect(all.map(({ closingBalance, closingEstimated }) => [closingBalance, closingEstimated])).toEqual([['100000', false], ['104000', false], ['103000', false], [null, null]]);
    expect(Math.max(100_000, ...all.map(({ closingBalance }) => Number(closingBalance)))).toBe(104_000);
  });

  it('one that takes the balance at the end of the trading day, 17:00 in Chicago', async () => {
    const trader = await days.trader('America/Chicago', '17:00', { initialBalance: 50_000 });
    const ends = ['2026-10-29T22:00:00Z', '2026-10-30T22:00:00Z', '2026-11-01T23:00:00Z', '2026-11-02T23:00:00Z'];
    const balances = [50_000, 50_500, 50_000, 52_500];
    for (const [n, end] of ends.entries()) {
      const before = (ms: number) => new Date(Date.parse(end) - ms).toISOString();
      // What is open in between moves no balance.
      await days.report(trader, before(3_600_000), 51_900, { balance: balances[Math.max(n - 1, 0)] });
      await days.report(trader, before(10_000), balances[n]);
      await days.report(trader, end, balances[n]);
    }
    const shown = (await days.of(trader)).map(({ startsAt, closingBalance, closingEstimated }) => [startsAt, closingBalance, closingEstimated]);
    expect(shown).toEqual([
      ['2026-10-28T22:00:00.000Z', '50000', false], ['2026-10-29T22:00:00.000Z', '50500', false],
      // Saturday's rollover was seen by nobody, Sunday's is an hour later by UTC.
      ['2026-10-30T22:00:00.000Z', '50500', true], ['2026-10-31T22:00:00.000Z', '50000', false],
      ['2026-11-01T23:00:00.000Z', '52500', false], ['2026-11-02T23:00:00.000Z', null, null],
    ]);
  });

  it('one that takes the higher of balance and equity at 17:00 in New York has both', async () => {
    const trader = await days.trader('America/New_York', '17:00');
    await days.report(trader, '2026-03-05T21:59:30Z', 101_000, { balance: 100_000 });
    await days.report(trader, '2026-03-05T22:00:01Z', 100_900, { balance: 100_000 });
    expect((await days.of(trader))[1]).toMatchObject({ openingEquity: '101000', openingBalance: '100000', estimated: false });
  });
});
