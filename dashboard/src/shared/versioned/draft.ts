import { useState } from 'react';

interface Read<T> {
  version: number;
  content: T;
}

interface Kept<T> {
  /** As it was read when the change began. */
  base: T;
  version: number;
  mine: T;
}

export interface Draft<T> {
  /** What stands in the form. */
  mine: T;
  base: T;
  /** For If-Match: the version that was decided on. */
  version: number;
  isChanged: boolean;
  /** What another person has put there since; null while nobody did. */
  theirs: Read<T> | null;
  change: (mine: T) => void;
  discard: () => void;
  /** Goes on from what is there now, with this decided anew. */
  rebase: (mine: T) => void;
}

/** A change that is being made of something that has versions. Nothing that comes from the server meanwhile writes over it. */
export function useDraft<T>(present: Read<T>): Draft<T> {
  const [kept, keep] = useState<Kept<T> | null>(null);
  return {
    mine: kept?.mine ?? present.content, base: kept?.base ?? present.content, version: kept?.version ?? present.version, isChanged: kept !== null,
    theirs: kept !== null && kept.version !== present.version ? present : null,
    change: (mine) => keep({ base: kept?.base ?? present.content, version: kept?.version ?? present.version, mine }),
    discard: () => keep(null),
    rebase: (mine) => keep({ base: present.content, version: present.version, mine }),
  };
}
