import type { TestAgent, TestApp } from './app.js';
import type { Answer } from './http.js';
import { until } from './timing.js';

export interface AgentTold { id: string; name: string; liveness: string; entryOrders: number }

export interface Halt {
  id: string; code: string; detail: string; scope: { type: string; id: string | null; name: string | null }; mode: string; reason: string; source: string; breaker: string | null; by: string;
  inForce: boolean; effectiveAt: string | null; stillOpen: { accounts: { id: string; name: string }[]; openings: { commandId: string }[] };
  agents: { inScope: number; observed: number; notYet: AgentTold[] } | null; notInControl: Record<string, unknown>[];
  releaseRequested: { by: string } | null; released: { by: string; reason: string } | null;
}

export interface Release {
  code: string; released: boolean; waitsFor: string | null; halt: Halt;
  inTheWay: { halts: { id: string }[]; agents: AgentTold[]; unknownCommands: { commandId: string }[] };
}

export interface Told {
  code: string; detail: string; commands: { id: string; type: string; leaseToken: string; payload: Record<string, unknown> }[];
  desiredState: { state: string; run: string; version: number; reasons: { code: string; haltId?: string; scope?: string; symbol?: string; reason?: string }[] };
}

export const impose = (t: Pick<TestApp, 'http'>, scope: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Answer<Halt>> =>
  t.http<Halt>('POST', '/kill-switch', { body: { scope, mode: 'halt', reason: 'something is wrong', ...more } });

export const release = (t: Pick<TestApp, 'http'>, id: string, token?: string): Promise<Answer<Release>> =>
  t.http<Release>('POST', `/kill-switch/${id}/release`, { ...(token ? { token } : {}), body: { confirm: 'RELEASE', reason: 'all is well' } });

/** A busy machine may take longer than a second: the answer is 202 then, and the halt comes into effect by itself. */
export const whenEffective = (t: Pick<TestApp, 'http'>, id: string): Promise<number> =>
  until(async () => (await t.http<Halt>('GET', `/kill-switch/${id}`)).body.effectiveAt !== null, 20_000);

/** Ends what a test left in force. */
export async function releaseAll(t: TestApp): Promise<void> {
  const { body } = await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true&limit=500');
  for (const { id } of body.items) await release(t, id);
}

export const enqueue = (t: TestApp, agent: TestAgent, type: string, payload: Record<string, unknown> = {}) =>
  t.http<{ id: string; status: string; code: string; detail: string }>('POST', `/agents/${agent.id}/commands`, { body: { type, payload } });

export const lease = (agent: TestAgent, body: Record<string, unknown> = {}) => agent.http<Told>('POST', '/agents/me/commands/lease', { body: { max: 100, ...body } });

export const beat = (agent: TestAgent, body: Record<string, unknown> = {}) => agent.http<Told>('POST', '/agents/me/heartbeat', { body: { status: 'running', ...body } });

/** As the gate queues it. */
export async function queueOpening(t: TestApp, agent: TestAgent, payload: Record<string, unknown> = {}): Promise<string> {
  const [row] = await t.db.query<{ id: string }>(
    `insert into agent_commands (id, agent_id, type, class, once, payload, priority, actor) values (gen_random_uuid(), $1, 'open_trade', 'opens', true, $2, 2, 'system') returning id`,
    [agent.id, JSON.stringify({ symbol: 'EURUSD', direction: 'long', lotSize: '1', ...payload })],
  );
  return row?.id ?? '';
}
