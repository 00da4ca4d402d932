/** What the rules read of an agent, as JSON: rows of agents, agent_state and agent_reports. */
export const LIVENESS_OF_AGENT = (a: string, s: string, r: string, at: string) => `jsonb_build_object('id', ${a}.id, 'accountId', ${a}.account_id, 'mode', ${a}.mode,
  'retired', ${a}.retired_at is not null, 'run', ${a}.run, 'status', ${s}.status, 'symbols', to_jsonb(${a}.symbols), 'holdsTradingLease', coalesce(${s}.trading_lease_until > ${at}, false),
  'instanceId', ${s}.instance_id, 'brokerConnected', ${s}.broker_connected, 'tradeAllowed', ${s}.trade_allowed, 'accountMismatch', to_jsonb(nullif(${s}.account_mismatch, '{}')),
  'positionsSeconds', case when ${r}.complete_received_at >= ${s}.started_at then extract(epoch from ${at} - least(${r}.complete_as_of, ${r}.complete_received_at))::text end,
  'marginFree', trim_scale(${s}.margin_free)::text, 'margin', trim_scale(${s}.margin)::text, 'agentVersion', ${s}.agent_version, 'configHash', ${s}.config_hash)`;
