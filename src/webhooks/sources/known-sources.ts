import { Inject, Injectable } from '@nestjs/common';
import { Recent } from '../../auth/recent.js';
import { sha256 } from '../../auth/secrets.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { afterCommit, type Tx } from '../../database/transaction.js';
import { AddressList } from './address-list.js';
import { BodySecrets } from './source-token.js';
import { type Source, SourcesRepository, toSource } from './sources.repository.js';

/** A source that was found by a token, ready to judge what comes under it. */
export interface KnownSource {
  source: Source;
  tokenHash: string;
  bodySecretHash: string | null;
  /** Null: from everywhere. */
  addresses: AddressList | null;
}

/** Sources that were asked for a moment ago: fifteen alerts in a second need one look. */
@Injectable()
export class KnownSources {
  private readonly recent = new Recent<KnownSource>();
  readonly secrets: BodySecrets;

  constructor(
    private readonly sources: SourcesRepository,
    @Inject(ENV) env: Env,
  ) {
    this.secrets = new BodySecrets(env.AUDIT_KEY, env.AUDIT_KEYS_FORMER);
  }

  /** Null when no source has this token, or no longer. Up to half a second old: whoever stores or refuses by it looks again. */
  byToken(token: string): Promise<KnownSource | null> {
    const hash = sha256(token);
    return this.recent.get(hash, async () => {
      const row = await this.sources.byToken(hash);
      return row && { source: toSource(row), tokenHash: hash, bodySecretHash: row.body_secret_hash, addresses: row.allowed_addresses && new AddressList(row.allowed_addresses) };
    });
  }

  forget(): void {
    this.recent.forget();
  }

  forgetAfter(tx: Tx): void {
    afterCommit(tx, () => this.forget());
  }
}
