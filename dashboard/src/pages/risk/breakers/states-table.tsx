import { Link } from 'wouter';
import { roughly } from '../../../kit/decimal.js';
import { type Column, DataTable } from '../../../kit/data-table.js';
import { Age, Time } from '../../../kit/time.js';
import { BreakerLink, type BreakerState, keyOfState, Measured, ScopeName, StateLight } from './breaker-words.js';
import { Bar } from '../../../kit/figures.js';
import { useWords } from '../../../shared/words.js';

export interface StateRow {
  breaker?: string;
  state: BreakerState;
  trips?: 'atLeast' | 'below';
}

/** Of each scope: its state, what was measured against what, and what would reset it. */
export function StatesTable({ label, states, empty }: { label: string; states: readonly StateRow[]; empty: string }) {
  const words = useWords();
  const columns: Column<StateRow>[] = [
    ...(states.some(({ breaker }) => breaker !== undefined) ? [{ name: 'Breaker', cell: ({ breaker }: StateRow) => <BreakerLink name={breaker ?? ''} /> }] : []),
    { name: 'Where', cell: ({ state }) => <ScopeName state={state} /> },
    { name: 'State', cell: ({ state }) => <><StateLight state={state.state} />{state.since ? <div className="small quiet">since <Age at={state.since} /></div> : null}{state.haltId ? <div className="small"><Link href={`/risk/halts/${state.haltId}`}>its halt</Link></div> : null}</> },
    { name: 'Value', number: true, cell: ({ state }) => <Measured value={state.value} unit={state.unit} why="nothing was measured" /> },
    { name: 'Limit', number: true, cell: ({ state, trips }) => <><Measured value={state.limit} unit={state.unit} why="no limit is set" />{trips !== 'below' && state.limit !== null && state.value !== null ? <Bar part={roughly(state.value) / roughly(state.limit)} tone={state.state === 'active' ? 'good' : state.state === 'warning' || state.state === 'testing' ? 'doubt' : 'danger'} label="Value against its limit" /> : null}</> },
    { name: 'Samples', number: true, wide: true, cell: ({ state }) => state.samples ?? '—' },
    { name: 'What would reset it', wide: true, cell: ({ state }) => <>{words(state.resets.sentence)}{state.resets.at ? <div className="small quiet"><Age at={state.resets.at} />, <Time at={state.resets.at} /></div> : null}</> },
  ];
  return <DataTable label={label} columns={columns} rows={states} rowKey={({ breaker, state }) => `${breaker} ${keyOfState(state)}`} empty={empty} tone={({ state }) => (state.state === 'active' ? undefined : state.state === 'warning' || state.state === 'testing' ? 'doubt' : 'danger')} />;
}
