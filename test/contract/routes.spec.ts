import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnv } from '../../src/config/env.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { openApi } from '../../src/openapi.js';
import { PAGE_ADDRESSES } from '../../src/page.js';
import { createServer } from '../../src/server.js';
import { TEST_SECRETS } from '../support/app.js';
import { type Document, registeredRoutes, type Route, routesOf } from '../support/census.js';
import { expectContract } from '../support/contract.js';

/** The page and the documentation are no controller's: they are open, as the contract says. */
const DOCUMENTATION = /^(GET|HEAD) \/api\/docs(-json$|\/|$)/;
/** Fastify prints `/assets/*` as `/*`; test/browser/frame sees that nothing else is answered. */
const PAGE = new RegExp(`^(GET|HEAD) /($|\\*$|icon\\.svg$|(${PAGE_ADDRESSES.join('|')})(\\*|/\\*)?$)`);

let app: NestFastifyApplication;
let routes: Route[];
beforeAll(async () => {
  // Nothing is asked of it, so it needs no database.
  app = await createServer(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'silent', DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ...TEST_SECRETS }));
  await app.init();
  routes = routesOf(openApi(app) as unknown as Document);
});
afterAll(async () => {
  await app.close();
  await app.get(DatabaseService).stop();
});

describe('the census of routes', () => {
  it('is checked in, with who may call each', () => {
    const lines = routes.map(({ method, path, operation: { 'x-access': access } }) =>
      [method.padEnd(7), path.padEnd(50), access.public ? 'everybody' : `${(access.person ?? '-').padEnd(9)} ${access.agent === 'any' ? 'any key' : access.agent ? `key: ${access.agent}` : '-'}${access.unlimited ? ', unlimited' : ''}`].join(' ').trimEnd());
    const byPath = (line: string) => line.slice(8, 58) + line.slice(0, 8);
    const sorted = lines.sort((a, b) => (byPath(a) < byPath(b) ? -1 : 1));
    expectContract('routes.txt', `# method, path, least role of a person, agent's key. Written by UPDATE_CONTRACT=1.\n${sorted.join('\n')}\n`);
  });

  it('misses none that the server answers', () => {
    const known = new Set(routes.flatMap(({ method, path }) => (method === 'GET' ? [`GET ${path}`, `HEAD ${path}`] : [`${method} ${path}`])));
    const registered = registeredRoutes(app);
    expect(registered.length).toBeGreaterThan(60);
    expect(registered.filter((route) => !known.has(route) && !DOCUMENTATION.test(route) && !PAGE.test(route))).toEqual([]);
    expect([...known].filter((route) => !registered.includes(route))).toEqual([]);
  });

  it('has an access declaration for each', () => {
    expect(routes.filter(({ operation: { 'x-access': { person, agent, public: open } } }) => !person && !agent && !open).map(({ path }) => path)).toEqual([]);
  });

  it('is open without credentials where the contract says so, and nowhere else', () => {
    expect(routes.filter(({ operation }) => operation['x-access'].public).map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /health', 'GET /livez', 'GET /metrics', 'GET /readyz', 'POST /api/v1/auth/login', 'POST /api/v1/auth/logout', 'POST /api/v1/auth/refresh',
      'POST /webhooks/tradingview/{token}',
    ]);
  });
});
