import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest, forbidden, notFound, Problem } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events, type NewEvent } from '../events/events.service.js';
import { symbolKey } from './canonical-symbol.js';
import { type InstrumentFilter, type InstrumentRow, InstrumentsRepository, type VersionRow, type WrittenInstrument } from './instruments.repository.js';
import { type changeInstrumentSchema, keyOf, type OUTCOMES, toTerms, type uploadInstrumentsSchema } from './instruments.schemas.js';
import { changedTerms, type Product, type Terms, termsFaults, type ToldTerms, withPairCurrencies } from './terms.js';

type Upload = z.output<typeof uploadInstrumentsSchema>['items'][number];
type Change = z.output<typeof changeInstrumentSchema>;

export interface Uploaded {
  row: InstrumentRow;
  outcome: (typeof OUTCOMES)[number];
}

interface Key {
  symbol: string;
  exchange: string | null;
  product: Product | null;
}

/** An item of an upload, and what of the account it is about. */
interface Asked {
  item: Upload;
  key: Key;
  /** Null: not said, so what is stored holds. */
  brokerSymbol: string | null;
  /** Where it stands in the request, with a point behind: nothing, or `items.3.`. */
  place: string;
}

interface Rewritten {
  stored: InstrumentRow;
  terms: Terms;
  changed: (keyof Terms)[];
}

const refusal = (status: number, code: string, faults: { path: string; message: string }[]) =>
  new Problem(status, code, faults[0] ? `${faults[0].path}: ${faults[0].message}` : 'The terms are refused.', { errors: faults });

