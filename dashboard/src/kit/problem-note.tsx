import { ApiError } from '../api/problem.js';
import css from './problem-note.module.css';

/** An error as a person needs it: what happened, what was not done, and the code and id for whoever is asked. */
export function ProblemNote({ error, holds }: { error: Error | null | undefined; holds?: string }) {
  if (!error) return null;
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div className={css.note} role="alert">
      <strong>■ {problem?.title && problem.detail && problem.title !== problem.detail ? `${problem.title}: ` : ''}{error.message}</strong>
      {problem?.errors?.length ? <ul>{problem.errors.map(({ path, message }) => <li key={path + message}><code>{path}</code> {message}</li>)}</ul> : null}
      {holds ? <p>{holds}</p> : null}
      {problem ? <p className="small">{problem.code}{problem.correlationId ? ` · ${problem.correlationId}` : ''}{problem.retryable ? ' · may be tried again' : ''}</p> : null}
    </div>
  );
}
