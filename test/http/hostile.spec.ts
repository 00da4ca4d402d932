import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Document, pathWith, type Route, routesOf } from '../support/census.js';
import { bodySchema, bodyWith, faultOf, faults, fieldsOf, hostileValues, type Refusal, short } from '../support/hostile.js';
import { type Ask, type Client, clientOf } from '../support/http.js';
import { rawRequest } from '../support/raw-http.js';
import { sample } from '../support/sample.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

let t: TestApp;
let guest: Client;
let document: Document;
let agent: TestAgent;
let rows: Record<string, number>;
/** Every route with each kind of caller that it lets in. */
let calls: { name: string; route: Route; token: string | null; path: string }[];
let withBody: typeof calls;

const countRows = async () => {
  const tables = await t.db.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public' and tablename not like '%\\_y20%' order by 1`);
  const counted = await Promise.all(tables.map(async ({ name }) => [name, (await t.db.query<{ n: number }>(`select count(*)::int as n from ${name}`))[0]?.n ?? -1] as const));
  return Object.fromEntries(counted);
};

beforeAll(async () => {
  t = await startTestApp();
  guest = clientOf(t.base);
  document = (await guest<Document>('GET', '/api/docs-json')).body;
  agent = await t.agent();
  const command = await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
  const trade = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'one', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
  const instrument = await agent.http<{ id: string }>('POST', '/instruments', {
    body: { symbol: 'GBPUSD', kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01' },
  });
  const strategy = await t.http<{ id: string }>('POST', '/strategies', { body: { name: 'one' } });
  const source = await t.http<{ id: string }>('POST', '/webhook-sources', { body: { name: 'one', mapping: 'sigmatrader' } });
  const values = { agentId: agent.id, accountId: agent.accountId, id: command.body.id, tradeId: trade.body.id, instrumentId: instrument.body.id, strategyId: strategy.body.id, sourceId: source.body.id };
  calls = routesOf(document).flatMap((route) => {
    const { person, agent: scope, public: open } = route.operation['x-access'];
    const as = [...(open ? [['nobody', null] as const] : []), ...(person ? [['admin', t.adminToken] as const] : []), ...(scope ? [['agent', agent.apiKey] as const] : [])];
    return as.map(([who, token]) => ({ name: `${route.method} ${route.path} as ${who}`, route, token, path: pathWith(route.path, values) }));
  });
  withBody = calls.filter(({ route }) => bodySchema(route));
  rows = await countRows();
});
afterAll(() => t.close());

/** People say whose instruments they tell. */
const bodyOf = (route: Route): Record<string, unknown> => ({
  ...(sample(bodySchema(route) ?? {}, document) as Record<string, unknown>), ...(route.method === 'POST' && route.path.startsWith('/api/v1/instruments') ? { accountId: agent.accountId } : {}),
});
const send = ({ route, token, path }: { route: Route; token: string | null; path: string }, ask: Ask): Promise<Refusal> => guest(route.method, path, { ...ask, token });
const each = <T>(list: T[]) => withBody.flatMap((call) => list.map((input) => ({ ...call, name: `${call.name}: ${short(input)}`, input })));

describe('hostile bodies', () => {
  it('have samples beside them that are no malformed requests', async () => {
    expect(calls.length).toBeGreaterThan(50);
    expect(withBody.length).toBeGreaterThan(18);
    expect(await faults(withBody, (call) => send(call, { body: bodyOf(call.route) }), ({ status }) => status !== 400)).toEqual([]);
  });

  it('of 10 MB are refused with 413, before they are read', async () => {
    for (const { name, route, token, path } of withBody) {
      const head = `${route.method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`;
      const answer = await rawRequest(t.base, `${head}{"a":"${'x'.repeat(10_000)}`, 20);
      expect([name, answer.status, answer.body['code']]).toEqual([name, 413, 'BODY_TOO_LARGE']);
    }
  });

  it('of 10 MB are refused with 413 also when their length was not said', async () => {
    const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;
    const head = `POST /api/v1/agents/me/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${agent.apiKey}\r\n\r\n`;
    expect(await rawRequest(t.base, head + chunk.repeat(160))).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
  });

  it('that are no JSON, or not JSON as we take it, are refused with 400', async () => {
    const raw: [string, string | Uint8Array][] = [
      ...['{', '{"a":}', 'nul', '{"a":1,}', "{'a':1}", '{"a":1}{', '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":0x10}', '{"a":01}', '{"a":.5}', '{"a":+1}', '\u0000', '{"a":"\u0000"}', '<x/>', 'a=1&b=2'].map((text) => ['BODY_NOT_JSON', text] as [string, string]),
      ['BODY_TOO_DEEP', '['.repeat(10_000) + ']'.repeat(10_000)], ['BODY_TOO_DEEP', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
      ['TEXT_HAS_NUL', '{"a":"\\u0000"}'], ['TEXT_HAS_NUL', '{"\\u0000":1}'], ['TEXT_NOT_UNICODE', '{"a":"\\ud800"}'], ['TEXT_NOT_UNICODE', '{"a":["\\udc00\\ud800"]}'],
      ['BODY_NOT_UTF8', new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])], ['BODY_NOT_UTF8', new Uint8Array([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
      ['NUMBER_NOT_EXACT', '{"a":1e400}'], ['NUMBER_NOT_EXACT', '{"a":-1e400}'], ['NUMBER_NOT_EXACT', '{"a":123456789012345678901234567890}'], ['NUMBER_NOT_EXACT', '{"a":0.12345678901234567890123}'], ['NUMBER_NOT_EXACT', '{"a":1e-400}'],
      ['KEY_NOT_ALLOWED', '{"__proto__":{"role":"admin"}}'], ['KEY_NOT_ALLOWED', '{"a":{"constructor":{"prototype":{"x":1}}}}'], ['KEY_NOT_ALLOWED', '{"prototype":1}'], ['KEY_NOT_ALLOWED', '{"\\u005f_proto__":1}'],
    ];
    const asks = each(raw).map((ask) => ({ ...ask, name: `${ask.name} ${ask.input[0]}` }));
    expect(await faults(asks, (ask) => send(ask, { raw: ask.input[1] }), ({ status, body }, ask) => status === 400 && body.code === ask.input[0])).toEqual([]);
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it('made to take long are refused at once', async () => {
    await expectWithin(4_000, () => timeOf(async () => {
      expect(await agent.http('POST', '/agents/me/heartbeat', { raw: '['.repeat(1_000_000) })).toMatchObject({ status: 400 });
      for (const number of [`0.1${'0'.repeat(900_000)}1`, `1${'0'.repeat(900_000)}`, `0.${'0'.repeat(900_000)}1`, `1e${'9'.repeat(900_000)}`]) {
        expect(await agent.http('POST', '/agents/me/heartbeat', { raw: `{"equity":${number}}` })).toMatchObject({ status: 400, body: { code: 'NUMBER_NOT_EXACT', errors: [{ path: 'equity' }] } });
      }
    }));
  });

  it('of another content type are refused with 415', async () => {
    const types = ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/json-patch+json', 'x', '*/*', ''];
    const asks = each(types).filter(({ input }) => input !== '');
    expect(await faults(asks, (ask) => send(ask, { raw: '{}', headers: { 'content-type': ask.input } }), ({ status, body }) => status === 415 && body.code === 'CONTENT_TYPE_NOT_SUPPORTED')).toEqual([]);
  });

  it('that are no objects are refused with 400, and nothing at all counts as an empty object', async () => {
    expect(await faults(each(['[]', '"x"', 'null', '42', 'true', '[{}]', '""']), (ask) => send(ask, { raw: ask.input }), ({ status }) => status === 400)).toEqual([]);
    for (const call of withBody) {
      const [empty, object] = [await send(call, { raw: '' }), await send(call, { raw: '{}' })];
      expect([call.name, empty.status, faultOf(empty)]).toEqual([call.name, object.status, null]);
    }
  });

  it('with a field that nobody knows are refused with 400, which names it', async () => {
    expect(await faults(withBody.map((call) => ({ ...call, field: 'surprise' })), (call) => send(call, { body: { ...bodyOf(call.route), surprise: 1 } }), ({ status }) => status === 400)).toEqual([]);
    const without = calls.filter(({ route }) => !bodySchema(route) && route.path.startsWith('/api/') && !['GET'].includes(route.method));
    expect(without.length).toBeGreaterThan(1);
    expect(await faults(without.map((call) => ({ ...call, field: 'surprise' })), (call) => send(call, { body: { surprise: 1 } }), ({ status }) => status === 400)).toEqual([]);
  });
});

describe('hostile fields', () => {
  it('are refused by name or taken for what they are, each in every body', async () => {
    const asks = withBody.flatMap((call) => {
      const schema = bodySchema(call.route) ?? {};
      return fieldsOf(schema, document).flatMap((field, turn) => hostileValues(field.schema, document, turn).map((value) => ({
        ...call, name: `${call.name}: ${field.path} = ${short(value)}`, field: field.path, body: bodyWith(bodyOf(call.route), field, value, schema, document),
      })));
    });
    expect(asks.length).toBeGreaterThan(2_000);
    // A time of entry asks for a price of entry.
    for (const ask of asks) if (ask.field === 'entryTime') Object.assign(ask.body as object, { entryPrice: '0.5' });
    // What the schema of a body refuses it refuses from everybody: others are heard with what it did not.
    const refused = new Set<string>();
    const same = (ask: (typeof asks)[number]) => ask.name.replace(/ as \w+:/, ':');
    const sent = async (ask: (typeof asks)[number]) => {
      const answer = await send(ask, { body: ask.body });
      if (answer.body.code === 'VALIDATION_FAILED') refused.add(same(ask));
      return answer;
    };
    const isFirst = ({ route, token }: (typeof asks)[number]) => withBody.find((call) => call.route === route)?.token === token;
    expect(await faults(asks.filter(isFirst), sent)).toEqual([]);
    expect(refused.size).toBeGreaterThan(1_000);
    expect(await faults(asks.filter((ask) => !isFirst(ask) && !refused.has(same(ask))), sent)).toEqual([]);
  });
});

describe('after all that', () => {
  it('nothing is gone, nothing was made in secret, and the server is well', async () => {
    const now = await countRows();
    expect(Object.keys(now)).toEqual(Object.keys(rows));
    for (const [table, n] of Object.entries(rows)) if (table !== 'schedules' && table !== 'sign_in_throttles') expect([table, (now[table] ?? 0) >= n]).toEqual([table, true]);
    const made = async (type: string) => (await t.db.query(`select 1 from events where type = $1`, [type])).length;
    expect(now['users']).toBe(await made('user.created'));
    expect(now['agents']).toBe(await made('agent.created'));
    expect(now['api_keys']).toBe(await made('key.created'));
    expect(now['agent_commands']).toBe(await made('command.created'));
    expect(await t.db.query(`select 1 from users where role = 'admin'`)).toHaveLength(1);
    // What runs by itself may have a connection for a moment; one that is lost has it for ever.
    const busy = async () => {
      const { status, body } = await guest<{ pool: { active: number; waiting: number } }>('GET', '/health');
      return `${status} ${body.pool.active} ${body.pool.waiting}`;
    };
    await until(async () => (await busy()) === '200 0 0', 10_000);
    expect((await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } })).status).toBe(200);
  });
});
