import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useId } from 'react';
import type { ApiError } from '../api/problem.js';
import { REFRESH_MS } from '../api/queries.js';
import css from './panel.module.css';
import { ProblemNote } from './problem-note.js';
import { local, span, useNow, utc } from './time.js';

type Looked = Pick<UseQueryResult<unknown, ApiError>, 'error' | 'dataUpdatedAt' | 'isPending' | 'isFetching' | 'isPlaceholderData'>;

/** What was read longer ago than three looks is old; the page says so, and since when. */
const isOld = (readAt: number, nowMs: number, every: number) => readAt > 0 && nowMs - readAt > 3 * every + 2_000;

/** A part of a page, under its name. */
export function Panel({ title, actions, children, level = 2 }: { title: string; actions?: ReactNode; children: ReactNode; level?: 2 | 3 }) {
  const id = useId();
  const Heading = `h${level}` as const;
  return (
    <section className={css.panel} aria-labelledby={id}>
      <div className={css.head}>
        <Heading id={id}>{title}</Heading>
        {actions ? <div className="row">{actions}</div> : null}
      </div>
      {children}
    </section>
  );
}

interface FreshProps<T> {
  query: Looked & { data: T | undefined };
  every?: number;
  children: (data: T) => ReactNode;
}

/**
 * Shows what was read, and never passes old figures for present ones: they fade and say since when they stand, and an
 * error says what happened above them.
 */
export function Fresh<T>({ query, every = REFRESH_MS, children }: FreshProps<T>) {
  useNow();
  const { data, error, dataUpdatedAt, isPending } = query;
  if (data === undefined) return isPending && !error ? <p className="quiet" role="status">Reading …</p> : <ProblemNote error={error} />;
  const old = Boolean(error) || isOld(dataUpdatedAt, Date.now(), every);
  return (
    <>
      {old ? <p className={css.old} role="status">▲ As of <time title={utc(dataUpdatedAt)}>{local(dataUpdatedAt)}</time>, {span((Date.now() - dataUpdatedAt) / 1_000)} ago{error ? `: ${error.message}` : ''}</p> : null}
      <div className={old ? css.faded : undefined} data-old={old || undefined}>{children(data)}</div>
    </>
  );
}

/** An empty part says what it means and what to do next. */
export const Empty = ({ children }: { children: ReactNode }) => <p className={css.empty}>{children}</p>;
