import { lookup as resolve, type LookupAddress } from 'node:dns';
import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';

export const TIMEOUT_MS = 10_000;
const BYTES_MOST = 65_536;

export interface Asked {
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  bytesMost?: number;
  signal?: AbortSignal;
  /** Why this address may not be connected to; null: it may. */
  refuses?: (address: string, protocol: 'http:' | 'https:') => string | null;
}

export interface Answered {
  status: number;
  text: string;
  /** Seconds of Retry-After. */
  retryAfterSeconds: number | null;
}

/** It was not answered. The message names neither the address nor anything that was sent. */
export class NotAnswered extends Error {
  override name = 'NotAnswered';
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there', ENOTFOUND: 'the name is not known', EAI_AGAIN: 'the name could not be looked up', ECONNRESET: 'the connection was broken off',
  EPIPE: 'the connection was broken off', EHOSTUNREACH: 'there is no way there', ENETUNREACH: 'there is no way there', ETIMEDOUT: 'nobody answered',
  CERT_HAS_EXPIRED: 'its certificate has expired', DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted', SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted', ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name', EPROTO: 'it does not speak TLS',
};

/** In words; of what connecting, TLS or the name service threw. */
export function reasonOf(error: unknown): string {
  if (error instanceof NotAnswered) return error.message;
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown[] };
  const inner = typeof code === 'string' ? code : ((errors?.[0] as { code?: unknown } | undefined)?.code ?? '');
  const name = typeof inner === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(inner) ? inner : '';
  return name === '' ? 'it could not be reached' : `${REASONS[name] ?? 'it could not be reached'} (${name})`;
}

/** Looks at what a name leads to before it is connected to, so that it cannot lead elsewhere in between. */
const checkedLookup = (refuses: (address: string) => string | null): LookupFunction => (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const refusal = error ? null : found.map(({ address }) => refuses(address)).find((each) => each !== null) ?? null;
    const fault = error ?? (refusal !== null ? new NotAnswered(`the address ${refusal}`) : null);
    const [first] = found ?? [];
    if (fault || !first) return callback(fault ?? new NotAnswered('the name leads nowhere'), '', 0);
    return options.all ? callback(null, found) : callback(null, first.address, first.family);
  });
};

/**
 * One request on a connection of its own. Follows no redirect, checks certificates, and is over after `timeoutMs`, however
 * slowly the other side talks.
 * @throws {NotAnswered}
 */
export function ask(url: string, { method, headers = {}, body, timeoutMs = TIMEOUT_MS, bytesMost = BYTES_MOST, signal, refuses }: Asked): Promise<Answered> {
  const target = new URL(url);
  const protocol = target.protocol as 'http:' | 'https:';
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const refusal = refuses && isIP(host) !== 0 ? refuses(host, protocol) : null;
  if (refusal !== null) return Promise.reject(new NotAnswered(`the address ${refusal}`));
  const deadline = AbortSignal.timeout(timeoutMs);
  return new Promise((answered, rejected) => {
    const fail = (error: unknown) => rejected(new NotAnswered(deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : signal?.aborted ? 'this server is stopping' : reasonOf(error)));
    const request = (protocol === 'https:' ? overHttps : overHttp)(target, {
      method, agent: false, signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
      headers: { 'user-agent': 'tradewarden', connection: 'close', ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }), ...headers },
      ...(refuses ? { lookup: checkedLookup((address) => refuses(address, protocol)) } : {}),
    }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = () => {
        const after = response.headers['retry-after'] ?? '';
        answered({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), retryAfterSeconds: /^\d{1,6}$/.test(after) ? Number(after) : null });
      };
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= bytesMost) chunks.push(chunk);
        else {
          // Who answers without end has answered all the same: the status counts.
          done();
          response.destroy();
        }
      });
      response.on('end', done);
      response.on('error', fail);
    });
    request.on('error', fail);
    request.end(body);
  });
}
