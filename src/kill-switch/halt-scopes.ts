import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { badRequest, conflict, notFound } from '../common/problem.js';
import type { HaltRow, HaltScope } from '../halts/halt-rows.js';
import { canonicalSymbol } from '../instruments/canonical-symbol.js';

type Scope = Pick<HaltRow, 'scope_type' | 'scope_id'>;

/** Those by that name come first; a strategy's name is free again when it is retired. */
const BY_NAME = {
  account: `select id from accounts where name = $1 or id::text = lower($1) order by name = $1 desc limit 1`,
  agent: `select id from agents where name = $1 or id::text = lower($1) order by name = $1 desc limit 1`,
  strategy: `select id from strategies where name = $1 or id::text = lower($1) order by name = $1 desc, retired_at is null desc, seq desc limit 1`,
} as const;

/** What a person names is what is halted: by name or id, a symbol in any spelling. */
@Injectable()
export class HaltScopes {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws {Problem} 404 when there is no such account, agent or strategy; 400 for what is no symbol; 409 SYMBOL_AMBIGUOUS */
  async named(type: HaltScope, named: string | undefined): Promise<Scope> {
    if (type === 'global') return { scope_type: type, scope_id: null };
    if (named === undefined) throw badRequest('VALIDATION_FAILED', 'is required', 'scope.id');
    if (type === 'symbol') return { scope_type: type, scope_id: await this.symbol(named) };
    const [row] = (await this.dataSource.query(BY_NAME[type], [named])) as { id: string }[];
    if (!row) throw notFound(`${type} as "${named}"`);
    return { scope_type: type, scope_id: row.id };
  }

  /** What an account lists under that name decides, as for its trades; where nobody does, the one spelling. It need not be anybody's. */
  private async symbol(written: string): Promise<string> {
    const canonical = canonicalSymbol(written)?.symbol;
    if (canonical === undefined) throw badRequest('VALIDATION_FAILED', 'is no symbol', 'scope.id');
    const rows = await this.dataSource.sql<{ symbol: string }[]>`
      select distinct symbol from instruments where broker_symbol = ${written} or symbol in (${written}, ${canonical}) order by symbol limit 10`;
    const listed = rows.map(({ symbol }) => symbol);
    if (listed.length === 0 || listed.includes(canonical)) return canonical;
    if (listed.length === 1) return listed[0] ?? canonical;
    throw conflict('SYMBOL_AMBIGUOUS', `${written} is listed as ${listed.join(' and ')}: name one of them.`);
  }
}
