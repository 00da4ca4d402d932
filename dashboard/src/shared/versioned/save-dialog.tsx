import { useState } from 'react';
import { TypedConfirm } from '../../kit/confirm.js';
import { Dialog } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { ChangeTable, type Telling } from './change-table.js';
import type { Change } from './differences.js';

interface Props {
  title: string;
  changes: readonly Change[];
  telling: Telling;
  /** Said and typed before what starts or lets more through. */
  warning: string | null;
  error: Error | null;
  busy: boolean;
  askReason: boolean;
  onSave: (reason: string | null) => void;
  onClose: () => void;
}

/** What will differ, before it does. What lets more through is typed; what holds back is a plain button. */
export function SaveDialog({ title, changes, telling, warning, error, busy, askReason, onSave, onClose }: Props) {
  const [reason, setReason] = useState('');
  const save = () => onSave(reason.trim() || null);
  return (
    <Dialog title={title} onClose={onClose}>
      <ChangeTable label="What will change" changes={changes} telling={telling} empty="Nothing differs." />
      {askReason ? <Field name="Reason" about="kept with the version; who did it and when is kept anyway"><textarea value={reason} maxLength={1_000} onChange={({ target }) => setReason(target.value)} /></Field> : null}
      <ProblemNote error={error} holds="Nothing was saved; what you changed is still in the form." />
      {warning === null ? <div><button type="button" className="main" disabled={busy || changes.length === 0} onClick={save}>{busy ? 'Saving …' : 'Save'}</button></div> : (
        <>
          <p className="doubt">▲ {warning}</p>
          <TypedConfirm word="LOOSEN" disabled={busy} onConfirmed={save}>{busy ? 'Saving …' : 'Save'}</TypedConfirm>
        </>
      )}
    </Dialog>
  );
}
