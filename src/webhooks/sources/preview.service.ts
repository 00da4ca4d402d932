import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { KnownSources } from './known-sources.js';
import type { Action } from '../mapping/declared-mapping.js';
import { mapSignal } from '../mapping/map-signal.js';
import { type Template, templateOf } from '../mapping/template.js';
import { type ReadAlert, readAlert } from '../reading/read-alert.js';
import type { SourceRow } from './sources.repository.js';
import type { previewAnswerSchema, previewSchema } from './sources.schemas.js';

type PreviewAnswer = z.output<typeof previewAnswerSchema>;

/** What a source would make of an alert, before anybody sends one. Stores nothing. */
@Injectable()
export class PreviewService {
  constructor(private readonly known: KnownSources) {}

  of(source: SourceRow, { contentType, body, mapping = source.mapping, symbols = source.symbols }: z.output<typeof previewSchema>): PreviewAnswer {
    const row = { ...source, mapping, symbols };
    const read = readAlert(Buffer.from(body), contentType, row.mapping);
    const { key, symbol, ping } = read;
    return { ping, secret: this.secretIn(read, row), key: { kind: key.kind, expires: key.expires }, stream: symbol, ...outcomeOf(read, row, contentType) };
  }

  template({ mapping, body_secret_hash, default_lot_size, default_risk_rule }: SourceRow, kind: 'strategy' | 'indicator', action: Action | undefined): Template {
    return templateOf(mapping, kind, { ...(action === undefined ? {} : { action }), hasBodySecret: body_secret_hash !== null, hasOwnSize: default_lot_size !== null || default_risk_rule !== null });
  }

  private secretIn({ secrets }: ReadAlert, { body_secret_hash: hash }: SourceRow): PreviewAnswer['secret'] {
    if (hash === null) return 'none_needed';
    if (secrets.length === 0) return 'missing';
    return secrets.every((secret) => this.known.secrets.isRight(secret, hash)) ? 'right' : 'wrong';
  }
}

/** Of the masked bytes, as the inbox reads them: a preview is no way to see a secret. */
function outcomeOf({ ping, masked }: ReadAlert, { mapping, symbols }: SourceRow, contentType: string | undefined): Pick<PreviewAnswer, 'outcome' | 'signal' | 'code' | 'detail'> {
  if (ping) return { outcome: 'ping', signal: null, code: null, detail: null };
  const { payload, unreadable } = readAlert(masked, contentType, mapping);
  if (!payload) return { outcome: 'quarantined', signal: null, code: unreadable?.code ?? null, detail: unreadable?.detail ?? null };
  const mapped = mapSignal(payload, mapping, symbols);
  if ('signal' in mapped) return { outcome: 'signal', signal: { ...mapped.signal }, code: null, detail: null };
  return { signal: null, ...mapped };
}
