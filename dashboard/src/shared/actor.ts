import { useSession } from '../api/session.js';

const PERSON = /user:([0-9a-f]{8})-[0-9a-f-]{27}/g;

/** Words for actors such as `user:<id>` wherever they stand in a text: oneself is "you", others are told by the beginning of their id. */
export function useActorWords(): (text: string) => string {
  const session = useSession();
  const self = session.state === 'in' ? `user:${session.user.id}` : '';
  return (text) => text.replace(PERSON, (whole, start: string) => (whole === self ? 'you' : `person ${start}`));
}
