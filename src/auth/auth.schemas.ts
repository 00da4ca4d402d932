import { z } from 'zod';
import { name } from '../common/fields.js';
import { pageQuery } from '../common/pagination.js';
import { ROLES } from '../common/principal.js';
import { AUDIT_KINDS, type AuditRow } from './audit.js';
import type { UserRow } from './users.repository.js';

const email = () => z.string().trim().max(254).meta({ format: 'email' }).pipe(z.email({ error: 'must be an e-mail address' }));
const newPassword = () => z.string().min(12, { error: 'must have at least 12 characters' }).max(200);

export const loginSchema = z.strictObject({ email: email(), password: z.string().min(1).max(200) });

export const userSchema = z.object({
  id: z.uuid(), email: z.string(), name: z.string(), role: z.enum(ROLES), disabled: z.boolean(), createdAt: z.iso.datetime(),
}).meta({ id: 'User' });

/** `user:<id>` stands beside all that people did. */
export const namesSchema = z.object({ items: z.array(z.object({ id: z.uuid(), name: z.string() })) });

export const sessionSchema = z.object({
  accessToken: z.string(), tokenType: z.literal('Bearer'), expiresIn: z.int().describe('seconds'), user: userSchema,
}).meta({ id: 'Session' });

export const createUserSchema = z.strictObject({ email: email(), name: name(100).optional(), role: z.enum(ROLES), password: newPassword() });
export const changeUserSchema = z.strictObject({
  name: name(100).optional(), role: z.enum(ROLES).optional(), password: newPassword().optional(), disabled: z.boolean().optional(),
});
export const usersQuery = z.strictObject(pageQuery);
export const auditQuery = z.strictObject(pageQuery);

export const auditSchema = z.object({
  at: z.iso.datetime(), kind: z.enum(AUDIT_KINDS), actor: z.string().nullable().describe('who did it: user:<id>, agent:<id> or system'), userId: z.uuid().nullable(), keyId: z.uuid().nullable(), agentId: z.uuid().nullable(),
  email: z.string().nullable(), address: z.string().nullable(), userAgent: z.string().nullable(),
  presentedDigest: z.string().nullable().describe('of a wrong credential: equal for equal ones'), correlationId: z.string().nullable(),
}).meta({ id: 'AuditEntry' });

export const toUser = (row: UserRow): z.output<typeof userSchema> => ({
  id: row.id, email: row.email, name: row.name, role: row.role, disabled: row.disabled_at !== null, createdAt: row.created_at,
});

export const toAudit = (row: AuditRow): z.output<typeof auditSchema> => ({
  at: row.at, kind: row.kind, actor: row.actor, userId: row.user_id, keyId: row.key_id, agentId: row.agent_id, email: row.email,
  address: row.address, userAgent: row.user_agent, presentedDigest: row.presented_digest, correlationId: row.correlation_id,
});
