import { text } from '../common/fields.js';
import { masked } from './credentials.js';

const CHARACTERS_MAX = 1_000;

/** Why somebody did something, in their words: 1 to 1,000 characters, or to fewer. It is kept and shown for ever, so credentials in it are masked. */
export const reason = (charactersMax = CHARACTERS_MAX) => text(charactersMax).transform(masked);
