import createClient from 'openapi-fetch';
import { hearServerDate } from './clock.js';
import { ApiError, noAnswer, problemOf } from './problem.js';
import type { paths } from './schema.js';
import { accessToken, forget } from './session.js';
import { uuid } from './uuid.js';

const DEADLINE_MS = 20_000;

/** With the token, a deadline, and one repetition when the token has ended. A POST carries one key for both tries. */
export async function authorisedFetch(request: Request): Promise<Response> {
  if (request.method === 'POST' && !request.headers.has('idempotency-key')) request.headers.set('idempotency-key', uuid());
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : await request.text();
  const attempt = async (token: string): Promise<Response> => {
    const headers = new Headers(request.headers);
    headers.set('authorization', `Bearer ${token}`);
    try {
      const response = await fetch(request.url, { method: request.method, headers, body: body === '' ? undefined : body, signal: AbortSignal.any([request.signal, AbortSignal.timeout(DEADLINE_MS)]) });
      hearServerDate(response.headers.get('date'));
      return response;
    } catch (error) {
      if (request.signal.aborted) throw error;
      throw noAnswer((error as Error).message, request.method === 'GET');
    }
  };
  const token = await accessToken();
  const response = await attempt(token);
  if (response.status !== 401) return response;
  forget(token);
  return attempt(await accessToken());
}

/** Every call of the contract, typed by it: `answer(api.POST('/api/v1/commands/{id}/cancel', { params: { path: { id } }, body }))`. */
export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? '', fetch: authorisedFetch });

/** The body of an answer. @throws {ApiError} what the server says, or that it did not answer */
export async function answer<T>(call: Promise<{ data?: T; response: Response; error?: unknown }>): Promise<T> {
  const { data, response, error } = await call;
  if (response.ok) return data as T;
  if (error && typeof error === 'object' && 'code' in error) throw new ApiError(error as never);
  throw await problemOf(response);
}
