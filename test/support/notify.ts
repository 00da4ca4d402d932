import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { DataSource } from 'typeorm';
import type { IncidentKindName, Severity } from '../../src/incidents/incident-kinds.js';
import { Incidents } from '../../src/incidents/incidents.service.js';
import { Notifier } from '../../src/notifications/delivery/notifier.service.js';
import type { TestApp } from './app.js';

export const BOT_TOKEN = '424242:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw';
export const SIGNING_SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes, or').toString('base64')}`;

const opened: { close(): Promise<void> }[] = [];

/** For `afterAll`. */
export async function closeStandIns(): Promise<void> {
  for (const each of opened.splice(0)) await each.close();
}

async function listening(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const closed = (server: Server) => new Promise<void>((resolve) => {
  server.closeAllConnections();
  server.close(() => resolve());
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export interface Received {
  id: string;
  timestamp: string;
  body: { type: string; timestamp: string; data: { text: string; count: number; incidents: { id: string; number: number; kind: string; severity: string; status: string; mode: string | null; account: string | null; agent: string | null; url: string | null; repeats: number }[] } };
  raw: string;
}

export interface Receiver {
  url: string;
  port: number;
  received: Received[];
  /** Signatures that did not fit. */
  refused: string[];
  /** What is answered instead of 204; null again afterwards is for who set it. */
  answer: { status: number; headers?: Record<string, string>; body?: string } | null;
  /** When true nothing is answered. */
  hangs: boolean;
  /** Run when a request has come whole, before it is answered. */
  onRequest: (() => void) | null;
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** An outgoing webhook's other side, which checks every signature with the package of the standard. */
export async function startReceiver(secret = SIGNING_SECRET): Promise<Receiver> {
  let port = 0;
  let server: Server | null = null;
  const receiver: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/hook/very-secret-path`;
    },
    get port() {
      return port;
    },
    received: [], refused: [], answer: null, hangs: false, onRequest: null,
    async down() {
      if (server) await closed(server);
      server = null;
    },
    async up() {
      server = createServer((request, response) => void textOf(request).then((raw) => {
        receiver.onRequest?.();
        if (receiver.hangs) return;
        if (receiver.answer) return void response.writeHead(receiver.answer.status, receiver.answer.headers).end(receiver.answer.body ?? '');
        try {
          const body = new Webhook(secret).verify(raw, request.headers as Record<string, string>) as Received['body'];
          receiver.received.push({ id: String(request.headers['webhook-id']), timestamp: String(request.headers['webhook-timestamp']), body, raw });
          response.writeHead(204).end();
        } catch (error) {
          receiver.refused.push((error as Error).message);
          response.writeHead(401).end();
        }
      }));
      port = await listening(server, port);
    },
    close: () => receiver.down(),
  };
  await receiver.up();
  opened.push(receiver);
  return receiver;
}

export interface TelegramStandIn {
  url: string;
  /** Of sendMessage. */
  sent: { chat_id: string; text: string; parse_mode?: string }[];
  /** Offsets with which it was asked for updates; null: none. */
  polls: (number | null)[];
  /** As Telegram keeps them: until an offset behind them was asked for. */
  updates: { update_id: number; [field: string]: unknown }[];
  /** For a chat, or `*` for all: what is answered instead. `getUpdates`: of that method. */
  refuses: Map<string, { status: number; description: string; parameters?: Record<string, unknown> }>;
  say(chatId: number, text: string, more?: { ageSeconds?: number; from?: number }): number;
  close(): Promise<void>;
}

/** Plays the documented HTTP interface of the Bot API. */
export async function startTelegram(token = BOT_TOKEN): Promise<TelegramStandIn> {
  let next = 1_000;
  const server = createServer((request, response) => void textOf(request).then((text) => {
    const [, given, method = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
    const reply = (status: number, body: object) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const refuse = ({ status, description, parameters }: { status: number; description: string; parameters?: Record<string, unknown> }) =>
      reply(status, { ok: false, error_code: status, description, ...(parameters ? { parameters } : {}) });
    if (given !== token) return refuse({ status: 401, description: 'Unauthorized' });
    const asked = JSON.parse(text || '{}') as { chat_id?: string; text?: string; offset?: number };
    const refusal = standIn.refuses.get(method) ?? standIn.refuses.get(asked.chat_id ?? '') ?? (method === 'sendMessage' ? standIn.refuses.get('*') : undefined);
    if (refusal) return refuse(refusal);
    if (method === 'sendMessage') {
      standIn.sent.push(asked as TelegramStandIn['sent'][number]);
      return reply(200, { ok: true, result: { message_id: standIn.sent.length } });
    }
    standIn.polls.push(asked.offset ?? null);
    if (asked.offset !== undefined) standIn.updates = standIn.updates.filter(({ update_id: id }) => id >= (asked.offset ?? 0));
    return reply(200, { ok: true, result: standIn.updates });
  }));
  const port = await listening(server);
  const standIn: TelegramStandIn = {
    url: `http://127.0.0.1:${port}`, sent: [], polls: [], updates: [], refuses: new Map(),
    say(chatId, text, { ageSeconds = 0, from = chatId } = {}) {
      const update_id = next++;
      standIn.updates.push({ update_id, message: { message_id: update_id, date: Math.floor(Date.now() / 1000) - ageSeconds, text, chat: { id: chatId }, from: { id: from } } });
      return update_id;
    },
    close: () => closed(server),
  };
  opened.push(standIn);
  return standIn;
}

export interface Mailbox {
  port: number;
  mails: { from: string; to: string[]; raw: string; user: string | null }[];
}

/** @param options what the SMTP server demands and refuses */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<Mailbox> {
  const mails: Mailbox['mails'] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'], authOptional: true, logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), raw: Buffer.concat(chunks).toString('utf8'), user: session.user ?? null });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({ close: () => new Promise<void>((resolve) => server.close(() => resolve())) });
  return { port: (server.server.address() as AddressInfo).port, mails };
}

export interface Shown {
  version: number;
  telegram: (Record<string, unknown> & { state: State; chat: { ignored: number; lastError: string | null; lastHeardAt: string | null } }) | null;
  email: (Record<string, unknown> & { state: State }) | null;
  webhook: (Record<string, unknown> & { state: State }) | null;
  code: string;
  detail: string;
}
interface State { lastSentAt: string | null; lastError: string | null; failures: number; failingSince: string | null; waiting: number; nextAttemptAt: string | null }

export const NO_CHANNELS = { telegram: null, email: null, webhook: null };
export const webhookTo = (receiver: { url: string }, more: Record<string, unknown> = {}) => ({ enabled: true, minimumSeverity: 'info', url: receiver.url, secret: SIGNING_SECRET, ...more });
export const telegramTo = (chatIds: (number | string)[], more: Record<string, unknown> = {}) => ({ enabled: true, minimumSeverity: 'info', botToken: BOT_TOKEN, chatIds: chatIds.map(String), commands: true, ...more });
export const mailTo = ({ port }: { port: number }, more: Record<string, unknown> = {}) =>
  ({ enabled: true, minimumSeverity: 'info', host: '127.0.0.1', port, tls: 'none', user: null, from: 'warden@example.com', to: ['trader@example.com'], ...more });

export const shown = async ({ http }: Pick<TestApp, 'http'>) => (await http<Shown>('GET', '/notifications')).body;

/** On the version that is there. */
export async function setUp({ http }: Pick<TestApp, 'http'>, channels: Record<string, unknown>) {
  const { version } = (await http<Shown>('GET', '/notifications')).body;
  return http<Shown>('PUT', '/notifications', { headers: { 'if-match': `"${version}"` }, body: { ...NO_CHANNELS, ...channels } });
}

/** Opens an incident as its cause does; again with the same subject it is seen again. */
export async function open(t: TestApp, subjectId: string, more: { kind?: IncidentKindName; severity?: Severity; summary?: string; agentId?: string | null } = {}): Promise<{ id: string; seq: number }> {
  const { kind = 'COMMAND_UNKNOWN', severity = 'critical', summary = `something about ${subjectId}`, agentId = null } = more;
  await t.app.get(DataSource).transaction((tx) => t.app.get(Incidents).open(tx, null, { kind, severity, subjectId, agentId, summary }));
  const [row] = await t.db.query<{ id: string; seq: number }>('select id, seq::int as seq from incidents where kind = $1 and subject_id = $2 and resolved_at is null', [kind, subjectId]);
  if (!row) throw new Error('no incident was opened');
  return row;
}

export const resolve = (t: TestApp, subjectId: string, kind: IncidentKindName = 'COMMAND_UNKNOWN') =>
  t.app.get(DataSource).transaction((tx) => t.app.get(Incidents).resolve(tx, null, kind, [subjectId], 'settled as done'));

/** As the schedule does, when an incident is due to be told again. */
export async function repeat(t: TestApp, id: string): Promise<void> {
  await t.db.query('update incidents set repeat_at = app_clock() where id = $1', [id]);
  await t.app.get(Incidents).tellAgain();
}

/** Everything that can be told now is. */
export const tell = (...instances: TestApp[]) => Promise.all(instances.map(({ app }) => app.get(Notifier).settle()));

/** For `beforeEach`: nothing is open, and nothing waits to be told. */
export async function nothingOpen(t: TestApp): Promise<void> {
  await setUp(t, {});
  await t.db.query('delete from incidents');
  await t.db.query(`update notification_channels set last_sent_at = null`);
}
