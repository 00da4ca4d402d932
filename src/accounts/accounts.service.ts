import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../common/http/caller.js';
import { badRequest, conflict } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';

export interface AccountRow {
  id: string;
  name: string;
  kind: 'live' | 'demo' | 'paper';
  currency: string;
  margin_mode: 'hedging' | 'netting' | 'exchange';
  broker: string | null;
}

/** What a paper account is until somebody says otherwise. */
const PAPER = { currency: 'USD', margin_mode: 'hedging' };

@Injectable()
export class AccountsService {
  constructor(private readonly events: Events) {}

  /**
   * The account that an agent of this mode may use. An unknown name makes a paper account; a live agent must name an
   * existing live one, and nothing else may trade on that.
   * @throws {Problem} 400 ACCOUNT_REQUIRED, 409 ACCOUNT_UNKNOWN or ACCOUNT_KIND_MISMATCH
   */
  async forAgent(tx: Tx, caller: Caller, name: string | undefined, mode: string, agentName: string): Promise<AccountRow> {
    if (mode === 'live' && name === undefined) throw badRequest('ACCOUNT_REQUIRED', 'a live agent must name an existing live account', 'account');
    const wanted = name ?? agentName;
    const account = (await this.byName(tx, wanted)) ?? (mode === 'live' ? null : await this.createPaper(tx, caller, wanted));
    if (!account) throw conflict('ACCOUNT_UNKNOWN', 'A live agent must name an existing live account.');
    if ((account.kind === 'live') !== (mode === 'live')) {
      throw conflict('ACCOUNT_KIND_MISMATCH', `An agent in mode ${mode} cannot use an account of kind ${account.kind}.`);
    }
    return account;
  }

  private async byName(tx: Tx, name: string): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`select * from accounts where name = ${name}`;
    return row ?? null;
  }

  private async createPaper(tx: Tx, caller: Caller, name: string): Promise<AccountRow | null> {
    const [made] = await tx.sql<AccountRow[]>`
      insert into accounts (id, name, kind, currency, margin_mode)
      values (${uuidv7()}, ${name}, 'paper', ${PAPER.currency}, ${PAPER.margin_mode})
      on conflict (name) do nothing returning *`;
    if (made) await this.events.append(tx, caller, [{ type: 'account.created', subjectId: made.id, accountId: made.id, data: { name, kind: 'paper' } }]);
    return made ?? this.byName(tx, name);
  }
}
