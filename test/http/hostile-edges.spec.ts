import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { restSchedules, startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Document, pathWith, type Route, routesOf } from '../support/census.js';
import { bodySchema, faults, type Refusal, short } from '../support/hostile.js';
import { type Client, clientOf } from '../support/http.js';
import { rawRequest } from '../support/raw-http.js';
import { sample } from '../support/sample.js';

const SQL = `'; DROP TABLE trades; --`;

let t: TestApp;
let second: TestApp;
let guest: Client;
let document: Document;
let routes: Route[];
let agent: TestAgent;
let values: Record<string, string>;

const SHARE = { kind: 'stock', sizeUnit: 'share', contractSize: '1', tickSize: '0.01', tickValue: '0.01', minSize: '1', sizeStep: '1', quoteCurrency: 'USD' };

beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  // What they make by the clock would be counted with what was asked for.
  for (const app of [t, second]) restSchedules(app);
  guest = clientOf(t.base);
  document = (await guest<Document>('GET', '/api/docs-json')).body;
  routes = routesOf(document).filter(({ path }) => path.startsWith('/api/'));
  agent = await t.agent();
  const command = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
  const trade = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'one', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
  const instrument = await agent.http<{ id: string }>('POST', '/instruments', { body: { ...SHARE, symbol: 'S' } });
  const strategy = await t.http<{ id: string }>('POST', '/strategies', { body: { name: 'one' } });
  const source = await t.http<{ id: string }>('POST', '/webhook-sources', { body: { name: 'one', mapping: 'sigmatrader' } });
  values = { agentId: agent.id, accountId: agent.accountId, id: command.body.id, tradeId: trade.body.id, instrumentId: instrument.body.id, strategyId: strategy.body.id, sourceId: source.body.id };
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const tokensOf = ({ operation: { 'x-access': { person, agent: scope } } }: Route) => [...(person ? [['admin', t.adminToken] as const] : []), ...(scope ? [['agent', agent.apiKey] as const] : [])];
/** What a query cannot be without. */
const neededBy = ({ operation }: Route) => (operation.parameters ?? []).filter((each) => each.in === 'query' && each.required).map(({ name, schema }) => `${name}=${String(schema.enum?.[0] ?? 'EURUSD')}`);
const bodyOf = (route: Route) => bodySchema(route) && sample(bodySchema(route) ?? {}, document);

