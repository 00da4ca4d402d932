import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import type { components } from '../../api/schema.js';
import { Code, Light, type Tone } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import css from './check-panel.module.css';

type Check = components['schemas']['AgentCheck'];

/** Until all is green it is asked often, since somebody is mending it. */
const EVERY = { open: 5_000, well: 15_000 };
const NAMES: Record<Check['checks'][number]['name'], string> = {
  key: 'Key', clock: 'Clock', instance: 'Running copy', account: 'Account', instruments: 'Instruments', positions: 'Positions', broker: 'Broker', lease: 'Trading lease', state: 'State', limits: 'Limits', opening: 'An opening now',
};

export const useCheck = (agentId: string | undefined) => useQuery<Check, ApiError>({
  queryKey: ['/api/v1/agents/{agentId}/check', agentId],
  queryFn: ({ signal }) => answer(api.POST('/api/v1/agents/{agentId}/check', { params: { path: { agentId: agentId! } }, body: {}, signal })),
  refetchInterval: ({ state }) => (state.data?.ok && state.data.opening.wouldPass ? EVERY.well : EVERY.open),
  enabled: agentId !== undefined,
});

/** What would stop this agent from opening at this moment, looked at again and again. It writes nothing. */
export function CheckPanel({ agentId, level = 2 }: { agentId: string; level?: 2 | 3 }) {
  const query = useCheck(agentId);
  return (
    <Panel title="Would an opening pass now?" level={level}>
      <Fresh query={query}>{(check) => <Checks agentId={agentId} check={check} />}</Fresh>
    </Panel>
  );
}

const toneOf = (ok: boolean | null): Tone => (ok === null ? 'off' : ok ? 'good' : 'danger');

function Checks({ agentId, check }: { agentId: string; check: Check }) {
  const { opening, checks, checkedAt } = check;
  return (
    <div className="stack">
      <p><Verdict opening={opening} /> <span className="small quiet">looked at <Age at={checkedAt} /></span></p>
      <ul className={css.checks}>
        {checks.map(({ name, ok, detail }) => (
          <li key={name} className={css.check}>
            <Light tone={toneOf(ok)}>{NAMES[name]}</Light>
            <span className={ok === false ? undefined : 'quiet'}>{detail}</span>
          </li>
        ))}
      </ul>
      {opening.stoppedBy?.code === 'TRADING_DISABLED' ? <p className="small">Trading is off for everybody: <Link href="/risk">turn it on</Link>.</p> : null}
      <p className="small quiet">○ not known, or not asked for in this mode. It is asked again every few seconds, and writes nothing. <Link href={`/ideas?agentId=${agentId}`}>What it proposed</Link></p>
    </div>
  );
}

function Verdict({ opening: { wouldPass, stoppedBy, verdict } }: { opening: Check['opening'] }) {
  if (wouldPass) return <><Light tone="good">yes</Light> An opening would pass.</>;
  if (!stoppedBy) return <><Light tone="doubt">not known</Light> Nobody could ask the gate: see the last line.</>;
  if (verdict === 'needs_approval') return <><Light tone="doubt">asks</Light> A person would be asked: {stoppedBy.message} <Code>{stoppedBy.code}</Code></>;
  return <><Light tone="danger">no</Light> The rule {stoppedBy.rule} would stop it: {stoppedBy.message} <Code>{stoppedBy.code}</Code></>;
}
