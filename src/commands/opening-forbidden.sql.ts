import type { AgentSql } from '../halts/halts.sql.js';
import { OPENINGS_SUSPENDED } from '../halts/suspensions.sql.js';

/**
 * Whether an opening that the gate let through may not be handed out any more, whatever halts say: it can lie queued for a day,
 * and who switches trading off, pauses the agent, moves it to another account or mode or retires the strategy means that too.
 * While the system suspends openings it waits, and goes on afterwards, if it has not expired.
 * @param command a row of agent_commands
 */
export const OPENING_FORBIDDEN = ({ id, account, mode, run }: AgentSql & { run: string }, command: string) => `exists (
  select from reservations r left join strategies s on s.id = r.strategy_id
  where r.command_id = ${command}.id and (${run} <> 'running' or r.account_id <> ${account} or r.execution_mode <> ${mode} or s.retired_at is not null or not s.is_active
    or ${OPENINGS_SUSPENDED}
    or exists (select from risk_config where not ai_trading_enabled)
    or exists (select from risk_limits l where not l.ai_trading_enabled and (l.account_id = ${account} or l.agent_id in (${id}, r.proposer_id) or l.strategy_id = r.strategy_id))))`;
