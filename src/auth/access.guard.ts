import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AgentCaller, hasRole, type Person, type Requester } from '../common/principal.js';
import { refuseUnread } from '../common/http/validation.js';
import { badRequest, forbidden, Problem, unavailable } from '../common/problem.js';
import { DatabaseService } from '../database/database.service.js';
import { StaleReading } from '../database/stale-reading.js';
import { ACCESS, type Access } from './access.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthAudit } from './audit.js';
import { JwtStrategy } from './jwt.strategy.js';
import { DESIRED_STATE_HEADER, desiredStateHeader } from '../common/http/desired-state-header.js';
import { originOf } from './origin.js';
import { RateLimiter } from './rate-limit.js';

const unauthenticated = (code: string, detail: string) => new Problem(401, code, detail);
const refusedToken = () => unauthenticated('TOKEN_REFUSED', 'The access token is wrong, has expired or its session has ended.');

/**
 * Deny by default: a route without an `@Allow` is closed. Database first, then who, then whether; last, whether the
 * handler reads all that came (here and not in an interceptor, which would lead every answer through an observable).
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly database: DatabaseService,
    private readonly keys: ApiKeysService,
    private readonly audit: AuthAudit,
    private readonly jwt: JwtStrategy,
    private readonly limiter: RateLimiter,
    private readonly stale: StaleReading,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.admit(context);
    refuseUnread(context);
    return true;
  }

  private async admit(context: ExecutionContext): Promise<void> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
    if (access?.offline) return;
    if (access?.stale && this.stale.isOn) await this.admitStale(context, access);
    else await this.admitFresh(context, access);
  }

  /** While the database is away nobody's session can be looked up: a person is let in by the signature of the token. */
  private async admitStale(context: ExecutionContext, access: Access): Promise<void> {
    try {
      await this.stale.whileThere(() => this.admitFresh(context, access));
    } catch (error) {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      if (!presented(request).bearer?.includes('.') || !(await this.stale.isAway(error))) throw error;
      const person = await this.jwt.identifyBySignature(request);
      if (!('kind' in person)) throw refusedToken();
      request.principal = person;
      request.databaseAway = true;
    }
  }

  private async admitFresh(context: ExecutionContext, access: Access | undefined): Promise<void> {
    if (!this.database.ready) throw unavailable('DATABASE_UNAVAILABLE', 'The database is not ready yet.');
    if (access?.public) return;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await this.identify(context, request);
    request.principal = principal;
    // After the key was found good, so that made-up keys count nothing; before the scopes, so that refusals count too.
    const overLimit = principal.kind === 'agent' && !access?.unlimited ? await this.limiter.refusalOf(principal) : null;
    if (overLimit) throw overLimit;
    if (!access) throw forbidden('ROUTE_CLOSED', 'This route is open to nobody.');
    if (principal.kind === 'user') mayPerson(principal, access, request);
    else mayAgent(principal, access, request);
  }

  private async identify(context: ExecutionContext, request: FastifyRequest): Promise<Requester> {
    const { bearer, apiKey } = presented(request);
    const key = bearer?.startsWith('tw_') ? bearer : bearer === null ? apiKey : null;
    if (key !== null) return this.identifyAgent(key, request, context.switchToHttp().getResponse<FastifyReply>());
    if (bearer === null) throw unauthenticated('CREDENTIALS_MISSING', 'Send "Authorization: Bearer …" or, for agents, "X-API-Key: tw_…".');
    const person = await this.jwt.identify(request);
    if ('kind' in person) return person;
    // Pages come with tokens that have just run out: that is how they find out.
    if (!person.expired) await this.audit.record({ kind: 'credential_refused', origin: originOf(request), presented: bearer });
    throw refusedToken();
  }

  private async identifyAgent(token: string, request: FastifyRequest, reply: FastifyReply): Promise<Requester> {
    const origin = originOf(request);
    const holder = await this.keys.holderOf(token, origin);
    if (!holder) {
      await this.audit.record({ kind: 'credential_refused', origin, presented: token });
      throw unauthenticated('KEY_REFUSED', 'The API key is unknown, has expired or was revoked.');
    }
    const { agent_id: agentId, key_id: keyId, scopes, mode, rate_limit_per_second: rateLimitPerSecond } = holder;
    void reply.header(DESIRED_STATE_HEADER, desiredStateHeader({ state: holder.state, run: holder.run, version: holder.state_version }));
    return { kind: 'agent', agentId, keyId, scopes, mode, instanceId: instanceOf(request), rateLimitPerSecond };
  }
}

/** What the request shows: a bearer token, which counts when both are there, or an API key. */
function presented({ headers }: FastifyRequest): { bearer: string | null; apiKey: string | null } {
  const bearer = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1] ?? null;
  const apiKey = headers['x-api-key'];
  return { bearer, apiKey: typeof apiKey === 'string' && apiKey !== '' ? apiKey : null };
}

function instanceOf(request: FastifyRequest): string | null {
  const header = request.headers['x-instance-id'];
  if (header === undefined) return null;
  if (typeof header !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(header)) {
    throw badRequest('INSTANCE_ID_INVALID', 'must be 1 to 64 visible ASCII characters', 'X-Instance-Id');
  }
  return header;
}

function mayPerson(person: Person, access: Access, request: FastifyRequest): void {
  if (!access.person) throw forbidden('ONLY_AGENTS', 'Only agents call this.');
  if (!hasRole(person.role, access.person)) throw forbidden('ROLE_TOO_LOW', `This takes the role ${access.person}.`);
  if ((request.params as Record<string, string>)['agentId'] === 'me') throw badRequest('NOT_AN_AGENT', '"me" is an agent\'s own name for itself', 'agentId');
}

/** A key acts for its own agent. `/agents/me` is turned into the agent's id here, once for all routes. */
function mayAgent(caller: AgentCaller, access: Access, request: FastifyRequest): void {
  if (!access.agent) throw forbidden('ONLY_PEOPLE', 'Agent keys may not call this.');
  const params = request.params as Record<string, string>;
  if (params['agentId'] === 'me') params['agentId'] = caller.agentId;
  if (params['agentId'] !== undefined && params['agentId'].toLowerCase() !== caller.agentId) {
    throw forbidden('NOT_YOUR_AGENT', 'An agent key acts for its own agent only.');
  }
  if (access.agent !== 'any' && !caller.scopes.includes(access.agent)) {
    throw forbidden('SCOPE_MISSING', `This key lacks the scope ${access.agent}.`);
  }
}
