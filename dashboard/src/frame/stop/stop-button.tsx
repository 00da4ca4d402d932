import { useEffect, useState } from 'react';
import { useMay } from '../../api/session.js';
import { Dialog } from '../../kit/dialog.js';
import { useOverview } from '../../shared/overview.js';
import { HaltEffect } from './halt-effect.js';
import { KeptStops } from './kept-line.js';
import { forgetStop, useKeptStops } from './kept-stops.js';
import { leasesOf } from './leases.js';
import css from './stop.module.css';
import { StopForm } from './stop-form.js';

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

/** Always in view; Shift+S opens it from everywhere but a field that is being filled in. */
export function StopButton({ className }: { className?: string | undefined }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'S' || !event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
      event.preventDefault();
      setOpen(true);
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
  return (
    <div className={className}>
      <button type="button" className={`stop ${css.open}`} aria-keyshortcuts="Shift+S" title="Shift+S" onClick={() => setOpen(true)}>■ Stop …</button>
      {isOpen ? <StopDialog onClose={() => setOpen(false)} /> : null}
    </div>
  );
}

function StopDialog({ onClose }: { onClose: () => void }) {
  const may = useMay('operator');
  const { data } = useOverview();
  const [key, setKey] = useState<string | null>(null);
  const kept = useKeptStops().find((each) => each.key === key);
  // Its effect was seen here.
  const close = () => {
    if (kept?.haltId) forgetStop(kept.key);
    onClose();
  };
  return (
    <Dialog title="Stop" onClose={close}>
      {!may ? <WhoMay /> : key === null ? <StopForm overview={data} onAsked={setKey} /> : kept?.haltId ? <HaltEffect id={kept.haltId} /> : kept ? <KeptStops leases={leasesOf(data)} /> : <p role="status">Withdrawn. What is in force stands on the overview.</p>}
    </Dialog>
  );
}

const WhoMay = () => (
  <>
    <p><strong>You may look, not stop.</strong> Operators and administrators may: call one of them.</p>
    <p className="quiet">On the server itself, <code>tradewarden halt</code> stops trading without a sign-in. Settings, Users says who has which role.</p>
  </>
);
