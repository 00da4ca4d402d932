import { Link } from 'wouter';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Amount, Code, Light, Money, Unknown } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Age, span, Time } from '../../kit/time.js';
import { type Agent, hasNotObserved, type Reason, reasonText } from '../../shared/agents/agent-words.js';
import { CheckPanel } from '../../shared/agents/check-panel.js';
import { EffectiveLimits } from './effective-limits.js';

const NOT_TOLD = 'it did not tell';
const yesNo = (value: boolean | null) => (value === null ? <Unknown why={NOT_TOLD} /> : value ? <Light tone="good">yes</Light> : <Light tone="danger">no</Light>);

/** All that is known of an agent now: what it should do, what it says, what it holds and what limits it. */
export function StateTab({ agent }: { agent: Agent }) {
  const mayCheck = useMay('operator');
  return (
    <div className="stack">
      <div className="grid2">
        <WantedPanel agent={agent} />
        <SaysPanel agent={agent} />
        <MoneyPanel agent={agent} />
        <BrokerPanel agent={agent} />
      </div>
      {mayCheck ? <CheckPanel agentId={agent.id} /> : null}
      <EffectiveLimits agentId={agent.id} />
      <Raw record={agent.state} name="All of the state as the API answers it" />
    </div>
  );
}

function WantedPanel({ agent }: { agent: Agent }) {
  const { desiredState, state } = agent;
  return (
    <Panel title="What it should do">
      <Facts of={[
        ['Trading', <Light key="s" tone={desiredState.state === 'active' ? 'good' : 'danger'}>{desiredState.state}</Light>],
        ['Run', <Light key="r" tone={desiredState.run === 'running' ? 'good' : 'off'}>{desiredState.run}</Light>],
        ['Version', `${desiredState.version}`],
        ['It has seen', state.observedStateVersion === null ? <Unknown key="o" why="it never said which version it has seen" /> : <Light key="o" tone={hasNotObserved(agent) ? 'doubt' : 'good'}>version {state.observedStateVersion}</Light>],
      ]} />
      {desiredState.reasons.length === 0 ? <p className="quiet">Nobody has stopped or halted it.</p> : <ul className="stack">{desiredState.reasons.map((reason, index) => <li key={index}><ReasonLine agentId={agent.id} reason={reason} /></li>)}</ul>}
    </Panel>
  );
}

const ReasonLine = ({ agentId, reason }: { agentId: string; reason: Reason }) => (
  <>
    {reasonText(reason)} <Code>{reason.code}</Code>{' '}
    {reason.commandId ? <Link href={`/agents/${agentId}/commands/${reason.commandId}`}>the command</Link> : null}
    {reason.haltId ? <Link href={`/risk/halts/${reason.haltId}`}>the halt</Link> : null}
  </>
);

const SaysPanel = ({ agent: { state } }: { agent: Agent }) => (
  <Panel title="What it says">
    <Facts of={[
      ['Status', state.lastSeenAt === null ? <Unknown key="s" why="it was never heard" /> : <Light key="s" tone={state.status === 'running' ? 'good' : state.status === 'error' ? 'danger' : 'off'}>{state.status}</Light>],
      ...(state.errorMessage ? [['Error', <span key="e" className="danger">{state.errorMessage}</span>] as const] : []),
      ['Last seen', <Age key="l" at={state.lastSeenAt} />],
      ['Running copy', state.instanceId ?? <Unknown key="i" why="it names none" />],
      ['Version', state.agentVersion ?? <Unknown key="v" why={NOT_TOLD} />],
      ...(state.configHash === null ? [] : [['Configuration', <Code key="h">{state.configHash}</Code>] as const]),
      ['Up since', state.startedAt === null ? <Unknown key="u" why="it was never heard" /> : <span key="u"><Time at={state.startedAt} /> {state.uptimeSeconds === null ? '(not online now)' : `(${span(state.uptimeSeconds)})`}</span>],
      ['Cycles', state.cycleCount === null ? <Unknown key="c" why={NOT_TOLD} /> : <span key="c">{state.cycleCount}{state.lastCycleAt ? <>, the last <Age at={state.lastCycleAt} /></> : null}</span>],
    ]} />
  </Panel>
);

function MoneyPanel({ agent: { state } }: { agent: Agent }) {
  const money = (value: string | null, signed = false) => <Money value={value} currency={state.currency ?? undefined} signed={signed} why={NOT_TOLD} />;
  return (
    <Panel title="Money as it told">
      <Facts of={[
        ['Equity', money(state.equity)], ['Balance', money(state.balance)], ['Floating', money(state.floatingPnl, true)], ['Margin', money(state.margin)], ['Margin free', money(state.marginFree)],
        ['Open positions', <Amount key="p" value={state.openPositions} why={NOT_TOLD} />], ['As of', <Age key="a" at={state.asOf} never="never told" />],
      ]} />
    </Panel>
  );
}

const BrokerPanel = ({ agent: { state, broker, symbols, magic, account, accountId } }: { agent: Agent }) => (
  <Panel title="Broker">
    <Facts of={[
      ['Account', <Link key="a" href={`/settings/accounts/${accountId}`}>{account}</Link>],
      ['Is that account', state.accountMismatch ? <Light key="m" tone="danger">no: {state.accountMismatch.join(', ')} differ</Light> : state.brokerAccount ? <Light key="m" tone="good">nothing differs</Light> : <Unknown key="m" why="it did not say what its terminal is logged in to" />],
      ['Connected', yesNo(state.brokerConnected)], ['May trade', yesNo(state.tradeAllowed)], ['Last quote', <Age key="q" at={state.lastQuoteAt} never="never told" />],
      ['Positions reported', <Age key="p" at={state.positionsAsOf} never="never completely" />], ['Broker', broker ?? '—'], ['Symbols', symbols.join(', ') || '—'], ['Magic', String(magic)],
    ]} />
  </Panel>
);
