/** The problem document (RFC 9457) in which the server explains a refusal. */
export interface Problem {
  status?: number;
  title?: string;
  detail?: string;
  code?: string;
  retryable?: boolean;
  errors?: { path: string; message: string }[];
}

/** No answer, or an answer that says "not now": the request may or may not have been carried out. */
export class ServerAway extends Error {
  constructor(
    message: string,
    /** 0 when there was no answer at all, else 5xx or 429. */
    readonly status: number,
    readonly retryAfterMs: number,
  ) {
    super(message);
  }
}

/** A final answer that is not a success. The same request would be refused again. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(describe(status, problem));
  }

  get code(): string {
    return this.problem.code ?? '';
  }
}

export interface Answer<T> {
  status: number;
  body: T;
}

export interface CallOptions {
  idempotencyKey?: string;
  /** The version that is to be replaced. */
  ifMatch?: number;
  timeoutMs?: number;
  signal?: AbortSignal;
  bearer?: string;
}

/** Seconds or an HTTP date, as milliseconds from now; 0 where there is none or it cannot be read. */
export function retryAfterMs(header: string | null, nowMs = Date.now()): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/**
 * JSON over HTTP to one Tradewarden server. Each call is one attempt: whether and when to try again is the caller's
 * decision, because only the caller knows what has happened in the meantime.
 */
export class Api {
  /** Called with every answer's headers; the agent reads the desired state from them. */
  onHeaders: (headers: Headers) => void = () => undefined;

  constructor(
    readonly baseUrl: string,
    private readonly credential: string | null,
    private readonly instanceId: string | null,
  ) {}

  get<T>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('GET', path, undefined, options);
  }

  post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('POST', path, body, options);
  }

  put<T>(path: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.call('PUT', path, body, options);
  }

  /**
   * @param path below `/api/v1`. @returns the answer for a 2xx.
   * @throws ServerAway for no answer, 408, 425, 429, 5xx and conflicts that the server calls retryable; Refused otherwise.
   */
  private async call<T>(method: string, path: string, body: unknown, options: CallOptions): Promise<Answer<T>> {
    let response: Response;
    let text: string;
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    try {
      response = await fetch(`${this.baseUrl}/api/v1${path}`, {
        method,
        headers: this.headers(body, options),
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
        redirect: 'error',
      });
      text = await response.text();
    } catch (error) {
      throw new ServerAway(`${method} ${path}: ${reasonOf(error)}`, 0, 0);
    }
    this.onHeaders(response.headers);
    const parsed = parseJson(text);
    if (response.ok) {
      // A success that is not JSON did not come from this server: a proxy's page must not count as "recorded".
      if (parsed === undefined) throw new ServerAway(`${method} ${path}: the answer is not JSON`, response.status, 0);
      return { status: response.status, body: parsed as T };
    }
    const problem = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Problem;
    if (isTemporary(response.status, problem)) {
      const wait = retryAfterMs(response.headers.get('retry-after'));
      throw new ServerAway(`${method} ${path}: ${describe(response.status, problem)}`, response.status, wait);
    }
    throw new Refused(response.status, problem);
  }

  private headers(body: unknown, options: CallOptions): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const credential = options.bearer ?? this.credential;
    if (credential) headers.authorization = `Bearer ${credential}`;
    if (this.instanceId) headers['x-instance-id'] = this.instanceId;
    if (options.ifMatch !== undefined) headers['if-match'] = `"${options.ifMatch}"`;
    if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey;
    return headers;
  }
}

function isTemporary(status: number, problem: Problem): boolean {
  if (status >= 500 || status === 408 || status === 425 || status === 429) return true;
  return status === 409 && problem.retryable === true;
}

function describe(status: number, problem: Problem): string {
  const fields = problem.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return [status, problem.code, problem.detail ?? problem.title, fields].filter(Boolean).join(' ');
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  return cause?.code ?? cause?.message ?? message;
}

function parseJson(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
