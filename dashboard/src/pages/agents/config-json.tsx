import { useState } from 'react';
import { ApiError } from '../../api/problem.js';
import { Field } from '../../kit/field.js';
import { Panel } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Agent } from '../../shared/agents/agent-words.js';
import { useChangeAgent } from '../../shared/agents/change-agent.js';

const textOf = (config: unknown): string => JSON.stringify(config, null, 2);

function parsed(text: string): { config: Record<string, unknown> } | { error: string } {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { config: value as Record<string, unknown> } : { error: 'must be an object in braces' };
  } catch (error) {
    return { error: `is no JSON: ${(error as Error).message}` };
  }
}

/** Free settings of the agent's own code. Stored here they are what it reads next; a command tells it at once. */
export function ConfigJson({ agent, mayEdit }: { agent: Agent; mayEdit: boolean }) {
  const [text, setText] = useState<string | null>(null);
  return (
    <Panel title="Configuration of its own code" actions={mayEdit && text === null ? <button type="button" onClick={() => setText(textOf(agent.config))}>Edit configuration</button> : null}>
      {text === null ? <pre tabIndex={0} aria-label="Configuration">{textOf(agent.config)}</pre> : <Editor agent={agent} text={text} onChange={setText} onDone={() => setText(null)} />}
      <p className="small quiet">The agent reads it with its state. To have it taken over and answered, send the command update_config instead.</p>
    </Panel>
  );
}

function Editor({ agent, text, onChange, onDone }: { agent: Agent; text: string; onChange: (text: string) => void; onDone: () => void }) {
  const change = useChangeAgent(agent.id);
  const [began] = useState(textOf(agent.config));
  const [wrong, setWrong] = useState<string>();
  const hasMoved = textOf(agent.config) !== began;
  const save = () => {
    const read = parsed(text);
    setWrong('error' in read ? read.error : undefined);
    if ('config' in read) change.mutate({ config: read.config }, { onSuccess: onDone });
  };
  const refused = change.error instanceof ApiError ? change.error.problem.errors?.filter(({ path }) => path.startsWith('config')).map(({ message }) => message).join('; ') : undefined;
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save(); }}>
      {hasMoved ? <p className="doubt" role="alert">▲ Somebody changed it meanwhile. Saving replaces all of it with what stands here.</p> : null}
      <Field name="Configuration" about="JSON, no credentials: every viewer sees it" error={wrong ?? (refused || undefined)}><textarea className="code" rows={10} spellCheck={false} value={text} onChange={({ target }) => onChange(target.value)} /></Field>
      <ProblemNote error={change.error} holds="The configuration is as it was." />
      <div className="row"><button className="main" disabled={change.isPending}>{change.isPending ? 'Saving …' : 'Save configuration'}</button><button type="button" onClick={onDone}>Leave as it was</button></div>
    </form>
  );
}
