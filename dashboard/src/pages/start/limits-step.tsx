import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import type { paths } from '../../api/schema.js';
import { useMay } from '../../api/session.js';
import { TypedConfirm } from '../../kit/confirm.js';
import { asPercent, written } from '../../kit/decimal.js';
import { Facts } from '../../kit/facts.js';
import { Field } from '../../kit/field.js';
import { Light } from '../../kit/figures.js';
import { Fresh } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Progress, RiskConfig } from './progress.js';
import css from './start.module.css';

type Limits = paths['/api/v1/risk-config']['put']['requestBody']['content']['application/json'];

/** The few that keep a beginner's account alive; the rest is in the editor. */
const FIRST = ['dailyLossLimitFraction', 'maxDrawdownFraction', 'maxLotSize', 'maxConcurrentTrades', 'minConfidenceThreshold'] as const;
type First = (typeof FIRST)[number];
const NAMES: Record<First, string> = { dailyLossLimitFraction: 'Loss of a day', maxDrawdownFraction: 'Loss from the peak', maxLotSize: 'Size of a trade', maxConcurrentTrades: 'Trades at once', minConfidenceThreshold: 'Confidence asked for' };
const ABOUT: Record<First, string> = {
  dailyLossLimitFraction: 'a part of the account, 0 to 1', maxDrawdownFraction: 'a part of the account, 0 to 1', maxLotSize: 'at most', maxConcurrentTrades: 'at most', minConfidenceThreshold: 'below it a person is asked, 0 to 1',
};

const text = (config: RiskConfig, name: First): string => (config[name] === null || config[name] === undefined ? '' : String(config[name]));
const shown = (name: First, value: string) => (name.endsWith('Fraction') ? asPercent(value) : written(value));

/** What PUT takes is what GET has, without what says who set it. */
function limitsOf({ version: _v, updatedAt: _at, updatedBy: _by, lastHaltReason: _why, warnings: _w, ...limits }: RiskConfig): Limits {
  return limits as Limits;
}

function usePutLimits(config: RiskConfig) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Partial<Limits>) => answer(api.PUT('/api/v1/risk-config', { body: { ...limitsOf(config), ...change }, headers: { 'if-match': `"${config.version}"` } })),
    onSettled: () => makeStale(client, '/api/v1/risk-config', '/api/v1/limits', '/api/v1/agents', '/api/v1/overview'),
  });
}

export const LimitsStep = ({ progress: { config } }: { progress: Progress }) => <Fresh query={config} every={4_000}>{(data) => <Limits config={data} />}</Fresh>;

function Limits({ config }: { config: RiskConfig }) {
  const mayAdmin = useMay('admin');
  const put = usePutLimits(config);
  const [isEditing, setEditing] = useState(false);
  return (
    <div className="stack">
      <p>These hold for everybody. What an account or an agent is limited by besides can only be tighter.</p>
      {isEditing ? <FirstLimits config={config} onDone={() => setEditing(false)} /> : (
        <Facts of={[
          ...FIRST.map((name) => [NAMES[name], text(config, name) === '' ? <span key={name}><Light tone="doubt">off</Light> nothing is held back by it</span> : shown(name, text(config, name))] as const),
          ['A person approves', config.requireApproval ? 'every opening' : 'what is not sure enough'],
          ['Trading', config.aiTradingEnabled ? <Light key="t" tone="good">on</Light> : <Light key="t" tone="off">off: agents open nothing</Light>],
        ]} />
      )}
      <div className="row">
        {mayAdmin && !isEditing ? <button type="button" className="small" onClick={() => setEditing(true)}>Change these limits</button> : null}
        <Link href="/risk">All limits</Link>
      </div>
      {config.aiTradingEnabled || isEditing ? null : mayAdmin ? (
        <>
          <ProblemNote error={put.error} holds="Trading is off." />
          <TypedConfirm word="TRADE" disabled={put.isPending} onConfirmed={() => put.mutate({ aiTradingEnabled: true })}>Turn trading on</TypedConfirm>
        </>
      ) : <p>An administrator turns trading on.</p>}
    </div>
  );
}

const COUNTS: readonly First[] = ['maxConcurrentTrades'];

function FirstLimits({ config: began, onDone }: { config: RiskConfig; onDone: () => void }) {
  // The version that was read when the editing began: who was faster is not overwritten.
  const [config] = useState(began);
  const put = usePutLimits(config);
  const [values, setValues] = useState(() => Object.fromEntries(FIRST.map((name) => [name, text(config, name)])) as Record<First, string>);
  const wrong = (field: string) => (put.error instanceof ApiError ? put.error.of(field) : undefined);
  const told = (name: First): unknown => (values[name] === '' ? null : COUNTS.includes(name) && /^\d+$/.test(values[name]) ? Number(values[name]) : values[name]);
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); put.mutate(Object.fromEntries(FIRST.map((name) => [name, told(name)])), { onSuccess: onDone }); }}>
      <div className={css.form}>
        {FIRST.map((name) => (
          <Field key={name} name={NAMES[name]} about={values[name] === '' ? <span className="doubt">▲ empty: off, nothing is held back by it</span> : ABOUT[name]} error={wrong(name)}>
            <input inputMode="decimal" value={values[name]} onChange={({ target }) => setValues({ ...values, [name]: target.value.trim() })} />
          </Field>
        ))}
      </div>
      <ProblemNote error={put.error} holds="The limits are as they were." />
      <div className="row"><button className="main" disabled={put.isPending}>{put.isPending ? 'Saving …' : 'Save limits'}</button><button type="button" onClick={onDone}>Leave as it was</button></div>
    </form>
  );
}
