import { useSyncExternalStore } from 'react';
import { hearServerDate } from './clock.js';
import { problemOf } from './problem.js';
import { accessToken, forget } from './session.js';

/** `live` is the only word for "nothing is missing". `paused`: the tab is hidden, and its connection was given back. */
export type StreamState = 'connecting' | 'live' | 'behind' | 'broken' | 'paused';

export interface StreamStatus {
  state: StreamState;
  /** When something was last heard, by this machine's clock; null for never. */
  heardAt: number | null;
  why?: string;
}

/** The server says something every 5 s; after this the connection is taken for dead. */
const SILENT_MS = 12_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 5_000];

type Listener = (type: string) => void;

/**
 * The event stream of `GET /api/v1/events`, read by fetch: the token goes into a header, never into an address. It goes
 * on behind the last id it has seen, and is closed while the tab is hidden: HTTP/1.1 gives six connections to all tabs
 * together, and Stop needs one of them.
 */
export class EventStream {
  status: StreamStatus = { state: 'connecting', heardAt: null };
  private lastId: string | null = null;
  private abort: AbortController | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private readonly watchers = new Set<() => void>();

  /** @param onEvent with each event's type @param onReset what was told may have a gap: everything is to be read anew */
  constructor(private readonly onEvent: Listener, private readonly onReset: () => void) {}

  start(): void {
    document.addEventListener('visibilitychange', this.see);
    this.watch = setInterval(() => this.checkSilence(), 1_000);
    this.see();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.see);
    clearInterval(this.watch);
    this.close('paused');
  }

  subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  private see = (): void => {
    if (document.hidden) return this.close('paused');
    if (!this.abort) void this.open();
  };

  private close(state: StreamState, why?: string): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.become(state, why);
  }

  private become(state: StreamState, why?: string): void {
    this.status = { state, heardAt: this.status.heardAt, ...(why && { why }) };
    for (const watcher of this.watchers) watcher();
  }

  private hear(): void {
    this.status = { ...this.status, heardAt: Date.now() };
  }

  private checkSilence(): void {
    if (this.abort && this.status.state !== 'broken' && this.status.heardAt !== null && Date.now() - this.status.heardAt > SILENT_MS) this.fail('nothing was heard for 12 s');
  }

  private fail(why: string): void {
    this.close('broken', why);
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
    this.failures += 1;
    this.timer = setTimeout(() => this.see(), wait + Math.random() * 300);
  }

  private async open(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
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
      await this.read(response.body);
      throw new Error('the server ended the stream');
    } catch (error) {
      if (this.abort === abort) this.fail((error as Error).message);
    }
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.hear();
      text += value;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) this.take(message);
    }
  }

  private take(message: string): void {
    const field = (name: string) => message.split('\n').find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim();
    const id = field('id');
    if (id !== undefined) this.lastId = id;
    const type = field('event');
    const comment = message.startsWith(':') ? message.slice(1).split('\n')[0]?.trim() ?? '' : null;
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
const none: StreamStatus = { state: 'connecting', heardAt: null };

export function useStream(stream: EventStream | null = current): StreamStatus {
  return useSyncExternalStore(stream ? stream.subscribe : () => () => undefined, () => stream?.status ?? none);
}

export const setStream = (stream: EventStream | null): void => void (current = stream);
