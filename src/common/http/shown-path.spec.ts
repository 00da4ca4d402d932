import { describe, expect, it } from '@jest/globals';
import { shownPath, withShownPaths } from './shown-path.js';

const TOKEN = 'tws_Zk3vQ9-aB_cD4eF5gH6iJ7kL8mN9oP0qR1sT2uV3wX4';

describe('a path as it is shown', () => {
  it.each([
    `/webhooks/tradingview/${TOKEN}`, `/webhooks/tradingview/${TOKEN}/`, `/webhooks/tradingview/${TOKEN}?a=b`, `//webhooks/tradingview/${TOKEN}`, `/WEBHOOKS/TradingView/${TOKEN}`, `/webhooks//${TOKEN}`,
    `/webhook/tradingview/${TOKEN}`, `/api/v1/webhooks/tradingview/${TOKEN}`, `/webhooks%2ftradingview%2F${TOKEN}`, `/elsewhere/${TOKEN}/more`, '/webhooks/tradingview/half-of-a-token', `/x?t=${TOKEN}`,
  ])('%s holds no token', (url) => {
    expect(shownPath(url)).not.toContain(TOKEN.slice(4, 20));
    expect(shownPath(url)).not.toContain('half');
  });

  it('holds none in a sentence either', () => {
    expect(withShownPaths(`Cannot POST /webhooks/tradingview/${TOKEN}/more`)).toBe('Cannot POST /webhooks/tradingview/***');
    expect(withShownPaths(`Cannot POST /w/${TOKEN}`)).toBe('Cannot POST /w/***');
    expect(withShownPaths('Cannot GET /api/v1/agent?x=1')).toBe('Cannot GET /api/v1/agent?x=1');
  });

  it.each([['/api/v1/agents?x=1', '/api/v1/agents'], ['/api/v1/webhook-sources/0193/rotate', '/api/v1/webhook-sources/0193/rotate'], ['', ''], ['/', '/']])('%s is shown as %s', (url, shown) => {
    expect(shownPath(url)).toBe(shown);
  });
});
