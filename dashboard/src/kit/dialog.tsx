import { type ReactNode, useEffect, useId, useRef } from 'react';
import css from './dialog.module.css';

/** The browser's own dialog: it keeps the focus, Escape closes it, and what lies behind cannot be reached. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog ref={ref} className={css.dialog} aria-labelledby={id} onClose={onClose} onCancel={onClose}>
      <div className={css.head}>
        <h2 id={id}>{title}</h2>
        <button type="button" className="plain" onClick={onClose} aria-label="Close">✕</button>
      </div>
      <div className="stack">{children}</div>
    </dialog>
  );
}
