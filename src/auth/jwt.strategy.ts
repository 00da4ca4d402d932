import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { Person } from '../common/principal.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { UsersRepository } from './users.repository.js';

@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(
    @Inject(ENV) env: Env,
    private readonly users: UsersRepository,
  ) {
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: env.JWT_SECRET, algorithms: ['HS256'] });
  }

  /** Read for every request: a role that was taken away is gone with the next one, not with the token. */
  async validate(token: { sub?: unknown; sv?: unknown }): Promise<Person | false> {
    if (typeof token.sub !== 'string') return false;
    const user = await this.users.byId(token.sub);
    if (!user || user.disabled_at !== null || user.session_version !== token.sv) return false;
    return { kind: 'user', id: user.id, email: user.email, name: user.name, role: user.role };
  }
}
