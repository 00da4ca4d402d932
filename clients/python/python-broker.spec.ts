import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../../test/support/app.js';
import { limitAll } from '../../test/support/ideas.js';
import { EXAMPLE, hasPython, python, type Running, stopPython } from './testing/python.js';

interface Command { id: string; status: string; result: { positions: object[]; deals: object[] } | null }
interface Trade { id: string; status: string; origin: string; order_tag: string; open_size: string; net_profit: string | null; exit_reason: string | null }

const BOTH_WAYS = ['poll', 'sync'] as const;

let t: TestApp;
let agent: TestAgent;
let folder: string;

beforeAll(async () => {
  t = await startTestApp();
  await limitAll(t, { minConfidenceThreshold: '0', maxPriceAgeSeconds: 600 });
});
beforeEach(async () => {
  agent = await t.agent();
  folder = mkdtempSync(join(tmpdir(), 'python-broker-'));
});
afterEach(async () => {
  await stopPython();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => t.close());

const env = () => ({ TRADEWARDEN_URL: t.base, TRADEWARDEN_API_KEY: agent.apiKey });
const trades = () => t.db.query<Trade>(`select id, status, origin, order_tag, trim_scale(open_size)::text as open_size, net_profit::text, exit_reason from trades where agent_id = $1 order by seq`, [agent.id]);

async function until<T>(what: string, look: () => Promise<T | false | null | undefined>, said: () => string): Promise<T> {
  for (const deadline = performance.now() + 300_000; performance.now() < deadline; await pause(20)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`it did not come to this: ${what}; ${said()}`);
}

async function command(run: Running, type: string, payload: Record<string, unknown> = {}): Promise<Command> {
  const { body, status, text } = await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type, payload } });
  if (status !== 201) throw new Error(text);
  return until(`${type} is finished`, async () => {
    const found = (await t.http<Command>('GET', `/commands/${body.id}`)).body;
    return !['queued', 'leased'].includes(found.status) && found;
  }, run.said);
}

/** A bot that told of no trade: a person trades at its broker. Asked for the second time it has left. */
const BY_HAND = `
import os, sys, logging, tradewarden
logging.basicConfig(level=logging.INFO)
folder, mode = sys.argv[1:]
agent = tradewarden.Agent.from_env(folder, mode=mode)
entered = []
def shows(tag):
    entered.append(agent.now())
    deal = {"symbol": "EURUSD", "direction": "long", "size": "0.3", "broker_position_id": "hand-1", "at": entered[0]}
    entry = {**deal, "broker_deal_id": "d-1", "role": "entry", "price": "1.1", "commission": "-0.50"}
    if len(entered) == 1:
        return {"positions": [{**{name: deal[name] for name in ("symbol", "direction", "size", "broker_position_id")}, "entry_price": "1.1"}], "deals": [entry]}
    left = {**deal, "at": agent.now(), "broker_deal_id": "d-2", "role": "exit", "price": "1.2", "profit": "30.00", "exit_reason": "operator"}
    return {"positions": [], "deals": [entry, left]}
agent.on_reconcile(shows)
with agent:
    agent.wait_until_up(300)
    agent.reconcile()
    while True:
        agent.next_command(0.1)
`;

(hasPython ? describe : describe.skip)('the Python client, its broker and the real server', () => {
  it.each(BOTH_WAYS)('come to know of what a person did at the broker, asked and unasked, over %s', async (mode) => {
    const run = python(['-c', BY_HAND, folder, mode], env());
    const [opened] = await until('it is adopted', async () => { const all = await trades(); return all.length > 0 && all; }, run.said);
    expect(opened).toMatchObject({ status: 'open', origin: 'external', open_size: '0.3' });
    expect(await command(run, 'reconcile')).toMatchObject({ status: 'succeeded', result: { positions: [] } });
    expect(await trades()).toEqual([expect.objectContaining({ id: opened?.id, status: 'closed', open_size: '0', exit_reason: 'operator' })]);
    expect(Number((await trades())[0]?.net_profit)).toBe(29.5);
    expect((await t.db.query<{ deal: string }>('select broker_deal_id as deal from fills where trade_id = $1 order by role', [opened?.id])).map(({ deal }) => deal)).toEqual(['d-1', 'd-2']);
  });

  it.each(BOTH_WAYS)('name a position as the server does, and price it, over %s', async (mode) => {
    const run = python(['-c', EXAMPLE, '--folder', folder, '--json', '--speed', '0.01', ...(mode === 'sync' ? ['--sync'] : [])], env());
    await command(run, 'custom', { open: 'long' });
    const magic = (await t.http<{ magic: number }>('GET', `/agents/${agent.id}`)).body.magic;
    // An idea's own command trades, behind the one that asked for it.
    const [trade] = await until('the trade', async () => { const all = await trades(); return all.length > 0 && all; }, run.said);
    const held = await until('the position is named', async () => {
      const [row] = await t.db.query<Record<string, unknown>>(`select trade_id, order_tag, magic, trim_scale(size)::text as size, floating_profit is not null as priced from positions where reported_by = $1`, [agent.id]);
      return row?.['order_tag'] != null && row;
    }, run.said);
    expect(held).toEqual({ trade_id: trade?.id, order_tag: trade?.order_tag, magic: `${magic}`, size: '0.1', priced: true });
    await until('a mark', async () => (await t.db.query('select 1 from trade_marks where trade_id = $1', [trade?.id])).length > 0, run.said);
    expect(await command(run, 'reconcile')).toMatchObject({ status: 'succeeded', result: { deals: [expect.objectContaining({ role: 'entry' })] } });
    expect(await trades()).toEqual([expect.objectContaining({ origin: 'gated', status: 'open', open_size: '0.1' })]);
    expect(await t.db.query('select kind from incidents where agent_id = $1', [agent.id])).toEqual([]);
    run.child.kill('SIGTERM');
    expect((await run.ended).code).toBe(0);
  });
});
