import { Refused, type Api } from './api.js';
import { positionsReport, withOrderTags } from './positions-report.js';
import type { Trader } from './trader.js';

interface Named {
  tradeId: string;
  brokerPositionId: string | null;
}

/** What the server made of a report. */
interface ReportAnswer {
  applied?: boolean;
  code?: string;
  adopted?: Named[];
  missing?: Named[];
  differing?: (Named & { held: string; ours: string })[];
}

interface Waiting {
  /** The facts up to this one have to be told first. */
  afterSeq: number;
  /** Shows what only a report can tell: it waits for no other. */
  isNews: boolean;
  body: Record<string, unknown>;
  /** Of the desired state that was acted on before the picture was taken. */
  stateVersion: number | null;
}

/** A busy market changes its positions many times a second; between facts one report a second is enough. */
const BETWEEN_FACTS_MS = 1_000;
/** Of a long outage the oldest are dropped: one of the present comes first after it anyway. */
const WAITING_MOST = 200;

/**
 * Tells the server what the broker shows, in its turn among the facts: a report says what they have led to, so that no
 * position is shown before its trade is told, nor missed before its exit. Only after an outage the present comes first.
 */
export class PositionsReporter {
  private waiting: Waiting[] = [];
  private lastSentMs = -Infinity;
  private lastSaid = '';
  private shownVersion: number | null = null;

  constructor(
    private readonly api: Api,
    private readonly hooks: {
      trader: () => Trader;
      now: () => Date;
      say: (line: string) => void;
      /** Version of the desired state that the broker shows the effects of. */
      actedOn: () => number | null;
      /** The server has seen what a desired state has led to. */
      onShown: (stateVersion: number) => void;
    },
  ) {}

  /** Takes a picture of the present, to be told after the facts that made it. */
  note(): void {
    const { factSeq } = this.hooks.trader();
    const others = this.waiting.filter(({ afterSeq }) => afterSeq !== factSeq);
    const stateVersion = this.hooks.actedOn();
    const isNews = this.hooks.trader().unadopted.length > 0 || stateVersion !== this.shownVersion;
    this.waiting = [...others, { afterSeq: factSeq, isNews, body: this.present(), stateVersion }].slice(-WAITING_MOST);
  }

  get isWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** @param nextSeq the fact that is to be sent next; undefined: none is left. @throws ServerAway, Refused as `tellNow` */
  async tellDue(nextSeq: number | undefined): Promise<void> {
    const due = this.waiting.findLast(({ afterSeq }) => nextSeq === undefined || afterSeq < nextSeq);
    if (!due) return;
    if (nextSeq !== undefined && !due.isNews && performance.now() - this.lastSentMs < BETWEEN_FACTS_MS) return;
    await this.send(due);
    this.waiting = this.waiting.filter(({ afterSeq }) => afterSeq > due.afterSeq);
  }

  /** The present, ahead of all facts. @throws ServerAway; Refused where the agent cannot go on */
  async tellNow(): Promise<void> {
    this.waiting = [];
    await this.send({ body: this.present(), stateVersion: this.hooks.actedOn() });
  }

  private present(): Record<string, unknown> {
    return positionsReport(this.hooks.trader(), this.hooks.now().toISOString());
  }

  private async send({ body, stateVersion }: Pick<Waiting, 'body' | 'stateVersion'>): Promise<void> {
    try {
      const { body: answer } = await this.api.post<ReportAnswer>('/agents/me/positions', withOrderTags(this.hooks.trader(), body));
      this.show(answer);
      if (stateVersion !== null && stateVersion !== this.shownVersion) this.hooks.onShown(stateVersion);
      this.shownVersion = stateVersion;
      await this.findAdopted(answer.adopted ?? []);
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401 || error.code === 'AGENT_INSTANCE_CONFLICT') throw error;
      this.sayOnce(`REFUSED positions report: ${error.message}`);
    }
    this.lastSentMs = performance.now();
  }

  private show({ applied = true, code, adopted = [], missing = [], differing = [] }: ReportAnswer): void {
    const strange = [
      ...(applied && code === undefined ? [] : [`the positions report was ${applied ? 'taken for incomplete' : 'not applied'}: ${code}`]),
      ...adopted.filter(({ brokerPositionId }) => !this.isByHand(brokerPositionId)).map(({ tradeId, brokerPositionId }) => `the server adopted ${brokerPositionId} as trade ${tradeId}, until its own trade is told`),
      ...missing.map(({ tradeId, brokerPositionId }) => `the server misses ${brokerPositionId} (trade ${tradeId})`),
      ...differing.map(({ brokerPositionId, held, ours }) => `${brokerPositionId}: the broker holds ${held}, the server's trades ${ours}`),
    ];
    this.sayOnce(strange.join('; '));
  }

  /** @param adopted by this report; the answer that said so may be lost: then what the server holds is read. */
  private async findAdopted(adopted: readonly Named[]): Promise<void> {
    for (const named of adopted) if (this.isByHand(named.brokerPositionId)) await this.sayAdopted(named);
    if (this.hooks.trader().unadopted.length === 0) return;
    const { items = [] } = await this.read<{ items: Named[] }>('/positions?limit=500');
    for (const { brokerPositionId } of this.hooks.trader().unadopted) {
      const known = items.find((each) => each.brokerPositionId === brokerPositionId);
      if (known?.tradeId) await this.sayAdopted(known);
    }
  }

  private async sayAdopted({ tradeId, brokerPositionId }: Named): Promise<void> {
    const trade = await this.read<{ origin: string }>(`/trades/${tradeId}`);
    const { items } = await this.read<{ items: { kind: string; summary: string; subject: { id: string } }[] }>('/incidents?kind=EXTERNAL_POSITION&limit=50');
    const incident = items?.find(({ subject }) => subject.id === tradeId);
    const position = this.hooks.trader().unadopted.find((each) => each.brokerPositionId === brokerPositionId);
    if (position) this.hooks.trader().adopted(position, tradeId);
    const seen = incident ? `; incident ${incident.kind}: ${incident.summary}` : '';
    this.hooks.say(`adopted by the server: ${brokerPositionId} is trade ${tradeId}, origin ${trade.origin}${seen}`);
  }

  private isByHand(brokerPositionId: string | null): boolean {
    return this.hooks.trader().broker.state.deals.some((deal) => deal.byHand && deal.brokerPositionId === brokerPositionId);
  }

  /** Only to be shown: what the key may not read is left out. */
  private async read<T extends object>(path: string): Promise<Partial<T>> {
    try {
      return (await this.api.get<T>(path)).body;
    } catch (error) {
      if (error instanceof Refused) return {};
      throw error;
    }
  }

  /** What stays as it is is said once. */
  private sayOnce(line: string): void {
    if (line !== '' && line !== this.lastSaid) this.hooks.say(line);
    this.lastSaid = line;
  }
}
