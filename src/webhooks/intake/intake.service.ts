import { Injectable, Logger } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Metrics } from '../../common/metrics.js';
import { badRequest, forbidden, notFound, Problem, unavailable } from '../../common/problem.js';
import { Duplicates } from './duplicates.js';
import { IntakeRepository, type NewAlert } from './intake.repository.js';
import { type KnownSource, KnownSources } from '../sources/known-sources.js';
import { type ReadAlert, readAlert } from '../reading/read-alert.js';
import { StoredAlerts } from './stored-alerts.js';

/** A request as it came. */
export interface Sent {
  token: string;
  body: Buffer;
  contentType: string | undefined;
  /** Told in headers. */
  secrets: string[];
  /** Plain; null when nobody knows. */
  address: string | null;
  correlationId: string;
}

export type Taken = { status: 200; body: { status: 'ok' } } | { status: 202; body: { alertId: string; status: 'accepted' | 'duplicate' } };

/** TradingView hangs up after three, and sends again only what was answered 5xx. */
const ANSWER_WITHIN_MS = 2_000;
/** A source that changes under each of so many looks is being changed by a machine. */
const LOOKS_MOST = 4;
const SYMBOL_CHARACTERS_MOST = 200;
const CONTENT_TYPE_CHARACTERS_MOST = 200;

/** Takes alerts: judged by what is total and bounded, stored, answered. What they mean is found out afterwards. */
@Injectable()
export class IntakeService {
  private readonly log = new Logger('Webhooks');
  private arrivals = 0;
  /** A test of what is stored is not to fail for a machine that is slow. */
  answerWithinMs = ANSWER_WITHIN_MS;

  constructor(
    private readonly known: KnownSources,
    private readonly alerts: IntakeRepository,
    private readonly duplicates: Duplicates,
    private readonly stored: StoredAlerts,
    private readonly metrics: Metrics,
  ) {}

  /**
   * @throws {Problem} 404 unknown token, 403 ADDRESS_NOT_ALLOWED, 400 BODY_EMPTY, 401 WRONG_BODY_SECRET; 503 when it could not be stored in time:
   * sent again, it is stored once, for what was stored after all is the first of its kind
   */
  async take(sent: Sent): Promise<Taken> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(unavailable('NOT_STORED_IN_TIME', 'The alert could not be stored in time: send it again.', 1)), this.answerWithinMs);
    });
    try {
      return await Promise.race([this.takeNow(sent, this.arrivals++), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async takeNow(sent: Sent, arrival: number): Promise<Taken> {
    for (let look = 1; look <= LOOKS_MOST; look++) {
      const known = await this.known.byToken(sent.token);
      if (!known) throw notFound('webhook');
      const judged = this.judge(sent, known);
      // By what was known up to half a second ago: nobody is refused before it was looked up anew.
      if (judged instanceof Problem && look > 1) throw this.refused(judged, known, sent);
      const taken = judged instanceof Problem ? null : await this.keep(sent, known, judged, arrival);
      if (taken) return taken;
      this.known.forget();
    }
    throw unavailable('SOURCE_CHANGING', 'The source is being changed: send it again.', 1);
  }

  private judge({ body, contentType, address, secrets }: Sent, { source, addresses, bodySecretHash }: KnownSource): ReadAlert | Problem {
    if (addresses && !addresses.has(address)) return forbidden('ADDRESS_NOT_ALLOWED', 'This source takes no alerts from this address.');
    if (body.length === 0) return badRequest('BODY_EMPTY', 'An alert has a body.');
    const read = readAlert(body, contentType, source.mapping);
    if (bodySecretHash === null) return read;
    const told = [...secrets, ...read.secrets];
    // All of them, and each to the end: a right one excuses no wrong one, wherever it stands.
    const right = told.map((secret) => this.known.secrets.isRight(secret, bodySecretHash));
    if (right.length > 0 && !right.includes(false)) return read;
    return new Problem(401, 'WRONG_BODY_SECRET', 'The secret in the alert is missing or wrong.');
  }

  /** For the person who wonders where alerts are: nothing else tells of what was not let in. */
  private refused(problem: Problem, { source }: KnownSource, { address, correlationId }: Sent): Problem {
    this.log.warn({ sourceId: source.id, code: problem.code, address, correlationId }, 'an alert was refused');
    return problem;
  }

  /** Null when the source has changed meanwhile. */
  private async keep(sent: Sent, { source, tokenHash }: KnownSource, read: ReadAlert, arrival: number): Promise<Taken | null> {
    if (read.ping) return { status: 200, body: { status: 'ok' } };
    const alert: NewAlert = {
      id: uuidv7(), arrival, sourceId: source.id, sourceVersion: source.version, tokenHash, key: read.key, body: read.masked,
      contentType: sent.contentType === undefined ? null : storable(sent.contentType, CONTENT_TYPE_CHARACTERS_MOST), sender: sent.address,
      symbol: storable(read.symbol, SYMBOL_CHARACTERS_MOST), correlationId: sent.correlationId,
    };
    const { as } = await this.alerts.store(alert);
    if (as === 'changed') return null;
    const alertId = as === 'accepted' ? alert.id : await this.duplicates.add(source.id, read.key.text);
    if (alertId === null) return null;
    if (as === 'accepted') this.stored.stored();
    else this.metrics.alertOutcome('duplicate');
    return { status: 202, body: { alertId, status: as } };
  }
}

/** Whatever a header or a body holds: a text that could not be stored would answer 5xx for ever. */
const storable = (text: string, most: number): string => text.replaceAll('\0', '').slice(0, most).toWellFormed();
