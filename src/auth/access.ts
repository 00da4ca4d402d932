import { SetMetadata } from '@nestjs/common';
import type { Role, Scope } from '../common/principal.js';

/** Who may call a route. Every route carries one; a route without is closed. */
export interface Access {
  /** The least role of a person; absent: people may not. */
  person?: Role;
  /** An agent key may: with this scope, or `any` key. Absent: keys may not. */
  agent?: Scope | 'any';
  /** The guard does not count it against the limit of a key: halts, heartbeats and the ends of commands must not wait. */
  unlimited?: true;
  /** Open without credentials. */
  public?: true;
  /** Works without the database. */
  offline?: true;
  /** Answered from the mirror's files while the database is away, to people alone: an agent's key cannot be looked up then. */
  stale?: true;
}

export const ACCESS = 'tradewarden:access';

export const Allow = (access: Access) => SetMetadata(ACCESS, access);
