import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Document, type Route, routesOf } from '../support/census.js';
import { expectContract } from '../support/contract.js';
import { type Client, clientOf } from '../support/http.js';
import { rawRequest } from '../support/raw-http.js';

let t: TestApp;
let guest: Client;
let document: Document;
let routes: Route[];
beforeAll(async () => {
  t = await startTestApp();
  guest = clientOf(t.base);
  document = (await guest<Document>('GET', '/api/docs-json')).body;
  routes = routesOf(document);
});
afterAll(() => t.close());

/** Every value in the document, with its path. */
function* parts(value: unknown, path = ''): Generator<[string, unknown]> {
  yield [path, value];
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value)) yield* parts(inner, `${path}/${key}`);
}

describe('the OpenAPI document', () => {
  it('is checked in as it is served, without credentials', () => {
    expectContract('openapi.json', `${JSON.stringify(document, null, 1)}\n`);
  });

  it('refers to nothing that is not in it, and describes nothing with nothing', () => {
    const all = [...parts(document)];
    const refs = all.filter(([path]) => path.endsWith('/$ref')).map(([, ref]) => String(ref));
    expect(refs.length).toBeGreaterThan(100);
    const found = (ref: string) => ref.slice(2).split('/').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
    expect(refs.filter((ref) => found(ref) === undefined)).toEqual([]);
    expect(all.filter(([path, value]) => path.endsWith('/description') && value === '').map(([path]) => path)).toEqual([]);
  });

  it('names every operation once and sorts it under a tag', () => {
    const ids = routes.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(routes.filter(({ operation }) => !(operation as unknown as { tags?: string[] }).tags?.length).map(({ path }) => path)).toEqual([]);
  });

  it('says which credentials open each route', () => {
    for (const { path, operation: { 'x-access': access, security } } of routes) {
      const expected = access.public ? [] : access.agent ? [{ bearer: [] }, { apiKey: [] }] : [{ bearer: [] }];
      expect([path, security]).toEqual([path, expected]);
    }
  });

  it('says how each route refuses: as a problem', () => {
    for (const { method, path, operation: { 'x-access': access, responses, requestBody } } of routes) {
      const refusals = Object.keys(responses).filter((status) => Number(status) >= 400);
      const least = [...(access.public ? [] : ['401', '403']), ...(path.includes('{') ? ['404'] : []), ...(requestBody ? ['400', '413', '415'] : []), ...(/^\/(livez|metrics)$/.test(path) ? [] : ['503'])];
      expect([method, path, least.filter((status) => !refusals.includes(status))]).toEqual([method, path, []]);
      // The probes answer what they saw, also when that is not well.
      const asProblems = /^\/(health|readyz)$/.test(path) ? [] : refusals;
      for (const status of asProblems) expect([path, responses[status]]).toEqual([path, { $ref: `#/components/responses/Problem${status}` }]);
    }
    for (const [name, response] of Object.entries(document.components.responses)) {
      expect([name, Object.keys((response as { content: object }).content)]).toEqual([name, ['application/problem+json']]);
    }
  });

  it('says what each route answers', () => {
    const silent = routes.filter(({ operation }) => !Object.entries(operation.responses).some(([status, { content }]) => status.startsWith('2') && content));
    expect(silent.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('offers an Idempotency-Key on every POST that creates', () => {
    const creating = routes.filter(({ method, operation }) => method === 'POST' && operation.responses['201']);
    expect(creating.length).toBeGreaterThan(6);
    expect(creating.filter(({ operation }) => !operation.parameters.some(({ name }) => name === 'Idempotency-Key')).map(({ path }) => path)).toEqual([]);
  });
});

describe('the page at /api/docs', () => {
  it('opens without credentials, and everything that it loads is ours and allowed by its own policy', async () => {
    const page = await guest('GET', '/api/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/(^|;)\s*script-src 'self'(;|$)/);
    expect(policy).toMatch(/(^|;)\s*script-src-attr 'none'(;|$)/);
    expect(policy).toMatch(/(^|;)\s*style-src 'self' 'unsafe-inline'(;|$)/);
    // Over plain HTTP, as on a machine at home, the browser would look for scripts on a port that nobody serves.
    expect(policy).not.toContain('upgrade-insecure-requests');
    const scripts = [...page.text.matchAll(/<script([^>]*)>([^<]*)</g)];
    expect(scripts).toHaveLength(3);
    for (const [, attributes = '', inline = ''] of scripts) {
      expect(inline.trim()).toBe('');
      const source = new URL(/src=["']([^"']+)/.exec(attributes)?.[1] ?? '', `${t.base}/api/docs`);
      expect(source.origin).toBe(t.base);
      const script = await guest('GET', source.pathname);
      expect([script.status, script.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^application\/javascript/)]);
      expect(script.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(page.text).not.toMatch(/\son[a-z]+=/);
    const style = new URL(/<link rel="stylesheet"[^>]*href="([^"]+)"/.exec(page.text)?.[1] ?? '', `${t.base}/api/docs`);
    expect((await guest('GET', style.pathname)).headers.get('content-type')).toMatch(/^text\/css/);
    expect((await guest('GET', '/api/docs/swagger-ui-init.js')).text).toContain('agentsHeartbeat');
  });

  it('serves no other file', async () => {
    for (const path of ['/api/docs/../../package.json', '/api/docs/..%2f..%2fpackage.json', '/api/docs/%2e%2e/%2e%2e/etc/passwd', '/api/docs-yaml']) {
      const { status } = await rawRequest(t.base, `GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    }
  });
});
