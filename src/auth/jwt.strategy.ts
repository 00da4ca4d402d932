import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { Person } from '../common/principal.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { UsersRepository } from './users.repository.js';

/**
 * Who a person's access token speaks for. A Passport of its own: the shared one belongs to the process, and two
 * applications in a process would check tokens with each other's database.
 */
@Injectable()
export class JwtStrategy {
  private readonly passport = new passport.Passport();

  constructor(
    @Inject(ENV) env: Env,
    private readonly users: UsersRepository,
  ) {
    const options = { jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: env.JWT_SECRET, algorithms: ['HS256' as const] };
    this.passport.use(
      new Strategy(options, (token: { sub?: unknown; sv?: unknown }, done: (error: unknown, person?: Person | false) => void) => {
        this.validate(token).then((person) => done(null, person), done);
      }),
    );
  }

  /** The person, or null for a token that is wrong, expired or of an ended session. */
  identify(request: FastifyRequest): Promise<Person | null> {
    return new Promise((resolve, reject) => {
      const check = this.passport.authenticate('jwt', { session: false }, (error: unknown, person?: Person | false | null) => {
        if (error) reject(error as Error);
        else resolve(person || null);
      }) as (request: unknown, reply: unknown, next: (error?: unknown) => void) => void;
      check(request, {}, (error) => reject(error as Error));
    });
  }

  /** Read for every request: a role that was taken away is gone with the next one, not with the token. */
  private async validate(token: { sub?: unknown; sv?: unknown }): Promise<Person | false> {
    if (typeof token.sub !== 'string') return false;
    const user = await this.users.byId(token.sub);
    if (!user || user.disabled_at !== null || user.session_version !== token.sv) return false;
    return { kind: 'user', id: user.id, email: user.email, name: user.name, role: user.role };
  }
}
