import { DataTable } from '../../../kit/data-table.js';
import { nameOf, valueOf } from '../../../shared/versioned/change-table.js';
import { flat } from '../../../shared/versioned/differences.js';
import { breakerTelling, GROUPS } from './breaker-settings.js';
import type { Breaker } from './breaker-words.js';

/** For who may not change them. */
export function SettingsShown({ breaker: { enabled, minimumSamples, warningFraction, haltMode, reset, parameters } }: { breaker: Breaker }) {
  const fields = Object.entries(flat({ enabled, haltMode, warningFraction, minimumSamples, reset, parameters }, GROUPS));
  return <DataTable label="Settings" rows={fields} rowKey={([field]) => field} empty="None." columns={[{ name: 'Setting', cell: ([field]) => nameOf(breakerTelling, field) }, { name: 'Value', cell: ([field, value]) => valueOf(breakerTelling, field, value) }]} />;
}
