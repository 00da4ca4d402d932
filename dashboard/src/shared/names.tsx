import { Link } from 'wouter';
import { type ItemOf, useGet } from '../api/queries.js';
import { useSession } from '../api/session.js';

export type Agent = ItemOf<'/api/v1/agents'>;
export type Account = ItemOf<'/api/v1/accounts'>;

/** Names change seldom, and events tell of it: this is only the net. */
export const EVERY_MS = 60_000;

export const useAgents = (): readonly Agent[] => useGet('/api/v1/agents', { query: { limit: 500 } }, { every: EVERY_MS }).data?.items ?? [];
export const useAccounts = (): readonly Account[] => useGet('/api/v1/accounts', { query: { limit: 500 } }, { every: EVERY_MS }).data?.items ?? [];
export const useSources = () => useGet('/api/v1/webhook-sources', { query: { limit: 500 } }, { every: EVERY_MS }).data?.items ?? [];

/** What is not among the names is shown by the beginning of its id. */
export const brief = (id: string): string => id.slice(-8);

function useAgentName(id: string | null): string {
  const agents = useAgents();
  return id === null ? '—' : (agents.find((agent) => agent.id === id)?.name ?? brief(id));
}

export function useAccountName(id: string | null): string {
  const accounts = useAccounts();
  return id === null ? '—' : (accounts.find((account) => account.id === id)?.name ?? brief(id));
}

export function AgentLink({ id }: { id: string | null | undefined }) {
  const name = useAgentName(id ?? null);
  return id ? <Link href={`/agents/${id}`} title={id}>{name}</Link> : <span className="quiet">—</span>;
}

export function AccountName({ id }: { id: string | null | undefined }) {
  const name = useAccountName(id ?? null);
  return id ? <span title={id}>{name}</span> : <span className="quiet">no account</span>;
}

export function SourceLink({ id }: { id: string }) {
  const sources = useSources();
  return <Link href={`/alerts/sources/${id}`} title={id}>{sources.find((source) => source.id === id)?.name ?? brief(id)}</Link>;
}

function Person({ id }: { id: string }) {
  const session = useSession();
  const own = session.state === 'in' ? session.user : null;
  const { data } = useGet('/api/v1/users/names', {}, { every: EVERY_MS });
  if (own?.id === id) return <span title={own.email}>you</span>;
  return <span title={id}>{data?.items.find((user) => user.id === id)?.name ?? `person ${brief(id)}`}</span>;
}

/** Who did it, as events and decisions name them: `user:…`, `agent:…`, `webhook:…`, `system`. */
export function Actor({ who }: { who: string | null | undefined }) {
  if (!who) return <span className="quiet">—</span>;
  const [kind, id] = [who.slice(0, who.indexOf(':')), who.slice(who.indexOf(':') + 1)];
  if (kind === 'agent') return <>agent <AgentLink id={id} /></>;
  if (kind === 'user') return <Person id={id} />;
  if (kind === 'webhook') return <>source <SourceLink id={id} /></>;
  return <span>{who === 'system' ? 'the server' : who}</span>;
}
