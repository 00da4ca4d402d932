import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { actorOf, type Role } from '../common/principal.js';
import { conflict, notFound } from '../common/problem.js';
import type { Caller } from '../common/http/caller.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { AuthAudit, NOWHERE, type Origin } from './audit.js';
import { hashPassword } from './passwords.js';
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

const nameOf = (caller: Caller | null) => (caller ? actorOf(caller.principal) : 'system');

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
    database.onReady(async () => {
      const made = await this.ensureFirstAdmin();
      // Past the logger on purpose: logs are kept and shipped, this is to be seen once.
      if (made?.password) process.stdout.write(`\n  First administrator: ${made.email}\n  Password (shown once): ${made.password}\n\n`);
    });
  }

  /** @throws {Problem} 409 EMAIL_TAKEN */
  async create(tx: Tx, caller: Caller | null, user: NewUser, origin: Origin = NOWHERE): Promise<UserRow> {
    const row = await this.users.insert(tx, { ...user, id: uuidv7(), password_hash: await hashPassword(user.password) });
    if (!row) throw conflict('EMAIL_TAKEN', 'A user with this e-mail address exists.');
    await this.events.append(tx, caller, [{ type: 'user.created', subjectId: row.id, data: { role: row.role } }]);
    await this.audit.record({ kind: 'user_created', actor: nameOf(caller), userId: row.id, email: row.email, origin }, tx);
    return row;
  }

  /** A new password, another role or disabling ends the user's sessions at once. The last administrator stays. */
  async change(caller: Caller | null, id: string, change: UserChange, origin: Origin = NOWHERE): Promise<UserRow> {
    // Before the rows are locked: it takes a tenth of a second on purpose.
    const newHash = change.password === undefined ? null : await hashPassword(change.password);
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
      const endSessions = newHash !== null || role !== user.role || disabled;
      const changed = await this.users.update(tx, {
        ...user, role, name: change.name ?? user.name,
        disabled_at: disabled ? (user.disabled_at ?? new Date().toISOString()) : null,
        password_hash: newHash ?? user.password_hash,
      }, endSessions);
      if (endSessions) await this.sessions.revokeAllOf(tx, id);
      this.sessions.forgetAfter(tx);
      await this.events.append(tx, caller, [{ type: 'user.changed', subjectId: id, data: { role, disabled, passwordChanged: newHash !== null } }]);
      const kind = newHash === null ? 'user_changed' : 'password_changed';
      await this.audit.record({ kind, actor: nameOf(caller), userId: id, email: user.email, origin }, tx);
      return changed;
    });
  }

  /**
   * Without any user nobody could sign in: ADMIN_EMAIL, or in development one with a password to be shown once.
   * @returns who was made, with the password if that was made too; null when nobody was
   */
  async ensureFirstAdmin(): Promise<{ email: string; password: string | null } | null> {
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = this.env;
    if ((await this.users.count()) > 0) {
      if (email && !(await this.users.byEmail(email))) this.log.warn(`ADMIN_EMAIL is not used: there are users already, and ${email} is none of them`);
      return null;
    }
    if (email && password) return (await this.createFirst({ email, password })) ? { email, password: null } : null;
    if (this.env.NODE_ENV === 'production') {
      this.log.warn('there is no user yet: set ADMIN_EMAIL and ADMIN_PASSWORD, or run "tradewarden user:create"');
      return null;
    }
    const made = { email: 'admin@tradewarden.local', password: randomBytes(15).toString('base64url') };
    return (await this.createFirst(made)) ? made : null;
  }

  private async createFirst({ email, password }: { email: string; password: string }): Promise<boolean> {
    try {
      await inTransaction(this.dataSource, (tx) => this.create(tx, null, { email, password, name: 'Administrator', role: 'admin' }));
      this.log.log(`made the first administrator ${email}`);
      return true;
    } catch (error) {
      // Another instance that started at the same moment was first.
      if ((error as { code?: string }).code !== 'EMAIL_TAKEN') throw error;
      return false;
    }
  }
}
