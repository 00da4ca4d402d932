/** One HTTP answer, read whole. */
export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export interface Ask {
  token?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as it is, for malformed bodies. */
  raw?: string | Uint8Array;
  signal?: AbortSignal;
}

export type Client = <T = Record<string, never>>(method: string, path: string, ask?: Ask) => Promise<Answer<T>>;

/** A client of one server. Paths that begin with `/api` or name a probe are taken as they are, others under /api/v1. */
export function clientOf(base: string, defaultToken: string | null = null): Client {
  return async <T>(method: string, path: string, ask: Ask = {}) => {
    const token = ask.token === undefined ? defaultToken : ask.token;
    const payload = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
    const url = /^\/(api|livez|readyz|health|metrics)/.test(path) ? base + path : `${base}/api/v1${path}`;
    const response = await fetch(url, {
      method,
      headers: {
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...ask.headers,
      },
      ...(payload === undefined ? {} : { body: payload as string | Uint8Array<ArrayBuffer> }),
      ...(ask.signal ? { signal: ask.signal } : {}),
    });
    // A stream has no end: who wants to read one takes test/support/event-source.ts.
    const endless = response.headers.get('content-type')?.startsWith('text/event-stream') && response.body;
    const text = endless ? (await endless.cancel(), '') : await response.text();
    const json = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: (json && text ? JSON.parse(text) : {}) as T };
  };
}

/** What holds on every instance within a second, on a busy machine within thirty: tried until it does, and then for the last time. */
export async function withinASecond(check: () => Promise<void>): Promise<void> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 40))) {
    try {
      return await check();
    } catch {
      // Not yet.
    }
  }
  await check();
}
