import { type IncomingMessage, request } from 'node:http';
import { until } from './timing.js';

export interface Message {
  /** The id that holds after this message. */
  id: string;
  event: string;
  data: string;
}

/** What `data` of an event carries. */
export interface EventData {
  seq: number;
  at: string;
  type: string;
  agentId: string | null;
  accountId: string | null;
  subjectId: string | null;
  actor: string;
  correlationId: string | null;
  data: Record<string, unknown>;
}

/** A reader of an event stream as the standard has it, that may also stop reading. */
export interface EventSource {
  status: number;
  headers: IncomingMessage['headers'];
  /** Of an answer that is no stream. */
  problem: { code?: string; errors?: { path: string }[] };
  messages: Message[];
  comments: string[];
  /** Of messages with a number: events, without `ready` and `end`. */
  events: EventData[];
  /** What a reader that comes back would send. */
  lastId: string;
  retryMs: number;
  ended: boolean;
  bytes: number;
  /** Resolves when the stream is current. */
  ready(): Promise<void>;
  /** Resolves when so many events have come. */
  has(events: number, withinMs?: number): Promise<void>;
  whenEnded(withinMs?: number): Promise<void>;
  pause(): void;
  resume(): void;
  close(): void;
}

const opened = new Set<EventSource>();

/** For `afterEach`: a reader that a failed test left open would hold its server. */
export function closeEventSources(): void {
  for (const source of opened) source.close();
  opened.clear();
}

/** @param paused opens the connection and reads nothing of the answer's body */
export function openEvents(base: string, token: string, options: { query?: string; lastEventId?: string | undefined; paused?: boolean; method?: string } = {}): Promise<EventSource> {
  return new Promise((resolve, reject) => {
    const asked = request(`${base}/api/v1/events${options.query ? `?${options.query}` : ''}`, {
      method: options.method ?? 'GET', agent: false,
      headers: { authorization: `Bearer ${token}`, ...(options.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId }) },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      asked.on('error', () => undefined);
      const source = sourceOf(response, () => asked.destroy());
      opened.add(source);
      if (options.paused) response.pause();
      if (response.headers['content-type'] === 'text/event-stream') return resolve(source);
      response.on('end', () => resolve(source));
    });
    asked.end();
  });
}

function sourceOf(response: IncomingMessage, close: () => void): EventSource {
  let rest = '';
  const source: EventSource = {
    status: response.statusCode ?? 0, headers: response.headers, problem: {}, messages: [], comments: [], events: [], lastId: '', retryMs: 0, ended: false, bytes: 0,
    ready: async () => void (await until(() => source.messages.some(({ event }) => event === 'ready'), 5_000)),
    has: async (count, withinMs = 5_000) => void (await until(() => source.events.length >= count, withinMs).catch(() => {
      throw new Error(`${source.events.length} of ${count} events came: ${source.events.slice(-5).map(({ seq, type }) => `${seq} ${type}`).join(', ')}`);
    })),
    whenEnded: async (withinMs = 5_000) => void (await until(() => source.ended, withinMs)),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close,
  };
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    source.bytes += text.length;
    rest += text;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) take(block, source);
  });
  const over = () => (source.ended = true);
  response.on('end', () => {
    if (response.headers['content-type']?.includes('problem')) source.problem = JSON.parse(rest) as EventSource['problem'];
    over();
  });
  response.on('close', over);
  response.on('error', over);
  return source;
}

/** One block of lines, as the standard has it: an id holds also where there is no data, and then nothing is dispatched. */
function take(block: string, source: EventSource): void {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) source.comments.push(line.slice(2));
    const [, field = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') source.lastId = value;
    if (field === 'event') event = value;
    if (field === 'retry') source.retryMs = Number(value);
    if (field === 'data') data.push(value);
  }
  if (data.length === 0) return;
  source.messages.push({ id: source.lastId, event, data: data.join('\n') });
  if (event !== 'ready' && event !== 'end') source.events.push(JSON.parse(data.join('\n')) as EventData);
}
