import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasRole, type Person, type Principal } from '../common/principal.js';
import { badRequest, forbidden, Problem, unavailable } from '../common/problem.js';
import { DatabaseService } from '../database/database.service.js';
import { ACCESS, type Access } from './access.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthAudit } from './audit.js';
import { JwtStrategy } from './jwt.strategy.js';
import { originOf } from './origin.js';

const unauthenticated = (code: string, detail: string) => new Problem(401, code, detail);

/** Deny by default: a route without an `@Allow` is closed. Database first, then who, then whether. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly database: DatabaseService,
    private readonly keys: ApiKeysService,
    private readonly audit: AuthAudit,
    private readonly jwt: JwtStrategy,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
    if (access?.offline) return true;
    if (!this.database.ready) throw unavailable('DATABASE_UNAVAILABLE', 'The database is not ready yet.');
    if (access?.public) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await this.identify(context, request);
    request.principal = principal;
    if (!access) throw forbidden('ROUTE_CLOSED', 'This route is open to nobody.');
    if (principal.kind === 'user') mayPerson(principal, access, request);
    else mayAgent(principal, access, request);
    return true;
  }

  private async identify(context: ExecutionContext, request: FastifyRequest): Promise<Principal> {
    const token = tokenOf(request);
    if (!token) throw unauthenticated('CREDENTIALS_MISSING', 'Send "Authorization: Bearer …" or, for agents, "X-API-Key: tw_…".');
    if (token.startsWith('tw_')) return this.identifyAgent(token, request, context.switchToHttp().getResponse<FastifyReply>());
    const person = await this.jwt.identify(request);
    if (!person) throw unauthenticated('TOKEN_REFUSED', 'The access token is wrong, has expired or its session has ended.');
    return person;
  }

  private async identifyAgent(token: string, request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const holder = await this.keys.holderOf(token);
    if (!holder) {
      await this.audit.record({ kind: 'credential_refused', origin: originOf(request), presented: token });
      throw unauthenticated('KEY_REFUSED', 'The API key is unknown, has expired or was revoked.');
    }
    const { agent_id: agentId, key_id: keyId, scopes, mode } = holder;
    void reply.header('X-Desired-State', `active;run=${holder.run};v=${holder.state_version}`);
    return { kind: 'agent', agentId, keyId, scopes, mode, instanceId: instanceOf(request) };
  }
}

function tokenOf(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  const bearer = header === undefined ? undefined : /^Bearer +([^\s]+)$/i.exec(header)?.[1];
  const key = request.headers['x-api-key'];
  return bearer ?? (typeof key === 'string' && key.startsWith('tw_') ? key : null);
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
function mayAgent(caller: Extract<Principal, { kind: 'agent' }>, access: Access, request: FastifyRequest): void {
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
