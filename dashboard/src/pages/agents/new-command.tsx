import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { answer, api } from '../../api/client.js';
import { type AnswerOf, makeStale } from '../../api/queries.js';
import { ApiError } from '../../api/problem.js';
import type { paths } from '../../api/schema.js';
import { useMay } from '../../api/session.js';
import { useFilter } from '../../kit/address.js';
import { Field } from '../../kit/field.js';
import { Light, type Tone } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { SchemaForm } from '../../kit/schema-form.js';
import type { Schema } from '../../kit/schema.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import css from '../../shared/agents/agents.module.css';
import { CLASS_WORDS } from '../../shared/agents/command-words.js';
import { useCommandTypes } from './command-types.js';
import { fieldsOf, HandOut, NO_HAND_OUT } from './hand-out.js';
import { OpenTrades } from './open-trades.js';
import { SendButton } from './send-button.js';

export type CommandType = AnswerOf<'/api/v1/command-types'>['items'][number];
type Body = paths['/api/v1/agents/{agentId}/commands']['post']['requestBody']['content']['application/json'];

const TONES: Record<string, Tone> = { opens: 'doubt', reduces: 'good', neutral: 'off', computed: 'doubt' };

/** Any command there is, by a form made from what the server checks it with. */
export function NewCommand({ agent }: { agent: Agent }) {
  const types = useCommandTypes();
  const [type, setType] = useFilter('type');
  const mayOperate = useMay('operator');
  if (!mayOperate) return <Empty>Commands are sent by operators and administrators.</Empty>;
  if (agent.retired) return <Empty>A retired agent takes no commands.</Empty>;
  return (
    <Panel title={`A command to ${agent.name}`}>
      <Fresh query={types} every={600_000}>
        {({ items }) => {
          const chosen = items.find((each) => each.type === type);
          return (
            <div className="stack">
              <div className={css.form}><Field name="Command" about={chosen?.about}>
                <select value={type} onChange={({ target }) => setType(target.value)}>
                  <option value="">—</option>{items.map((each) => <option key={each.type} value={each.type}>{each.type}</option>)}
                </select>
              </Field></div>
              {chosen ? <CommandForm key={chosen.type} agent={agent} type={chosen} /> : <ul className="stack">{items.map((each) => <li key={each.type}><button type="button" className="plain" onClick={() => setType(each.type)}>{each.type}</button> <span className="quiet">{each.about}</span></li>)}</ul>}
            </div>
          );
        }}
      </Fresh>
    </Panel>
  );
}

/** What the server turns into another shape before it checks it has no fields of its own here: free JSON. */
const formOf = ({ payloadSchema }: CommandType): Schema => (payloadSchema['type'] === undefined ? { type: 'object' } : payloadSchema as Schema);

function CommandForm({ agent, type }: { agent: Agent; type: CommandType }) {
  const [params] = useSearchParams();
  const [, go] = useLocation();
  const client = useQueryClient();
  const [payload, setPayload] = useState<unknown>(() => (params.get('tradeId') ? { tradeId: params.get('tradeId') } : {}));
  const [handOut, setHandOut] = useState(NO_HAND_OUT);
  const send = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/agents/{agentId}/commands', { params: { path: { agentId: agent.id } }, body: { type: type.type, payload: payload as Body['payload'], ...fieldsOf(handOut) } as Body })),
    onSuccess: ({ id }) => {
      void makeStale(client, '/api/v1/commands', '/api/v1/agents');
      go(`/agents/${agent.id}/commands/${id}`);
    },
  });
  if (type.type === 'open_trade') return <GateOnly agentId={agent.id} />;
  const schema = formOf(type);
  const takesTrade = schema.properties?.['tradeId'] !== undefined;
  const set = (next: unknown) => { setPayload(next); send.reset(); };
  return (
    <div className="stack">
      <p><Light tone={TONES[type.class] ?? 'off'}>{type.class}</Light> <span className="quiet">{CLASS_WORDS[type.class]}</span></p>
      {takesTrade ? <div className={css.form}><OpenTrades agentId={agent.id} onChosen={(tradeId) => set({ ...(payload as object), tradeId })} /></div> : null}
      <SchemaForm schema={schema} value={payload} onChange={set} error={send.error instanceof ApiError ? send.error : null} path="payload" />
      <HandOut type={type} value={handOut} onChange={setHandOut} error={send.error instanceof ApiError ? send.error : null} />
      <ProblemNote error={send.error} holds="Nothing was queued, as far as is known here." />
      <SendButton agent={agent} type={type} isBusy={send.isPending} onSend={() => send.mutate()} />
    </div>
  );
}

const GateOnly = ({ agentId }: { agentId: string }) => (
  <Empty>An opening is made by the gate, never by hand: propose an idea, and when the gate lets it through its command is here. <Link href={`/ideas/new?executorAgentId=${agentId}`}>Propose an idea</Link></Empty>
);
