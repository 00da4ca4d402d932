import { type ReactNode, useEffect, useState } from 'react';
import type { ApiError } from '../../api/problem.js';
import { ProblemNote } from '../../kit/problem-note.js';
import type { Telling } from './change-table.js';
import { Conflict } from './conflict.js';
import { type Change, changesBetween, flat, unflat } from './differences.js';
import type { Draft } from './draft.js';
import { SaveDialog } from './save-dialog.js';
import css from './versioned.module.css';

interface Props<T extends object> {
  draft: Draft<T>;
  groups?: readonly string[];
  telling: Telling;
  /** Whose settings: "for everybody", "of FTMO-1". */
  whose: string;
  /** What is to be typed for, given what changes; null: nothing lets more through. */
  warningOf: (changes: readonly Change[], mine: T, base: T) => string | null;
  error: ApiError | null;
  busy: boolean;
  saved: string | null;
  mayChange: boolean;
  /** False where the API keeps none. */
  askReason?: boolean;
  onSave: (content: T, version: number, reason: string | null) => void;
  /** The last refusal is about what is no more. */
  onForget: () => void;
  children: ReactNode;
}

const KEPT = 'Nothing was saved; what you changed is still in the form.';

/** A form that is saved whole, on the version that was read, after what differs was looked at. */
export function VersionedEditor<T extends object>(props: Props<T>) {
  const { draft, groups = [], telling, whose, warningOf, error, busy, saved, mayChange, askReason = true, onSave, onForget, children } = props;
  const [isReviewing, review] = useState(false);
  const { base, mine, theirs, isChanged } = draft;
  const fieldsOf = (content: T) => flat(content, groups);
  const changes = changesBetween(fieldsOf(base), fieldsOf(mine));
  const refused = error && error.status !== 412 ? error : null;
  const stop = () => { onForget(); review(false); };
  const discard = () => { draft.discard(); stop(); };
  const isOpen = isChanged && !theirs;
  // Saved, discarded or overtaken: the next change is looked at anew.
  useEffect(() => {
    if (!isOpen) review(false);
  }, [isOpen]);
  return (
    <div className="stack">
      {saved && !isChanged ? <p role="status">● {saved}</p> : null}
      {theirs && isChanged ? (
        <Conflict base={fieldsOf(base)} mine={fieldsOf(mine)} theirs={fieldsOf(theirs.content)} version={theirs.version} telling={telling} onDiscard={discard}
          onDecided={(fields) => { draft.rebase(unflat(fields, groups) as T); stop(); }} />
      ) : null}
      {children}
      {refused && !isReviewing ? <ProblemNote error={refused} holds={KEPT} /> : null}
      {mayChange && isOpen ? (
        <div className={css.bar} role="region" aria-label="Your changes">
          <span>{changes.length === 0 ? 'Nothing differs.' : `${changes.length} ${changes.length === 1 ? 'value differs' : 'values differ'} ${whose}, not saved yet`}</span>
          <span className="row">
            <button type="button" onClick={discard}>Discard</button>
            <button type="button" className="main" disabled={changes.length === 0} onClick={() => { onForget(); review(true); }}>Review changes</button>
          </span>
        </div>
      ) : null}
      {isReviewing && isOpen ? (
        <SaveDialog title={`Change ${whose}`} changes={changes} telling={telling} busy={busy} askReason={askReason} error={refused} warning={warningOf(changes, mine, base)} onClose={() => review(false)} onSave={(reason) => onSave(mine, draft.version, reason)} />
      ) : null}
    </div>
  );
}
