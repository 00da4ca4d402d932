import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Closing, openTrade } from '../support/closures.js';
import { clientOf } from '../support/http.js';
import { limitAll, trader } from '../support/ideas.js';
import { Routing } from '../support/routing.js';
import type { Why } from '../support/why.js';

let t: TestApp;
let closing: Closing;
let agent: TestAgent;
let source: Routing;
let viewer: string;
beforeAll(async () => {
  t = await startTestApp();
  closing = new Closing(t);
  viewer = await t.person('viewer');
});
afterAll(() => t.close());
beforeEach(async () => {
  await limitAll(t);
  agent = await trader(t);
  source = await Routing.of(t, agent);
});

const ask = (id: unknown, token = viewer) => clientOf(t.base, token)<Why>('GET', `/why/${String(id)}`);
const types = ({ chain }: Why) => chain.map(({ type }) => type);

describe('why, of an alert', () => {
  it('goes from it over idea, decision, reservation and command to the fill, and back from each of them', async () => {
    const done = await source.done({ quantity: '0.1', stopLoss: '1.09' });
    const [command] = (await agent.http<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: {} })).body.commands;
    const trade = (await agent.http<{ id: string }>('POST', '/trades', { body: {
      clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', stopLoss: '1.09', entryPrice: '1.1002', entryTime: new Date().toISOString(), commandId: command?.id,
    } })).body.id;
    await agent.http('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken } });
    await agent.http('POST', `/trades/${trade}/fills`, { body: { brokerDealId: randomUUID(), role: 'entry', price: '1.1002', size: '0.1', at: new Date().toISOString() } });
    const { body } = await ask(done.id);
    expect(body.subject).toEqual({ type: 'alert', id: done.id });
    expect(types(body).slice(0, 6)).toEqual(['alert', 'idea', 'decision', 'reservation', 'command', 'transition']);
    expect(types(body)).toContain('fill');
    expect(body.chain[0]).toMatchObject({ actor: `webhook:${source.source.id}`, summary: `Alert of ${source.source.name}: entry long 0.1 EURUSD; it is processed.`, data: { sourceId: source.source.id, status: 'processed', outcome: { ideaId: done.outcome['ideaId'] }, runs: [{ run: 1, status: 'processed' }] } });
    expect(body.missing).toEqual([`The trade ${trade} is not over: open.`]);
    for (const id of [done.outcome['ideaId'], command?.id, trade]) expect((await ask(id)).body.chain[0]).toMatchObject({ type: 'alert', id: done.id });
    expect((await ask(done.id, agent.apiKey)).status).toBe(200);
    expect((await ask(done.id, (await t.agent()).apiKey)).body.code).toBe('NOT_YOUR_AGENT');
  });

  it('goes from an exit over its closure to the close of the trade', async () => {
    const { id: trade } = await openTrade(agent);
    const done = await source.done({ intent: 'exit', side: 'long' });
    await closing.work();
    const { body } = await ask(done.id);
    const [alert, closure, command] = ['alert', 'closure', 'command'].map((type) => types(body).indexOf(type));
    expect([(alert ?? 9) < (closure ?? 0), (closure ?? 9) < (command ?? 0)]).toEqual([true, true]);
    expect((await ask(trade)).body.chain.map(({ id }) => id)).toContain(done.id);
  });

  it('shows the command that it was, and that from the command', async () => {
    const done = await source.done({ intent: 'command', side: null, command: 'pause' });
    const [command] = done.outcome['commandIds'] as string[];
    expect(types((await ask(done.id)).body)).toEqual(['alert', 'command']);
    expect((await ask(command)).body.chain.map(({ id }) => id)).toEqual([done.id, command]);
  });

  it('of one that led to nothing is itself, and says what it waits for', async () => {
    const ignored = await source.done({ intent: 'exit', side: 'long' });
    expect((await ask(ignored.id)).body).toMatchObject({ complete: true, missing: [], chain: [{ type: 'alert', summary: expect.stringContaining('ignored (NO_POSITION: ') }] });
    const failed = await source.done({ orderType: 'limit' });
    expect((await ask(failed.id)).body).toMatchObject({ complete: false, missing: [expect.stringContaining('is failed: LIMIT_PRICE_MISSING')] });
    const waiting = await source.alert();
    expect((await ask(waiting)).body.missing).toEqual([`The alert ${waiting} is not done with yet.`]);
  });

  it('never shows what was sent, nor a secret of its source', async () => {
    const { id } = await source.done();
    await t.db.query(`update alerts set body = convert_to('{"passphrase":"hunter2"}', 'UTF8') where id = $1`, [id]);
    const [secret] = await t.db.query<{ token_hash: string }>('select token_hash from webhook_sources where id = $1', [source.source.id]);
    const { text } = await ask(id);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(secret?.token_hash);
  });

  it('a reason that reads like that of an alert makes no alert of it', async () => {
    const { id } = await source.done();
    const { body: command } = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause', payload: { reason: `alert ${id}` } } });
    expect(types((await ask(command.id)).body)).toEqual(['command']);
  });
});
