import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import * as argon2 from 'argon2';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Role } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import type { Caller } from '../common/http/caller.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AuthAudit, type Origin } from './audit.js';
import { SessionsRepository } from './sessions.repository.js';
import { type UserRow, UsersRepository } from './users.repository.js';

export interface NewUser {
  email: string;
  name: string;
  role: Role;
  password: string;
}

export interface UserChange {
  name?: string | undefined;
  role?: Role | undefined;
  password?: string | undefined;
  disabled?: boolean | undefined;
}

const nowhere: Origin = { address: null, userAgent: null, correlationId: null };

export const hashPassword = (password: string): Promise<string> => argon2.hash(password, { type: argon2.argon2id });

@Injectable()
export class UsersService {
  private readonly log = new Logger('Users');

  constructor(
    private readonly dataSource: DataSource,
    private readonly users: UsersRepository,
    private readonly sessions: SessionsRepository,
    private readonly events: Events,
    private readonly audit: AuthAudit,
    @Inject(ENV) private readonly env: Env,
    database: DatabaseService,
  ) {
    database.onReady(() => this.ensureFirstAdmin());
  }

  /** @throws {Problem} 409 EMAIL_TAKEN */
  async create(tx: Tx, caller: Caller | null, user: NewUser, origin: Origin = nowhere): Promise<UserRow> {
    const row = await this.users.insert(tx, { ...user, id: uuidv7(), password_hash: await hashPassword(user.password) });
    if (!row) throw conflict('EMAIL_TAKEN', 'A user with this e-mail address exists.');
    await this.events.append(tx, caller, [{ type: 'user.created', subjectId: row.id, data: { role: row.role } }]);
    await this.audit.record({ kind: 'user_created', userId: row.id, email: row.email, origin }, tx);
    return row;
  }

  /** A new password, another role or disabling ends the user's sessions at once. The last administrator stays. */
  change(caller: Caller | null, id: string, change: UserChange, origin: Origin = nowhere): Promise<UserRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const others = await this.users.otherAdmins(tx, id);
      const user = await this.users.lock(tx, id);
      if (!user) throw notFound('user');
      const role = change.role ?? user.role;
      const disabled = change.disabled ?? user.disabled_at !== null;
      const wasAdmin = user.role === 'admin' && user.disabled_at === null;
      if (wasAdmin && (role !== 'admin' || disabled) && others === 0) {
        throw conflict('LAST_ADMIN', 'This is the last administrator: make another one first.');
      }
      const endSessions = change.password !== undefined || role !== user.role || disabled;
      const changed = await this.users.update(tx, {
        ...user, role, name: change.name ?? user.name,
        disabled_at: disabled ? (user.disabled_at ?? new Date().toISOString()) : null,
        password_hash: change.password === undefined ? user.password_hash : await hashPassword(change.password),
      }, endSessions);
      if (endSessions) await this.sessions.revokeAllOf(tx, id);
      await this.events.append(tx, caller, [{ type: 'user.changed', subjectId: id, data: { role, disabled, passwordChanged: change.password !== undefined } }]);
      await this.audit.record({ kind: change.password === undefined ? 'user_changed' : 'password_changed', userId: id, email: user.email, origin }, tx);
      return changed;
    });
  }

  /** Without any user nobody could sign in: ADMIN_EMAIL, or in development one whose password is printed once. */
  private async ensureFirstAdmin(): Promise<void> {
    if ((await this.users.count()) > 0) return;
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = this.env;
    if (email && password) return this.createFirst({ email, password });
    if (this.env.NODE_ENV === 'production') {
      this.log.warn('there is no user yet: set ADMIN_EMAIL and ADMIN_PASSWORD, or run "tradewarden user:create"');
      return;
    }
    const made = { email: 'admin@tradewarden.local', password: randomBytes(15).toString('base64url') };
    await this.createFirst(made);
    // Past the logger on purpose: logs are kept and shipped, this is to be seen once.
    process.stdout.write(`\n  First administrator: ${made.email}\n  Password (shown once): ${made.password}\n\n`);
  }

  private async createFirst({ email, password }: { email: string; password: string }): Promise<void> {
    try {
      await inTransaction(this.dataSource, (tx) => this.create(tx, null, { email, password, name: 'Administrator', role: 'admin' }));
      this.log.log(`made the first administrator ${email}`);
    } catch (error) {
      // Another instance that started at the same moment was first.
      if ((error as { code?: string }).code !== 'EMAIL_TAKEN') throw error;
    }
  }
}
