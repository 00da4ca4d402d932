import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { makeStale } from '../../api/queries.js';
import { Field } from '../../kit/field.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import css from '../../shared/agents/agents.module.css';
import type { CommandRow } from '../../shared/agents/command-words.js';

type Settled = 'succeeded' | 'failed' | 'not_sent' | 'rejected';
const SETTLED: Record<Settled, string> = { succeeded: 'It was done', failed: 'It failed', not_sent: 'It never went out', rejected: 'The broker refused it' };

/** What a person can do to a command where it stands, each with a reason; nothing where nothing can be done. */
export function CommandActions({ command }: { command: CommandRow }) {
  const { status, class: kind, type, cancelRequested } = command;
  if (status === 'unknown') return <Settle command={command} />;
  if (status === 'dead') return type === 'open_trade' ? <p className="quiet">An opening is handed out once and never again: propose the idea anew.</p> : <Requeue command={command} />;
  if (status === 'queued' || status === 'waiting_for_market' || (status === 'leased' && !cancelRequested)) {
    return <Cancel command={command} warning={kind === 'reduces' ? 'This command makes the risk smaller. Cancelled, nothing of it is done.' : null} />;
  }
  return null;
}

function useAct(command: CommandRow, act: (reason: string) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => makeStale(client, '/api/v1/commands', '/api/v1/agents'), mutationKey: [command.id] });
}

interface FormProps {
  title: string;
  button: string;
  isOptional?: boolean;
  run: ReturnType<typeof useAct>;
  children?: ReactNode;
}

function ReasonForm({ title, button, isOptional = false, run, children }: FormProps) {
  const [reason, setReason] = useState('');
  return (
    <Panel title={title}>
      <form className={`stack ${css.form}`} onSubmit={(event) => { event.preventDefault(); run.mutate(reason); }}>
        {children}
        <Field name={isOptional ? 'Reason (optional)' : 'Reason'}><input value={reason} maxLength={500} required={!isOptional} onChange={({ target }) => setReason(target.value)} /></Field>
        <ProblemNote error={run.error} holds="The command stands as it is shown above." />
        <div><button disabled={run.isPending}>{run.isPending ? 'Asking …' : button}</button></div>
      </form>
    </Panel>
  );
}

function Cancel({ command, warning }: { command: CommandRow; warning: string | null }) {
  const run = useAct(command, (reason) => answer(api.POST('/api/v1/commands/{id}/cancel', { params: { path: { id: command.id } }, body: { reason } })));
  return (
    <ReasonForm title="Cancel it" button={command.status === 'leased' ? 'Ask its agent to give it up' : 'Cancel command'} run={run}>
      {warning ? <p className="doubt">▲ {warning}</p> : null}
      {command.status === 'leased' ? <p className="quiet">Its agent has it already, and learns of this when it extends its lease or the lease ends.</p> : null}
    </ReasonForm>
  );
}

function Requeue({ command }: { command: CommandRow }) {
  const run = useAct(command, (reason) => answer(api.POST('/api/v1/commands/{id}/requeue', { params: { path: { id: command.id } }, body: reason === '' ? {} : { reason } })));
  return <ReasonForm title="Try it again" button="Requeue command" isOptional run={run} />;
}

function Settle({ command }: { command: CommandRow }) {
  const [outcome, setOutcome] = useState<Settled | ''>('');
  const run = useAct(command, (reason) => answer(api.POST('/api/v1/commands/{id}/settle', { params: { path: { id: command.id } }, body: { outcome: outcome as Settled, reason } })));
  return (
    <ReasonForm title="Say what became of it" button="Settle command" run={run}>
      <p>Look at the broker first. What you say here is believed.</p>
      <Field name="Outcome">
        <select value={outcome} required onChange={({ target }) => setOutcome(target.value as Settled)}>
          <option value="">—</option>{Object.entries(SETTLED).map(([word, text]) => <option key={word} value={word}>{text}</option>)}
        </select>
      </Field>
    </ReasonForm>
  );
}
