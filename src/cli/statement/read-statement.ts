import { sumOf } from '../../common/decimal.js';
import { CommandError, wrongUsage } from '../outcome.js';
import { momentOf, type Moment, NO_ZONE, numberOf, type Read } from './cells.js';
import { type Columns, columnsOf, type Field } from './columns.js';
import { csvRows } from './csv-rows.js';
import { htmlRows, type Row } from './html-rows.js';
import { shown } from './read-file.js';
import type { Zone } from './zone.js';

/** Costs are negative numbers. Null: the statement has no such column. */
export interface StatementDeal {
  line: number;
  dealId: string;
  time: Moment;
  symbol: string;
  side: 'buy' | 'sell';
  direction: 'in' | 'out' | 'in/out' | null;
  volume: string;
  price: string;
  profit: string;
  commission: string | null;
  fee: string | null;
  swap: string | null;
}

export interface StatementFlow {
  line: number;
  dealId: string;
  time: Moment;
  type: string;
  amount: string;
}

export interface Statement {
  deals: StatementDeal[];
  flows: StatementFlow[];
  /** Fields for which it has no column. */
  absent: Field[];
}

const ROWS_MOST = 200_000;
const FAULTS_NAMED = 20;

/** Maps: an object would know `constructor` too. */
const SIDES = new Map<string, StatementDeal['side']>([['buy', 'buy'], ['b', 'buy'], ['bot', 'buy'], ['bought', 'buy'], ['sell', 'sell'], ['s', 'sell'], ['sld', 'sell'], ['sold', 'sell']]);
const DIRECTIONS = new Map<string, NonNullable<StatementDeal['direction']>>([['in', 'in'], ['entry', 'in'], ['open', 'in'], ['out', 'out'], ['exit', 'out'], ['close', 'out'], ['out by', 'out'], ['in/out', 'in/out'], ['inout', 'in/out']]);
/** What moves money and no position. */
const FLOW = /^(balance|credit|charge|correction|adjustment|bonus|deposit|withdrawal|transfer|interest|tax|so compensation|((daily|monthly) )?(agent )?commission( daily| monthly)?|(agent )?(daily|monthly)|(franked )?dividend( franked)?)$/;

const unreadable = (message: string) => new CommandError('STATEMENT_UNREADABLE', message);

/**
 * What a broker's account statement says: MetaTrader's report in HTML, or CSV with named columns. Blank rows and the line of
 * sums at the end are passed over, and nothing else is: what cannot be read is named with its line.
 * @throws {CommandError} STATEMENT_UNREADABLE; wrong usage where times have no zone and none was given
 */
export function readStatement(text: string, zone: Zone | null): Statement {
  const isHtml = /^\s*</.test(text);
  const reader = new Reader(zone, isHtml);
  for (const row of isHtml ? htmlRows(text) : csvRows(text)) reader.take(row);
  return reader.end();
}

class Reader {
  private columns: Columns | null = null;
  private width = 0;
  private isOver = false;
  private readonly deals: StatementDeal[] = [];
  private readonly flows: StatementFlow[] = [];
  private readonly faults: string[] = [];
  private faulty = 0;
  private zoneMissing = false;
  private readonly lineOf = new Map<string, number>();

  constructor(
    private readonly zone: Zone | null,
    private readonly isHtml: boolean,
  ) {}

  take(row: Row): void {
    if (row.cells.every((cell) => cell === '')) return;
    if (!this.columns) return this.takeHeadings(row);
    if (this.isOver) return this.takeBehind(row);
    if (row.isTitle) this.isOver = true;
    else if (this.isSums(row)) this.isOver = true;
    else this.takeRow(row, this.columns);
  }

  end(): Statement {
    if (!this.columns) throw unreadable('There is no list of deals in it: a row of headings with at least Deal, Time, Symbol, Type (or Side), Volume, Price and Profit.');
    if (this.zoneMissing) throw wrongUsage('Its times have no zone: name the one that the broker writes with --zone, such as Europe/Athens, +02:00 or America/New_York+7.');
    if (this.faulty > 0) throw unreadable([`${this.faulty} of its rows cannot be read, so nothing was compared:`, ...this.faults, ...(this.faulty > this.faults.length ? [`… and ${this.faulty - this.faults.length} more`] : [])].join('\n'));
    if (this.deals.length + this.flows.length === 0) throw unreadable('There is neither a deal nor a cash flow in it.');
    const { columns } = this;
    return { deals: this.deals, flows: this.flows, absent: (['direction', 'commission', 'fee', 'swap'] as const).filter((field) => columns[field] === undefined) };
  }

