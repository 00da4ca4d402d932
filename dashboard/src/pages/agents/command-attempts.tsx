import { DataTable } from '../../kit/data-table.js';
import { Light, type Tone, Unknown } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Age, Time } from '../../kit/time.js';
import type { CommandRow } from '../../shared/agents/command-words.js';

const TONES: Record<string, Tone> = { succeeded: 'good', unknown: 'danger', rejected: 'danger', not_sent: 'doubt', lapsed: 'doubt', given_back: 'off', cancelled: 'off' };

const hasDetail = (detail: unknown) => detail !== null && detail !== undefined && !(typeof detail === 'object' && Object.keys(detail).length === 0);

/** Every time that it was handed out, to which running copy, and what came of it. */
export function CommandAttempts({ attempts, isOver }: { attempts: CommandRow['attempts']; isOver: boolean }) {
  return (
    <Panel title="Attempts">
      <DataTable
        label="Attempts" rows={attempts} rowKey={({ attempt }) => String(attempt)} empty={isOver ? 'It was never handed out.' : 'It has not been handed out yet.'}
        columns={[
          { name: 'Attempt', number: true, cell: ({ attempt }) => attempt },
          { name: 'Handed out', cell: ({ leasedAt }) => <Time at={leasedAt} /> },
          { name: 'To the copy', wide: true, cell: ({ instanceId }) => instanceId ?? <Unknown why="it named itself not" /> },
          { name: 'Outcome', cell: ({ outcome }) => (outcome === null ? <Light tone="off">under way</Light> : <Light tone={TONES[outcome] ?? 'off'}>{outcome.replaceAll('_', ' ')}</Light>) },
          { name: 'Ended', wide: true, cell: ({ endedAt }) => <Age at={endedAt} never="not yet" /> },
          { name: 'Detail', cell: ({ detail }) => (hasDetail(detail) ? <Raw record={detail} name="What was said" /> : <span className="quiet">—</span>) },
        ]}
      />
    </Panel>
  );
}
