import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { changeUserSchema, createUserSchema } from '../auth/auth.schemas.js';
import { UsersRepository } from '../auth/users.repository.js';
import { UsersService } from '../auth/users.service.js';
import { useFieldErrors } from '../common/field-errors.js';
import { notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { inTransaction } from '../database/transaction.js';
import { type Say, withDatabase } from './database.js';
import { type Outcome, wrongUsage } from './outcome.js';
import { passwordFrom, type PasswordSource } from './password.js';
import { COMMAND_LINE, withServices } from './services.js';

/** Checks what was typed with the schema of the HTTP call that does the same. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  useFieldErrors();
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrongUsage(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
}

const shownOnce = (generated: boolean, password: string) => (generated ? `\nPassword (shown once): ${password}` : '');

export async function createUser(env: Env, say: Say, options: { email: string; role: string; name?: string; password?: PasswordSource }): Promise<Outcome> {
  const { password, generated } = await passwordFrom(options.password);
  const wanted = checked(createUserSchema, { email: options.email, role: options.role, password, ...(options.name ? { name: options.name } : {}) });
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const user = await inTransaction(app.get(DataSource), (tx) =>
        app.get(UsersService).create(tx, null, { ...wanted, name: wanted.name ?? wanted.email }, COMMAND_LINE),
      );
      const { id, email, name, role } = user;
      return {
        json: { id, email, name, role, ...(generated ? { password } : {}) },
        text: `Made ${role} ${email}.${shownOnce(generated, password)}`,
      };
    }),
  );
}

/** The new password ends all sessions of the user. */
export async function setPassword(env: Env, say: Say, options: { email: string; password?: PasswordSource }): Promise<Outcome> {
  const { password, generated } = await passwordFrom(options.password);
  const change = checked(changeUserSchema, { password });
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const user = await app.get(UsersRepository).byEmail(options.email);
      if (!user) throw notFound('user');
      await app.get(UsersService).change(null, user.id, change, COMMAND_LINE);
      return {
        json: { id: user.id, email: user.email, ...(generated ? { password } : {}) },
        text: `${user.email} has a new password, and has to sign in again everywhere.${shownOnce(generated, password)}`,
      };
    }),
  );
}
