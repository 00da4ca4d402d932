import { Exact } from '../../convert/exact.js';
import { kept, oneOf, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Archived, type Reading, Reject, type TableMapping } from '../../profile.js';
import { type JsonCell, JsonNumber, type SourceRow } from '../../source/cell.js';
import { JsonBroken, parseJson } from '../../source/json-text.js';
import { neededInstrument } from './instrument.js';
import { keyOf, type Lookups } from './lookups.js';
import { modeOf } from './modes.js';
import { price, productOf, sizeOf, tradeRows } from './trade-rows.js';
import { lenient, read } from './values.js';

type Fields = { [name: string]: JsonCell };
const NAMED_MOST = 20;

const words = lenient(text(null));
const side = required(oneOf(null, { map: { LONG: 'long', SHORT: 'short' }, caseless: true }));
const entered = lenient(time(null, { zone: 'UTC', epoch: 'either' }));
const cellOf = (value: JsonCell | undefined): JsonCell => value ?? null;
const nothingHere = kept('nothing here runs it');

/**
 * Where each deployment stood. What a paper deployment held is a paper trade. A live one only believed that it held: its orders
 * waited to be sent by nobody, and what is really held stands in positions.
 */
export const deploymentStates = (lookups: Lookups): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), deployment_id: kept('names its deployment, which says symbol, product and target'), status: nothingHere,
    state_json: { to: 'lot_size', says: 'the position that it holds, of paper, as a trade', read: (cell) => cell },
    exposure_json: nothingHere, last_evaluated_at: nothingHere, next_evaluate_at: nothingHere, last_eval_at: nothingHere, last_eval_bar_end_ts: nothingHere, next_eval_at: nothingHere, runtime_state: nothingHere,
    last_decision: nothingHere, last_decision_reason: nothingHere, last_error: nothingHere, started_at: nothingHere, stopped_at: nothingHere, paused_at: nothingHere, resumed_at: nothingHere, pause_reason: nothingHere,
    updated_at: lenient(time('created_at', { zone: 'UTC' })),
  },
  time: 'updated_at',
  map(values, owners, reading) {
    const open = openIn(reading);
    if (open.length === 0) return { archive: 'POSITION_FLAT: the deployment holds nothing' };
    const named = open.slice(0, NAMED_MOST).map(([key]) => key.slice(0, 64)).join(', ');
    const deployment = lookups.row('strategy_deployments', reading.cells['deployment_id']);
    if (deployment === undefined) return { archive: `REFERENCE_MISSING: its deployment is not there; it held ${named}, of paper or not` };
    if (modeOf(deployment.cells) !== 'paper') return { archive: `DEPLOYMENT_LIVE: it believed to hold ${named}, but its orders were never sent; what is held stands in positions` };
    const [only] = open;
    if (open.length > 1 || only === undefined) return { archive: `DEPLOYMENT_OF_SEVERAL: ${open.length} paper positions in one row (${named}) are no trade each; they stay in the old row` };
    return tradeOf(only, deployment, values['updated_at'] as string | null, owners, reading);
  },
});

function tradeOf([key, position]: [string, Fields], deployment: SourceRow, updatedAt: string | null, owners: Parameters<NonNullable<TableMapping['map']>>[1], reading: Reading): ReturnType<NonNullable<TableMapping['map']>> {
  const entryPrice = lenient(price(null)).read(cellOf(position['entry_price']), 'state_json.entry_price', reading);
  if (entryPrice === null) return { archive: `POSITION_PRICE_NOT_KNOWN: it holds ${key.slice(0, 64)}, of paper, and does not say at what price` } satisfies Archived;
  const direction = side.read(cellOf(position['side']), 'state_json.side', reading) === 'long' ? 'long' : 'short';
  const entryTime = entered.read(cellOf(position['entry_ts']), 'state_json.entry_ts', reading);
  const size = new Exact(decimal(null).read(cellOf(position['qty']), 'state_json.qty', reading) ?? 0).abs().toFixed();
  const at = entryTime ?? updatedAt ?? owners.at;
  return {
    rows: tradeRows({
      table: 'strategy_deployment_states', oldId: reading.id, mode: 'paper', instrument: neededInstrument(key, deployment.cells['exchange'], reading), direction, size: sizeOf(size, 'state_json.qty'),
      product: productOf(read(words, 'product', deployment.cells, reading)), broker: read(words, 'broker_name', deployment.cells, reading), entryPrice, status: 'unknown', at, facts: { deployment: keyOf(deployment.cells['id']) },
      more: { entry_time: entryTime, created_at: at, updated_at: updatedAt ?? at },
    }, owners),
  };
}

/** Those with a size. A state that cannot be read holds nothing that could be a trade, and says so. */
function openIn(reading: Reading): [string, Fields][] {
  const cell = reading.cells['state_json'];
  if (cell === null || cell === undefined || cell === '') return [];
  const state = typeof cell === 'string' ? parsed(cell) : null;
  const positions = isFields(state) ? state['positions'] : undefined;
  if (!isFields(state) || (positions !== undefined && positions !== null && !isFields(positions))) {
    reading.note('STATE_NOT_READ', 'state_json is no JSON object: what it held is not known');
    return [];
  }
  return Object.entries(positions ?? {}).filter((entry): entry is [string, Fields] => isFields(entry[1]) && hasSize(entry[1], reading));
}

function hasSize(position: Fields, reading: Reading): boolean {
  const qty = cellOf(position['qty']);
  if (qty === null) return false;
  try {
    return !new Exact(decimal(null).read(qty, 'state_json.qty', reading) ?? 0).isZero();
  } catch (error) {
    if (error instanceof Reject) return true;
    throw error;
  }
}

function parsed(text: string): JsonCell {
  try {
    return parseJson(text).value;
  } catch (error) {
    if (error instanceof JsonBroken) return null;
    throw error;
  }
}

const isFields = (value: JsonCell | undefined): value is Fields => value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof JsonNumber);