  /** In a report other tables come first; in a CSV nothing does. */
  private takeHeadings(row: Row): void {
    const found = columnsOf(row.cells);
    if ('columns' in found) {
      this.columns = found.columns;
      this.width = row.cells.length;
    } else if (!this.isHtml || found.missing.length === 0) {
      throw unreadable(`Line ${row.line} names ${[...found.missing.map((field) => `no column for ${field}`), ...found.twice.map((field) => `two columns for ${field}`)].join(', ')}.`);
    }
  }

  /** Behind the list stand sums and results. Another deal there would be one that nobody counts. */
  private takeBehind(row: Row): void {
    const { columns } = this;
    const isDeal = columns && row.cells.length >= this.width && (row.cells[columns.dealId] ?? '') !== '' && !('fault' in momentOf(row.cells[columns.time] ?? '', { name: 'UTC', offsetAt: () => 0 }));
    if (isDeal || !this.isHtml || 'columns' in columnsOf(row.cells)) this.fault(row, ['stands behind the end of the list of deals']);
  }

  private isSums({ cells }: Row): boolean {
    const { columns } = this;
    return columns !== null && (['dealId', 'time', 'symbol', 'side'] as const).every((field) => (cells[columns[field]] ?? '') === '');
  }

  private fault(row: Row, faults: string[]): void {
    this.faulty += 1;
    if (this.faults.length < FAULTS_NAMED) this.faults.push(`line ${row.line}: ${faults.join('; ')}`);
  }

  private takeRow(row: Row, columns: Columns): void {
    if (this.deals.length + this.flows.length >= ROWS_MOST) throw unreadable(`It has more than ${ROWS_MOST} rows: save the report of a shorter period.`);
    const faults: string[] = [];
    const cell = (field: Field): string => (columns[field] === undefined ? '' : (row.cells[columns[field]] ?? ''));
    const taken = <T>(field: Field, read: Read<T>): T | null => {
      if ('value' in read) return read.value;
      if (read.fault === NO_ZONE) this.zoneMissing = true;
      else faults.push(`${field} ${quoted(cell(field))} ${read.fault}`);
      return null;
    };
    if (!this.isHtml && row.cells.length !== this.width) faults.push(`has ${row.cells.length} cells under ${this.width} headings`);
    const dealId = taken('dealId', idOf(cell('dealId')));
    const time = taken('time', momentOf(cell('time'), this.zone));
    const type = cell('side').toLowerCase();
    const side = SIDES.get(type);
    const cost = (field: 'commission' | 'fee' | 'swap') => (columns[field] === undefined ? null : cell(field) === '' ? '0' : taken(field, numberOf(cell(field))));
    const money = { commission: cost('commission'), fee: cost('fee'), swap: cost('swap') };
    const profit = taken('profit', side === undefined && cell('profit') === '' ? { value: '0' } : numberOf(cell('profit')));
    if (cell('balance') !== '') taken('balance', numberOf(cell('balance')));
    const first = dealId === null ? undefined : this.lineOf.get(dealId);
    if (first !== undefined) faults.push(`deal ${quoted(dealId ?? '')} stands in line ${first} too`);
    if (dealId !== null) this.lineOf.set(dealId, row.line);
    if (side !== undefined) {
      const direction = columns.direction === undefined ? null : taken('direction', directionOf(cell('direction')));
      const [symbol, volume, price] = [taken('symbol', symbolOf(cell('symbol'))), taken('volume', aboveZero(numberOf(cell('volume')))), taken('price', numberOf(cell('price')))];
      if (dealId !== null && time && symbol !== null && volume !== null && price !== null && profit !== null) this.deals.push({ line: row.line, dealId, time, symbol, side, direction, volume, price, profit, ...money });
    } else if (!FLOW.test(type)) {
      faults.push(`side ${quoted(cell('side'))} is neither buy nor sell, nor a kind of cash flow`);
    } else if (dealId !== null && time && profit !== null) {
      this.flows.push({ line: row.line, dealId, time, type, amount: sumOf([profit, money.commission, money.fee, money.swap]) });
    }
    if (faults.length > 0) this.fault(row, faults);
  }
}

const quoted = (cell: string): string => JSON.stringify(shown(cell.length > 60 ? `${cell.slice(0, 60)}…` : cell));

const idOf = (cell: string): Read<string> => (/^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,99}$/.test(cell) ? { value: cell } : { fault: cell === '' ? 'is blank' : 'is not an id' });
const symbolOf = (cell: string): Read<string> => (/^[^\p{Cc}]{1,64}$/u.test(cell) ? { value: cell } : { fault: 'is not a symbol' });
const aboveZero = (read: Read<string>): Read<string> => ('value' in read && (read.value.startsWith('-') || read.value === '0') ? { fault: 'must be above 0' } : read);
function directionOf(cell: string): Read<NonNullable<StatementDeal['direction']>> {
  const value = DIRECTIONS.get(cell.toLowerCase());
  return value ? { value } : { fault: 'is neither in nor out' };
}
