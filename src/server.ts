import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { AppModule } from './app.module.js';
import { Draining } from './common/draining.js';
import { BODY_LIMIT_BYTES, useJsonParser } from './common/http/json-body.js';
import { useListCursors } from './common/http/list-cursors.js';
import { answerClientError, answerFrameworkError, sendProblem } from './common/http/problem.filter.js';
import { useRawBodies } from './common/http/raw-body.js';
import { logRequests } from './common/http/request-log.js';
import { securityHeaders } from './common/http/security-headers.js';
import { Metrics } from './common/metrics.js';
import { unavailable } from './common/problem.js';
import type { Env } from './config/env.js';
import { QuietLogger } from './config/quiet-logger.js';
import { EventFeed } from './events/event-feed.js';
import { SYNC_IN_PARTS } from './execution/sync.schemas.js';
import { openApi } from './openapi.js';
import { servePage } from './page.js';
import { Drills } from './restore/drills.service.js';

const UNPREFIXED = ['livez', 'readyz', 'health', 'metrics'];
const WEBHOOKS = 'webhooks/tradingview/:token';

/** The application with everything but a socket. */
export async function createServer(env: Env): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: 200 },
    trustProxy: trustedProxies(env.TRUST_PROXY),
    forceCloseConnections: 'idle',
    // Until the last request is answered, probes are told the truth and the others what to do: see drainOnClose.
    return503OnClosing: false,
    // Draining is a close hook and may take all of SHUTDOWN_TIMEOUT; Fastify's limit for hooks is ten seconds.
    pluginTimeout: 0,
    // A load balancer keeps connections for 60 s: ours must outlive that, or it sends requests into closed ones.
    keepAliveTimeout: 65_000,
    requestTimeout: 60_000,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) => correlationId(request.headers['x-request-id']),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(env), adapter, { bufferLogs: true, bodyParser: false });
  app.useLogger(app.get(QuietLogger));
  const fastify = adapter.getInstance();
  useJsonParser(fastify as never, SYNC_IN_PARTS);
  useRawBodies(fastify as never);
  useListCursors(fastify as never);
  await app.register(cookie as never);
  logRequests(fastify as never, app.get(Metrics));
  const headers = securityHeaders();
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers);
    // State of a minute ago looks like state; keys and tokens have no business in a cache at all.
    if (request.url.startsWith('/api/v1/')) void reply.header('Cache-Control', 'no-store');
    done();
  });
  const drills = app.get(Drills, { strict: false });
  drills.arriveBy(async (urls, arriving) => (await import('./cli/restore.js')).arriveIn(env, urls, arriving));
  drainOnClose(app, app.get(Draining));
  wakeFeedOnChanges(app, app.get(EventFeed));
  await servePage(fastify as never);
  app.setGlobalPrefix('api/v1', { exclude: [...UNPREFIXED, WEBHOOKS] });
  SwaggerModule.setup('api/docs', app, () => openApi(app), { jsonDocumentUrl: 'api/docs-json', raw: ['json'] });
  return app;
}

/**
 * Closing waits for the requests that are being answered, not for connections: browsers keep sockets open on which
 * they never asked anything, and Node counts those as busy.
 */
function drainOnClose(app: NestFastifyApplication, draining: Draining): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!draining.begun || UNPREFIXED.includes(request.url.split('?')[0]?.slice(1) ?? '')) return done();
    void reply.header('Connection', 'close');
    sendProblem(request, reply, unavailable('DRAINING', 'This instance is shutting down.', 1));
  });
  // From here on the request is whole: who never sends the rest of a body must not hold a shutdown up.
  fastify.addHook('preValidation', (_request, reply, done) => {
    draining.requestBegan();
    reply.raw.once('close', () => draining.requestEnded());
    done();
  });
  fastify.addHook('preClose', async () => {
    draining.begin();
    await draining.idle();
    fastify.server.closeAllConnections();
  });
}

/** Whoever was answered has committed. Other writers are found by the feed's own looks. */
function wakeFeedOnChanges(app: NestFastifyApplication, feed: EventFeed): void {
  app.getHttpAdapter().getInstance().addHook('onResponse', ({ method }, _reply, done) => {
    if (method !== 'GET' && method !== 'HEAD') feed.wake();
    done();
  });
}

/** Taken over when it is short and printable: it goes into headers, logs and rows. */
function correlationId(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID();
}

/** What config/env.ts has checked, in Fastify's terms. */
function trustedProxies(setting: string): false | string[] | ((address: string, hop: number) => boolean) {
  if (setting === '') return false;
  if (/^\d{1,2}$/.test(setting)) return (_address, hop) => hop < Number(setting);
  return setting.split(',').map((each) => each.trim());
}

/** `::` takes both families; where the kernel has no IPv6 it fails and the IPv4 wildcard serves. */
export async function listen(app: NestFastifyApplication, env: Env): Promise<void> {
  try {
    await app.listen(env.PORT, env.HOST);
  } catch (error) {
    const { code } = error as { code?: string };
    if (env.HOST !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    await app.listen(env.PORT, '0.0.0.0');
  }
}
