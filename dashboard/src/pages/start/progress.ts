import { type AnswerOf, type ItemOf, useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { useFilter } from '../../kit/address.js';
import { useCheck } from '../../shared/agents/check-panel.js';

export type Account = ItemOf<'/api/v1/accounts'>;
export type Agent = ItemOf<'/api/v1/agents'>;
export type Instrument = ItemOf<'/api/v1/instruments'>;
export type Trade = ItemOf<'/api/v1/trades'>;
export type RiskConfig = AnswerOf<'/api/v1/risk-config'>;

/** Somebody waits for the next step to turn green. */
const EVERY = 4_000;

const newest = <T extends { createdAt: string }>(rows: readonly T[]): T[] => [...rows].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
const STARTED: readonly Trade['status'][] = ['open', 'closing', 'closed'];

/** How far the first steps are, by what the server has: a reload goes on where one was. The address says only of which account and agent. */
export function useProgress() {
  const mayCheck = useMay('operator');
  const [accountId, setAccountId] = useFilter('account');
  const [agentId, setAgentId] = useFilter('agent');
  const accounts = useList('/api/v1/accounts', { query: { limit: 200 } }, { every: EVERY });
  const agents = useList('/api/v1/agents', { query: { retired: 'false', limit: 200 } as never }, { every: EVERY });
  const all = newest(agents.rows);
  const named = all.find(({ id }) => id === agentId);
  const account = accounts.rows.find(({ id }) => id === (accountId || named?.accountId || all[0]?.accountId)) ?? newest(accounts.rows)[0];
  const agent = named?.accountId === account?.id ? named : all.find((each) => each.accountId === account?.id);
  const instruments = useList('/api/v1/instruments', { query: { accountId: account?.id ?? '', limit: 200 } }, { every: EVERY, enabled: account !== undefined });
  const config = useGet('/api/v1/risk-config', undefined, { every: EVERY });
  const trades = useList('/api/v1/trades', { query: { agentId: agent?.id ?? '', limit: 50 } }, { every: EVERY, enabled: agent !== undefined });
  const check = useCheck(mayCheck ? agent?.id : undefined);
  const opening = check.data?.opening;
  const paperTrade = trades.rows.find(({ executionMode, origin, status }) => executionMode !== 'live' && origin === 'gated' && STARTED.includes(status));
  const done = [
    account !== undefined, instruments.rows.length > 0, config.data?.aiTradingEnabled === true,
    agent !== undefined && agent.liveness === 'online' && (opening?.wouldPass === true || opening?.verdict === 'needs_approval' || paperTrade !== undefined),
    paperTrade !== undefined, agent?.mode === 'live',
  ];
  return {
    accounts: accounts.rows, agents: all.filter((each) => each.accountId === account?.id), account, agent, instruments: instruments.rows, config, paperTrade, check, done,
    queries: [accounts.query, agents.query, config], choose: (account: string, agent = '') => { setAccountId(account); setAgentId(agent); },
  };
}

export type Progress = ReturnType<typeof useProgress>;
