import { useMutation, useQueryClient } from '@tanstack/react-query';
import { answer, api } from '../../../api/client.js';
import type { ApiError } from '../../../api/problem.js';
import { makeStale } from '../../../api/queries.js';
import { Light } from '../../../kit/figures.js';
import { Empty, Panel } from '../../../kit/panel.js';
import { ProblemNote } from '../../../kit/problem-note.js';
import { SchemaForm } from '../../../kit/schema-form.js';
import { Age } from '../../../kit/time.js';
import { blankChannel, type Channel, NAMES, type Notifications, schemaOf, type Secret, SECRETS, type Settings } from './channels.js';
import { SecretField } from './secret-field.js';

interface Props {
  channel: Channel;
  shown: Notifications[Channel];
  mine: Settings | null;
  mayChange: boolean;
  error: ApiError | null;
  onChange: (settings: Settings | null) => void;
}

export function ChannelPanel({ channel, shown, mine, mayChange, error, onChange }: Props) {
  const schema = schemaOf(channel);
  return (
    <Panel title={NAMES[channel]} actions={<ChannelLight shown={shown} />}>
      {shown ? <ChannelState channel={channel} shown={shown} /> : <Empty>Not set up: nobody is told here.</Empty>}
      {shown && mayChange ? <TestButton channel={channel} /> : null}
      {!mayChange ? null : mine === null ? <div><button type="button" onClick={() => onChange(blankChannel(channel))}>Set up {NAMES[channel]}</button></div> : (
        <>
          <SchemaForm schema={schema} without={SECRETS[channel]} value={mine} onChange={(next) => onChange(next as Settings)} error={error} path={channel} />
          <div className="grid2">
            {SECRETS[channel].map((name) => (
              <SecretField key={name} name={name} isSet={(shown as Record<string, { isSet?: boolean }> | null)?.[name]?.isSet ?? false} value={mine[name] as Secret} about={schema.properties?.[name]?.description?.split(';')[0] ?? ''} error={error?.of(`${channel}.${name}`)} onChange={(value) => onChange({ ...mine, [name]: value })} />
            ))}
          </div>
          <div><button type="button" onClick={() => onChange(null)}>Take {NAMES[channel]} away, with its secrets</button></div>
        </>
      )}
    </Panel>
  );
}

function ChannelLight({ shown }: { shown: Notifications[Channel] }) {
  if (!shown) return <Light tone="off">not set up</Light>;
  if (!shown.enabled) return <Light tone="doubt">off: nobody is told</Light>;
  if (shown.state.failingSince) return <Light tone="danger">failing</Light>;
  return shown.state.lastSentAt ? <Light tone="good">reaches</Light> : <Light tone="doubt">never tried</Light>;
}

function ChannelState({ channel, shown }: { channel: Channel; shown: NonNullable<Notifications[Channel]> }) {
  const { state } = shown;
  const chat = channel === 'telegram' ? (shown as NonNullable<Notifications['telegram']>).chat : null;
  const origin = channel === 'webhook' ? (shown as NonNullable<Notifications['webhook']>).url.origin : null;
  return (
    <div className="small">
      <p>Told from {shown.minimumSeverity} up{origin ? ` at ${origin}` : ''}. Last message out: <Age at={state.lastSentAt} />. Waiting: {state.waiting}{state.nextAttemptAt ? <>, next try <Age at={state.nextAttemptAt} /></> : null}.</p>
      {state.failingSince ? <p className="danger">■ Failing since <Age at={state.failingSince} />, {state.failures} times in a row: {state.lastError ?? 'the service said nothing'}</p> : null}
      {chat ? <p className={chat.lastError ? 'danger' : 'quiet'}>Commands heard <Age at={chat.lastHeardAt} />{chat.lastError ? `: ${chat.lastError}` : ''}{chat.ignored > 0 ? `; ${chat.ignored} messages of other chats were ignored` : ''}.</p> : null}
    </div>
  );
}

/** What the service says is shown as it said it. */
function TestButton({ channel }: { channel: Channel }) {
  const client = useQueryClient();
  const test = useMutation<{ said: string; reached: string[] }, ApiError, void>({
    mutationFn: () => answer(api.POST('/api/v1/notifications/test', { body: { channel } })) as Promise<{ said: string; reached: string[] }>,
    onSettled: () => makeStale(client, '/api/v1/notifications'),
  });
  return (
    <div className="stack">
      <div><button type="button" disabled={test.isPending} onClick={() => test.mutate()}>{test.isPending ? 'Sending …' : `Send a test by ${NAMES[channel]}`}</button> <span className="quiet small">with the settings that are saved</span></div>
      {test.data ? <p role="status">● The service took it: {test.data.said}{test.data.reached.length > 0 ? ` (${test.data.reached.join(', ')})` : ''}</p> : null}
      <ProblemNote error={test.error} holds="Nobody was told by this test." />
    </div>
  );
}
