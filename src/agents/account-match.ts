/** What an agent says that it trades on, beside the account that it belongs to. */
export interface AccountTold {
  mode: 'simulation' | 'paper' | 'live';
  told_account: { loginHash?: string | undefined; server?: string | undefined; kind?: string | undefined; currency?: string | undefined; marginMode?: string | undefined } | null;
  told_currency: string | null;
  login_hash: string | null;
  server: string | null;
  kind: string;
  account_currency: string;
  margin_mode: string;
  account_mismatch: string[] | null;
}

/** SQL of an AccountTold, from agent_state s, agents a and accounts c. */
export const TOLD = `a.mode, s.broker_account as told_account, s.currency as told_currency, c.login_hash, c.server, c.kind, c.currency as account_currency, c.margin_mode,
  s.account_mismatch`;

/**
 * The fields in which both speak and do not agree: `currency` also where the figures are in another one, `mode` where a
 * live agent is on what is no live account, or one that is not live on one that is.
 */
export function differences(it: AccountTold): string[] {
  const told = it.told_account ?? {};
  const pairs: [string, string | null | undefined, string | null | undefined][] = [
    ['loginHash', told.loginHash, it.login_hash], ['server', told.server, it.server], ['kind', moneyOf(told.kind), moneyOf(it.kind)],
    ['currency', told.currency ?? it.told_currency, it.account_currency], ['marginMode', told.marginMode, it.margin_mode],
  ];
  const fields = pairs.filter(([, said, registered]) => said != null && registered != null && !alike(said, registered)).map(([field]) => field);
  const currencies = it.told_currency !== null && !alike(it.told_currency, it.account_currency) && !fields.includes('currency') ? ['currency'] : [];
  const modes = told.kind !== undefined && (told.kind === 'live') !== (it.mode === 'live') && (it.mode === 'live' || it.kind !== 'live') ? ['mode'] : [];
  return [...fields, ...currencies, ...modes];
}

/** Terminals know demo and live; that an account is for paper is said here only. */
const moneyOf = (kind: string | undefined): string | undefined => (kind === undefined ? undefined : kind === 'live' ? 'real' : 'play');

/** Brokers and terminals do not agree on capitals. */
const alike = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

/** Whether what is stored has to change. */
export const hasChanged = (it: AccountTold, found = differences(it)): boolean => found.join() !== (it.account_mismatch ?? []).join();
