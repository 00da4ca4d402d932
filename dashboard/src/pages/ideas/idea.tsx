import { Link } from 'wouter';
import { type AnswerOf, useGet } from '../../api/queries.js';
import { Facts } from '../../kit/facts.js';
import { Amount, Code, Light, Mode, Money, Percent, Unknown } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Time } from '../../kit/time.js';
import { MadeBy } from '../../shared/made-by.js';
import { AccountName, Actor, AgentLink } from '../../shared/names.js';
import { inputOf, Reasons, type Verdict, verdictOf, VerdictTable, VerdictWord } from '../../shared/verdict.js';
import { After } from './after.js';
import { Decide } from './decide.js';
import { Band, PriceNow } from './price-now.js';
import { Remaining } from './remaining.js';
import { endsAt, inWords, isPending, STATUS } from './words.js';

export type WholeIdea = AnswerOf<'/api/v1/trade-ideas/{id}'>;

export function IdeaPage({ id }: { id: string }) {
  const query = useGet('/api/v1/trade-ideas/{id}', { path: { id } }, { every: 5_000 });
  return <Fresh query={query} every={5_000}>{(idea) => <Whole idea={idea} />}</Fresh>;
}

/** Newest first: the last time that the gate was asked. */
const lastVerdict = ({ decisions }: WholeIdea): { verdict: Verdict; at: string; id: string } | null => {
  for (const { riskCheckResult, at, id } of decisions) {
    const verdict = verdictOf(riskCheckResult);
    if (verdict) return { verdict, at, id };
  }
  return null;
};

function Whole({ idea }: { idea: WholeIdea }) {
  const last = lastVerdict(idea);
  const { word, tone } = STATUS[idea.status];
  const sentence = inWords(idea);
  return (
    <div className="stack">
      <div>
        <p className="small"><Link href="/ideas">Ideas</Link></p>
        <div className="row"><h1>{sentence.charAt(0).toUpperCase() + sentence.slice(1)}</h1><Mode mode={idea.executionMode} /><span className="quiet">on</span> <AccountName id={idea.accountId} /></div>
      </div>
      <Panel title="Where it stands">
        <div className="row"><Light tone={tone}>{word}</Light>{isPending(idea) ? <strong><Remaining until={endsAt(idea)} /></strong> : null}{idea.endedReason ? <span>{idea.endedReason}</span> : null}</div>
        <Reasons reasons={idea.reasons} />
        {isPending(idea) ? <Facts of={[['Price now', <PriceNow key="p" idea={idea} band={idea.priceBand ?? idea.entryRange} />], [idea.status === 'waiting' ? 'Goes to the gate from … to' : 'An approval holds from … to', <Band key="b" band={idea.priceBand ?? idea.entryRange} />]]} /> : null}
        <Decide idea={idea} />
      </Panel>
      <div className="grid2">
        <Panel title="What is proposed"><What idea={idea} verdict={last?.verdict ?? null} /></Panel>
        <Panel title="Why, in the proposer's words">
          <p>{idea.rationale}</p>
          <Facts of={[
            ['Confidence', <Percent key="c" fraction={idea.confidence} why="none was given" />], ['Proposed by', <Actor key="a" who={idea.proposedBy} />], ['Proposed', <Time key="t" at={idea.createdAt} />],
            ['Made by', <MadeBy key="v" of={idea} />],
            ...(idea.strategyId ? [['Strategy', <Link key="s" href={`/risk/strategies/${idea.strategyId}`}>version {idea.strategyVersion ?? '—'}</Link>] as const] : []),
            ...(idea.alertId ? [['Made of', <Link key="al" href={`/alerts/${idea.alertId}`}>an alert</Link>] as const] : []),
            ...(idea.predictionId ? [['Prediction', <Link key="pr" href={`/why/${idea.predictionId}`}>what was predicted</Link>] as const] : []),
          ]} />
          <p><Link href={`/why/${idea.id}`}>The whole chain of this idea</Link></p>
        </Panel>
      </div>
      <Panel title="What the gate said">
        {last ? <><div className="row"><VerdictWord verdict={last.verdict.verdict} /><Time at={last.at} /><Link href={`/history/decisions/${last.id}`}>decision</Link></div><VerdictTable verdict={last.verdict} /></> : <p className="quiet">The gate has not been asked.</p>}
      </Panel>
      <After idea={idea} />
      <Raw record={idea} />
    </div>
  );
}

function What({ idea, verdict }: { idea: WholeIdea; verdict: Verdict | null }) {
  const currency = (verdict && inputOf(verdict, 'value', 'currency')) ?? undefined;
  const risk = verdict ? inputOf(verdict, 'value', 'risk') : null;
  const notional = verdict ? inputOf(verdict, 'value', 'notional') : null;
  const reward = verdict ? inputOf(verdict, 'reward', 'rewardToRisk') : null;
  return (
    <Facts of={[
      ['Loss at the stop', risk ? <strong key="r"><Money value={risk} currency={currency} /></strong> : <Unknown key="r" why="the gate could not compute it" />],
      ['Worth', notional ? <Money key="w" value={notional} currency={currency} /> : <Unknown key="w" why="the gate could not compute it" />],
      ['Reward to risk', <Amount key="rr" value={reward} why="entry, stop or target is missing" />],
      ['Entry', idea.entryPrice ? <Amount key="e" value={idea.entryPrice} /> : idea.entryRange ? <Band key="e" band={idea.entryRange} /> : 'at the market'],
      ['Stop', <Amount key="s" value={idea.stopLoss} why="there is none" />],
      ['Targets', idea.takeProfit?.length ? <ul key="t">{idea.takeProfit.map(({ price, sizeFraction }) => <li key={price}><Amount value={price} />{idea.takeProfit!.length > 1 ? <span className="quiet"> for <Percent fraction={sizeFraction} /></span> : null}</li>)}</ul> : <Unknown key="t" why="there is none" />],
      ['Traded by', <AgentLink key="a" id={idea.executorAgentId} />],
      ['Valid for', `${idea.validForSeconds} s${idea.expectedHold ? ` · to be held: ${idea.expectedHold}` : ''}`],
      ...(idea.product ? [['Product', idea.product] as const] : []),
      ['Covers', <Code key="d">{idea.digest.slice(0, 12)}</Code>],
    ]} />
  );
}
