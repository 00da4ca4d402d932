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

/** A webhook source, for whose alerts something is done. It makes no requests under a principal, so no route lets it in. */
export interface SourceCaller {
  kind: 'source';
  sourceId: string;
}

/** A bound Telegram chat, for whose commands something is done. No route lets it in either. */
export interface ChatCaller {
  kind: 'chat';
  chatId: string;
  /** Who wrote it there; null: the chat itself, as in a channel, or where only one person is. */
  senderId: string | null;
}

/** Who makes a request. */
export type Requester = Person | AgentCaller;
/** In whose name something is done. */
export type Principal = Requester | SourceCaller | ChatCaller;

/** Said of every change: `user:<id>`, `agent:<id>`, `webhook:<id>` of a source, `telegram:<chat>` (in a group with `/<person>`), or `system`. */
export function actorOf(principal: Principal): string {
  if (principal.kind === 'user') return `user:${principal.id}`;
  if (principal.kind === 'chat') return `telegram:${principal.chatId}${principal.senderId === null ? '' : `/${principal.senderId}`}`;
  return principal.kind === 'agent' ? `agent:${principal.agentId}` : `webhook:${principal.sourceId}`;
}

export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);
