import { useSyncExternalStore } from 'react';
import { hearServerDate } from './clock.js';
import { ApiError, noAnswer, problemOf } from './problem.js';
import type { components } from './schema.js';

export type User = components['schemas']['User'];
export type Role = User['role'];
type Session = components['schemas']['Session'];

/** `unreachable`: there may be a session, and nobody can say so yet. */
export type SignedIn = { state: 'unknown' } | { state: 'unreachable'; why: string } | { state: 'out'; why?: string } | { state: 'in'; user: User };

/** The access token lives in this module and nowhere else; a reload gets another by the cookie that scripts cannot read. */
let token: { text: string; endsAt: number } | null = null;
let signedIn: SignedIn = { state: 'unknown' };
let refreshing: Promise<void> | null = null;
const listeners = new Set<() => void>();

const become = (next: SignedIn): void => {
  signedIn = next;
  for (const listener of listeners) listener();
};

export const useSession = (): SignedIn => useSyncExternalStore((listener) => (listeners.add(listener), () => listeners.delete(listener)), () => signedIn);

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether the person may do what needs this role. The server checks it again. */
export function useMay(role: Role): boolean {
  const session = useSession();
  return session.state === 'in' && RANK[session.user.role] >= RANK[role];
}

async function ask(path: string, body: unknown): Promise<Response> {
  try {
    const response = await fetch(`/api/v1/auth/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(15_000) });
    hearServerDate(response.headers.get('date'));
    return response;
  } catch (error) {
    throw noAnswer((error as Error).message);
  }
}

function take({ accessToken, expiresIn, user }: Session): void {
  token = { text: accessToken, endsAt: performance.now() + expiresIn * 1_000 };
  become({ state: 'in', user });
}

/** @throws {ApiError} 401 wrong credentials, 429 too many tries, 503 without the database */
export async function signIn(email: string, password: string): Promise<void> {
  const response = await ask('login', { email, password });
  if (!response.ok) throw await problemOf(response);
  take((await response.json()) as Session);
}

export async function signOut(): Promise<void> {
  token = null;
  const told = await ask('logout', {}).then(({ ok }) => ok, () => false);
  become(told ? { state: 'out' } : { state: 'out', why: 'You are signed out on this page, but the server was not reached: the session is still there, and a reload of this page would go on with it. Sign in and out again once the server answers.' });
}

/** A new token by the cookie. While the server is away the person stays signed in, as far as this page knows. */
export function refresh(): Promise<void> {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew(): Promise<void> {
  try {
    const response = await ask('refresh', {});
    if (response.ok) return take((await response.json()) as Session);
    const problem = await problemOf(response);
    if (response.status !== 401) throw problem;
    const wasIn = signedIn.state === 'in';
    token = null;
    become(wasIn ? { state: 'out', why: 'The session has ended: sign in again.' } : { state: 'out' });
  } catch (error) {
    if (signedIn.state !== 'in') become({ state: 'unreachable', why: (error as Error).message });
    throw error;
  }
}

/** A token with at least 30 s of life left. @throws {ApiError} when none can be had */
export async function accessToken(): Promise<string> {
  if (!token || token.endsAt - performance.now() < 30_000) await refresh();
  if (!token) throw new ApiError({ status: 401, code: 'SIGNED_OUT', title: 'Nobody is signed in.' });
  return token.text;
}

/** The server no longer takes it. */
export function forget(refused: string): void {
  if (token?.text === refused) token = null;
}
