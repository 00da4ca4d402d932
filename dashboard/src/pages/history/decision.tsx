import { Link } from 'wouter';
import { useGet } from '../../api/queries.js';
import { Facts } from '../../kit/facts.js';
import { Code } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Time } from '../../kit/time.js';
import { DECISIONS } from '../../shared/decisions.js';
import { AccountName, Actor, AgentLink } from '../../shared/names.js';
import { Reasons, verdictOf, VerdictTable, VerdictWord } from '../../shared/verdict.js';
import { Seal } from './decisions.js';

export function DecisionPage({ id }: { id: string }) {
  const query = useGet('/api/v1/decisions/{id}', { path: { id } }, { every: 60_000 });
  return (
    <Fresh query={query} every={60_000}>{(decision) => {
      const verdict = verdictOf(decision.riskCheckResult);
      const { ideaId, commandId, haltId, strategyId } = decision;
      return (
        <div className="stack">
          <Panel title={DECISIONS[decision.type]}>
            {decision.reason ? <p>{decision.reason}</p> : null}
            <Facts of={[
              ['At', <Time key="t" at={decision.at} />], ['By', <Actor key="a" who={decision.actor} />], ['Account', <AccountName key="ac" id={decision.accountId} />], ['Agent', <AgentLink key="ag" id={decision.agentId} />],
              ...(ideaId ? [['Idea', <Link key="i" href={`/ideas/${ideaId}`}>the idea</Link>] as const] : []), ...(commandId ? [['Command', <Link key="c" href={`/why/${commandId}`}>the command</Link>] as const] : []),
              ...(haltId ? [['Halt', <Link key="h" href={`/why/${haltId}`}>the halt</Link>] as const] : []), ...(strategyId ? [['Strategy', <Link key="s" href={`/risk/strategies/${strategyId}`}>the strategy</Link>] as const] : []),
              ['Seal', <Seal key="se" seal={decision.seal} />], ['In its chain', `number ${decision.number}`], ['Hash', <Code key="ha">{decision.hash.slice(0, 16)}…</Code>],
            ]} />
            <p><Link href={`/why/${decision.id}`}>The whole chain: what came before and after</Link></p>
          </Panel>
          {decision.humanOverride ? <Panel title="What a person said"><Raw record={decision.humanOverride} name="as it was written down" /></Panel> : null}
          <Panel title="What the gate saw">
            {verdict ? <><div className="row"><VerdictWord verdict={verdict.verdict} /></div><Reasons reasons={verdict.reasons} /><VerdictTable verdict={verdict} /></> : <p className="quiet">The gate was not asked.</p>}
          </Panel>
          <Raw record={decision} />
        </div>
      );
    }}</Fresh>
  );
}