@Injectable()
export class InstrumentsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly instruments: InstrumentsRepository,
    private readonly events: Events,
  ) {}

  /**
   * Takes instruments of one account over: new ones are stored, changed ones become a new version, the rest is left
   * alone. All or none: the first item that is refused is named, and nothing is written.
   * @param single the request is one instrument and no list
   * @throws {Problem} 400 with the fields; 403 NOT_YOUR_ACCOUNT; 404; 409 BROKER_SYMBOL_DIFFERS or BROKER_SYMBOL_TAKEN
   */
  async upload(tx: Tx, caller: Caller, accountId: string | null | undefined, items: Upload[], single: boolean): Promise<Uploaded[]> {
    const account = await this.accountToWrite(tx, caller, accountId);
    const asked = items.map((item, n) => askedOf(item, single ? '' : `items.${n}.`));
    refuseRepeated(asked);
    await this.instruments.lockList(tx, account);
    const known = await this.instruments.matching(tx, account, asked.map(({ key }) => key.symbol), asked.map(brokerSymbolOf));
    const plans = asked.map((each) => planOf(each, known));
    const made = await this.insert(tx, caller, plans.flatMap(({ asked: { key }, stored, terms }) => (stored ? [] : [newRow(account, key, terms)])), single);
    const rewritten = plans.flatMap(({ stored, terms }): Rewritten[] => (stored ? [{ stored, terms, changed: changedTerms(toTerms(stored), terms) }] : []));
    const changed = await this.rewrite(tx, caller, rewritten.filter((each) => each.changed.length > 0), null);
    return plans.map(({ asked: { key }, stored }): Uploaded => {
      if (!stored) return { row: find(made, key), outcome: 'created' };
      const after = changed.find(({ id }) => id === stored.id);
      return after ? { row: after, outcome: 'changed' } : { row: stored, outcome: 'unchanged' };
    });
  }

  /** Changes terms by hand; the same terms again write nothing. @throws {Problem} 404, 400, 409 BROKER_SYMBOL_TAKEN */
  change(caller: Caller, id: string, { reason, ...change }: Change): Promise<InstrumentRow> {
    return inTransaction(this.dataSource, async (tx) => {
      const found = await this.instruments.byId(id, tx);
      if (!found) throw notFound('instrument');
      await this.instruments.lockList(tx, found.account_id);
      const stored = await this.instruments.byId(id, tx);
      if (!stored) throw notFound('instrument');
      if (change.brokerSymbol !== undefined) {
        const known = await this.instruments.matching(tx, stored.account_id, [], [change.brokerSymbol]);
        refuseTaken(known, stored, change.brokerSymbol, '');
      }
      const terms = checked(stored.symbol, merged(change, toTerms(stored)), '');
      const changed = changedTerms(toTerms(stored), terms);
      const [after] = changed.length > 0 ? await this.rewrite(tx, caller, [{ stored, terms, changed }], reason ?? null) : [stored];
      return after ?? stored;
    });
  }

  /** @throws {Problem} 404, or 403 NOT_YOUR_ACCOUNT for a key of an agent on another account */
  async get(caller: Caller, id: string): Promise<InstrumentRow> {
    const row = await this.instruments.byId(id);
    if (!row) throw notFound('instrument');
    await this.accountShown(caller, row.account_id);
    return row;
  }

  async list(caller: Caller, filter: Omit<InstrumentFilter, 'accountId'> & { accountId?: string | undefined }, limit: number, cursor: string | undefined): Promise<InstrumentRow[]> {
    const accountId = await this.accountShown(caller, filter.accountId);
    const key = filter.symbol === undefined ? null : keyOf({ symbol: filter.symbol, exchange: filter.exchange });
    return this.instruments.list({ ...filter, accountId, symbol: key?.symbol, exchange: key ? (key.exchange ?? undefined) : filter.exchange }, limit, cursor);
  }

  async versions(caller: Caller, id: string, limit: number, cursor: string | undefined): Promise<VersionRow[]> {
    await this.get(caller, id);
    return this.instruments.versions(id, limit, cursor);
  }

  private async accountToWrite(tx: Tx, { principal }: Caller, asked: string | null | undefined): Promise<string> {
    if (principal.kind === 'agent') {
      const own = await this.instruments.accountOf(tx, principal.agentId);
      if (own === null) throw notFound('agent');
      if (asked != null && asked !== own) throw notYours();
      return own;
    }
    if (asked == null) throw badRequest('ACCOUNT_REQUIRED', 'people say whose terms they are', 'accountId');
    if (!(await this.instruments.hasAccount(tx, asked))) throw notFound('account');
    return asked;
  }

  /** People see every account's, a key its own agent's. */
  private async accountShown({ principal }: Caller, asked: string | undefined): Promise<string | null> {
    if (principal.kind !== 'agent') return asked ?? null;
    const own = await this.instruments.accountOfReader(principal.agentId);
    if (own === null) throw notFound('agent');
    if (asked !== undefined && asked !== own) throw notYours();
    return own;
  }

  /** One event for all of a list, as its rows tell each for itself; one of a single instrument. */
  private async insert(tx: Tx, caller: Caller, rows: WrittenInstrument[], single: boolean): Promise<InstrumentRow[]> {
    if (rows.length === 0) return [];
    const made = await this.instruments.insert(tx, rows);
    await this.addVersions(tx, caller, made.map((row) => ({ row, changed: [] })), null);
    const [first] = made;
    const event: NewEvent = single && first
      ? { type: 'instrument.created', subjectId: first.id, data: { ...keyData(first), brokerSymbol: first.broker_symbol, kind: first.kind } }
      : { type: 'instrument.batch_created', data: { count: made.length } };
    await this.events.append(tx, caller, [{ ...event, agentId: agentIdOf(caller), accountId: first?.account_id ?? null }]);
    return made;
  }

  /** Each change is an event of its own with before and after: positions were sized by what was before. */
  private async rewrite(tx: Tx, caller: Caller, rewritten: Rewritten[], reason: string | null): Promise<InstrumentRow[]> {
    if (rewritten.length === 0) return [];
    const after = await this.instruments.update(tx, rewritten.map(({ stored, terms }) => ({ ...columnsOf(stored, terms), version: stored.version + 1 })));
    const changedOf = (id: string) => rewritten.find(({ stored }) => stored.id === id);
    await this.addVersions(tx, caller, after.map((row) => ({ row, changed: changedOf(row.id)?.changed ?? [] })), reason);
    const picked = (terms: Terms, names: (keyof Terms)[]) => Object.fromEntries(names.map((each) => [each, terms[each]]));
    await this.events.append(tx, caller, rewritten.map(({ stored, terms, changed }) => ({
      type: 'instrument.changed', subjectId: stored.id, agentId: agentIdOf(caller), accountId: stored.account_id,
      data: { ...keyData(stored), version: stored.version + 1, before: picked(toTerms(stored), changed), after: picked(terms, changed), reason },
    })));
    return after;
  }

  private addVersions(tx: Tx, { principal, correlationId }: Caller, rows: { row: InstrumentRow; changed: string[] }[], reason: string | null): Promise<void> {
    return this.instruments.addVersions(tx, rows.map(({ row, changed }) => ({
      instrument_id: row.id, version: row.version, terms: toTerms(row), changed, reason, actor: actorOf(principal), correlation_id: correlationId,
    })));
  }
}

const notYours = () => forbidden('NOT_YOUR_ACCOUNT', "An agent key acts for its own agent's account only.");
const agentIdOf = ({ principal }: Caller): string | null => (principal.kind === 'agent' ? principal.agentId : null);
const keyData = ({ symbol, exchange, product }: Key) => ({ symbol, exchange, product });
const keyText = (key: Key): string => `${symbolKey(key)} ${key.product ?? ''}`.trim();
const isSameKey = (one: Key, other: Key): boolean => one.symbol === other.symbol && one.exchange === other.exchange && one.product === other.product;

function find(rows: InstrumentRow[], key: Key): InstrumentRow {
  const row = rows.find((each) => isSameKey(each, key));
  if (!row) throw new Error('an instrument was written and is not there');
  return row;
}

