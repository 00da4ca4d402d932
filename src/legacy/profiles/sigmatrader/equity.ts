import { refused } from '../../convert/cells.js';
import { kept, required } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import type { Column, TableMapping } from '../../profile.js';
import { lenient, valueOf } from './values.js';

const DAY = /^(\d{4}-\d{2}-\d{2})(?:[T ]00:00:00(?:\.0+)?)?$/;
const begins = time(null, { zone: 'Asia/Kolkata', dateOnly: true });

interface Day {
  begins: string;
  ends: string;
}

const day: Column<Day> = {
  to: 'captured_at',
  says: "day of India's calendar: the time of its last change where that lies in the day, else the end of the day",
  read(cell, name, row) {
    const [, date] = typeof cell === 'string' ? DAY.exec(cell.trim()) ?? [] : [];
    const first = date === undefined ? null : begins.read(date, name, row);
    if (date === undefined || first === null) throw refused('DATE_INVALID', name, cell, 'a date as 2025-11-02');
    return { begins: first, ends: `${date}T18:29:59.999999Z` };
  },
};

/**
 * What the old gate computed: a configured sum and the results since, never what a broker told. So it is shown with the paper
 * account, and nothing of a live account's equity is made of it.
 */
export const equitySnapshots: TableMapping = {
  as: 'import',
  columns: {
    id: kept('names the row'), user_id: kept('whose it was: nobody is taken along'), as_of_date: day, equity: required(decimal('equity')), peak_equity: kept('computed from the others here'),
    drawdown_pct: kept('computed from the others here'), created_at: kept('naive UTC, as written'), updated_at: lenient(time('captured_at', { zone: 'UTC' })),
  },
  sums: { equity: 'equity' },
  time: 'as_of_date',
  map(values, owners, reading) {
    const id = owners.id('equity_snapshots', reading.id);
    const of = valueOf<Day>(values, 'as_of_date');
    const changed = valueOf(values, 'updated_at');
    const equity = valueOf(values, 'equity');
    if (of === null || equity === null) throw refused('VALUE_MISSING', of === null ? 'as_of_date' : 'equity', null, 'a value');
    const isWithin = changed !== null && Date.parse(changed) >= Date.parse(of.begins) && Date.parse(changed) <= Date.parse(of.ends);
    if (!isWithin) reading.note('TIME_OF_DAY_UNKNOWN', 'it was not changed on its day: the end of the day is taken');
    const capturedAt = isWithin ? changed : of.ends;
    reading.note('EQUITY_COMPUTED', 'a configured sum and the results since, not what a broker told; the balance is the same');
    const { agentId, accountId } = owners.agent('paper');
    return {
      rows: [{
        table: 'snapshot_account',
        // Two users' days may have one time: each row tells for itself.
        values: { id, agent_id: agentId, sender: id, account_id: accountId, captured_at: capturedAt, last_captured_at: capturedAt, balance: equity, equity },
      }],
    };
  },
};
