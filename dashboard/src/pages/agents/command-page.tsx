import { Link } from 'wouter';
import { useGet } from '../../api/queries.js';
import { useMay } from '../../api/session.js';
import { Facts } from '../../kit/facts.js';
import { Code, Light } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Raw } from '../../kit/raw.js';
import { Age, Time, useNow } from '../../kit/time.js';
import { Actor } from '../../shared/names.js';
import { CommandActions } from './command-actions.js';
import { CommandAttempts } from './command-attempts.js';
import { CLASS_WORDS, type CommandRow, isFinal, standing, STATUS_TONES, STATUS_WORDS, times } from '../../shared/agents/command-words.js';

/** While it is on its way somebody waits for it; events tell of steps, and this is their net. */
const EVERY = { going: 3_000, ended: 30_000 };

/** One command from the queue to its end, followed live. */
export function CommandPage({ agentId, commandId }: { agentId: string; commandId: string }) {
  const agent = useGet('/api/v1/agents/{agentId}', { path: { agentId } });
  const first = useGet('/api/v1/commands/{id}', { path: { id: commandId } }, { every: EVERY.going });
  const mayOperate = useMay('operator');
  return (
    <div className="stack">
      <p className="small"><Link href="/agents">Agents</Link> / <Link href={`/agents/${agentId}`}>{agent.data?.name ?? 'agent'}</Link> / <Link href={`/agents/${agentId}/commands`}>Commands</Link></p>
      <Fresh query={first} every={EVERY.going}>
        {(command) => (
          <div className="stack">
            <h1>{command.type}</h1>
            <Standing command={command} />
            {mayOperate ? <CommandActions key={command.status} command={command} /> : null}
            <div className="grid2">
              <Result command={command} />
              <About command={command} />
            </div>
            <CommandAttempts attempts={command.attempts} isOver={isFinal(command.status)} />
            {mayOperate && isFinal(command.status) ? <p><Link href={`/agents/${agentId}/command?type=${command.type}`}>Send another</Link></p> : null}
          </div>
        )}
      </Fresh>
    </div>
  );
}

function Standing({ command }: { command: CommandRow }) {
  const now = useNow();
  return (
    <Panel title="Now">
      <p className="row" role="status"><Light tone={STATUS_TONES[command.status]}>{STATUS_WORDS[command.status]}</Light> <span>{standing(command, now)}</span></p>
      {command.status === 'queued' && Date.parse(command.notBefore) > now ? <p className="quiet">It is handed out <Age at={command.notBefore} />.</p> : null}
      {command.leaseExpiresAt && command.status === 'leased' ? <p className="quiet">Its lease ends <Age at={command.leaseExpiresAt} />; then it is handed out again, unless it opens.</p> : null}
      {command.expiresAt && (command.status === 'queued' || command.status === 'waiting_for_market') ? <p className="quiet">It expires <Age at={command.expiresAt} />.</p> : null}
      {command.reason ? <p>Reason: {command.reason}</p> : null}
    </Panel>
  );
}

const isEmpty = (value: unknown) => value === null || value === undefined;

const Result = ({ command: { result, error, status } }: { command: CommandRow }) => (
  <Panel title="Result">
    {isEmpty(error) ? null : <div className="stack"><p className="danger">■ What its agent said went wrong:</p><pre tabIndex={0} aria-label="Error">{JSON.stringify(error, null, 2)}</pre></div>}
    {isEmpty(result) ? <p className="quiet">{isFinal(status) ? 'Its agent answered nothing more.' : 'There is none yet.'}</p> : <pre tabIndex={0} aria-label="Result">{JSON.stringify(result, null, 2)}</pre>}
  </Panel>
);

const About = ({ command }: { command: CommandRow }) => (
  <Panel title="What was asked">
    <Facts of={[
      ['Class', `${command.class}: ${CLASS_WORDS[command.class]}`], ['Priority', command.priority], ['Queued', <Time key="c" at={command.createdAt} />], ['By', <Actor key="b" who={command.createdBy} />],
      ['Attempts', `${command.attempt}${command.maxAttempts === null ? '' : `, given up after ${times(command.maxAttempts)}`}`],
      ...(command.tradeId ? [['Trade', <Link key="t" href={`/trades/${command.tradeId}`}>open it</Link>] as const] : []),
      ['Ended', command.finishedAt ? <Time key="f" at={command.finishedAt} /> : 'not yet'], ['Id', <Code key="i">{command.id}</Code>],
    ]} />
    <pre tabIndex={0} aria-label="Payload">{JSON.stringify(command.payload, null, 2)}</pre>
    <p className="small"><Link href={`/why/${command.id}`}>Why it was sent, and what came of it</Link></p>
    <Raw record={command} />
  </Panel>
);
