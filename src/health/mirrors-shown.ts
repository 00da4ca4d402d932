import { Injectable } from '@nestjs/common';
import { type KeptLook, Looks } from '../database/kept-look.js';
import { type MirrorFigures, mirrorFigures } from './mirror-figures.js';

const KEPT_MS = 2_000;

@Injectable()
export class MirrorsShown {
  private readonly look: KeptLook<MirrorFigures[]>;

  constructor(looks: Looks) {
    this.look = looks.of((client) => mirrorFigures((text) => client.query(text)), KEPT_MS);
  }

  /** Null: not known. */
  get(): Promise<MirrorFigures[] | null> {
    return this.look.get();
  }

  /** For whoever must answer now: null when it takes longer than a moment. */
  soon(): Promise<MirrorFigures[] | null> {
    return this.look.soon();
  }
}
