import { AsyncLocalStorage } from 'node:async_hooks';

/** What is being done: a request, or something that recurs. */
export interface Work {
  /** `POST /api/v1/trades`, or `schedule supervisor.watch`: a pattern, never an address with ids in it. */
  readonly caller: string;
  readonly correlationId: string | null;
}

const works = new AsyncLocalStorage<Work>();

/** Runs `run`, and all that it begins, as part of `work`: log lines and statements say whose they are. */
export const during = <T>(work: Work, run: () => T): T => works.run(work, run);

/** For what goes on behind the one who happened to begin it. */
export const apart = <T>(run: () => T): T => works.exit(run);

export const currentWork = (): Work | undefined => works.getStore();
