import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppModule } from '../../src/app.module.js';
import { readEnv } from '../../src/config/env.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { ADMIN, startTestApp, TEST_SECRETS, type TestAgent, type TestApp } from '../support/app.js';
import { type Document, pathWith, type Route, routesOf } from '../support/census.js';
import { type Answer, type Client, clientOf } from '../support/http.js';
import { sample } from '../support/sample.js';

type Refusal = Answer<{ code: string; correlationId: string }>;

let t: TestApp;
let guest: Client;
let document: Document;
let routes: Route[];
let victim: TestAgent;
let stranger: TestAgent;
/** What the victim owns, by the part of the path before its parameter. */
let owned: Record<string, string>;
const person: Record<string, string> = {};

beforeAll(async () => {
  t = await startTestApp();
  guest = clientOf(t.base);
  document = (await t.http<Document>('GET', '/api/docs-json')).body;
  routes = routesOf(document);
  [victim, stranger] = [await t.agent(), await t.agent()];
  for (const role of ['viewer', 'operator'] as const) person[role] = await t.person(role);
  person['admin'] = t.adminToken;
  owned = await possessionsOf(victim);
});
afterAll(() => t.close());

/** One row of each kind that has routes of its own. A new kind asks for a line here. */
async function possessionsOf(agent: TestAgent): Promise<Record<string, string>> {
  const command = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
  const prediction = await agent.http<{ id: string }>('POST', '/predictions', {
    body: { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.9' },
  });
  const trade = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'one', symbol: 'EURUSD', direction: 'long', lotSize: '1', predictionId: prediction.body.id } });
  const explanation = await agent.http<{ id: string }>('POST', `/trades/${trade.body.id}/explanations`, { body: { kind: 'entry', explanation: 'because' } });
  for (const instance of ['one', 'two']) await agent.http('POST', '/agents/me/heartbeat', { body: {}, headers: { 'x-instance-id': instance } });
  const [incident] = (await t.http<{ items: { id: string }[] }>('GET', `/incidents?agentId=${agent.id}`)).body.items;
  const instrument = await agent.http<{ id: string }>('POST', '/instruments', {
    body: { symbol: 'EURUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' },
  });
  const snapshot = await agent.http<{ id: string }>('POST', '/snapshots/account', { body: { balance: '1', equity: '1', capturedAt: '2026-01-02T03:04:05Z' } });
  const ref = await agent.http<{ id: string }>('POST', '/snapshots/refs', { body: { items: [{ kind: 'account', id: snapshot.body.id }] } });
  const idea = await agent.http<{ id: string; decision: { id: string } }>('POST', '/trade-ideas', { body: { symbol: 'EURUSD', direction: 'long', lotSize: '1', rationale: 'because' } });
  const [closure] = await t.db.query<{ id: string }>(`insert into closures (trade_id, agent_id, account_id, cause, open_size_before, exit_reason, actor)
    values ($1, $2, $3, 'operator', 0, 'operator', 'system') returning id`, [trade.body.id, agent.id, agent.accountId]);
  await t.db.query(`insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version, finished_at)
    values (gen_random_uuid(), 'old', 'rec-io', 'trades', 'old.db', repeat('a', 64), '{}', 'failed', 'import', 'test', app_clock())`);
  const [imported] = (await t.http<{ items: { id: string }[] }>('GET', '/imports')).body.items;
  for (const made of [idea, command, prediction, trade, explanation, instrument, snapshot, ref]) if (made.status !== 201) throw new Error(made.text);
  return {
    '/api/v1/agents/': agent.id, '/api/v1/accounts/': agent.accountId, '/api/v1/commands/': command.body.id, '/api/v1/trades/': trade.body.id,
    '/api/v1/trade-ideas/': idea.body.id, '/api/v1/decisions/': idea.body.decision.id,
    '/api/v1/limits/account/': agent.accountId, '/api/v1/limits/agent/': agent.id,
    '/api/v1/incidents/': incident?.id ?? '', '/api/v1/instruments/': instrument.body.id, '/api/v1/snapshots/refs/': ref.body.id,
    '/api/v1/imports/': imported?.id ?? '',
    '/api/v1/closures/': closure?.id ?? '', '/api/v1/why/': idea.body.id,
    snapshot: snapshot.body.id, prediction: prediction.body.id, explanation: explanation.body.id,
  };
}

const bodyOf = ({ operation }: Route, all = false): unknown => {
  const schema = operation.requestBody?.content['application/json'].schema;
  return schema && sample(schema, document, all);
};
const ask = (route: Route, token: string | null, values: Record<string, string> = {}): Promise<Refusal> =>
  guest(route.method, pathWith(route.path, values), { token, body: bodyOf(route) });
