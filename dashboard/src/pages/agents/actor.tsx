import { Link } from 'wouter';
import { useSession } from '../../api/session.js';
import { Code } from '../../kit/figures.js';

/** Who did it: `user:<id>`, `agent:<id>`, `webhook:<id>` or `system`. */
export function Actor({ actor }: { actor: string }) {
  const session = useSession();
  const [kind, id = ''] = actor.split(':');
  if (kind === 'user' && session.state === 'in' && session.user.id === id) return <>you</>;
  if (kind === 'agent') return <Link href={`/agents/${id}`}>an agent</Link>;
  if (kind === 'webhook') return <Link href={`/alerts/sources/${id}`}>an alert source</Link>;
  return kind === 'user' ? <span title={id}>a person <Code>{id.slice(-6)}</Code></span> : <>{kind === 'system' ? 'the server' : actor}</>;
}
