import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './common/http/problem.filter.js';
import { Problem } from './common/problem.js';

/** The page's own addresses: each, and all below it, is the same document. Everything else stays unknown. */
export const PAGE_ADDRESSES = ['overview', 'agents', 'trades', 'ideas', 'alerts', 'risk', 'history', 'system', 'settings', 'why', 'start'];

const ICON = 'icon.svg';
const NO_STORE = 'no-cache';
/** The names of the bundles change with what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

/** Nothing from elsewhere, nothing inline: what a script that got in could do is as little as a browser lets us say. */
const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "font-src 'self'",
  "manifest-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'",
];

/** Over plain http a phone on the local network would be sent to an https that is not there. */
const policyFor = ({ protocol }: FastifyRequest): string => [...POLICY, ...(protocol === 'https' ? ['upgrade-insecure-requests'] : [])].join('; ');

/** dist/dashboard, found upwards: this file stands at another depth in dist/ than in src/. */
function builtPage(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const built = join(folder, 'dist', 'dashboard');
    if (existsSync(join(built, 'index.html'))) return built;
  }
  return '';
}

/** Serves the built page; it needs neither a credential nor the database. */
export async function servePage(fastify: FastifyInstance): Promise<void> {
  const folder = builtPage();
  if (folder !== '') await fastify.register(fastifyStatic, { root: join(folder, 'assets'), prefix: '/assets/', decorateReply: false, preCompressed: true, index: false, cacheControl: false, setHeaders: (reply) => void reply.header('Cache-Control', FOR_EVER) });
  const document = folder === '' ? null : readFileSync(join(folder, 'index.html'));
  const icon = folder === '' ? null : readFileSync(join(folder, ICON));
  const send = (bytes: Buffer | null, type: string) => (request: FastifyRequest, reply: FastifyReply) => {
    if (!bytes) return sendProblem(request, reply, new Problem(404, 'PAGE_NOT_BUILT', 'The page was not built: run "npm run build". The API and the command line work without it.'));
    return reply.header('Content-Security-Policy', policyFor(request)).header('Cache-Control', NO_STORE).type(type).send(bytes);
  };
  fastify.get(`/${ICON}`, send(icon, 'image/svg+xml'));
  for (const address of ['/', ...PAGE_ADDRESSES.flatMap((name) => [`/${name}`, `/${name}/*`])]) fastify.get(address, send(document, 'text/html; charset=utf-8'));
}
