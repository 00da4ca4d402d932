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
