/** SQL of an agent's id, account and execution mode. */
export interface AgentSql {
  id: string;
  account: string;
  mode: string;
}

export const agentSql = (alias: string): AgentSql => ({ id: `${alias}.id`, account: `${alias}.account_id`, mode: `${alias}.mode` });

const HALTS_ON = ({ id, account, mode }: AgentSql) => `halts_on(${id}, ${account}, ${mode})`;

/** A sync's answer has 8 KiB, and a person looks at GET /kill-switch. */
const TOLD_MOST = 10;
const REASON_CHARACTERS = 200;

/** The halts in force that cover an agent as a jsonb array of HaltOnAgent, strictest first; null: none. */
export const HALTS_OF_AGENT = (agent: AgentSql) => `(
  select jsonb_agg(jsonb_build_object('id', t.id, 'scope', t.scope_type, 'scopeId', t.scope_id, 'mode', t.mode, 'reason', left(t.reason, ${REASON_CHARACTERS}), 'breaker', t.breaker) order by t.place)
  from (
    select h.*, row_number() over (order by h.scope_type in ('symbol','strategy'), array_position(array['flatten','halt','reduce'], h.mode), h.seq) as place
    from ${HALTS_ON(agent)} h order by place limit ${TOLD_MOST}
  ) t)`;

const HALTED_AGENT = `h.scope_type = 'agent' and h.released_at is null and (h.expires_at is null or h.expires_at > app_clock())`;

/** Whether any halt may hold what an agent opens: asked once for it, so that its commands need not ask. Another agent's may: that one may have proposed it. */
export const ANY_HALT = (agent: AgentSql) => `(exists (select 1 from ${HALTS_ON(agent)}) or exists (select 1 from halts h where ${HALTED_AGENT}))`;

/** Whether a halt `h` that covers the agent holds an opening with this payload. */
export const HOLDS_OPENING = (payload: string) => `(h.scope_type in ('global','account','agent') or h.scope_id = case h.scope_type when 'symbol' then ${payload} ->> 'symbol' else ${payload} ->> 'strategyId' end)`;

/** Whether an opening for an agent is held by a halt in force. */
export const OPENING_HALTED = (agent: AgentSql, payload: string) => `exists (select 1 from ${HALTS_ON(agent)} h where ${HOLDS_OPENING(payload)})`;

/** Whether who proposed an opening to its executor is halted. @param command its id */
export const PROPOSER_HALTED = (command: string) => `exists (select 1 from reservations r join halts h on h.scope_id = r.proposer_id::text where r.command_id = ${command} and ${HALTED_AGENT}
  and (h.execution_mode is null or h.execution_mode = r.execution_mode))`;
