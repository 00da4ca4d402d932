import { type ReactNode, useId } from 'react';
import { Light } from '../../kit/figures.js';
import css from './start.module.css';

interface Props {
  number: number;
  title: string;
  isDone: boolean;
  isOpen: boolean;
  /** The step that has to be green first. */
  before?: string | undefined;
  children: ReactNode;
}

export function Step({ number, title, isDone, isOpen, before, children }: Props) {
  const id = useId();
  return (
    <li className={css.step} aria-labelledby={id} data-done={isDone}>
      <div className="row between">
        <h2 id={id}>{number}. {title}</h2>
        {isDone ? <Light tone="good">done</Light> : isOpen ? <Light tone="doubt">to do</Light> : <Light tone="off">waits for: {before}</Light>}
      </div>
      {isOpen ? <div className="stack">{children}</div> : null}
    </li>
  );
}