const named = (list: Route[]) => list.map(({ method, path }) => `${method} ${path}`);
const closed = () => routes.filter(({ operation }) => !operation['x-access'].public);
/** What is everybody's to read. */
const SHARED = ['/api/v1/strategies/', '/api/v1/circuit-breakers/', '/api/v1/limits/strategy/'];
const ownerOf = (path: string) => Object.keys(owned).find((start) => path.startsWith(`${start}{`));

/** The routes for which `answer` is not what it should be, with what it was: one list instead of a test for each. */
async function wrong(list: Route[], answer: (route: Route) => Promise<Refusal>, expected: (answer: Refusal) => boolean): Promise<string[]> {
  const found: string[] = [];
  for (const route of list) {
    const got = await answer(route);
    if (!expected(got)) found.push(`${route.method} ${route.path}: ${got.status} ${got.text.slice(0, 200)}`);
  }
  return found;
}
const refusedWith = (status: number, ...codes: string[]) => (answer: Refusal) =>
  answer.status === status && codes.includes(answer.body.code) && answer.headers.get('content-type') === 'application/problem+json; charset=utf-8' && answer.body.correlationId === answer.headers.get('x-request-id');

describe('every route that is not open', () => {
  it('is counted: the checks below look at something', () => {
    expect(closed().length).toBeGreaterThan(35);
  });

  it('answers 401 without credentials', async () => {
    expect(await wrong(closed(), (route) => ask(route, null), refusedWith(401, 'CREDENTIALS_MISSING'))).toEqual([]);
    for (const { path } of closed().filter(({ method }) => method === 'GET')) expect((await guest('HEAD', pathWith(path, {}))).status).toBe(401);
  });

  it.each([['a token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.', 'TOKEN_REFUSED'], ['a key', `tw_${'A'.repeat(43)}`, 'KEY_REFUSED']])('answers 401 to %s that nobody gave', async (_what, token, code) => {
    expect(await wrong(closed(), (route) => ask(route, token), refusedWith(401, code))).toEqual([]);
  });
});

describe('people', () => {
  const needing = (...roles: string[]) => closed().filter(({ operation }) => roles.includes(operation['x-access'].person ?? 'none'));

  it('without the role get 403', async () => {
    expect(await wrong(needing('operator', 'admin'), (route) => ask(route, person['viewer'] ?? ''), refusedWith(403, 'ROLE_TOO_LOW'))).toEqual([]);
    expect(await wrong(needing('admin'), (route) => ask(route, person['operator'] ?? ''), refusedWith(403, 'ROLE_TOO_LOW'))).toEqual([]);
  });

  it('may not speak for an agent, whatever their role', async () => {
    const list = closed().filter(({ operation }) => !operation['x-access'].person);
    expect(list.length).toBeGreaterThan(5);
    expect(await wrong(list, (route) => ask(route, person['admin'] ?? ''), refusedWith(403, 'ONLY_AGENTS'))).toEqual([]);
  });

  it('with the role are let in', async () => {
    for (const role of ['viewer', 'operator', 'admin']) {
      const list = needing(...{ viewer: ['viewer'], operator: ['viewer', 'operator'], admin: ['viewer', 'operator', 'admin'] }[role] ?? []);
      expect(await wrong(list, (route) => ask(route, person[role] ?? ''), ({ status }) => status < 500 && status !== 401 && status !== 403)).toEqual([]);
    }
  });
});

