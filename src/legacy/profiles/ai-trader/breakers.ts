import { own } from '../../../common/own.js';
import { masked } from '../../../auth/credentials.js';
import { json, kept, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { cutTo, Values } from '../row.js';
import { SIMULATION } from './owners.js';

const ACTIONS: Record<string, string> = {
  triggered: 'triggered', trip: 'triggered', tripped: 'triggered', halt: 'triggered', halted: 'triggered', recovered: 'recovered', recovery: 'recovered', reset: 'reset', warning: 'warned', warned: 'warned', reduced: 'warned',
};
const REASON_MOST = 1_000;

/** Of both shapes: the older has severity, reason and threshold, the newer recovered_at and event_metadata. */
export const COLUMNS: TableMapping['columns'] = {
  id: kept('it names the row'),
  breaker_type: required(text('breaker_type', { trim: true })),
  action: text('action', { trim: true }),
  triggered_at: time('triggered_at', { zone: 'UTC', epoch: 'either' }),
  recovered_at: kept('a recovery is an event of its own here'),
  value: decimal('value'),
  threshold: decimal('limit_value'),
  severity: kept('ours are triggered, warned, recovered and reset'),
  reason: text('reason'),
  event_metadata: json('reason'),
  created_at: time('created_at', { zone: 'UTC', epoch: 'either' }),
};

export const breakerEvents = (table: SourceTable): TableMapping => ({
  columns: COLUMNS,
  as: 'import',
  time: 'triggered_at',
  map(given, owners, reading) {
    const values = new Values(given);
    const { agentId, accountId } = owners.agent(SIMULATION);
    const triggeredAt = values.text('triggered_at') ?? values.text('created_at');
    if (triggeredAt === null) throw new Reject('VALUE_MISSING', 'triggered_at is not there, and neither is created_at', 'triggered_at');
    if ((reading.cells.recovered_at ?? null) !== null) reading.note('BREAKER_RECOVERED', 'when it recovered stays in the old row');
    const type = typeOf(values.need('breaker_type'), reading);
    const action = actionOf(values, reading);
    const told = values.json('event_metadata') as Record<string, unknown> | null;
    return {
      rows: [{
        table: 'circuit_breaker_events',
        values: {
          id: owners.id(table.name, reading.id), breaker_type: type, action, scope_type: 'agent', scope_id: agentId, agent_id: agentId, account_id: accountId, value: values.text('value'),
          limit_value: values.text('threshold'), unit: null, reason: reasonOf(values.text('reason'), told, `${type} ${action}, as the old system stored it`), triggered_at: triggeredAt, reported_by: 'import', source: 'agent',
          created_at: values.text('created_at') ?? triggeredAt,
        },
      }],
    };
  },
});

function typeOf(written: string, reading: Reading): string {
  const type = written.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(type)) throw new Reject('VALUE_UNKNOWN', `breaker_type is ${JSON.stringify(written.slice(0, 100))}; expected a name such as daily_loss`, 'breaker_type');
  if (type !== written) reading.note('NAME_RESPELLED', `breaker_type ${written} is ${type} here`);
  return type;
}

/** @throws {Reject} VALUE_UNKNOWN */
function actionOf(values: Values, reading: Reading): string {
  const said = values.text('action');
  if (said === null) {
    reading.note('ACTION_MISSING', 'no action is stored; taken as triggered');
    return 'triggered';
  }
  const action = own(ACTIONS, said.toLowerCase());
  if (action === undefined) throw new Reject('VALUE_UNKNOWN', `action is ${JSON.stringify(said.slice(0, 100))}; expected one of ${Object.keys(ACTIONS).join(', ')}`, 'action');
  return action;
}

function reasonOf(said: string | null, told: Record<string, unknown> | null, otherwise: string): string {
  const found = [said, told?.reason, told?.message, told?.description].find((each) => typeof each === 'string' && each.trim() !== '');
  return cutTo(masked(typeof found === 'string' ? found.trim() : otherwise), REASON_MOST);
}
