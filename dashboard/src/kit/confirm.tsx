import { type ReactNode, useEffect, useRef, useState } from 'react';
import css from './confirm.module.css';

const HOLD_MS = 1_000;

interface HoldProps {
  /** What it does: "Halt EURUSD on FTMO-1". */
  children: ReactNode;
  onHeld: () => void;
  disabled?: boolean;
}

/**
 * For what stops or reduces: held for a second, by finger, mouse, Space or Enter. Who cannot hold (a screen reader
 * clicks) is asked by a second click within five seconds instead.
 */
export function HoldButton({ children, onHeld, disabled = false }: HoldProps) {
  const [holding, setHolding] = useState(false);
  const [asked, setAsked] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const begin = () => {
    if (disabled || holding) return;
    setHolding(true);
    timer.current = setTimeout(() => {
      setHolding(false);
      onHeld();
    }, HOLD_MS);
  };
  const end = () => {
    clearTimeout(timer.current);
    setHolding(false);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!asked) return;
    const forget = setTimeout(() => setAsked(false), 5_000);
    return () => clearTimeout(forget);
  }, [asked]);
  const isHoldKey = (key: string) => key === ' ' || key === 'Enter';
  return (
    <button
      type="button" className={`stop ${css.hold}`} data-holding={holding} disabled={disabled}
      onPointerDown={(event) => event.button === 0 && begin()} onPointerUp={end} onPointerLeave={end} onPointerCancel={end} onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => { if (isHoldKey(event.key)) { event.preventDefault(); if (!event.repeat) begin(); } }}
      onKeyUp={(event) => { if (isHoldKey(event.key)) { event.preventDefault(); end(); } }}
      onBlur={end}
      onClick={({ detail, nativeEvent }) => {
        // Of a pointer or a key these are the end of a hold that was too short.
        if (detail !== 0 || (nativeEvent as PointerEvent).pointerType) return;
        if (asked) onHeld();
        setAsked(!asked);
      }}
    >
      <span className={css.fill} aria-hidden="true" />
      <span className={css.words}>{children} <span className={css.how}>{asked ? 'press again to confirm' : 'hold'}</span></span>
    </button>
  );
}

interface TypedProps {
  /** What has to be typed, such as RELEASE. */
  word: string;
  /** What it does. */
  children: ReactNode;
  onConfirmed: () => void;
  disabled?: boolean;
}

/** For what starts or releases: a word is typed. Stopping is always easier than starting. */
export function TypedConfirm({ word, children, onConfirmed, disabled = false }: TypedProps) {
  const [typed, setTyped] = useState('');
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); if (typed === word) onConfirmed(); }}>
      <label className={css.typed}><span className="small quiet">Type {word} to confirm</span><input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" autoCapitalize="characters" spellCheck={false} /></label>
      <button type="submit" className="main" disabled={disabled || typed !== word}>{children}</button>
    </form>
  );
}
