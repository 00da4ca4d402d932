import type { Mapping } from './declared-mapping.js';
import type { NoSignal, Signal } from './signal.js';

/** Pure and total: what a payload asks for, or why it asks for nothing. `symbols`: their symbol to ours. */
export function mapSignal(_payload: Record<string, unknown>, _mapping: Mapping, _symbols: Readonly<Record<string, string>>): { signal: Signal } | NoSignal {
  return { outcome: 'quarantined', code: 'ACTION_MISSING', detail: '' };
}
