import { Link } from 'wouter';
import { useGet, useList } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { written } from '../../kit/decimal.js';
import { Code, Light, type Tone } from '../../kit/figures.js';
import { Fresh } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { STATUS_TONES, STATUS_WORDS } from '../../shared/agents/command-words.js';
import type { Agent, Progress } from './progress.js';
import { ProposeForm } from './propose-form.js';

const EVERY = 3_000;
const IDEA_WORDS: Record<string, readonly [Tone, string]> = {
  auto_executed: ['good', 'the gate let it through'], approved: ['good', 'a person approved it'], needs_approval: ['doubt', 'it waits for a person'], waiting: ['off', 'it waits for its price'],
  rejected: ['danger', 'it was refused'], halted_by_risk: ['danger', 'it was stopped by risk'], expired: ['doubt', 'its time ran out'],
};

/** From an idea to a trade on paper: the agent's own, or one that a person proposes for it. */
export function PaperStep({ progress: { agent, instruments, paperTrade, check } }: { progress: Progress }) {
  const mayOperate = useMay('operator');
  if (!agent) return null;
  if (paperTrade) {
    const { id, direction, symbol, lotSize, enteredSize, status, entryPrice } = paperTrade;
    return <p><Light tone="good">{status}</Light> {direction} {written(String(enteredSize ?? lotSize))} {symbol}{entryPrice ? ` at ${written(String(entryPrice))}` : ''}: <Link href={`/trades/${id}`}>the trade</Link>, <Link href={`/why/${id}`}>and why it was made</Link></p>;
  }
  return (
    <>
      <p>The first opening that goes all the way: an idea, the gate, a command, a fill. Wait for the agent&apos;s own idea, or propose one for it.</p>
      <LastIdea agent={agent} />
      {mayOperate && agent.mode !== 'live' ? <ProposeForm key={check.data?.opening.probe?.symbol} agent={agent} instruments={instruments} probe={check.data?.opening.probe ?? null} /> : null}
    </>
  );
}

function LastIdea({ agent }: { agent: Agent }) {
  const { query, rows: [idea] } = useList('/api/v1/trade-ideas', { query: { agentId: agent.id, limit: 1 } }, { every: EVERY });
  return (
    <Fresh query={query} every={EVERY}>
      {() => {
        if (!idea) return <p className="quiet">It has no idea yet.</p>;
        const [tone, words] = IDEA_WORDS[idea.status] ?? ['off', idea.status];
        return (
          <ol className="stack">
            <li><Light tone={tone}>{words}</Light> {idea.direction} {written(idea.lotSize)} {idea.symbol}, <span className="quiet"><Age at={idea.createdAt} /></span> <Link href={`/ideas/${idea.id}`}>{idea.status === 'needs_approval' ? 'approve or reject it' : 'the idea'}</Link>
              {idea.status === 'auto_executed' || idea.status === 'approved' ? null : <ul>{idea.reasons.map(({ code, message }) => <li key={code}>{message} <Code>{code}</Code></li>)}</ul>}
            </li>
            {idea.commandId && (idea.status === 'auto_executed' || idea.status === 'approved') ? <li><Opening agentId={agent.id} commandId={idea.commandId} /></li> : null}
          </ol>
        );
      }}
    </Fresh>
  );
}

function Opening({ agentId, commandId }: { agentId: string; commandId: string }) {
  const query = useGet('/api/v1/commands/{id}', { path: { id: commandId } }, { every: EVERY });
  return (
    <Fresh query={query} every={EVERY}>
      {({ status, error }) => (
        <p><Light tone={STATUS_TONES[status]}>{STATUS_WORDS[status]}</Light> its command to open, <Link href={`/agents/${agentId}/commands/${commandId}`}>the command</Link>
          {saidOf(error) === null ? null : <span> Its agent said: {saidOf(error)}.</span>}
          {status === 'queued' ? <span className="quiet"> It waits for the agent to fetch it, and expires with the idea.</span> : null}
          {status === 'succeeded' ? <span className="quiet"> The trade is not told yet.</span> : null}
        </p>
      )}
    </Fresh>
  );
}

/** What an agent said went wrong, `{code, message}`; null: nothing that can be read. */
function saidOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, message } = error as Record<string, unknown>;
  const said = [code, message].filter((part) => typeof part === 'string' && part !== '').join(', ');
  return said === '' ? null : said;
}
