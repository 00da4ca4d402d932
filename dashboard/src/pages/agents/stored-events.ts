import { useQuery } from '@tanstack/react-query';
import { authorisedFetch } from '../../api/client.js';
import { type ApiError, problemOf } from '../../api/problem.js';

export interface StoredEvent {
  seq: number;
  at: string;
  type: string;
  actor: string;
  data: Record<string, unknown>;
}

/** The last ones are what is looked for; all of an agent's own events are few, since heartbeats are none. */
const KEPT = 300;

/** Every event that is stored of this agent itself, the newest first: the stream read from its beginning until it is current, and then left. */
async function readStored(agentId: string, signal: AbortSignal): Promise<StoredEvent[]> {
  const done = new AbortController();
  const query = new URLSearchParams({ type: 'agent.*,key.*', agentId, lastEventId: '0' });
  const request = new Request(`${location.origin}/api/v1/events?${query}`, { headers: { accept: 'text/event-stream' }, signal: AbortSignal.any([signal, done.signal]), cache: 'no-store' });
  const response = await authorisedFetch(request);
  if (!response.ok || !response.body) throw await problemOf(response);
  const reader = response.body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
  const events: StoredEvent[] = [];
  try {
    for (let text = '', isCurrent = false; !isCurrent;) {
      const { done: ended, value } = await reader.read();
      if (ended) break;
      text += value;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) {
        const field = (name: string) => message.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const [type, data] = [field('event'), field('data')];
        if (type === 'ready') isCurrent = true;
        else if (type && type !== 'end' && data) events.push(JSON.parse(data) as StoredEvent);
      }
      events.splice(0, Math.max(0, events.length - KEPT));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    done.abort();
  }
  return events.reverse();
}

/** Its key begins as that of the agents: an event of an agent makes it old. */
export const useStoredEvents = (agentId: string) => useQuery<StoredEvent[], ApiError>({
  queryKey: ['/api/v1/agents/{agentId}/events', agentId], queryFn: ({ signal }) => readStored(agentId, signal), refetchInterval: 60_000,
});
