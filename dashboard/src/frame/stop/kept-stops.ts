import { useSyncExternalStore } from 'react';
import { serverNow } from '../../api/clock.js';
import { uuid } from '../../api/uuid.js';
import type { HaltMode, Scope } from './wording.js';

/** When a trading lease ends by itself, as it was last known. */
export interface Lease {
  agentId: string;
  agent: string;
  endsAt: string;
}

/** A request to stop, kept until the server has answered it: over a reload, and a new sign-in. It holds no secret. */
export interface KeptStop {
  /** Its Idempotency-Key: however often it is sent, it is one halt. */
  key: string;
  scope: Scope;
  mode: HaltMode;
  reason: string;
  /** Of the scope, for people. */
  name: string | null;
  askedAt: string;
  /** Who asked; null: nobody was signed in. */
  userId: string | null;
  tries: number;
  /** What the last try was told. */
  said: string | null;
  /** A try went without an answer: it may have been carried out. */
  unanswered: boolean;
  /** The server will not do it, and says why: it is not tried again. */
  refused: boolean;
  haltId: string | null;
  /** Released from here: that it was done is no news any more. */
  isOver?: boolean;
  leases: Lease[];
}

const KEY = 'tradewarden.stops';
/** The server forgets keys after a day: sent again after that, it would be another halt. So would another person's. */
const SENT_BY_ITSELF_MS = 12 * 3_600_000;
const KEPT_MOST = 20;

const watchers = new Set<() => void>();
const askers = new Set<() => void>();
let text: string | null = null;
let stops: KeptStop[] = [];
/** What stands here and not in the storage, which is full or forbidden: the storage would say that there is nothing to stop. */
let isStored = true;

function read(): string {
  if (!isStored) return text ?? '[]';
  try {
    return localStorage.getItem(KEY) ?? '[]';
  } catch {
    return text ?? '[]';
  }
}

/** Another tab may have written since. */
function current(): KeptStop[] {
  const now = read();
  if (now === text) return stops;
  text = now;
  try {
    const parsed: unknown = JSON.parse(now);
    stops = Array.isArray(parsed) ? (parsed as KeptStop[]).filter((each) => typeof each?.key === 'string' && typeof each.scope?.type === 'string' && Array.isArray(each.leases)) : [];
  } catch {
    stops = [];
  }
  return stops;
}

function write(next: KeptStop[]): void {
  stops = next;
  text = JSON.stringify(next);
  try {
    localStorage.setItem(KEY, text);
    isStored = true;
  } catch {
    // It is tried as long as this page is open.
    isStored = false;
  }
  for (const watcher of watchers) watcher();
}

window.addEventListener('storage', ({ key }) => {
  if (key === KEY) for (const watcher of watchers) watcher();
});

export const keptStops = (): readonly KeptStop[] => current();

export function keepStop(asked: Pick<KeptStop, 'scope' | 'mode' | 'reason' | 'name' | 'userId' | 'leases'>): string {
  const key = uuid();
  const stop: KeptStop = { ...asked, key, askedAt: new Date(serverNow()).toISOString(), tries: 0, said: null, unanswered: false, refused: false, haltId: null };
  write([stop, ...current()].slice(0, KEPT_MOST));
  for (const asker of askers) asker();
  return key;
}

/** Of one that is still kept: what was withdrawn meanwhile stays so. */
export const changeStop = (key: string, change: (stop: KeptStop) => Partial<KeptStop>): void =>
  write(current().map((stop) => (stop.key === key ? { ...stop, ...change(stop) } : stop)));

export const haltIsOver = (haltId: string): void => write(current().map((stop) => (stop.haltId === haltId ? { ...stop, isOver: true } : stop)));

export const forgetStop = (key: string): void => write(current().filter((stop) => stop.key !== key));

/** Sent anew under the name of whoever asks for it now. */
export function takeOver(key: string, userId: string): void {
  changeStop(key, () => ({ userId, askedAt: new Date(serverNow()).toISOString(), refused: false, said: null }));
  for (const asker of askers) asker();
}

export function onAsked(asker: () => void): () => void {
  askers.add(asker);
  return () => askers.delete(asker);
}

const watch = (watcher: () => void): (() => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

export const useKeptStops = (): readonly KeptStop[] => useSyncExternalStore(watch, current);

/** Whether it is sent without anybody being asked again. */
export const sendsItself = (stop: KeptStop, userId: string): boolean =>
  !stop.haltId && !stop.refused && (stop.userId === null || stop.userId === userId) && serverNow() - Date.parse(stop.askedAt) < SENT_BY_ITSELF_MS;
