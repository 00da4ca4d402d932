import { masked } from '../../auth/credentials.js';

const CHARACTERS = 300;

/** Characters that would begin a line of their own, or turn the direction of writing. */
const UNSEEN = /[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu;

/** One line, as a subject or a reason is. */
export const oneLine = (text: string, most = CHARACTERS): string => {
  const line = text.replace(UNSEEN, ' ').replace(/ {2,}/g, ' ').trim();
  const characters = [...line.slice(0, most * 2)];
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('');
};

/** What a service said, fit to be stored and shown: no secret of ours that it repeats, and nothing that looks like one. */
export function saidBy(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets.filter((secret) => secret.length >= 4).reduce((safe, secret) => safe.replaceAll(secret, '***'), text.slice(0, 5_000));
  return oneLine(masked(hidden));
}
