import { useSyncExternalStore } from 'react';
import { hearServerDate } from './clock.js';
import { type Moment, momentNow, msSince } from './moment.js';
import { Neighbours } from './neighbours.js';
import { problemOf } from './problem.js';
import { accessToken, forget } from './session.js';

/** `live` is the only word for "nothing is missing". `paused`: the connection was given back, since the tab is hidden or another needs it. */
export type StreamState = 'connecting' | 'live' | 'behind' | 'broken' | 'paused';

export interface StreamStatus {
  state: StreamState;
  /** When something was last heard, by this machine's clock; null for never. */
  heardAt: number | null;
  /** When it was last live: up to then nothing is missing. */
  liveAt: Moment | null;
  why?: string;
}

/** The server says something every 5 s; after this the connection is taken for dead, and so is one that takes so long to begin. */
export const SILENT_MS = 10_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 5_000];
/** For what cannot wait, such as Stop. */
const ROOM_MS = 4_000;
/** One message; a stream that never ends one is none of ours. */
const MESSAGE_CHARACTERS_MAX = 4_000_000;

type Listener = (type: string) => void;

const watchers = new Set<() => void>();
const tell = (): void => {
  for (const watcher of watchers) watcher();
};

/**
 * The event stream of `GET /api/v1/events`, read by fetch: the token goes into a header, never into an address. It goes
 * on behind the last id it has seen, and is closed while the tab is hidden: HTTP/1.1 gives six connections to all tabs
 * together, and Stop needs one of them.
 */
export class EventStream {
  status: StreamStatus = { state: 'connecting', heardAt: null, liveAt: null };
  private lastId: string | null = null;
  private abort: AbortController | null = null;
  private heard: Moment | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private neighbours: Neighbours | null = null;

  /** @param onEvent with each event's type @param onReset what was told may have a gap: everything is to be read anew */
  constructor(private readonly onEvent: Listener, private readonly onReset: () => void) {}

  start(): void {
    this.neighbours = new Neighbours(() => document.hasFocus() || this.close('paused', 'other windows of this browser follow the events: press anywhere in this one to go on'), () => this.rest());
    document.addEventListener('visibilitychange', this.see);
    window.addEventListener('focus', this.see);
    this.watch = setInterval(() => this.checkSilence(), 1_000);
    this.see();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.see);
    window.removeEventListener('focus', this.see);
    clearInterval(this.watch);
    this.close('paused');
    this.neighbours?.end();
    this.neighbours = null;
  }

  /** All windows give their connections back for some seconds. */
  makeRoom(): void {
    this.neighbours?.say('room');
    this.rest();
  }

  private rest(): void {
    this.close('paused', 'a request that cannot wait has its connection');
    this.timer = setTimeout(this.see, ROOM_MS);
  }

  private see = (): void => {
    if (document.hidden) return this.close('paused');
    if (!this.abort) void this.open();
  };

  private close(state: StreamState, why?: string): void {
    clearTimeout(this.timer);
    if (this.abort) this.neighbours?.say('closed');
    this.abort?.abort();
    this.abort = null;
    this.become(state, why);
  }

  private become(state: StreamState, why?: string): void {
    this.status = { state, heardAt: this.status.heardAt, liveAt: state === 'live' ? momentNow() : this.status.liveAt, ...(why && { why }) };
    tell();
  }

  private hear(): void {
    this.heard = momentNow();
    this.status = { ...this.status, heardAt: this.heard.wall, ...(this.status.state === 'live' && { liveAt: this.heard }) };
  }

  /** Also of a connection that does not come about: it would wait for a network that has gone. */
  private checkSilence(): void {
    if (this.abort && msSince(this.heard) > SILENT_MS) this.fail(`nothing was heard for ${SILENT_MS / 1_000} s`);
  }

  private fail(why: string): void {
    this.close('broken', why);
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
    this.failures += 1;
    this.timer = setTimeout(this.see, wait + Math.random() * 300);
  }

  private async open(): Promise<void> {
    clearTimeout(this.timer);
    const abort = new AbortController();
    this.abort = abort;
    this.heard = momentNow();
    this.neighbours?.say('opened');
    if (this.status.state !== 'broken') this.become('connecting');
    try {
      const token = await accessToken();
      const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
      if (this.lastId !== null) headers['last-event-id'] = this.lastId;
      const response = await fetch('/api/v1/events', { headers, signal: abort.signal, cache: 'no-store' });
      hearServerDate(response.headers.get('date'));
      if (response.status === 401) forget(token);
      if (response.status === 410) this.lastId = null;
      if (!response.ok || !response.body) throw await problemOf(response);
      if (this.lastId === null) this.onReset();
      await this.read(response.body, abort);
      throw new Error('the server ended the stream');
    } catch (error) {
      if (this.abort === abort) this.fail((error as Error).message);
    }
  }

  /** What still comes of a connection that was given up is not taken: it would pass for news of the next one. */
  private async read(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.abort !== abort) return;
      this.hear();
      text += value;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      if (text.length > MESSAGE_CHARACTERS_MAX) throw new Error('a message without an end');
      for (const message of messages) this.take(message);
    }
  }

  private take(message: string): void {
    const lines = message.split('\n');
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim();
    const id = field('id');
    if (id !== undefined) this.lastId = id;
    const type = field('event');
    const comment = message.startsWith(':') ? lines[0]!.slice(1).trim() : null;
    if (comment !== null) this.become(comment.startsWith('behind') ? 'behind' : 'live', comment.startsWith('behind') ? comment : undefined);
    else if (type === 'ready') {
      this.failures = 0;
      this.become('live');
    } else if (type === 'end') {
      if (message.includes('RESET')) this.lastId = null;
    } else if (type) this.onEvent(type);
  }
}

let current: EventStream | null = null;
const none: StreamStatus = { state: 'connecting', heardAt: null, liveAt: null };
const watch = (watcher: () => void): (() => void) => {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
};

/** Of whichever stream the page has now: it may get another after this was first asked. */
export const useStream = (): StreamStatus => useSyncExternalStore(watch, () => current?.status ?? none);

export function setStream(stream: EventStream | null): void {
  current = stream;
  tell();
}

/** Before a request that cannot wait: no connection of this browser is held by a stream for some seconds. */
export const makeRoom = (): void => current?.makeRoom();
