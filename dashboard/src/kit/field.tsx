import { cloneElement, type ReactElement, type ReactNode, useId } from 'react';
import css from './field.module.css';

interface FieldProps {
  name: string;
  /** Unit, limits, what it does. */
  about?: ReactNode;
  /** What is wrong with it. */
  error?: string | undefined;
  children: ReactElement<{ id?: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }>;
}

/** One input under its name, with what it means and what is wrong with it said to everybody. */
export function Field({ name, about, error, children }: FieldProps) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{name}</label>
      {cloneElement(children, { id, 'aria-describedby': `${id}-about`, 'aria-invalid': error !== undefined })}
      <div id={`${id}-about`} className="small quiet">{about}{error ? <span className="danger" role="alert"> ■ {error}</span> : null}</div>
    </div>
  );
}
