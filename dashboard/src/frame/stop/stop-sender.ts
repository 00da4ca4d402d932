import type { QueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { answer, api } from '../../api/client.js';
import { ApiError } from '../../api/problem.js';
import { makeStale } from '../../api/queries.js';
import { makeRoom } from '../../api/stream.js';
import { changeStop, type KeptStop, keptStops, onAsked, sendsItself } from './kept-stops.js';

const AGAIN_MS = 1_500;
/** The server itself answers within two: what takes longer is tried anew, under the same key. */
const DEADLINE_MS = 6_000;

/** Refusals that a repetition would get again. The rest passes: a database that is away, a key whose first request still runs. */
const isFinal = (error: unknown): boolean => error instanceof ApiError && error.status >= 400 && error.status < 500 && ![401, 408, 409, 429].includes(error.status);

/** It needs one of six connections, and everything else can wait. Not at each try: the page has to see when the server is back. */
const ROOM_EVERY = 5;
/** The word in the strip comes of one of them, the halt's effect of the other. */
const NEEDED = ['/api/v1/overview', '/api/v1/kill-switch'];

async function send(client: QueryClient, { key, scope, mode, reason, tries: before }: KeptStop, userId: string): Promise<void> {
  // Asked for before anybody was signed in it is now this person's: under another's name its key would be another halt.
  changeStop(key, ({ tries }) => ({ tries: tries + 1, userId }));
  if (before % ROOM_EVERY === 0) {
    makeRoom();
    void client.cancelQueries({ predicate: ({ queryKey: [path] }) => !NEEDED.some((prefix) => String(path).startsWith(prefix)) });
  }
  try {
    const halt = await answer(api.POST('/api/v1/kill-switch', { params: { header: { 'Idempotency-Key': key } }, body: { scope, mode, reason } as never, signal: AbortSignal.timeout(DEADLINE_MS) }));
    changeStop(key, () => ({ haltId: halt.id, said: null }));
    void makeStale(client, '/api/v1/kill-switch', '/api/v1/overview', '/api/v1/agents');
  } catch (error) {
    const hasAnswer = error instanceof ApiError && error.status !== 0;
    changeStop(key, ({ unanswered }) => ({ said: hasAnswer ? error.message : 'the server did not answer', unanswered: unanswered || !hasAnswer, refused: isFinal(error) }));
  }
}

/** Sends what was asked to stop, every second and a half, until it is answered. Once in a page. */
export function useStopSender(client: QueryClient, userId: string): void {
  useEffect(() => {
    const under = new Set<string>();
    const round = () => {
      for (const stop of keptStops().filter((each) => sendsItself(each, userId) && !under.has(each.key))) {
        under.add(stop.key);
        void send(client, stop, userId).finally(() => under.delete(stop.key));
      }
    };
    round();
    const timer = setInterval(round, AGAIN_MS);
    const off = onAsked(round);
    return () => {
      clearInterval(timer);
      off();
    };
  }, [client, userId]);
}
