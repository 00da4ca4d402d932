import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { answer, api } from '../../api/client.js';
import type { ApiError } from '../../api/problem.js';
import type { components, paths } from '../../api/schema.js';
import { Field } from '../../kit/field.js';
import { Facts } from '../../kit/facts.js';
import { Code, Light, type Tone } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { SignalFacts } from './signal-facts.js';

type Answer = components['schemas']['AlertPreview'];
type Tried = Pick<NonNullable<paths['/api/v1/webhook-sources/{sourceId}/preview']['post']['requestBody']>['content']['application/json'], 'mapping' | 'symbols'>;

const PAUSE_MS = 400;

function useQuiet<T>(value: T): T {
  const [quiet, setQuiet] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setQuiet(JSON.parse(text) as T), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return quiet;
}

/** What the mapping makes of a body, as it is typed; with the mapping in the form above, where that is not yet the source's. */
export function Preview({ id, version, tried }: { id: string; version: number; tried: Tried | null }) {
  const [body, setBody] = useState('');
  const asked = useQuiet({ body, tried });
  const query = useQuery<Answer, ApiError>({
    queryKey: ['alert preview', id, version, asked],
    queryFn: () => answer(api.POST('/api/v1/webhook-sources/{sourceId}/preview', { params: { path: { sourceId: id } }, body: { body: asked.body, ...asked.tried } })),
    enabled: asked.body.trim() !== '',
    retry: false,
  });
  return (
    <Panel title="Preview: what it makes of an alert">
      <Field name="Body of an alert" about="Nothing is stored, and nothing is done."><textarea className="code" value={body} onChange={({ target }) => setBody(target.value)} spellCheck={false} rows={6} /></Field>
      {tried ? <p className="doubt small">▲ Tried with the mapping as it stands in the form, which is not yet the source's.</p> : null}
      {asked.body.trim() === '' ? null : query.error ? <ProblemNote error={query.error} /> : query.data ? <Shown answer={query.data} /> : <p className="quiet" role="status">Reading …</p>}
    </Panel>
  );
}

const OUTCOMES: Record<Answer['outcome'], { word: string; tone: Tone }> = {
  signal: { word: 'It is understood', tone: 'good' }, ping: { word: 'A test of the connection: nothing is done', tone: 'off' }, ignored: { word: 'It would be ignored', tone: 'off' }, quarantined: { word: 'It would wait in quarantine', tone: 'danger' },
};
const SECRETS: Record<Answer['secret'], string> = { none_needed: 'none is asked for', missing: 'missing: it would not be let in', wrong: 'wrong: it would not be let in', right: 'right' };
const KEYS: Record<Answer['key']['kind'], string> = { explicit: 'its alert id', bar: 'its bar and order', content: 'all of its content', bytes: 'its bytes' };

function Shown({ answer: { outcome, code, detail, secret, key, stream, signal } }: { answer: Answer }) {
  const { word, tone } = OUTCOMES[outcome];
  return (
    <div className="stack" role="status">
      <div className="row"><Light tone={tone}>{word}</Light>{code ? <span>{detail} <Code>{code}</Code></span> : null}</div>
      {signal ? <SignalFacts signal={signal} /> : null}
      <Facts of={[['Secret', SECRETS[secret]], ['Known again by', `${KEYS[key.kind]}${key.expires ? ', for a minute' : ', for ever'}`], ['Takes its turn with', stream || 'those without a symbol']]} />
    </div>
  );
}
