import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { badRequest, conflict, forbidden, notFound, Problem } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type AccountRow, AccountsRepository, type NewAccount } from './accounts.repository.js';
import { type changeAccountSchema, type createAccountSchema, NEEDS_SERVER } from './accounts.schemas.js';

type Body = z.output<typeof createAccountSchema>;
type Change = z.output<typeof changeAccountSchema>;

/** What nobody said of an account. */
const UNSAID = { broker: null, server: null, login_masked: null, login_hash: null, initial_balance: null };
/** What a paper account is until somebody says otherwise. */
const PAPER = { ...UNSAID, kind: 'paper', currency: 'USD', margin_mode: 'hedging', zone: 'UTC', rollover: '00:00' } as const;

/** What figures, limits and brokers' answers were understood by: an account that is used keeps it. The rest of the row may change. */
const FIXED = { kind: 'kind', currency: 'currency', marginMode: 'margin_mode', server: 'server', loginHash: 'login_hash' } as const;
/** As clients name what the row has, for the event that says what changed. */
const FIELDS = { ...FIXED, name: 'name', broker: 'broker', loginMasked: 'login_masked', zone: 'zone', rollover: 'rollover', initialBalance: 'initial_balance' } as const;

@Injectable()
export class AccountsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly accounts: AccountsRepository,
    private readonly events: Events,
  ) {}

  /** @throws {Problem} 400 ZONE_UNKNOWN, 409 ACCOUNT_NAME_TAKEN or ACCOUNT_LOGIN_TAKEN */
  async create(tx: Tx, caller: Caller, body: Body): Promise<AccountRow> {
    const account: NewAccount = {
      ...PAPER, id: uuidv7(), name: body.name, kind: body.kind, currency: body.currency, margin_mode: body.marginMode, broker: body.broker ?? null,
      server: body.server ?? null, ...loginOf(body, body.server ?? null), initial_balance: body.initialBalance ?? null, ...(await this.tradingDay(tx, body)),
    };
    const made = await this.accounts.insert(tx, account);
    if (!made) throw (await this.taken(tx, account)) ?? nameTaken();
    await this.append(tx, caller, 'account.created', made, { name: made.name, kind: made.kind });
    return made;
  }

  async get(id: string): Promise<AccountRow> {
    const account = await this.accounts.byId(id);
    if (!account) throw notFound('account');
    return account;
  }

  /** The account, locked against every other change of it, of its cash flows and of which days it has. */
  async lock(tx: Tx, id: string): Promise<AccountRow> {
    const account = await this.accounts.lock(tx, id);
    if (!account) throw notFound('account');
    return account;
  }

  /** @throws {Problem} 409 ACCOUNT_IN_USE for what stays as it is once agents, trades or cash flows are there; as `create` */
  change(caller: Caller, id: string, change: Change): Promise<AccountRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const before = await this.lock(tx, id);
      const after: AccountRow = { ...before, ...(await this.changed(tx, before, change)) };
      const changes = Object.entries(FIELDS).filter(([, column]) => before[column] !== after[column]);
      if (changes.length === 0) return before;
      await this.mayChange(tx, before, after);
      const problem = await this.taken(tx, after);
      if (problem) throw problem;
      const row = await this.accounts.update(tx, after);
      const data = Object.fromEntries(changes.map(([field, column]) => [field, { from: before[column], to: after[column] }]));
      await this.append(tx, caller, 'account.changed', row, data);
      return row;
    });
  }

  private async changed(tx: Tx, before: AccountRow, change: Change): Promise<Partial<AccountRow>> {
    const server = change.server ?? before.server;
    const renamed = change.login === undefined && change.loginHash === undefined;
    if (renamed && before.login_hash !== null && server !== before.server) throw badRequest('VALIDATION_FAILED', 'is hashed with the login: send that with it', 'server');
    return {
      name: change.name ?? before.name, kind: change.kind ?? before.kind, currency: change.currency ?? before.currency, margin_mode: change.marginMode ?? before.margin_mode,
      broker: change.broker === undefined ? before.broker : change.broker, server, ...(renamed ? {} : loginOf(change, server)),
      initial_balance: change.initialBalance === undefined ? before.initial_balance : change.initialBalance, ...(await this.tradingDay(tx, change)),
    };
  }

  private async mayChange(tx: Tx, before: AccountRow, after: AccountRow): Promise<void> {
    const said = (column: keyof AccountRow) => before[column] !== null;
    const fixed = Object.entries(FIXED).filter(([, column]) => said(column) && before[column] !== after[column]).map(([field]) => field);
    if (fixed.length === 0) return;
    const uses = await this.accounts.uses(tx, before.id);
    if (uses.length === 0) return;
    const detail = `${fixed.join(', ')} cannot change any more: the account has ${uses.join(', ')}. Make another account for what is different.`;
    throw new Problem(409, 'ACCOUNT_IN_USE', detail, { errors: fixed.map((path) => ({ path, message: 'cannot change any more' })) });
  }

  private async tradingDay(tx: Tx, { tradingDay }: Pick<Body, 'tradingDay'>): Promise<Partial<Pick<AccountRow, 'zone' | 'rollover'>>> {
    if (tradingDay === undefined) return {};
    const zone = await this.accounts.zone(tx, tradingDay.zone);
    if (zone === null) throw badRequest('ZONE_UNKNOWN', 'is no IANA time zone that the database knows, such as Europe/Prague', 'tradingDay.zone');
    return { zone, rollover: tradingDay.rollover };
  }

  private async taken(tx: Tx, account: Pick<AccountRow, 'id' | 'name' | 'login_hash'>): Promise<Problem | null> {
    const taken = await this.accounts.taken(tx, account);
    if (taken.login) return conflict('ACCOUNT_LOGIN_TAKEN', 'Another account has this login on this server: it would be counted twice.');
    return taken.name ? nameTaken() : null;
  }

  /**
   * For a single account: people see every one, a key its own agent's only.
   * @throws {Problem} 403 NOT_YOUR_AGENT
   */
  async mustSee(caller: Caller, id: string): Promise<void> {
    const shown = await this.shown(caller);
    if (shown !== undefined && shown !== id) throw forbidden('NOT_YOUR_AGENT', "An agent key sees its own agent's account only.");
  }

  /** The only account that the caller sees; undefined: all of them. */
  async shown({ principal }: Caller): Promise<string | undefined> {
    if (principal.kind !== 'agent') return undefined;
    const own = await this.accounts.ofAgent(principal.agentId);
    if (own === null) throw notFound('agent');
    return own;
  }

  /**
   * The account that an agent of this mode may use. An unknown name makes a paper account; a live agent must name an
   * existing live one, and nothing else may trade on that.
   * @throws {Problem} 400 ACCOUNT_REQUIRED, 409 ACCOUNT_UNKNOWN or ACCOUNT_KIND_MISMATCH
   */
  async forAgent(tx: Tx, caller: Caller, name: string | undefined, mode: string, agentName: string): Promise<AccountRow> {
    if (mode === 'live' && name === undefined) throw badRequest('ACCOUNT_REQUIRED', 'a live agent must name an existing live account', 'account');
    const wanted = name ?? agentName;
    const account = (await this.accounts.shareByName(tx, wanted)) ?? (mode === 'live' ? null : await this.createPaper(tx, caller, wanted));
    if (!account) throw conflict('ACCOUNT_UNKNOWN', 'A live agent must name an existing live account.');
    if ((account.kind === 'live') !== (mode === 'live')) {
      throw conflict('ACCOUNT_KIND_MISMATCH', `An agent in mode ${mode} cannot use an account of kind ${account.kind}.`);
    }
    return account;
  }

  private async createPaper(tx: Tx, caller: Caller, name: string): Promise<AccountRow | null> {
    const made = await this.accounts.insert(tx, { ...PAPER, id: uuidv7(), name });
    if (made) await this.append(tx, caller, 'account.created', made, { name, kind: 'paper' });
    return made ?? this.accounts.shareByName(tx, name);
  }

  private append(tx: Tx, caller: Caller, type: string, { id }: AccountRow, data: Record<string, unknown>): Promise<void> {
    return this.events.append(tx, caller, [{ type, subjectId: id, accountId: id, data }]);
  }
}

const nameTaken = () => conflict('ACCOUNT_NAME_TAKEN', 'An account with this name exists.');

/** @throws {Problem} 400 when there is no server to hash the login with */
function loginOf({ login, loginHash, loginMasked }: Pick<Change, 'login' | 'loginHash' | 'loginMasked'>, server: string | null): Pick<AccountRow, 'login_hash' | 'login_masked'> {
  if ((login ?? loginHash) !== undefined && server === null) throw badRequest('VALIDATION_FAILED', NEEDS_SERVER, login === undefined ? 'loginHash' : 'login');
  if (login === undefined) return { login_hash: loginHash ?? null, login_masked: loginMasked ?? null };
  return { login_hash: createHash('sha256').update(`${server}:${login}`).digest('hex'), login_masked: maskOf(login) };
}

/** The last three characters, of a short login less than half: enough for a person to tell two accounts apart. */
const maskOf = (login: string) => {
  const visible = Math.min(3, Math.floor((login.length - 1) / 2));
  return '*'.repeat(login.length - visible) + login.slice(login.length - visible);
};
