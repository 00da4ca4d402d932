import { Link } from 'wouter';
import { written } from '../../kit/decimal.js';
import { Code, Light } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, Time } from '../../kit/time.js';
import { deedOf } from '../../frame/stop/wording.js';
import { useWords } from '../../shared/words.js';
import type { Overview } from '../../shared/overview.js';
import css from './overview.module.css';

type Halt = Overview['halts'][number];
type Breaker = Overview['breakers'][number];

/** Halts and breakers, with what would end them. Nothing is a calm line. */
export function InForce({ halts, haltsTotal, breakers }: { halts: Halt[]; haltsTotal: number; breakers: Breaker[] }) {
  if (halts.length === 0 && breakers.length === 0) return <Panel title="In force"><p className="quiet">No halt is in force, and every breaker is quiet.</p></Panel>;
  return (
    <Panel title="In force">
      <ul className={css.list} aria-label="Halts and breakers in force">
        {halts.map((halt) => <HaltLine key={halt.id} halt={halt} />)}
        {haltsTotal > halts.length ? <li>and {haltsTotal - halts.length} more halts</li> : null}
        {breakers.map((breaker) => <BreakerLine key={`${breaker.name} ${breaker.scope.type} ${breaker.scope.id} ${breaker.accountId} ${breaker.executionMode}`} breaker={breaker} />)}
      </ul>
    </Panel>
  );
}

function HaltLine({ halt }: { halt: Halt }) {
  const words = useWords();
  const { observed } = halt;
  return (
    <li className={css.item} data-tone={halt.mode === 'reduce' ? 'doubt' : 'danger'}>
      <div>
        <strong>{halt.mode === 'reduce' ? '▲' : '■'} {deedOf(halt.mode, halt.scope)}</strong>{halt.executionMode ? ` (${halt.executionMode})` : ''}: {halt.reason}
        <div className="small">Since <Time at={halt.since} /> (<Age at={halt.since} />) by {words(halt.by)}. {halt.effectiveAt ? <>Released nothing since <Time at={halt.effectiveAt} />.</> : 'What was let through before is still being taken back.'} {observed.seen} of {observed.agents} agents have observed it.</div>
        <div className="small">Ends: {halt.endsBy}{halt.expiresAt ? <> (<Age at={halt.expiresAt} />)</> : null}</div>
      </div>
      <Link className={css.end} href={`/overview?halt=${halt.id}`}>Effect and release</Link>
    </li>
  );
}

const STATES: Record<string, string> = { warning: 'warns', tripped: 'has tripped', cooldown: 'cools down', testing: 'is testing' };

function BreakerLine({ breaker }: { breaker: Breaker }) {
  const words = useWords();
  const isWarning = breaker.state === 'warning';
  return (
    <li className={css.item} data-tone={isWarning || breaker.state === 'testing' ? 'doubt' : 'danger'}>
      <div>
        <Light tone={isWarning || breaker.state === 'testing' ? 'doubt' : 'danger'}><Link href={`/risk/breakers/${breaker.name}`}>{breaker.name.replaceAll('_', ' ')}</Link> {STATES[breaker.state] ?? breaker.state}</Light>
        {' '}on {breaker.scope.name ?? (breaker.scope.type === 'global' ? 'everything' : breaker.scope.id)}{breaker.account && breaker.scope.type !== 'account' ? `, ${breaker.account}` : ''}{breaker.executionMode ? ` (${breaker.executionMode})` : ''}
        {breaker.value !== null ? <>: {written(breaker.value)}{breaker.limit !== null ? ` of ${written(breaker.limit)}` : ''} {breaker.unit}</> : null} <Code>{breaker.state}</Code>
        <div className="small">{breaker.since ? <>Since <Time at={breaker.since} />. </> : null}{words(breaker.resets.sentence)}</div>
      </div>
    </li>
  );
}