describe('hostile queries', () => {
  const cursors = ['', 'x', 'AAAA', '..', SQL, ...['s-1', 's', 's1;select', 'sNaN', `s${'9'.repeat(30)}`, 't1'].map((text) => Buffer.from(text).toString('base64url')), 'A'.repeat(65)];
  const limits = ['-1', '0', '501', '1000000000', '0.5', 'abc', '', '1e2', '0x10', ' 5', '+5', 'NaN', 'Infinity', '٥', SQL];
  const anything = ['', SQL, '%00', '%FF', '%ED%A0%80', 'null', '[object Object]', 'x'.repeat(3_000), '{"$gt":""}', '-infinity', '2026-01-01T00:00:00', '2026-02-31T00:00:00Z', '99999-01-01T00:00:00Z'];

  it('are refused by name, or find nothing: each parameter of each list, for each kind of caller', async () => {
    const encoded = (value: string) => (/^%[0-9A-F]{2}/.test(value) ? value : encodeURIComponent(value));
    const asks = routes.filter(({ method }) => method === 'GET').flatMap((route) => tokensOf(route).flatMap(([who, token]) => {
      const needed = neededBy(route);
      return route.operation.parameters.filter((each) => each.in === 'query').flatMap(({ name }) => {
        const list = name === 'limit' ? limits : name === 'cursor' ? cursors : anything;
        const others = needed.filter((each) => !each.startsWith(`${name}=`));
        return list.map((value) => ({
          name: `GET ${route.path}?${name}=${short(value)} as ${who}`, field: name, token, path: `${pathWith(route.path, values)}?${[...others, `${name}=${encoded(value)}`].join('&')}`,
        }));
      });
    }));
    expect(asks.length).toBeGreaterThan(300);
    const always400 = (name: string) => ['limit', 'cursor'].includes(name);
    expect(await faults(asks, ({ path, token }) => guest('GET', path, { token }), ({ status }, { field }) => !always400(field) || status === 400)).toEqual([]);
  });

  it('of a time that ends before it begins are refused by name, instead of finding nothing', async () => {
    const windows = routes.filter(({ operation }) => ['from', 'to'].every((name) => operation.parameters?.some((parameter) => parameter.name === name)));
    expect(windows.length).toBeGreaterThanOrEqual(6);
    for (const route of windows) {
      const answer = await t.http<{ errors?: { path: string }[] }>(route.method, `${pathWith(route.path, values).replace('/api/v1', '')}?${[...neededBy(route), 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'].join('&')}`);
      expect([route.path, answer.status, answer.body.errors?.[0]?.path]).toEqual([route.path, 400, 'to']);
    }
  });

  it('with a parameter that nobody knows, or one given twice, are refused by name on every route', async () => {
    const asks = routes.filter(({ operation }) => operation['x-access'].person || operation['x-access'].agent).flatMap((route) => tokensOf(route).flatMap(([who, token]) =>
      [['surprise=1', 'surprise'], ['__proto__=1', '__proto__'], ['constructor=x', 'constructor'], ['a%5Bb%5D=c', 'a[b]'], ['limit=5&limit=6', 'limit'], ['%00=1', '']].map(([query = '', field = '']) => ({
        name: `${route.method} ${route.path}?${query} as ${who}`, token, route, query, ...(field ? { field } : {}),
      }))));
    expect(await faults(asks, ({ route, token, query }) => guest(route.method, `${pathWith(route.path, values)}?${query}`, { token, body: bodyOf(route) }), ({ status }) => status === 400 || status === 403)).toEqual([]);
  });
});

