import { Copyable } from '../../kit/copy.js';
import { instrumentsLines, keyOr } from './lines.js';

/** How an agent tells its instruments itself, instead of a person. */
export const ForAgent = ({ what }: { what: string }) => (
  <details>
    <summary className="small">How the agent tells its {what} itself</summary>
    <Copyable name="lines" text={instrumentsLines({ origin: location.origin, key: keyOr(null), symbol: '' })} />
  </details>
);
