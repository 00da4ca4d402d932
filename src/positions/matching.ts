import { secondsBetween } from '../trades/trade-times.js';
import { type Report, SECOND_LOOK_SECONDS, type Trade } from './known.js';
import type { ToldOrder, ToldPosition } from './told.js';

/** Finds trades by the names that the broker's side gave them. */
export class Matching {
  private readonly byTag = new Map<string, Trade[]>();
  private readonly byPosition = new Map<string, Trade[]>();
  private readonly byOrder = new Map<string, Trade[]>();
  private readonly byClient = new Map<string, Trade[]>();

  constructor(private readonly report: Report, trades: readonly Trade[]) {
    for (const trade of trades) {
      if (trade.finished_at !== null && !this.hasJustEnded(trade)) continue;
      put(this.byTag, trade.order_tag, trade);
      put(this.byPosition, trade.broker_position_id, trade);
      put(this.byOrder, trade.broker_order_id, trade);
      put(this.byClient, `${trade.agent_id} ${trade.client_order_id}`, trade);
    }
  }

  /** A list that was made before the end still shows what has ended; one made later shows something else under its name. */
  hasJustEnded({ finished_at, ended_at }: Trade): boolean {
    return finished_at !== null && secondsBetween(ended_at ?? finished_at, this.report.asOf) < SECOND_LOOK_SECONDS;
  }

  /** The trade that it is, before others under one of its names: ours before adopted ones, living before ended ones. */
  ofPosition(told: ToldPosition): Trade[] {
    return this.best([...of(this.byTag, told.orderTag), ...of(this.byPosition, told.brokerPositionId), ...of(this.byOrder, told.brokerOrderId), ...this.ofClient(told)]);
  }

  ofOrder(told: ToldOrder): Trade | null {
    return this.best([...of(this.byTag, told.orderTag), ...of(this.byOrder, told.brokerOrderId), ...this.ofClient(told)])[0] ?? null;
  }

  private ofClient({ clientOrderId, magic }: { clientOrderId?: string | null | undefined; magic?: string | null | undefined }): Trade[] {
    if (clientOrderId == null) return [];
    const owner = magic == null ? undefined : this.report.agentOfMagic.get(magic);
    return [...new Set([owner ?? this.report.agentId, this.report.agentId])].flatMap((agentId) => of(this.byClient, `${agentId} ${clientOrderId}`));
  }

  private best(found: Trade[]): Trade[] {
    const rank = (trade: Trade) => (trade.finished_at === null ? 0 : 2) + (trade.origin === 'external' ? 1 : 0);
    return [...new Set(found)].sort((a, b) => rank(a) - rank(b));
  }
}

const of = (index: Map<string, Trade[]>, name: string | null | undefined): Trade[] => (name == null ? [] : (index.get(name) ?? []));

function put(index: Map<string, Trade[]>, name: string | null, trade: Trade): void {
  if (name !== null) index.set(name, [...(index.get(name) ?? []), trade]);
}