describe('hostile paths', () => {
  it('are refused on every route with a parameter', async () => {
    const pieces = ['%00', '%FF', '%', '%zz', '..', '%2e%2e', '%2F..%2F', encodeURIComponent(SQL), 'null', 'undefined', '0', '-1', 'x'.repeat(300), '%F0%9F%98%80', `${agent.id}%00`, `${agent.id}%20`, `${agent.id};x`];
    for (const route of routes.filter(({ path }) => path.includes('{'))) {
      for (const [who, token] of tokensOf(route)) {
        for (const piece of pieces) {
          const path = route.path.replace(/\{\w+\}/, piece).replace(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? agent.id);
          const body = JSON.stringify(bodyOf(route) ?? {});
          const write = route.method === 'GET' ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
          const answer = await rawRequest(t.base, `${route.method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n${write}\r\n${write && body}`);
          const place = `${route.method} ${route.path} with ${short(piece)} as ${who}: ${answer.text.slice(0, 200)}`;
          expect([place, answer.status >= 400 && answer.status < 500]).toEqual([place, true]);
          expect([place, answer.headers]).toEqual([place, expect.stringMatching(/content-type: application\/problem\+json/i)]);
          expect([place, answer.body['correlationId']]).toEqual([place, /^x-request-id: (\S+)/im.exec(answer.headers)?.[1]]);
        }
      }
    }
  });

  it('that lead nowhere are 404, the same with and without credentials', async () => {
    for (const path of ['/api/v1/nothing', '/api/v1/agents/x/y/z', '/api/v2/agents', '/.env', '/.git/config', '/api/v1/agents//state', '/admin', '/api/v1/AGENTS']) {
      for (const token of [null, t.adminToken]) {
        const answer = await rawRequest(t.base, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`);
        expect([path, answer.status, answer.body['code']]).toEqual([path, 404, 'NOT_FOUND']);
      }
    }
  });
});

describe('hostile headers', () => {
  const head = (lines: string, line = 'GET /api/v1/agents HTTP/1.1') => `${line}\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`;

  it.each<[string, string | null]>([
    ['abc-123', 'abc-123'], ['x'.repeat(128), 'x'.repeat(128)], ['x'.repeat(129), null], ['with blank', null], ['tab\there', null], ['\u00e9', null], ['', null], ['a\u007fb', null], ['<b>"\'', '<b>"\''],
  ])('X-Request-Id %j is taken over when it is short and visible, else made', async (given, kept) => {
    const answer = await rawRequest(t.base, head(`X-Request-Id: ${given}\r\n`));
    const id = /^x-request-id: (.*)$/im.exec(answer.headers)?.[1];
    expect(id).toBe(answer.body['correlationId']);
    if (kept === null) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    else expect(id).toBe(kept);
  });

  it('in masses, in size or in nonsense are refused before anything else', async () => {
    const answers: [string, number[], string][] = [
      ['2,000 headers', [400, 401, 431], head(Array.from({ length: 2_000 }, (_, i) => `X-H${i}: 1\r\n`).join(''))],
      ['a header of 20 KB', [431], head(`X-Big: ${'x'.repeat(20_000)}\r\n`)],
      ['an address of 20 KB', [414, 431], head('', `GET /api/v1/agents?${'x'.repeat(20_000)} HTTP/1.1`)],
      ['an address of 10 KB', [401], head('', `GET /api/v1/agents?${'x'.repeat(10_000)} HTTP/1.1`)],
      ['two lengths', [400], head('Content-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n', 'POST /api/v1/auth/login HTTP/1.1') + '{}'],
      ['a length and chunks', [400], head('Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n', 'POST /api/v1/auth/login HTTP/1.1') + '{}'],
      ['a negative length', [400], head('Content-Length: -1\r\n', 'POST /api/v1/auth/login HTTP/1.1')],
      ['a method that is none', [400], head('', 'BREW /api/v1/agents HTTP/1.1')],
      ['a protocol that is none', [400], head('', 'GET /api/v1/agents HTTP/9.9')],
      ['no HTTP at all', [400], '\u0016\u0003\u0001 hello\r\n\r\n'],
      ['a NUL in a header', [400], head('X-Nul: a\u0000b\r\n')],
      ['a folded header', [400, 401], head('X-Folded: a\r\n b\r\n')],
      ['a full address', [401, 404], head('', 'GET http://elsewhere/api/v1/agents HTTP/1.1')],
      ['TRACE', [400, 404, 405], head('', 'TRACE /api/v1/agents HTTP/1.1')],
      ['OPTIONS', [401, 404], head('', 'OPTIONS /api/v1/agents HTTP/1.1')],
      ['a hostile host', [401], head('', 'GET /api/v1/agents HTTP/1.1').replace('Host: x', 'Host: evil"><script>')],
    ];
    for (const [what, statuses, bytes] of answers) {
      const answer = await rawRequest(t.base, bytes);
      expect([what, statuses.includes(answer.status), answer.status]).toEqual([what, true, answer.status]);
      expect([what, answer.headers]).toEqual([what, expect.stringMatching(/content-type: application\/problem\+json/i)]);
      expect([what, answer.body]).toEqual([what, expect.objectContaining({ status: answer.status, code: expect.stringMatching(/^[A-Z_]+$/), correlationId: expect.any(String) })]);
      expect([what, answer.text]).toEqual([what, expect.not.stringMatching(/<script>|node_modules|\.js:/)]);
    }
  });

  it('of an agent: an instance id that is no name is refused by name, one that is long too', async () => {
    for (const id of ['', 'with blank', 'x'.repeat(65), '\u00e9']) {
      const answer = await guest<{ errors: { path: string }[] }>('POST', '/agents/me/heartbeat', { token: agent.apiKey, body: {}, headers: { 'x-instance-id': id } });
      expect([id, answer.status, answer.body.errors?.[0]?.path]).toEqual([id, 400, 'X-Instance-Id']);
    }
    expect((await guest('POST', '/agents/me/heartbeat', { token: agent.apiKey, body: {}, headers: { 'x-instance-id': 'x'.repeat(64) } })).status).toBe(200);
  });

  it('that say the body is packed are not believed blindly: a bomb stays packed', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    const answer = await guest('POST', '/agents/me/heartbeat', { token: agent.apiKey, raw: bomb, headers: { 'content-encoding': 'gzip' } });
    expect([400, 415]).toContain(answer.status);
  });
});

describe('an Idempotency-Key', () => {
  let creating: Route[];
  let made = 0;
  const minute = (n: number) => new Date(Date.UTC(2026, 0, 2, 0, n)).toISOString();
  let candles: { id: string }[];
  beforeAll(async () => {
    const items = Array.from({ length: 100 }, (_, n) => ({ symbol: 'EURUSD', timeframe: 'D1', openTime: minute(n), open: 1, high: 1, low: 1, close: 1 }));
    candles = (await agent.http<{ items: { id: string }[] }>('POST', '/snapshots/market', { body: { items } })).body.items;
    creating = routes.filter(({ method, operation }) => method === 'POST' && operation.responses['201']);
  });
  /** What must differ from one creation to the next. */
  const fresh = (route: Route): Record<string, unknown> => {
    const unique: Record<string, object> = {
      usersCreate: { email: `idempotent-${++made}@example.com` }, agentsCreate: { name: `idempotent-${++made}` }, tradesCreate: { clientOrderId: `idempotent-${++made}` },
      agentsCreateKey: { name: `idempotent-${++made}` }, accountsCreate: { name: `idempotent-${++made}` }, cashFlowsCreate: { brokerDealId: `idempotent-${++made}` }, fillsCreate: { brokerDealId: `idempotent-${++made}` },
      commandsCreate: { type: 'custom', payload: { n: ++made } }, predictionsCreate: { model: `m${++made}` },
      snapshotsCreateMarket: { openTime: minute(++made) }, snapshotsCreateIndicators: { capturedAt: minute(++made) }, snapshotsCreateCalendar: { eventTime: minute(++made) },
      snapshotsCreateNews: { publishedAt: minute(++made) }, snapshotsCreateAccount: { capturedAt: minute(++made), accountId: agent.accountId },
      snapshotRefsCreate: { items: [{ kind: 'market', id: candles[++made % 100]?.id }] },
      explanationsCreate: { explanation: `because ${++made}` }, explanationsCreateAlone: { explanation: `because ${++made}` }, circuitBreakerEventsReport: { reason: `because ${++made}` }, predictionsCreateMany: { items: [{ model: `m${++made}`, symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.5' }] },
      strategiesCreate: { name: `idempotent-${++made}` }, webhookSourcesCreate: { name: `idempotent-${++made}` }, killSwitchImpose: { reason: `because ${++made}` },
      tradeIdeasPropose: { rationale: `because ${++made}`, executorAgentId: agent.id },
      // People say whose instruments they tell.
      instrumentsUpload: { ...SHARE, symbol: `S${++made}`, accountId: agent.accountId }, instrumentsUploadMany: { accountId: agent.accountId, items: [{ ...SHARE, symbol: `S${++made}` }] },
    };
    return { ...(bodyOf(route) as object), ...unique[route.operation.operationId] };
  };
  const send = (route: Route, key: string, body: unknown, base = t.base): Promise<Refusal> => {
    const [, token] = tokensOf(route)[0] ?? [];
    return clientOf(base)(route.method, pathWith(route.path, values), { token: token ?? null, body, headers: { 'idempotency-key': key } });
  };
  const countOf = async () => {
    const [row] = await t.db.query<{ n: number }>(`select (select count(*) from users)::int + (select count(*) from agents)::int + (select count(*) from api_keys)::int
      + (select count(*) from agent_commands)::int + (select count(*) from predictions)::int + (select count(*) from trades)::int + (select count(*) from trade_explanations)::int
      + (select count(*) from circuit_breaker_events)::int + (select count(*) from accounts)::int + (select count(*) from account_cash_flows)::int
      + (select count(*) from instruments)::int + (select count(*) from fills)::int + (select count(*) from strategies)::int + (select count(*) from halts)::int
      + (select count(*) from trade_ideas)::int + (select count(*) from webhook_sources)::int
      + (select count(*) from snapshot_market)::int + (select count(*) from snapshot_indicators)::int + (select count(*) from snapshot_refs)::int
      + (select count(*) from snapshot_calendar)::int + (select count(*) from snapshot_news)::int + (select count(*) from snapshot_account)::int as n`);
    return row?.n ?? -1;
  };
  const madeBy = ({ operation: { operationId } }: Route) => (operationId === 'agentsCreate' ? 3 : 1);

  it('is taken by everything that creates', () => {
    expect(creating.length).toBeGreaterThan(6);
  });

  it('that is no key is refused by name', async () => {
    for (const route of creating) {
      for (const key of ['', ' ', '""', 'with blank', 'x'.repeat(256), '\u00e9', 'a\tb']) {
        const answer = await send(route, key, fresh(route)) as Refusal;
        expect([route.path, key, answer.status, answer.body.errors?.[0]?.path]).toEqual([route.path, key, 400, 'Idempotency-Key']);
      }
    }
  });

  it('gives the stored answer to the same request, quoted or bare, and 422 to another', async () => {
    for (const route of creating) {
      const body = fresh(route);
      const key = `key-${SQL.replaceAll(' ', '')}-${++made}`;
      const first = await send(route, key, body);
      expect([route.path, first.status, first.text]).toEqual([route.path, 201, first.text]);
      const before = await countOf();
      const again = await send(route, `"${key}"`, Object.fromEntries(Object.entries(body).reverse()), second.base);
      expect([route.path, again.status, again.headers.get('idempotency-replayed')]).toEqual([route.path, 201, 'true']);
      const { apiKey: _once, url: _too, ...stored } = first.body as unknown as Record<string, unknown>;
      expect([route.path, again.body]).toEqual([route.path, expect.objectContaining(stored)]);
      const other = await send(route, key, fresh(route));
      expect([route.path, other.status, other.body.code]).toEqual([route.path, 422, 'IDEMPOTENCY_KEY_REUSED']);
      expect([route.path, await countOf()]).toEqual([route.path, before]);
    }
  });

  it('makes one of ten that come at once through two instances', async () => {
    for (const route of creating) {
      const body = fresh(route);
      const key = `race-${++made}`;
      const before = await countOf();
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => send(route, key, body, i % 2 ? second.base : t.base)));
      expect([route.path, answers.filter(({ status }) => status !== 201 && status !== 409).map(({ text }) => text)]).toEqual([route.path, []]);
      const created = answers.filter(({ status, headers }) => status === 201 && headers.get('idempotency-replayed') === null);
      expect([route.path, created.length]).toEqual([route.path, 1]);
      for (const { status, body: refusal, headers } of answers) if (status === 409) expect([refusal.code, headers.get('retry-after')]).toEqual(['IDEMPOTENCY_KEY_IN_USE', '1']);
      expect([route.path, (await countOf()) - before]).toEqual([route.path, madeBy(route)]);
    }
  });

  it('of one caller says nothing to another', async () => {
    const other = await t.agent();
    const ask = (body: object, token: string) => guest<{ id: string }>('POST', '/predictions', { token, body, headers: { 'idempotency-key': 'shared' } });
    const body = { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-02T03:04:05Z', direction: 'long', confidence: '0.5' };
    const [mine, theirs] = [await ask(body, agent.apiKey), await ask({ ...body, model: 'n' }, other.apiKey)];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.body.id).not.toBe(theirs.body.id);
  });
});
