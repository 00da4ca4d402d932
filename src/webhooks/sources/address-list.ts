import { BlockList, isIP } from 'node:net';

/** What TradingView publishes as the senders of its webhooks. */
export const TRADINGVIEW_SENDERS = ['52.89.214.238', '34.212.75.30', '54.218.53.128', '52.32.178.7'];
export const TRADINGVIEW = 'tradingview';

const family = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether it is an address, a network such as `203.0.113.0/24`, or the word for TradingView's own senders. */
export function isAddressRule(rule: string): boolean {
  if (rule === TRADINGVIEW) return true;
  const [address = '', bits, ...rest] = rule.split('/');
  if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (isIP(address) === 4 ? 32 : 128));
}

/** From whom alerts are taken. */
export class AddressList {
  private readonly list = new BlockList();

  constructor(rules: readonly string[]) {
    for (const rule of rules.flatMap((each) => (each === TRADINGVIEW ? TRADINGVIEW_SENDERS : [each]))) {
      const [address = '', bits] = rule.split('/');
      if (bits === undefined) this.list.addAddress(address, family(address));
      else this.list.addSubnet(address, Number(bits), family(address));
    }
  }

  /** @param address in its plain spelling; null, where nobody knows who sent it, is nobody */
  has(address: string | null): boolean {
    return address !== null && isIP(address) !== 0 && this.list.check(address, family(address));
  }
}
