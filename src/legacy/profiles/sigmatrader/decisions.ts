import { masked, withoutCredentials } from '../../../auth/credentials.js';
import { json, kept, oneOf, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { Json, Reject, type TableMapping } from '../../profile.js';
import { plain } from '../row.js';
import { instrumentOf } from './instrument.js';
import type { Lookups } from './lookups.js';
import { modeOf } from './modes.js';
import { lenient, together, valueOf } from './values.js';

const REASON_MOST = 1_000;

/** What the old gate said to each alert. A block was its refusal; a placing was carried out with nobody asked. */
export const decisionLogs = (lookups: Lookups): TableMapping => ({
  as: 'import',
  columns: {
    id: kept('names the row'), user_id: kept('whose it was: nobody is taken along'), alert_id: together('risk_check_result', 'id of the alert, as written'), order_id: together('agent_id', "which of the import's agents, by the order's target"),
    source: lenient(text('risk_check_result')), strategy_ref: lenient(text('risk_check_result')), symbol: together('risk_check_result', 'canonical symbol'), exchange: together('risk_check_result', 'before the symbol'),
    side: lenient(text('risk_check_result')), trigger_price: lenient(decimal('risk_check_result')), product_hint: lenient(text('risk_check_result')), resolved_product: lenient(text('risk_check_result')),
    risk_profile_id: kept('names another row, as written'), risk_category: lenient(text('risk_check_result')), drawdown_pct: lenient(decimal('risk_check_result')), drawdown_state: lenient(text('risk_check_result')),
    decision: required(oneOf('type', { map: { PLACED: 'ai_auto_executed', BLOCKED: 'risk_rejected' }, caseless: true })),
    reasons_json: lenient(json('reason')), details_json: lenient(json('risk_check_result')), created_at: required(time('at', { zone: 'UTC' })),
  },
  time: 'created_at',
  map(values, owners, reading) {
    const type = valueOf(values, 'decision');
    const at = valueOf(values, 'created_at');
    if (type === null || at === null) throw new Reject('VALUE_MISSING', 'a decision needs its kind and its time');
    const order = lookups.row('orders', reading.cells['order_id']);
    const mode = order === undefined ? null : modeOf(order.cells);
    const reasons = valueOf<Json>(values, 'reasons_json');
    const details = valueOf<Json>(values, 'details_json');
    const said = (name: string) => safe(valueOf(values, name));
    return {
      rows: [{
        table: 'decision_history',
        values: {
          id: owners.id('alert_decision_logs', reading.id), type, at, agent_id: mode === null ? null : owners.agent(mode).agentId, reason: reasonOf(reasons?.value), human_override: null,
          risk_check_result: new Json({
            imported: true, alert: idOf(reading.cells['alert_id']), order: idOf(reading.cells['order_id']), source: said('source'), strategy: said('strategy_ref'),
            symbol: instrumentOf(reading.cells['symbol'], reading.cells['exchange'], reading)?.key ?? null, side: said('side'), triggerPrice: valueOf(values, 'trigger_price'), productHint: said('product_hint'),
            product: said('resolved_product'), riskCategory: said('risk_category'), drawdownPercent: valueOf(values, 'drawdown_pct'), drawdownState: said('drawdown_state'),
            reasons: clean(reasons), details: clean(details),
          }),
        },
      }],
    };
  },
});

const safe = (words: string | null): string | null => (words === null ? null : masked(words));
const idOf = (cell: unknown): string | null => (typeof cell === 'bigint' || typeof cell === 'string' ? masked(String(cell)) : null);
/** A sealed text holds numbers as JavaScript has them: one whose digits would change stands there as text. */
const clean = (document: Json | null): unknown => (document === null ? null : withoutCredentials(plain(document.value)));

function reasonOf(reasons: unknown): string | null {
  const words = Array.isArray(reasons) ? reasons.filter((each): each is string => typeof each === 'string') : [];
  return words.length === 0 ? null : [...masked(words.join('; '))].slice(0, REASON_MOST).join('');
}
