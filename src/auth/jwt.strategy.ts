import { createSecretKey } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { ExtractJwt, Strategy, type StrategyOptionsWithoutRequest } from 'passport-jwt';
import { isUuid } from '../common/is-uuid.js';
import type { Person } from '../common/principal.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { SessionsRepository } from './sessions.repository.js';

export const ACCESS_TOKEN_SECONDS = 900;
/** The secret may sign other things one day: a token says what it is for. */
export const TOKEN_ISSUER = 'tradewarden';
export const TOKEN_AUDIENCE = 'tradewarden-api';

/** What an access token carries beside issuer, audience and times. */
export interface AccessClaims {
  /** The user. */
  sub: string;
  /** The session, which logout and the reuse of a refresh token end. */
  sid: string;
  /** The user's session version, which a new password, another role or disabling raises. */
  sv: number;
}

export interface Refusal {
  /** The token was right once: nothing to write down. */
  expired: boolean;
}

type Claims = Partial<Record<string, unknown>>;
type Done = (error: unknown, person?: Person | false) => void;

/**
 * Who a person's access token speaks for. A Passport of its own: the shared one belongs to the process, and two
 * applications in a process would check tokens with each other's database.
 */
@Injectable()
export class JwtStrategy {
  private readonly checks: passport.PassportStatic;
  private readonly signatures: passport.PassportStatic;

  constructor(
    @Inject(ENV) env: Env,
    private readonly sessions: SessionsRepository,
  ) {
    // A key object: given text, the check first tries to read it as a public key, 7 % of a busy server's time.
    const options: StrategyOptionsWithoutRequest = {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: createSecretKey(env.JWT_SECRET, 'utf8') as never, algorithms: ['HS256'],
      issuer: TOKEN_ISSUER, audience: TOKEN_AUDIENCE,
      // Also demands `iat`: a token without times would hold for ever.
      jsonWebTokenOptions: { maxAge: ACCESS_TOKEN_SECONDS },
    };
    const checking = (personOf: (claims: Claims) => Promise<Person | null>) =>
      new passport.Passport().use(new Strategy(options, (claims: Claims, done: Done) => void personOf(claims).then((person) => done(null, person ?? false), done))) as passport.PassportStatic;
    this.checks = checking((claims) => this.personOf(claims));
    this.signatures = checking((claims) => Promise.resolve(signedFor(claims)));
  }

  /** The person, or why the token is refused: wrong, expired, or of a session that has ended. */
  identify(request: FastifyRequest): Promise<Person | Refusal> {
    return this.ask(this.checks, request);
  }

  /** Where no session can be looked up: whom the token was signed for, at most a quarter of an hour ago, in the least role there is. */
  identifyBySignature(request: FastifyRequest): Promise<Person | Refusal> {
    return this.ask(this.signatures, request);
  }

  private ask(checks: passport.PassportStatic, request: FastifyRequest): Promise<Person | Refusal> {
    return new Promise((resolve, reject) => {
      const check = checks.authenticate('jwt', { session: false }, (error: unknown, person: Person | false | null | undefined, info: unknown) => {
        if (error) reject(error as Error);
        else resolve(person || { expired: (info as Error | undefined)?.name === 'TokenExpiredError' });
      }) as (request: unknown, reply: unknown, next: (error?: unknown) => void) => void;
      check(request, {}, (error) => reject(error as Error));
    });
  }

  /** Looked up, not believed: a role that was taken away is gone at once, not with the token. */
  private async personOf(claims: Claims): Promise<Person | null> {
    const signed = signedFor(claims);
    const user = signed && (await this.sessions.userOf({ sub: signed.id, sid: signed.session.id, sv: signed.session.version }));
    return user && { ...signed, id: user.id, email: user.email, name: user.name, role: user.role };
  }
}

/** Null for a token that is not as ours are. */
function signedFor({ sub, sid, sv, iat, exp }: Claims): Person | null {
  if (typeof sub !== 'string' || !isUuid(sub) || typeof sid !== 'string' || !isUuid(sid)) return null;
  if (typeof sv !== 'number' || typeof iat !== 'number' || typeof exp !== 'number') return null;
  return { kind: 'user', id: sub, email: '', name: '', role: 'viewer', session: { id: sid, userId: sub, version: sv }, tokenEndsAtMs: Math.min(exp, iat + ACCESS_TOKEN_SECONDS) * 1000 };
}
