import type { ApiError } from '../../api/problem.js';
import { useMay } from '../../api/session.js';
import { Field } from '../../kit/field.js';
import { utc } from '../../kit/time.js';
import type { CommandType } from './new-command.js';

const PRIORITIES = ['emergency', 'high', 'normal', 'low'] as const;

export interface HandOutValue {
  priority: string;
  /** As a person types them, in the zone of the browser. */
  notBefore: string;
  expiresAt: string;
  supersedes: boolean;
  maxAttempts: string;
}

export const NO_HAND_OUT: HandOutValue = { priority: '', notBefore: '', expiresAt: '', supersedes: false, maxAttempts: '' };

const instant = (local: string): string => (Number.isNaN(Date.parse(local)) ? local : new Date(local).toISOString());

/** Only what was said: the server knows its own defaults. */
export const fieldsOf = ({ priority, notBefore, expiresAt, supersedes, maxAttempts }: HandOutValue): object => ({
  ...(priority !== '' && { priority }), ...(notBefore !== '' && { notBefore: instant(notBefore) }), ...(expiresAt !== '' && { expiresAt: instant(expiresAt) }),
  ...(supersedes && { supersedes }), ...(maxAttempts !== '' && { maxAttempts: /^\d+$/.test(maxAttempts) ? Number(maxAttempts) : maxAttempts }),
});

interface Props {
  type: CommandType;
  value: HandOutValue;
  onChange: (value: HandOutValue) => void;
  error: ApiError | null;
}

/** When, how urgently and how often a command is handed out; closed at first, since the defaults are meant. */
export function HandOut({ type, value, onChange, error }: Props) {
  const mayRush = useMay('admin') || type.priority === 'emergency';
  const set = (part: Partial<HandOutValue>) => onChange({ ...value, ...part });
  const inUtc = (local: string) => (local === '' || Number.isNaN(Date.parse(local)) ? 'in your time zone' : utc(instant(local)));
  return (
    <details>
      <summary>When and how it is handed out</summary>
      <div className="grid2">
        <Field name="Priority" error={error?.of('priority')} about={mayRush ? undefined : 'emergency takes an administrator'}>
          <select value={value.priority} onChange={({ target }) => set({ priority: target.value })}>
            <option value="">{type.priority} (its own)</option>{PRIORITIES.filter((each) => each !== type.priority && (mayRush || each !== 'emergency')).map((each) => <option key={each}>{each}</option>)}
          </select>
        </Field>
        <Field name="Attempts at most" error={error?.of('maxAttempts')} about="1 to 100; what reduces has no limit"><input inputMode="numeric" value={value.maxAttempts} onChange={({ target }) => set({ maxAttempts: target.value.trim() })} /></Field>
        <Field name="Not before" error={error?.of('notBefore')} about={inUtc(value.notBefore)}><input type="datetime-local" step={1} value={value.notBefore} onChange={({ target }) => set({ notBefore: target.value })} /></Field>
        <Field name="Expires" error={error?.of('expiresAt')} about={`${inUtc(value.expiresAt)}; handed out no later`}><input type="datetime-local" step={1} value={value.expiresAt} onChange={({ target }) => set({ expiresAt: target.value })} /></Field>
      </div>
      <label className="row"><input type="checkbox" checked={value.supersedes} onChange={({ target }) => set({ supersedes: target.checked })} /> Cancel those of this type that still wait</label>
    </details>
  );
}
