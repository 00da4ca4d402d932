import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { asPercent, written } from '../../kit/decimal.js';
import { Amount, Code, Mode, Money } from '../../kit/figures.js';
import { titleOf } from '../../kit/schema.js';
import { Time } from '../../kit/time.js';
import { AccountName, AgentLink } from '../../shared/names.js';
import { short } from '../../shared/ratio.js';
import { Reasons, verdictOf, VerdictTable, VerdictWord } from '../../shared/verdict.js';
import { Attempts } from './attempts.js';
import { Factors } from '../../shared/factors.js';
import { listOf, partOf, type Step, textOf } from './step.js';
import css from './why.module.css';

type Fact = [name: string, value: ReactNode] | null;

/** Names with their figures; what is not there is left out, since the summary says what is not known. */
const Facts = ({ facts }: { facts: Fact[] }) => {
  const there = facts.filter((each): each is [string, ReactNode] => each !== null);
  return there.length === 0 ? null : <dl className={css.facts}>{there.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
};

/** @param currency of the account that it is about */
export function StepFacts({ step: { type, data }, currency }: { step: Step; currency: string | undefined }) {
  const t = (name: string) => textOf(data, name);
  const plain = (name: string, label: string): Fact => (t(name) === null ? null : [label, t(name)!.replaceAll('_', ' ')]);
  const figure = (name: string, label: string): Fact => (t(name) === null ? null : [label, <Amount value={t(name)} />]);
  const money = (name: string, label: string, signed = false): Fact => (t(name) === null ? null : [label, <Money value={t(name)} currency={currency} signed={signed} />]);
  const fraction = (name: string, label: string): Fact => (t(name) === null ? null : [label, asPercent(t(name)!)]);
  const time = (name: string, label: string): Fact => (t(name) === null ? null : [label, <Time at={t(name)} />]);
  const agent = (name: string, label: string): Fact => (t(name) === null ? null : [label, <AgentLink id={t(name)} />]);
  const why = (name: string, label: string): Fact => (t(name) === null ? null : [label, <Link href={`/why/${t(name)}`}>…{t(name)!.slice(-8)}</Link>]);

  switch (type) {
    case 'alert': return <Facts facts={[plain('source', 'Source'), plain('status', 'Status'), plain('code', 'Code'), plain('detail', 'Because'), figure('run', 'Run'), time('finishedAt', 'Done')]} />;
    case 'prediction': return <Facts facts={[plain('symbol', 'Symbol'), plain('direction', 'Direction'), fraction('confidence', 'Confidence'), fraction('thresholdUsed', 'Threshold'), plain('marketRegime', 'Regime'), figure('marketPrice', 'Price then'), figure('horizonSeconds', 'Horizon, s'), plain('outcome', 'Came out'), figure('move', 'Move')]} />;
    case 'idea': return (
      <>
        <Facts facts={[
          t('executionMode') === null ? null : ['Mode', <Mode mode={t('executionMode')!} />], t('accountId') === null ? null : ['Account', <AccountName id={t('accountId')} />], agent('executorAgentId', 'Carried out by'), agent('proposerAgentId', 'Proposed by'),
          figure('lotSize', 'Size'), figure('entryPrice', 'Entry'), figure('stopLoss', 'Stop'), listOf(data, 'takeProfit').length === 0 ? null : ['Targets', listOf(data, 'takeProfit').map((each) => written(textOf(each, 'price') ?? '—')).join(', ')],
          fraction('confidence', 'Confidence'), plain('status', 'Status'),
        ]} />
        {t('rationale') === null ? null : <p className={css.text}>{t('rationale')}</p>}
        {t('snapshotPath') === null ? null : <p className="small quiet">What it saw: <code>{t('snapshotPath')}</code></p>}
      </>
    );
    case 'decision': return <DecisionFacts data={data} />;
    case 'reservation': return <Facts facts={[figure('size', 'Size'), figure('entryPrice', 'Entry'), figure('stopLoss', 'Stop'), ['Is', data['held'] === true ? 'still held' : (t('endedAs') ?? 'no longer held')], time('endedAt', 'Ended')]} />;
    case 'command': return <CommandFacts data={data} />;
    case 'fill': return <Facts facts={[plain('role', 'Side'), figure('size', 'Size'), figure('price', 'Price'), figure('requestedPrice', 'Asked for'), money('profit', 'Profit', true), money('commission', 'Commission'), money('swap', 'Swap'), money('fee', 'Fee'), plain('exitReason', 'By')]} />;
    case 'explanation': return (
      <>
        <p className={css.text}>{t('explanation')}</p>
        <Factors name="What spoke for it" factors={data['confidenceFactors']} />
        <Factors name="What spoke against it" factors={data['riskFactors']} />
        <Facts facts={[plain('llmModel', 'Model'), plain('kind', 'Of the')]} />
      </>
    );
    case 'closure': return <Facts facts={[plain('cause', 'Wanted by'), plain('rule', 'Rule'), figure('size', 'Size'), figure('tries', 'Commands'), plain('endedAs', 'Ended'), plain('endReason', 'Because'), why('haltId', 'Halt'), why('alertId', 'Signal')]} />;
    case 'halt': {
      const scope = partOf(data, 'scope');
      return <Facts facts={[scope === null ? null : ['Of', `${textOf(scope, 'type') ?? ''} ${textOf(scope, 'name') ?? ''}`], plain('mode', 'Mode'), plain('reason', 'Because'), plain('breaker', 'Breaker'), time('effectiveAt', 'Carried through'), time('expiresAt', 'Ends by itself')]} />;
    }
    case 'release': return <Facts facts={[plain('reason', 'Because'), time('requestedAt', 'Asked for')]} />;
    case 'outcome': return (
      <Facts facts={[
        ['Net profit', <strong key="n"><Money value={t('netProfit')} currency={currency} signed why="nobody told the profit" /></strong>], t('rMultiple') === null ? null : ['R', <span key="r" title={t('rMultiple')!}>{written(short(t('rMultiple')!, 2), { sign: true })}</span>], figure('entryPrice', 'Entry'), figure('exitPrice', 'Exit'), plain('exitReason', 'Ended by'),
        money('commission', 'Commission'), money('swap', 'Swap'), money('fee', 'Fee'), plain('profitSource', 'Source of the profit'),
      ]} />
    );
    default: return null;
  }
}

/** The verdict with every rule; without one, what a person or the server said. */
function DecisionFacts({ data }: { data: Record<string, unknown> }) {
  const verdict = verdictOf(data['riskCheckResult']);
  const reason = textOf(data, 'reason');
  const isBroken = data['seal'] === 'broken';
  return (
    <div className="stack">
      {isBroken ? <p className="danger">■ This record was changed after it was written.</p> : null}
      {reason === null ? null : <p>Said: {reason}</p>}
      {verdict === null ? null : (
        <>
          <div><VerdictWord verdict={verdict.verdict} />{verdict.price ? <span className="quiet"> at <Amount value={verdict.price} /></span> : null}</div>
          <Reasons reasons={verdict.reasons} />
          <details open={verdict.verdict === 'rejected' || verdict.verdict === 'halted_by_risk'}>
            <summary>Every rule with what it found and its limit</summary>
            <VerdictTable verdict={verdict} />
          </details>
        </>
      )}
      <p className="small quiet">Sealed as number {textOf(data, 'number') ?? '—'} of its chain · <Code>{textOf(data, 'seal') ?? 'seal not known'}</Code></p>
    </div>
  );
}

function CommandFacts({ data }: { data: Record<string, unknown> }) {
  const error = partOf(data, 'error');
  const payload = Object.entries(partOf(data, 'payload') ?? {}).filter(([name, value]) => !/Id$/.test(name) && ['string', 'number', 'boolean'].includes(typeof value));
  return (
    <div className="stack">
      <Facts facts={[['Kind', <Code key="k">{textOf(data, 'type') ?? '—'}</Code>], ['Status', (textOf(data, 'status') ?? '—').replaceAll('_', ' ')], ...payload.slice(0, 8).map(([name, value]): Fact => [titleOf(name), String(value)])]} />
      {error === null ? null : <p className="danger">■ {textOf(error, 'message') ?? 'It failed.'} {textOf(error, 'code') ? <Code>{textOf(error, 'code')}</Code> : null}</p>}
      <Attempts attempts={listOf(data, 'attempts')} />
    </div>
  );
}
