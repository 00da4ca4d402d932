/**
 * A refusal that the caller is told: RFC 9457 fields plus a stable code. Thrown by services, turned into
 * `application/problem+json` by the filter at the edge. The detail is for people; clients branch on `code`.
 */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly extra: {
      /** Default: 429 and 503 only. */
      retryable?: boolean;
      retryAfterSeconds?: number;
      errors?: { path: string; message: string }[];
      /** Where a client goes on above, which must not have to read it out of the detail. */
      lastSyncSeq?: number;
      /** With 412: what is there now. */
      currentVersion?: number;
      /** Of an idea, as it is to be approved now. */
      digest?: string;
      priceBand?: { low: string; high: string } | null;
    } = {},
  ) {
    super(detail);
  }

  /** May the same request succeed later? */
  get retryable(): boolean {
    return this.extra.retryable ?? (this.status === 429 || this.status === 503);
  }
}

/** A sync and a log show the detail alone, so that it names the field too. */
export const badRequest = (code: string, message: string, path?: string) =>
  path === undefined ? new Problem(400, code, message) : new Problem(400, code, path === '' ? message : `${path}: ${message}`, { errors: [{ path, message }] });
export const forbidden = (code: string, detail: string) => new Problem(403, code, detail);
export const notFound = (what: string) => new Problem(404, 'NOT_FOUND', `No such ${what}.`);
export const conflict = (code: string, detail: string, retryable = false) => new Problem(409, code, detail, { retryable });
export const gone = (code: string, detail: string) => new Problem(410, code, detail);
export const unavailable = (code: string, detail: string, retryAfterSeconds = 2) =>
  new Problem(503, code, detail, { retryable: true, retryAfterSeconds });
