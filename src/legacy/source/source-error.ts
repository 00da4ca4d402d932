/** A source that is not read, and what can be done: the command says this sentence and ends. */
export class SourceError extends Error {
  constructor(
    /** As `SOURCE_CONDITION`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Behind what is wrong with one file of a folder. */
export const LEAVE_OUT = 'To import the rest of the folder, move this file out of it or put a dot before its name: it is told as not read then.';
