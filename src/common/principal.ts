export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];
export const SCOPES = ['commands', 'records', 'ideas'] as const;
export type Scope = (typeof SCOPES)[number];

/** The sign-in that an access token stands for. */
export interface PersonSession {
  id: string;
  userId: string;
  /** A new password, another role or disabling raises the user's: the session has ended then. */
  version: number;
}

export interface Person {
  kind: 'user';
  id: string;
  email: string;
  name: string;
  role: Role;
  session: PersonSession;
  /** When the access token runs out, in milliseconds since 1970. */
  tokenEndsAtMs: number;
}

export interface AgentCaller {
  kind: 'agent';
  agentId: string;
  keyId: string;
  scopes: Scope[];
  mode: 'simulation' | 'paper' | 'live';
  instanceId: string | null;
  /** Of the key; null when it has no limit. */
  rateLimitPerSecond: number | null;
}

/** Who makes a request. */
export type Principal = Person | AgentCaller;

/** Said of every change: `user:<id>`, `agent:<id>` or `system`. */
export const actorOf = (principal: Principal): string =>
  principal.kind === 'user' ? `user:${principal.id}` : `agent:${principal.agentId}`;

export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);