describe('agents\' keys', () => {
  const forAgents = () => closed().filter(({ operation }) => operation['x-access'].agent);
  const key = async (scopes: string[]) =>
    (await t.http<{ apiKey: string }>('POST', `/agents/${stranger.id}/keys`, { body: { name: scopes.join(), scopes } })).body.apiKey;

  it('get 403 where only people may', async () => {
    const list = closed().filter(({ operation }) => !operation['x-access'].agent);
    expect(list.length).toBeGreaterThan(10);
    expect(await wrong(list, (route) => ask(route, stranger.apiKey, { agentId: stranger.id }), refusedWith(403, 'ONLY_PEOPLE'))).toEqual([]);
  });

  it('get 403 without the scope of the route, whatever other scopes they have', async () => {
    for (const scope of ['commands', 'records', 'ideas']) {
      const without = await key(['commands', 'records', 'ideas'].filter((each) => each !== scope));
      const needing = forAgents().filter(({ operation }) => operation['x-access'].agent === scope);
      expect(await wrong(needing, (route) => ask(route, without, { agentId: stranger.id }), refusedWith(403, 'SCOPE_MISSING'))).toEqual([]);
      const others = forAgents().filter(({ operation }) => operation['x-access'].agent !== scope);
      expect(await wrong(others, (route) => ask(route, without, { agentId: stranger.id }), ({ body }) => body.code !== 'SCOPE_MISSING')).toEqual([]);
    }
  });

  it('get 403 for another agent, on every route that names an agent or something that an agent owns', async () => {
    const list = forAgents().filter(({ path }) => path.includes('{') && !SHARED.some((start) => path.startsWith(start)));
    expect(named(list.filter(({ path }) => ownerOf(path) === undefined))).toEqual([]);
    const values = (path: string) => Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, owned[ownerOf(path) ?? ''] ?? '']));
    expect(await wrong(list, (route) => ask(route, stranger.apiKey, values(route.path)), refusedWith(403, 'NOT_YOUR_AGENT', 'NOT_YOUR_ACCOUNT'))).toEqual([]);
    // And the owner is let in, so that it is not the sample that was refused.
    expect(await wrong(list, (route) => ask(route, victim.apiKey, values(route.path)), ({ status }) => status !== 403 && status !== 401 && status < 500)).toEqual([]);
  });

  it('get 403 even with a lease token that leaked', async () => {
    await t.http('POST', `/agents/${victim.id}/commands`, { body: { type: 'custom' } });
    const { body } = await victim.http<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: {} });
    const [leased] = body.commands;
    const asks: [string, object][] = [['complete', {}], ['extend', {}], ['fail', { outcome: 'rejected', error: { code: 'X' } }]];
    for (const [what, more] of asks) {
      const answer = await stranger.http('POST', `/commands/${leased?.id}/${what}`, { body: { leaseToken: leased?.leaseToken, ...more } });
      expect(answer).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    }
    expect((await t.http('GET', `/commands/${leased?.id}`)).body).toMatchObject({ status: 'leased' });
  });

  it('see nothing of another agent in any list, and get 403 when they ask for it by name', async () => {
    const lists = forAgents().filter(({ method, path }) => method === 'GET' && !path.includes('{'));
    for (const { path, operation } of lists) {
      const query = operation.parameters.some(({ name, required }) => name === 'symbol' && required) ? '?symbol=EURUSD' : '';
      const mine = await guest('GET', path + query, { token: stranger.apiKey });
      expect([path, [200, 404].includes(mine.status)]).toEqual([path, true]);
      for (const id of Object.values(owned)) expect([path, mine.text.includes(id)]).toEqual([path, false]);
      if (!operation.parameters.some(({ name }) => name === 'agentId')) continue;
      const theirs = await guest('GET', `${path}${query ? `${query}&` : '?'}agentId=${victim.id}`, { token: stranger.apiKey });
      expect([path, theirs.status, (theirs.body as { code?: string }).code]).toEqual([path, 403, 'NOT_YOUR_AGENT']);
    }
    expect(lists.filter(({ operation }) => operation.parameters.some(({ name }) => name === 'agentId')).length).toBeGreaterThan(3);
  });

  it('cannot hang their records on another agent\'s', async () => {
    const body = { clientOrderId: 'two', symbol: 'EURUSD', direction: 'long', lotSize: '1' };
    for (const link of [{ predictionId: owned['prediction'] }, { commandId: owned['/api/v1/commands/'] }]) {
      expect((await stranger.http('POST', '/trades', { body: { ...body, ...link } })).status).toBe(409);
    }
    expect((await stranger.http('GET', `/trades?predictionId=${owned['prediction']}`)).body).toMatchObject({ items: [] });
  });

  it('are told the desired state on every answer, also on refusals after it is known who asks', async () => {
    for (const route of routes.filter(({ operation }) => !operation['x-access'].public)) {
      const answer = await ask(route, victim.apiKey, { agentId: victim.id });
      expect([route.path, answer.headers.get('x-desired-state')]).toEqual([route.path, expect.stringMatching(/^active;v=\d+;run=running$/)]);
    }
    expect((await t.http('GET', '/agents')).headers.get('x-desired-state')).toBeNull();
  });
});

describe('a route without an access declaration', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    @Controller('forgotten')
    class Forgotten {
      @Get()
      get() {
        return { open: true };
      }
    }
    const env = readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'silent', DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, MIGRATE_ON_START: 'off', ...TEST_SECRETS });
    @Module({ imports: [AppModule.with(env)], controllers: [Forgotten] })
    class WithForgotten {}
    app = await NestFactory.create<NestFastifyApplication>(WithForgotten, new FastifyAdapter({ forceCloseConnections: true }), { logger: false });
    app.setGlobalPrefix('api/v1');
    await app.listen(0, '127.0.0.1');
    await app.get(DatabaseService).whenReady();
  });
  afterAll(async () => {
    await app.close();
    await app.get(DatabaseService).stop();
  });

  it('is closed to everybody', async () => {
    const there = clientOf(await app.getUrl());
    expect((await there('GET', '/forgotten')).status).toBe(401);
    for (const token of [await t.signIn(ADMIN.email, ADMIN.password), victim.apiKey]) {
      expect(await there('GET', '/forgotten', { token })).toMatchObject({ status: 403, body: { code: 'ROUTE_CLOSED' } });
    }
  });
});
