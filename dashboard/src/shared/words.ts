import { useGet } from '../api/queries.js';
import { useSession } from '../api/session.js';
import { local } from '../kit/time.js';
import { EVERY_MS, useAgents } from './names.js';

const ACTOR = /\b(user|agent):([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/g;
const INSTANT = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;

/** Names of people by their ids: everybody who reads what they did may know them. */
const usePeople = () => useGet('/api/v1/users/names', {}, { every: EVERY_MS }).data?.items ?? [];

/** The server's sentences for people: `user:<id>` and `agent:<id>` by name (oneself is "you"), moments in the viewer's zone. */
export function useWords(): (text: string) => string {
  const session = useSession();
  const self = session.state === 'in' ? session.user.id : '';
  const people = usePeople();
  const agents = useAgents();
  const nameOf = (kind: string, id: string) => (kind === 'agent' ? agents : people).find((each) => each.id === id)?.name;
  return (text) => text.replace(ACTOR, (whole, kind: string, id: string) => (id === self ? 'you' : nameOf(kind, id) ?? whole)).replace(INSTANT, (at) => local(at));
}