function askedOf(item: Upload, place: string): Asked {
  const key = { ...keyOf(item), product: item.product ?? null };
  const written = key.exchange === null ? item.symbol : item.symbol.replace(/^[^:]*:/, '');
  // Who writes a broker's spelling where the symbol belongs has said the broker's name for it.
  const isCanonical = written.toUpperCase() === key.symbol.toUpperCase();
  return { item, key, brokerSymbol: item.brokerSymbol ?? (isCanonical ? null : written), place };
}

const brokerSymbolOf = ({ brokerSymbol, key }: Asked): string => brokerSymbol ?? key.symbol;

/** Two spellings of one instrument in a list would each undo the other. */
function refuseRepeated(asked: Asked[]): void {
  const first = new Map<string, Asked>();
  for (const each of asked) {
    for (const [path, text] of [['symbol', `symbol ${keyText(each.key)}`], ['brokerSymbol', `broker ${keyText({ ...each.key, symbol: brokerSymbolOf(each) })}`]] as const) {
      const before = first.get(text);
      if (before) throw refusal(400, 'INSTRUMENT_REPEATED', [{ path: each.place + path, message: `is the same instrument as ${before.place.slice(0, -1)}, ${keyText(before.key)}` }]);
      first.set(text, each);
    }
  }
}

/** @throws {Problem} 409: one name at a broker stands for one instrument, and one instrument has one name there */
function planOf(asked: Asked, known: InstrumentRow[]): { asked: Asked; stored: InstrumentRow | null; terms: Terms } {
  const { item, key, brokerSymbol, place } = asked;
  const stored = known.find((row) => isSameKey(row, key)) ?? null;
  if (stored && brokerSymbol !== null && brokerSymbol !== stored.broker_symbol) {
    const message = `${keyText(key)} is ${stored.broker_symbol} at this broker: give ${brokerSymbol} a symbol of its own, or change the instrument`;
    throw refusal(409, 'BROKER_SYMBOL_DIFFERS', [{ path: `${place}brokerSymbol`, message }]);
  }
  if (!stored) refuseTaken(known, key, brokerSymbolOf(asked), place);
  const told = merged(item, stored && toTerms(stored));
  return { asked, stored, terms: checked(key.symbol, { ...told, brokerSymbol: stored?.broker_symbol ?? brokerSymbolOf(asked) }, place) };
}

function refuseTaken(known: InstrumentRow[], key: Key, brokerSymbol: string, place: string): void {
  const other = known.find((row) => row.broker_symbol === brokerSymbol && row.exchange === key.exchange && row.product === key.product && !isSameKey(row, key));
  if (other) throw refusal(409, 'BROKER_SYMBOL_TAKEN', [{ path: `${place}brokerSymbol`, message: `${brokerSymbol} is ${keyText(other)} at this account already` }]);
}

/** What was told over what is stored: absent keeps, null takes back. */
function merged(told: Partial<Upload>, stored: Terms | null): ToldTerms {
  const value = <F extends keyof Terms & keyof Upload>(field: F) => (told[field] === undefined ? (stored?.[field] ?? null) : told[field]) as Terms[F];
  return {
    brokerSymbol: value('brokerSymbol'), kind: value('kind'), sizeUnit: value('sizeUnit'), contractSize: value('contractSize'), tickSize: value('tickSize'),
    tickValue: value('tickValue'), tickValueCurrency: value('tickValueCurrency'), minSize: value('minSize'), sizeStep: value('sizeStep'),
    maxSize: value('maxSize'), stopLevel: value('stopLevel'), baseCurrency: value('baseCurrency'), quoteCurrency: value('quoteCurrency'), underlying: value('underlying'),
    sessions: value('sessions'), closesAt: value('closesAt'),
  };
}

function checked(symbol: string, told: ToldTerms, place: string): Terms {
  const whole = withPairCurrencies(symbol, told);
  const faults = termsFaults(symbol, whole);
  if (faults.length > 0 || whole.quoteCurrency === null) throw refusal(400, 'VALIDATION_FAILED', faults.map(({ path, message }) => ({ path: place + path, message })));
  return { ...whole, quoteCurrency: whole.quoteCurrency };
}

const newRow = (accountId: string, key: Key, terms: Terms): WrittenInstrument => columnsOf({ id: uuidv7(), account_id: accountId, ...key, version: 1 }, terms);

const columnsOf = (row: Key & { id: string; account_id: string; version: number }, terms: Terms): WrittenInstrument => ({
  id: row.id, account_id: row.account_id, symbol: row.symbol, exchange: row.exchange, product: row.product, version: row.version,
  broker_symbol: terms.brokerSymbol, kind: terms.kind, size_unit: terms.sizeUnit, contract_size: terms.contractSize, tick_size: terms.tickSize,
  tick_value: terms.tickValue, tick_value_currency: terms.tickValueCurrency, min_size: terms.minSize, size_step: terms.sizeStep,
  max_size: terms.maxSize, stop_level: terms.stopLevel, base_currency: terms.baseCurrency, quote_currency: terms.quoteCurrency, underlying: terms.underlying,
  sessions: terms.sessions, closes_at: terms.closesAt,
});
