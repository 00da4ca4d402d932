import { Injectable } from '@nestjs/common';
import type { Caller } from '../common/http/caller.js';
import { forbidden, notFound } from '../common/problem.js';
import { PositionsRepository } from '../positions/positions.repository.js';

/** Accounts that reports are asked for by id or name. */
@Injectable()
export class AskedAccount {
  constructor(private readonly positions: PositionsRepository) {}

  /** @throws {Problem} 404; 403 NOT_YOUR_ACCOUNT for a key, whether or not there is such an account */
  async idOf({ principal }: Caller, account: string): Promise<string> {
    const id = await this.positions.accountId(account);
    if (principal.kind !== 'agent') {
      if (id === null) throw notFound('account');
      return id;
    }
    const own = await this.positions.accountOfAgent(principal.agentId);
    if (own === null || id !== own) throw forbidden('NOT_YOUR_ACCOUNT', 'An agent key sees the account of its own agent only.');
    return own;
  }
}
