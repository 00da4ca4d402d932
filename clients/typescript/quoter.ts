import { Refused, type Api } from './api.js';
import { priceText } from './instrument.js';
import type { Trader } from './trader.js';

/**
 * Tells the server the present quote. An old one is worth nothing, so what could not be told is forgotten: there is no
 * file behind this, and no second attempt.
 */
export class Quoter {
  private lastSentMs = -Infinity;
  private lastQuotedAt: string | null = null;
  private lastRefusal = '';

  constructor(
    private readonly api: Api,
    private readonly hooks: { trader: () => Trader; say: (line: string) => void },
  ) {}

  /** @param soonestMs since the one before; one that has been told is not told again. @throws ServerAway; Refused for a key that is no good */
  async tell(soonestMs: number): Promise<void> {
    const { instrument, broker, lastCycleAt: quotedAt } = this.hooks.trader().run;
    if (!broker.quote || quotedAt === null || quotedAt === this.lastQuotedAt || performance.now() - this.lastSentMs < soonestMs) return;
    this.lastSentMs = performance.now();
    this.lastQuotedAt = quotedAt;
    const { symbol } = instrument;
    const [bid, ask] = [broker.quote.bid, broker.quote.ask].map((points) => priceText(points, instrument));
    try {
      await this.api.post('/quotes', { items: [{ symbol, bid, ask, quotedAt }] });
      this.lastRefusal = '';
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      if (error.message !== this.lastRefusal) this.hooks.say(`REFUSED quote: ${error.message}`);
      this.lastRefusal = error.message;
    }
  }
}
